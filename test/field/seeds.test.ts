/** What the seeds' own scripts print, and the answer to the article's query. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { say } from './field.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-seeds-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('llm_request_profile.sh', () => {
  it('prints pairs, which are taken for tokens and said to be', async () => {
    const said = await say(file('profile.txt', '7420 512\n310 64\n2048 900\n7900 12\n'));
    expect(said.code).toBe(0);
    expect(said.json.sources[0]).toMatchObject({ format: 'request-log', rows: 4 });
    expect(
      said.json.series.find(({ id }) => id === 'input_tokens')?.samples.map(([, value]) => value),
    ).toEqual([7420, 310, 2048, 7900]);
    expect(said.text).toContain('taken for input and output tokens');
  });

  it('is not found in other columns of numbers', async () => {
    const said = await say(file('other.txt', '7420 512\nhello 1\n2048 900\n7900 12\n'));
    expect(said.code).toBe(3);
  });
});

describe('vram_monitor.sh', () => {
  it('prints a threshold, not a leak', async () => {
    const said = await say(
      file(
        'vram.log',
        'WARNING: VRAM at 92% \u2014 possible leak\nWARNING: VRAM at 93% \u2014 possible leak\nWARNING: VRAM at 9195% \u2014 possible leak\n',
      ),
    );
    expect(said.code).toBe(0);
    expect(said.json.series[0]).toMatchObject({ id: 'memory.used_share', unit: 'ratio' });
    expect(said.json.series[0].samples.map(([, value]) => value)).toEqual([0.92, 0.93]);
    expect(said.text).toContain('not that it leaks');
  });
});

const answer = (values: readonly number[]): string =>
  JSON.stringify({
    status: 'success',
    data: {
      resultType: 'matrix',
      result: [
        {
          metric: { NamespaceName: 'ml', PodName: 'ds-0' },
          values: values.map((value, i) => [1742500000 + 60 * i, String(value)]),
        },
      ],
    },
  });

describe('sum(DCGM_FI_DEV_FB_USED) by (NamespaceName, PodName)', () => {
  const values = [737280, 737280, 737280, 737280, 739328, 739328, 739328, 739328, 739328];

  it('has no name: the rise is told, the unit asked for', async () => {
    const said = await say(file('answer.json', answer(values)));
    expect(said.code).toBe(0);
    expect(said.text).toContain(
      'ml, ds-0 rises from 737,280 to 739,328, by 2,048, and stays there; in MiB that were 2.00 GiB',
    );
    expect(said.text).toContain('DCGM_FI_DEV_FB_USED is in MiB');
  });

  it('has the unit of the metric that the file is named for', async () => {
    const said = await say(file('DCGM_FI_DEV_FB_USED.json', answer(values)));
    const series = said.json.series[0];
    expect(series).toMatchObject({ id: 'DCGM_FI_DEV_FB_USED', unit: 'bytes' });
    expect(Number(series.samples.at(-1)![1]) - Number(series.samples[0][1])).toBe(2 * 2 ** 30);
  });
});
