/** What is piped into the command, and vLLM's own memory figures as it prints them. */
import { PipedSource } from '../../src/cli/piped-source.ts';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-stdin-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = join(import.meta.dirname, '../fixtures/log/vllm-memory.txt');

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    argv,
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

describe('standard input', () => {
  it('is a source that readers can go back in', async () => {
    const path = join(folder, 'piped');
    writeFileSync(path, 'abcdef');
    const descriptor = openSync(path, 'r');
    const source = PipedSource.standardInput(descriptor);
    closeSync(descriptor);
    expect([source.name, source.size]).toEqual(['standard input', 6]);
    expect(Buffer.from(await source.read(4, 9)).toString()).toBe('ef');
    expect(Buffer.from(source.readSync(0, 2)).toString()).toBe('ab');
  });

  it('that cannot be read says so', () => {
    expect(() => PipedSource.standardInput(987_654)).toThrow(/cannot read standard input/);
  });
});

describe("vLLM's own memory figures", () => {
  it('are printed with what is wrong first', async () => {
    const { code, out } = await run('analyze', fixture);
    expect(code).toBe(0);
    expect(out).toContain('vllm-memory.txt: vLLM memory snapshots, vLLM');
    const lines = out.split('\n');
    const at = lines.indexOf("vLLM's own memory figures:");
    expect(lines[at + 1]).toMatch(
      /^ {2}wrong: after_profile: cuda_memory is not total_memory - free_memory: 30\.7 MiB/,
    );
    expect(out).toContain('  result.before_profile (line 4): torch_peak 2 GiB, cuda_memory 3.5 GiB');
    expect(out).toContain('    categories: others 1 GiB, torch 2 GiB, not torch 512 MiB');
    expect(out).toContain(
      '  not KV cache, computed: 5.00 GiB = weights 2.00 GiB + activation peak 2.00 GiB + non-torch increase 1.00 GiB',
    );
  });

  it('are in the object, every figure with how closely it is known', async () => {
    const { out } = await run('analyze', '--json', fixture);
    const [account] = (JSON.parse(out) as Analysis).vllm_memory;
    expect(account.snapshots.map(({ role, role_from, line }) => [role, role_from, line])).toEqual([
      ['before_create', 'label', 2],
      ['before_profile', 'label', 4],
      ['after_profile', 'label', 10],
    ]);
    expect(account.snapshots[1].fields['cuda_memory']).toEqual({ bytes: 3758096384, error_bytes: 0 });
    expect(account.snapshots[1].fields['free_memory']).toBeNull();
    expect(account.snapshots[2].fields['cuda_memory']!.error_bytes).toBeCloseTo(2 ** 30 / 200 + 0.5, 6);
    expect(account.profiling[0]).toMatchObject({ rule: 'increase', holds: true });
    expect(account.problems).toHaveLength(2);
  });
});
