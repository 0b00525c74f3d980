/** The recorder: run against a stand-in for torch, so that what it writes, when, and how much of it is seen. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RECORDER, RECORDER_FILE } from '../../src/base/recorder.ts';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-recorder-'));
afterAll(() => rmSync(folder, { recursive: true }));

const hasPython = spawnSync('python3', ['--version']).status === 0;

/** torch as far as the recorder knows it; what it is asked for is printed, and memory is what the test says. */
const TORCH = `
import json, pickle, types
calls, observers, allocated = [], [], [0, 0]
class _memory:
    @staticmethod
    def _record_memory_history(**options): calls.append(["history", options])
    @staticmethod
    def _dump_snapshot(path):
        calls.append(["dump"])
        with open(path, "wb") as file: pickle.dump({"segments": [], "device_traces": []}, file)
def memory_stats(device):
    stats = {f"{group}.{pool}.{figure}": 0 for group in ("allocated_bytes", "reserved_bytes", "active_bytes", "requested_bytes") for pool in ("all", "small_pool", "large_pool") for figure in ("current", "peak", "allocated", "freed")}
    stats.update({"allocated_bytes.all.current": allocated[0], "allocated_bytes.all.peak": allocated[1], "num_ooms": 0, "num_alloc_retries": 0})
    return stats
def use(mib):
    allocated[0] = mib << 20
    allocated[1] = max(allocated[1], allocated[0])
cuda = types.SimpleNamespace(memory=_memory, memory_stats=memory_stats, init=lambda: calls.append(["init"]), current_device=lambda: 3)
_C = types.SimpleNamespace(_cuda_attach_out_of_memory_observer=observers.append)
`;

let ran = 0;

/** Runs a program beside the recorder; what it prints, and the files that are there after it. */
function run(program: string): { out: string; err: string; files: string[]; work: string } {
  const work = join(folder, String(++ran));
  mkdirSync(work);
  writeFileSync(join(work, 'torch.py'), TORCH);
  writeFileSync(join(work, RECORDER_FILE), RECORDER);
  writeFileSync(join(work, 'program.py'), `import os, signal, time, torch, vramscope_record\n${program}`);
  const { stdout, stderr } = spawnSync('python3', ['program.py'], {
    cwd: work,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], RANK: '5', PYTHONDONTWRITEBYTECODE: '1' },
  });
  let files: string[] = [];
  try {
    // Numbers of processes are others in each run.
    files = readdirSync(join(work, 'memory'))
      .map((name) => name.replace(/pid\d+/, 'pidN'))
      .sort();
  } catch {
    // Nothing was written.
  }
  return { out: stdout, err: stderr, files, work };
}

const wait = (until: string): string => `
deadline = time.time() + 20
while not (${until}) and time.time() < deadline: time.sleep(0.01)
`;

it('is one file of at most 80 lines, printed by the command', async () => {
  let out = '';
  expect(await main(['recorder'], { write: (text) => (out += String(text)) })).toBe(0);
  expect(out).toBe(RECORDER);
  expect(RECORDER.trimEnd().split('\n').length).toBeLessThanOrEqual(80);
  expect([...RECORDER.matchAll(/^(?:import|from) (.*)$/gm)].map(([, names]) => names)).toEqual([
    'json, os, signal, threading, time, traceback',
    'torch',
  ]);
  let err = '';
  const code = await main(
    ['recorder', 'x'],
    { write: () => undefined },
    { write: (text) => (err += String(text)) },
  );
  expect([code, err]).toEqual([2, expect.stringContaining('usage: vramscope recorder')]);
});

