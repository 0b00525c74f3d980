/** Servers' refusals, sleeps, ranks and limits that people posted: what each answer must say and must not. */
import { describe, expect, it } from 'vitest';
import { fieldDiagnosis, fieldFile, fieldFinding, textOf } from './field-for-test.ts';
import { Engine } from '../../src/engine/engine.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { budgetLines, engineLine, findingsOf } from './logs-for-test.ts';

const all = async (name: string): Promise<string> =>
  (await fieldDiagnosis(name)).findings.map(textOf).join('\n');

describe('refusals of servers', () => {
  it('T11: the need of all layers is not held against one stage', async () => {
    const found = await fieldFinding('kv-cache-too-small', 'T11-vllm-pp-refused.log');
    const text = textOf(found);
    expect(text).toMatch(/pipeline_parallel_size=2 spreads it over 2 stages/);
    expect(text).toMatch(/PP0, 3\.18 GiB; PP1 has 7\.51 GiB/);
    expect(text).toContain('34736 tokens understate what fits');
    expect(text).toContain('at most 116,763 tokens');
    expect(text).toMatch(/VLLM_PP_LAYER_PARTITION.*--tensor-parallel-size 2/s);
    expect(found.confidence).toBe('medium');
    expect(text).not.toContain('3.18 GiB are left for it');
  });

  it("T12: the server's own word first, and what it leaves", async () => {
    const found = await fieldFinding('server-refused', 'T12-sglang-weights-leave-nothing.log');
    const text = textOf(found);
    expect(text).toMatch(/121 GiB.*126 GiB.*4\.3 GiB more/s);
    expect(found).toMatchObject({ severity: 'problem', confidence: 'certain' });
    expect(found.remedy).toMatch(/^--mem-fraction-static 0\.92 .*above 0\.9113\) to 0\.95/);
    expect(text).toContain('0.95 leaves 6.9 GiB');
    expect(await all('T12-sglang-weights-leave-nothing.log')).not.toMatch(/91\.1%|--tp-size 16|fewer bits/);
  });

  it('T24: out of memory in the warm-up of the sampler', async () => {
    const found = await fieldFinding('log-out-of-memory', 'T24-vllm-sampler-warmup.log');
    expect(textOf(found)).toMatch(/1024 dummy requests \(--max-num-seqs\), after the KV cache \(17\.3 GiB\)/);
    expect(found).toMatchObject({ severity: 'problem', confidence: 'certain' });
    expect(found.remedy).toMatch(/--max-num-seqs 256.*--gpu-memory-utilization/);
  });

  it('T25: memory that came free while the server measured', async () => {
    const found = await fieldFinding('server-refused', 'T25-vllm-profiling-assertion.log');
    const text = textOf(found);
    expect(text).toMatch(/9\.12 GiB became free.*31\.1 GiB before, 40\.2 GiB after/s);
    expect(text).toMatch(/measurement is void.*one after the other.*No flag of this server is at fault/s);
    expect(text).toContain('GB10');
    expect(found).toMatchObject({ severity: 'problem', confidence: 'certain' });
  });

  it('T27: sleep that freed nothing, and waking up without room', async () => {
    const found = await fieldFinding('sleep-freed-nothing', 'T27-vllm-sleep-freed-nothing.log');
    expect(textOf(found)).toMatch(
      /63\.2 GiB stayed in use, of which by the log weights 15\.3 GiB and KV cache 46\.1 GiB/,
    );
    expect(found.remedy).toMatch(
      /^First see that PYTORCH_CUDA_ALLOC_CONF.*expandable_segments:True.*--enable-sleep-mode/,
    );
    const woke = await fieldFinding('log-out-of-memory', 'T27-vllm-sleep-freed-nothing.log');
    expect(woke.title).toContain('allocator of sleep mode');
  });

  it('more of the same kind', async () => {
    const refused = async (...lines: string[]): Promise<string> =>
      (await findingsOf('server-refused', { 'server.log': lines })).map(textOf).join('\n');
    const sglang =
      "[2026-07-09 08:11:02] server_args=ServerArgs(model_path='m', mem_fraction_static=0.7, tp_size=2)";
    expect(
      await refused(sglang, 'RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.'),
    ).toMatch(/A higher --mem-fraction-static than 0\.7, as the server says/);
    expect(
      await refused(
        sglang,
        'RuntimeError: The memory capacity is unbalanced. Some GPUs may be occupied by other processes. pre_model_load_memory=16.28, local_gpu_memory=46.81, local_gpu_memory * 0.9=42.13',
      ),
    ).toMatch(
      /least that is free on any of them is 16\.3 GiB; this rank has 46\.8 GiB: 30\.5 GiB are missing/,
    );
    expect(
      await refused(
        engineLine(),
        ...budgetLines(),
        'ValueError: max_num_seqs (1024) exceeds available Mamba cache blocks (512). Each decode sequence requires one Mamba cache block.',
      ),
    ).toMatch(/--max-num-seqs 512/);
    expect(
      await refused(
        sglang,
        'ValueError: Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=0.7. Raise --mem-fraction-static above 0.812 (minimum viable = 1 - available/pre = 0.8113). If using speculative decoding, draft weights are now counted.',
      ),
    ).toMatch(/--mem-fraction-static 0\.82 .*above 0\.812/);
  });
});

