/**
 * Recordings of which every figure can be and that contradict themselves all the same, and objects that say a thing twice:
 * each says so, and nothing that rests on it is sure.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-contradictions-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function analysisOf(name: string, content: string): Promise<Analysis> {
  const path = join(folder, name);
  writeFileSync(path, content);
  let out = '';
  await main(
    ['analyze', '--json', path],
    { write: (text) => (out += String(text)) },
    { write: () => undefined },
  );
  return JSON.parse(out) as Analysis;
}

const BASE = 0x7f0000000000;
const BLOCK = 2 << 20;
const COUNT = 20;
const frames = [{ name: 'f', filename: '/app/m.py', line: 3 }];
type Event = Record<string, unknown>;

/** Twenty blocks in one segment, all of them alive at the end. */
function snapshot() {
  const events: Event[] = [
    { action: 'segment_alloc', addr: BASE, size: COUNT * BLOCK, stream: 0, time_us: 1000, frames },
    ...Array.from({ length: COUNT }, (_, i) => ({
      action: 'alloc',
      addr: BASE + i * BLOCK,
      size: BLOCK,
      stream: 0,
      time_us: 1001 + i,
      frames,
    })),
  ];
  const blocks = Array.from({ length: COUNT }, (_, i) => ({
    address: BASE + i * BLOCK,
    size: BLOCK,
    requested_size: BLOCK,
    state: 'active_allocated',
    frames,
  }));
  const bytes = COUNT * BLOCK;
  const segment = {
    device: 0,
    address: BASE,
    total_size: bytes,
    allocated_size: bytes,
    active_size: bytes,
    requested_size: bytes,
    stream: 0,
    segment_type: 'large',
    segment_pool_id: [0, 0],
    is_expandable: false,
    frames: [],
    blocks,
  };
  return { segments: [segment], device_traces: [events], allocator_settings: {} };
}

const told = async (change: (whole: ReturnType<typeof snapshot>) => void) => {
  const whole = snapshot();
  change(whole);
  const { sources, findings } = await analysisOf('snapshot.json', JSON.stringify(whole));
  return { text: [...sources[0].warnings].map(String).join(' '), sources, findings };
};

describe('a recording that contradicts itself', () => {
  it('one that does not is sure', async () => {
    const { sources, findings } = await told(() => undefined);
    expect(sources[0].warnings).toEqual([]);
    expect(findings.map(({ confidence }) => confidence)).toContain('certain');
  });

  const CASES: readonly (readonly [string, (whole: ReturnType<typeof snapshot>) => void, RegExp])[] = [
    [
      'a last state of other addresses than its events',
      ({ segments: [segment] }) => {
        segment.address += 2 ** 36;
        for (const block of segment.blocks) block.address += 2 ** 36;
      },
      /20 blocks of the last state of GPU 0 were allocated by no event/,
    ],
    [
      'times that run backwards',
      ({ device_traces: [events] }) => events.forEach((event, i) => (event['time_us'] = 5000 - i)),
      /20 of 21 events of GPU 0 carry a time before the event ahead of them/,
    ],
  ];

  it.each(CASES)('%s', async (_name, change, words) => {
    const { text, findings } = await told(change);
    expect(text).toMatch(words);
    for (const { confidence } of findings) expect(['low', 'medium']).toContain(confidence);
  });

  it('entries that nobody understands are not "no history"', async () => {
    const { text, findings } = await told(({ device_traces: [events] }) => {
      for (const event of events) {
        event['kind_of'] = event['action'];
        delete event['action'];
      }
    });
    expect(text).toMatch(/21 entries of device_traces are not understood: .*kind_of/);
    expect(JSON.stringify(findings)).not.toMatch(/history was not recorded|_record_memory_history/);
  });
});

it('a key that stands twice in one object is said, and the later figure is the one of every reader of JSON', async () => {
  const stats = readFileSync(
    join(import.meta.dirname, '../fixtures/memory-summary/train.memory_stats.json'),
    'utf8',
  );
  const twice = `${stats.trimEnd().replace(/}$/, '')}, "allocated_bytes.all.current": 5}`;
  const { sources, findings, summaries } = await analysisOf('stats.json', twice);
  expect(summaries).toHaveLength(1);
  expect(JSON.stringify(sources[0].warnings)).toMatch(
    /allocated_bytes\.all\.current stands twice in one object: \d+, then 5; the later one was taken/,
  );
  for (const { confidence } of findings) expect(['low', 'medium']).toContain(confidence);
  // Two objects are two moments.
  const two = await analysisOf('stats.json', `step 1 ${stats}\nstep 2 ${stats}\n`);
  expect(two.summaries).toHaveLength(2);
  expect(JSON.stringify(two.sources[0].warnings)).not.toContain('twice');
});
