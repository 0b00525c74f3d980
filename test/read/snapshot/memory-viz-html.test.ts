/** memory_viz pages around the committed snapshots: as PyTorch writes them, with several, cut, damaged, in tiny chunks. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryVizHtmlReader as reader } from '../../../src/read/snapshot/memory-viz-html.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { readBytes } from '../open-for-test.ts';
import { fixtureBytes, recordingBytes, recordingPath, seeded, snapshotOf } from './fixtures.ts';

/** As `_format_viz` of torch/cuda/_memory_viz.py writes it: padded with zeros to a multiple of three, and more. */
const embedded = (pickle: Uint8Array, name = 'snapshot.pickle'): string =>
  `{"name": "${name}", "base64": "${Buffer.concat([pickle, new Uint8Array(3 - (pickle.length % 3))]).toString('base64')}"}`;
const page = (...items: string[]): string => `
<!DOCTYPE html>
<html>
<head>
</head>
<body>
<script type="module">
import {add_local_files} from "https://cdn.jsdelivr.net/gh/pytorch/pytorch@main/torch/utils/viz/MemoryViz.js"
const local_files = [${items.join(', ')}]
add_local_files(local_files, 'Active Memory Timeline')
</script>
</body>
`;
const NAME = 'oom.pickle';
const PICKLE = fixtureBytes(NAME);
const sniff = (text: string): number =>
  reader.sniff({ bytes: new TextEncoder().encode(text.slice(0, 65536)), name: 'unknown', size: text.length })
    .score;

/** What a page and its snapshot must agree on: every column. */
const facts = ({ devices, rows, producer, warnings, settings, stacks }: SourceData): unknown => ({
  rows,
  producer,
  warnings,
  settings,
  frames: stacks.frames,
  devices: devices.map(({ device, events, segments, blocks, annotations }) => ({
    device,
    events,
    segments,
    blocks,
    annotations,
  })),
});