describe.skipIf(!hasPython)('the recorder, run', () => {
  it('keeps a bounded history, and dumps when memory runs out', () => {
    const { out, err, files } = run(`
recorder = vramscope_record.start(folder="memory", max_entries=1234, log_every=3600)
recorder.steps = 41
recorder.step()
torch.observers[0](3, 100, 200, 0)
print(torch.calls)
recorder.close()
`);
    expect(err).toBe('');
    expect(out).toContain("['history', {'max_entries': 1234, 'stacks': 'python'}]");
    expect(files.filter((name) => name.endsWith('.pickle'))).toEqual(['oom.rank5.pidN.step42.1.pickle']);
  });

  it('dumps once when the peak is so much above the one before', () => {
    const { files } = run(`
recorder = vramscope_record.start(folder="memory", growth_mib=100, log_every=0.02)
torch.use(99)
time.sleep(0.2)
torch.use(100)
${wait('recorder.count == 1')}
torch.use(180)
time.sleep(0.2)
torch.use(201)
${wait('recorder.count == 2')}
recorder.close()
`);
    expect(files.filter((name) => name.endsWith('.pickle'))).toEqual([
      'growth.rank5.pidN.step0.1.pickle',
      'growth.rank5.pidN.step0.2.pickle',
    ]);
  });

  it('dumps on a signal', () => {
    const { files } = run(`
recorder = vramscope_record.start(folder="memory", log_every=3600)
time.sleep(0.1)
os.kill(os.getpid(), signal.SIGUSR2)
${wait('recorder.files')}
recorder.close()
`);
    expect(files.filter((name) => name.endsWith('.pickle'))).toEqual(['signal.rank5.pidN.step0.1.pickle']);
  });

  it('keeps at most so many files: the oldest goes first, those of an error stay', () => {
    const { out, files } = run(`
recorder = vramscope_record.start(folder="memory", max_files=3, log_every=3600)
recorder.dump("oom")
for why in "abcd": recorder.dump(why)
recorder.dump("oom"); recorder.dump("oom")
print(recorder.dump("oom"), recorder.dump("e"))
recorder.close()
`);
    expect(out).toContain('None None');
    expect(files.filter((name) => name.endsWith('.pickle'))).toEqual([
      'oom.rank5.pidN.step0.1.pickle',
      'oom.rank5.pidN.step0.6.pickle',
      'oom.rank5.pidN.step0.7.pickle',
    ]);
  });

  it('never ends the program: a dump that fails says so and gives None', () => {
    const { out, err, files } = run(`
recorder = vramscope_record.start(folder="memory", log_every=3600)
def fail(path): raise OSError("no space left")
torch.cuda.memory._dump_snapshot = fail
print(recorder.dump("full"), "goes on")
recorder.close()
`);
    expect(out).toContain('None goes on');
    expect(err).toContain('no space left');
    expect(files.filter((name) => name.endsWith('.pickle'))).toEqual([]);
  });

  it('logs memory_stats() as lines of JSON that are read with their device, rank and step', async () => {
    const { work, files } = run(`
recorder = vramscope_record.start(folder="memory", log_every=0.05, growth_mib=1 << 20)
torch.use(64)
recorder.step()
time.sleep(0.4)
torch.use(32)
recorder.step()
time.sleep(0.4)
recorder.close()
`);
    const [log] = files;
    expect(log).toBe('memory_stats.rank5.pidN.jsonl');
    const path = join(work, 'memory', readdirSync(join(work, 'memory'))[0]);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(3);
    let out = '';
    expect(await main(['analyze', path, '--json'], { write: (text) => (out += String(text)) })).toBe(0);
    const { sources, summaries } = JSON.parse(out) as Analysis;
    expect(sources[0].format).toBe('memory-stats');
    expect(summaries.length).toBe(lines.length);
    const last = summaries.at(-1)!;
    expect(last.device).toBe(3);
    expect(last.label).toMatch(/^device 3, rank 5, pid \d+, step 2$/);
    expect(last.rows['Allocated memory']['all']).toMatchObject({ current: 32 * 2 ** 20, peak: 64 * 2 ** 20 });
  });
});

it('what it wrote on a real GPU out of memory is read whole, and its two files agree', async () => {
  const fixtures = join(import.meta.dirname, '../fixtures/recorder');
  const paths = readdirSync(fixtures).map((name) => join(fixtures, name));
  let out = '';
  expect(await main(['analyze', ...paths, '--json'], { write: (text) => (out += String(text)) })).toBe(0);
  const { sources, summaries, devices, findings } = JSON.parse(out) as Analysis;
  expect(sources.map(({ format }) => format).sort()).toEqual(['memory-stats', 'torch-snapshot']);
  expect(sources.flatMap(({ warnings }) => warnings)).toEqual([]);
  // Three rows are the allocator's own notes that a snapshot was taken: they have no stack to lack.
  const lacking = sources.flatMap(({ not_recorded }) => not_recorded).join(' ');
  expect(lacking).not.toMatch(/carry no stack|names no device/);
  expect(devices[0].memory_stats['allocated_bytes.all.peak']).toBe(960 * 2 ** 20);
  expect(summaries.at(-1)!.rows['Allocated memory']['all'].peak).toBe(960 * 2 ** 20);
  expect(findings.map(({ id }) => id)).toContain('out-of-memory');
});
