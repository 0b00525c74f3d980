/**
 * Offsets between clocks against the truth: a snapshot and nvidia-smi of one machine, whose clock is one, and the same
 * samples with their times moved. What is found is within a sampling period of the truth; what is not found is said so.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SourceClock } from '../../src/engine/protocol.ts';
import { diagnosisOf, openFiles } from '../diagnose/logs-for-test.ts';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/device-side/${name}`, import.meta.url)));

/** The log with its local times moved by so many ms, and one line in `every` kept. */
function moved(name: string, ms: number, every = 1): Uint8Array {
  const [head, ...lines] = new TextDecoder().decode(fixture(name)).split('\n');
  const later = (time: string): string =>
    new Date(Date.parse(`${time.replaceAll('/', '-').replace(' ', 'T')}Z`) + ms)
      .toISOString()
      .replaceAll('-', '/')
      .replace('T', ' ')
      .replace('Z', '');
  const kept = lines.filter((_, i) => i % every === 0);
  return new TextEncoder().encode([head, ...kept.map((line) => line.replace(/^[^,]+/, later))].join('\n'));
}

async function clockOf(name: string, ms: number, every?: number): Promise<SourceClock> {
  const { engine } = await openFiles({
    'process.pickle': fixture('process.pickle'),
    [name]: moved(name, ms, every),
  });
  return (await diagnosisOf(engine)).clocks.find(({ file }) => file === name)!;
}

const HOUR = 3_600_000;

describe('the offset of a log whose clock is known', () => {
  it.each([
    ['query-gpu.csv', 0, 100],
    ['query-gpu.csv', 2 * HOUR, 100],
    ['query-gpu.csv', -8 * HOUR, 100],
    ['query-gpu.csv', 3000, 100],
    ['query-gpu.csv', 37_400, 100],
    ['compute-apps.csv', 0, 200],
    ['compute-apps.csv', 5.5 * HOUR, 200],
    ['compute-apps.csv', -4000, 200],
  ])('%s, moved by %i ms: found within its period', async (name, ms, period) => {
    const clock = await clockOf(name, ms);
    expect(clock.status).toBe('found');
    expect(Math.abs(Number(clock.offsetNs) / 1e6 + ms)).toBeLessThan(period);
    // In whole zones the offset is the zone's.
    if (name === 'query-gpu.csv' && ms % HOUR === 0) expect(clock.offsetNs).toBe(BigInt(-ms) * 1_000_000n);
  });

  it.each([
    ['query-gpu.csv', 3000, 10],
    ['compute-apps.csv', 3000, 20],
  ])('%s, moved by %i ms, one line in %i: too little to tell, and said so', async (name, ms, every) => {
    const clock = await clockOf(name, ms, every);
    expect(['not found', 'assumed']).toContain(clock.status);
    expect(['none', 'low']).toContain(clock.confidence);
  });
});