describe('a memory_viz page', () => {
  it.each([1 << 20, 4096, 1000, 61])('gives its snapshot, in chunks of %i', async (chunkBytes) => {
    const { data, error, as, also } = await readBytes(reader, 'unknown', page(embedded(PICKLE)), {
      chunkBytes,
    });
    expect(error).toBeNull();
    expect(facts(data)).toEqual(facts(await snapshotOf(PICKLE)));
    expect(as).toEqual({ format: 'torch-snapshot', title: 'PyTorch allocator snapshot in a page' });
    expect(also).toEqual([]);
  });

  it('gives several snapshots, each by its name', async () => {
    const text = page(embedded(PICKLE, 'rank0.pickle'), embedded(PICKLE, 'rank1.pickle'));
    const { data, error, as, also } = await readBytes(reader, 'x', text, { chunkBytes: 5000 });
    expect(error).toBeNull();
    expect([as?.title, ...also!.map(({ title }) => title)]).toEqual([
      'PyTorch allocator snapshot in a page: rank0.pickle',
      'PyTorch allocator snapshot in a page: rank1.pickle',
    ]);
    expect(facts(also![0].data)).toEqual(facts(data));
  });

  it('is known by content', () => {
    expect(sniff(page(embedded(PICKLE)))).toBeGreaterThan(0.9);
    expect(
      sniff('<html><body>add_remote_files([{"name": "a", "url": "b"}]) // MemoryViz.js'),
    ).toBeGreaterThan(0.9);
    for (const other of [
      '',
      '<html><body>hello</body></html>',
      'INFO add_local_files "base64"',
      '{"base64": "AAAA"}',
    ])
      expect(sniff(other)).toBe(0);
  });

  it('keeps the events before a cut, and says where it is', async () => {
    const text = page(embedded(PICKLE));
    const cut = text.slice(0, text.indexOf('base64') + 8000);
    const { data, error } = await readBytes(reader, 'x', cut);
    expect(error).toMatchObject({ code: 'truncated', offset: cut.length });
    expect(data.rows).toBeGreaterThan(0);
  });

  it('names the byte that is no base64, and reads the snapshot behind it', async () => {
    const first = embedded(PICKLE, 'a');
    const damaged = `${first.slice(0, 8000)}!${first.slice(8001)}`;
    const text = page(damaged, embedded(PICKLE, 'b'));
    const { data, error, also } = await readBytes(reader, 'x', text);
    expect(error).toMatchObject({ code: 'corrupt', offset: text.indexOf('!', text.indexOf('base64')) });
    expect(data.rows).toBeGreaterThan(0);
    expect(facts(also![0].data)).toEqual(facts(await snapshotOf(PICKLE)));
  });

  it('takes escaped slashes and line breaks within base64', async () => {
    const text = page(embedded(PICKLE)).replace(
      /"base64": "([^"]*)"/,
      (_, code: string) => `base64 : "${code.replaceAll('/', '\\/').replace(/.{76}/g, '$&\n')}"`,
    );
    const { data, error } = await readBytes(reader, 'x', text);
    expect(error).toBeNull();
    expect(facts(data)).toEqual(facts(await snapshotOf(PICKLE)));
  });

  it('refuses pages without a snapshot, each with what to open instead', async () => {
    const remote =
      '<html><script>import {add_remote_files} from "MemoryViz.js"; add_remote_files([{"name": "a", "url": "b"}])';
    expect((await readBytes(reader, 'x', remote)).error).toMatchObject({
      code: 'refused',
      advice: expect.stringContaining('.pickle') as string,
    });
    expect((await readBytes(reader, 'x', '<html>')).error).toMatchObject({ code: 'refused' });
    const picture =
      '<html>\n<head><meta charset="utf-8" /><title>GPU Memory Timeline HTML</title></head>\n<body>\n  <img src=\'data:image/png;base64,iVBORw0KGgo=\'>';
    expect(sniff(picture)).toBeGreaterThan(0.9);
    expect((await readBytes(reader, 'x', picture)).error).toMatchObject({
      code: 'refused',
      advice: expect.stringContaining('timeline.raw.json.gz') as string,
    });
  });

  it('survives flipped bytes', async () => {
    const random = seeded(8);
    const bytes = new TextEncoder().encode(page(embedded(PICKLE.subarray(0, 9000))));
    for (let round = 0; round < 60; round++) {
      const damaged = bytes.slice();
      for (let i = 0; i < 3; i++) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      const { error } = await readBytes(reader, 'x', damaged, { chunkBytes: 3000 });
      expect(error).not.toBeNull();
      expect(error?.code).not.toBe('internal');
    }
  });
});

describe.skipIf(sharedTraces() === null)('the recordings in ../shared/traces', () => {
  it('gives a large snapshot out of a page exactly', async () => {
    const pickle = recordingBytes('ranks/rank0.pickle');
    const { data, error } = await readBytes(reader, 'x', page(embedded(pickle)), { chunkBytes: 1 << 16 });
    expect(error).toBeNull();
    expect(facts(data)).toEqual(facts(await snapshotOf(pickle)));
  });

  it('refuses the page of export_memory_timeline', async () => {
    const path = recordingPath('kineto/kineto_timeline.html')!;
    expect(existsSync(path)).toBe(true);
    const { error } = await readBytes(reader, 'unknown', new Uint8Array(readFileSync(path)));
    expect(error).toMatchObject({
      code: 'refused',
      advice: expect.stringContaining('export_memory_timeline') as string,
    });
  });
});

describe('the list of a page, saved alone as JSON', () => {
  it('is read like the page', async () => {
    const list = `[${embedded(PICKLE)}]`;
    expect(sniff(list)).toBe(0.9);
    const { data, error } = await readBytes(reader, 'list.json', list);
    expect(error).toBeNull();
    expect(facts(data)).toEqual(facts(await snapshotOf(PICKLE)));
  });
});