describe('ranks and limits', () => {
  it('T44: a rank that prints less is not one that has more', async () => {
    const { servers } = await fieldDiagnosis('T44-sglang-partial-ranks.log');
    const steps = servers
      .flatMap(({ pods, whole }) => [...pods, ...(whole === null ? [] : [whole])])
      .flatMap((pod) => pod.steps);
    expect(steps.length).toBeGreaterThan(0);
    for (const { allRanks, printed } of steps) {
      expect(printed.value).toBeGreaterThanOrEqual(0);
      if (allRanks !== null) expect(allRanks.value).toBeGreaterThanOrEqual(0);
    }
  });

  it('U30: with DP attention tp_size is the number of ranks', async () => {
    const { servers } = await fieldDiagnosis('U30-sglang-dp-attention.log');
    // Eight ranks, every one printed: there is no whole beside the sum of the host.
    expect(servers.map(({ whole }) => whole)).toEqual([null]);
    expect(servers[0].pods.map(({ rankCount }) => rankCount)).toEqual([8]);
  });

  it('U31: one fact once, and what binds', async () => {
    const { findings } = await fieldDiagnosis('U31-sglang-many-ranks-one-fact.log');
    const good = findings.filter(({ severity }) => severity === 'good');
    expect(good).toHaveLength(1);
    expect(good[0].title).toContain('8 ranks');
    const limit = await fieldFinding('request-limit', 'U31-sglang-many-ranks-one-fact.log');
    expect(textOf(limit)).toMatch(/36 run.*while up to 18 wait/);
    expect(textOf(limit)).toMatch(
      /7\.19 GiB of a GPU were left besides, which --mem-fraction-static 0\.71 does not use/,
    );
    expect(limit.remedy).toContain('--max-running-requests');
  });

  it("T35: SGLang's metrics get SGLang's flags, and one finding", async () => {
    const { findings } = await fieldDiagnosis('T35-sglang-metrics.prom');
    expect(findings).toHaveLength(1);
    const text = textOf(findings[0]);
    for (const flag of [
      '--context-length',
      '--max-running-requests',
      '--mem-fraction-static',
      '--kv-cache-dtype fp8_e4m3',
    ])
      expect(text).toContain(flag);
    expect(text).toContain('14 requests taken back');
    expect(text).not.toMatch(/--max-model-len|--max-num-seqs/);
  });

  it('U34: tokens and concurrency that do not fit are not shown without a word', async () => {
    const engine = new Engine();
    await engine.start({ gpu: 'off' });
    const source = new BytesSource('vllm.log', fieldFile('U34-vllm-hybrid-tokens.log'));
    const [{ readings }] = await engine.open(1, source, () => undefined);
    const labels = readings!.budgets[0].parts.map(({ label }) => label).join('\n');
    expect(labels).toContain('423,854 tokens at once');
    expect(labels).toMatch(/Total \(computed.*39\.\d+ GiB to 40\.\d+ GiB by the printed digits/);
    // The line that suggests another utilization prints the one in force.
    expect(readings!.budgets[0].parts).toContainEqual(
      expect.objectContaining({ id: 'utilization', value: 0.9 }),
    );
  });

  it('T62: what was right stays right', async () => {
    const found = await fieldFinding('utilization-edge', 'T62-vllm-free-on-startup.log');
    expect(textOf(found)).toMatch(
      /requested 54\.4 GiB and 23\.2 GiB were free.*--gpu-memory-utilization 0\.35/s,
    );
    expect(found.confidence).toBe('certain');
  });
});
