import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { diagnoseFiles } from './logs-for-test.ts';
const show = async (paths: string[]) => {
  const d = await diagnoseFiles(Object.fromEntries(paths.map((p) => [p.replace(/.*\//, ''), new Uint8Array(readFileSync(p))])));
  for (const f of d.findings) console.log(f.severity, f.id, f.title, '|', f.verdict, '|', f.remedy, f.gainBytes);
  for (const c of d.clocks) console.log(c.sentence, c.status);
  for (const s of d.servers) console.log(s.file, s.worldSize, s.waterfalls.map(w => [w.rank, w.addsUp, w.sentence]), s.whole?.steps.map(x => [x.id, x.allRanks?.value]), JSON.stringify(s.kv.map(k => [k.tokens, k.concurrency, k.bytesPerToken, k.shape, k.checks, k.whatIfs.map(w => [w.setting, w.tokens, w.refused])])), s.usage.map(u => u.sentence));
  for (const c of [...d.contradictions, ...d.observations]) console.log(c.kind, c.sentence);
  return d;
};
it('a', async () => {
  console.log('######## serve logs');
  await show(['/tmp/traces/serve/serve.report.log', '/tmp/traces/serve/serve.summaries.log', '/tmp/traces/serve/serve.requests.log', '/tmp/traces/serve/serve.nvidia-smi.log']);
  console.log('######## leak');
  await show(['/tmp/traces/leak/leak.report.log', '/tmp/traces/leak/leak.pickle']);
  for (const f of ['v0.25.1_V1_laguna_int4_gb10.log', 'v0.6.4.post1_V0_llama3_8b.log', 'v0.9.0.1_V1_llama3.2_1b.log']) { console.log('########', f); await show(['/work/shared/public/vllm/' + f]); }
  console.log('######## seeds');
  for (const f of ['000_8c49e0f0269b32b7.txt', '001_e4d75f61a16b501a.txt', '002_2250db2328cc2cf6.txt', '003_eb25e533261652d2.txt', '004_a843f8c2f0c16677.txt']) { console.log('########', f); await show(['/work/shared/seeds/' + f]); }
  expect(1).toBe(1);
}, 100000);
