/**
 * What the free parts of a ledger are made of: a drawn state, to the MiB; and recordings, where children sum to their
 * part to the byte, seen from every stream.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inactiveSplitFor, torchLedger } from '../../src/analyze/ledger/ledger.ts';
import { Engine } from '../../src/engine/engine.ts';
import { freeOfLedger } from '../../src/engine/answer/ledger-free.ts';
import type { LedgerPart, LedgerView } from '../../src/engine/protocol.ts';
import type { DeviceTrace } from '../../src/trace/capture.ts';
import { ACTION } from '../../src/trace/schema.ts';
import { drawnState, MIB } from '../analyze/drawn-state.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { fixtureBytes, recordingBytes } from '../read/snapshot/fixtures.ts';
import { sharedTraces } from '../shared-traces.ts';

const sum = (parts: readonly LedgerPart[]): number =>
  parts.reduce((total, { bytes }) => total + (bytes?.value ?? NaN), 0);
const named = (parts: readonly LedgerPart[]): Record<string, number> =>
  Object.fromEntries(parts.map(({ id, bytes }) => [id, (bytes?.value ?? NaN) / MIB]));

describe('a drawn state', () => {
  const ledger = torchLedger(
    drawnState([
      'seg s0 large | a:3 .7 a:4 .6',
      'seg s0 small | a:1 .1',
      'seg s1 large | a:10 .30',
      'seg s0 large | .20',
      'seg s1 large | .40',
      'seg s0 large (1,0) | a:5 .15',
      'seg s0 large (1,0) | .20',
      'seg s0 large (2,0) | .22',
    ]),
    0,
  );
  /** One event, on stream `stream`. */
  const trace = (action: number, stream: number): DeviceTrace =>
    ({
      streams: ['0', '77'],
      events: { action: Uint8Array.of(action), stream_index: Uint16Array.of(stream) },
    }) as unknown as DeviceTrace;

  it('is seen from the stream that holds most, and from any other', () => {
    const { splitFor, splitWhy, children } = freeOfLedger(trace(ACTION.alloc, 1), 0, ledger);
    expect(splitWhy).toBe('it holds most');
    expect(splitFor.map(({ stream, parts }) => [stream, named(parts)])).toEqual([
      ['0', { own_large: 13, own_small: 1, other_streams: 30, private_pools: 15 }],
      ['77', { own_large: 30, other_streams: 14, private_pools: 15 }],
    ]);
    expect(children.inactive_split).toEqual(splitFor[0].parts);
    expect(splitFor[0].parts[2].note).toBe('of stream 77; stream 0 cannot use it');
  });

  it('names some of many other streams, and counts the rest', () => {
    const streams = Array.from({ length: 12 }, (_, stream) => String(stream));
    const other = ledger.free.find(({ pool, streamIndex }) => pool === '' && streamIndex === 1)!;
    const free = streams.slice(1).map((_, i) => ({ ...other, streamIndex: i + 1 }));
    const { splitFor } = freeOfLedger({ ...trace(ACTION.alloc, 0), streams }, 0, { ...ledger, free });
    expect(splitFor[0].parts.find(({ id }) => id === 'other_streams')!.note).toBe(
      'of streams 1, 2, 3, 4, 5, 6, 7, 8 and 3 more; stream 0 cannot use it',
    );
  });

  it('is seen first from the stream that ran out of memory', () => {
    const { splitFor, splitWhy } = freeOfLedger(trace(ACTION.oom, 1), 0, ledger);
    expect(splitFor.map(({ stream }) => stream)).toEqual(['77', '0']);
    expect(splitWhy).toBe('its request got the out-of-memory error');
  });

  it('tells what is releasable by stream, and what idles by pool', () => {
    const { children } = freeOfLedger(trace(ACTION.alloc, 0), 0, ledger);
    expect(named(children.releasable)).toEqual({ 'Of stream 77': 40, 'Of stream 0': 20 });
    expect(Object.values(named(children.private_idle))).toEqual([22, 20]);
    expect(sum(children.releasable)).toBe(ledger.parts.releasable);
    expect(sum(children.private_idle)).toBe(ledger.parts.privateIdle);
  });

  it('does not divide what is of one kind', () => {
    const one = torchLedger(drawnState(['seg s0 large | a:3 .17', 'seg s0 large | .20']), 0);
    const { children } = freeOfLedger(trace(ACTION.alloc, 0), 0, one);
    expect(children.releasable).toEqual([]);
    expect(named(children.inactive_split)).toEqual({ own_large: 17 });
  });

  it('has nothing to divide where all is in use', () => {
    const full = torchLedger(drawnState(['seg s0 large | a:20']), 0);
    expect(freeOfLedger(trace(ACTION.alloc, 0), 0, full)).toMatchObject({ splitFor: [], free: [] });
  });
});

function check(ledger: LedgerView): void {
  const bytesOf = (id: string): number => ledger.parts.find((part) => part.id === id)?.bytes?.value ?? NaN;
  for (const { children, bytes } of ledger.parts)
    if (children !== undefined && children.length > 0) expect(sum(children)).toBe(bytes?.value);
  const split = bytesOf('inactive_split');
  expect(ledger.splitFor.length > 0).toBe(split > 0);
  for (const { parts } of ledger.splitFor) expect(sum(parts)).toBe(split);
  const free = (pick: (part: LedgerView['free'][number]) => number): number =>
    ledger.free.reduce((total, part) => total + pick(part), 0);
  expect(free(({ splitBytes, pageBytes }) => splitBytes + pageBytes)).toBe(split);
  expect(free(({ wholeBytes }) => wholeBytes)).toBe(bytesOf('releasable') + bytesOf('private_idle'));
}

async function checkRecording(bytes: Uint8Array): Promise<readonly LedgerView[]> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const [{ devices }] = await engine.open(1, new BytesSource('x.pickle', bytes), () => undefined);
  const ledgers: LedgerView[] = [];
  for (const { key, rows } of devices)
    for (const share of [0, 0.3, 0.5, 0.8, 1]) {
      const answer = await engine.ledger(key, Math.floor(share * (rows - 1)));
      if (!answer.ok || answer.value === null) throw new Error('there is no ledger');
      check(answer.value);
      ledgers.push(answer.value);
    }
  return ledgers;
}

describe('a recording', () => {
  it.each(['oom.pickle', 'pending.pickle', 'graphs.pickle'])(
    '%s: children sum to their part',
    async (name) => {
      await checkRecording(fixtureBytes(name));
    },
  );

  it('has private pools and other streams in graphs.pickle', async () => {
    const ledgers = await checkRecording(fixtureBytes('graphs.pickle'));
    const ids = new Set(ledgers.at(-1)!.splitFor.flatMap(({ parts }) => parts.map(({ id }) => id)));
    expect([...ids].sort()).toEqual(['other_streams', 'own_large', 'own_small', 'private_pools']);
  });

  it('is seen from the stream that asked, at an out-of-memory error', async () => {
    const engine = new Engine();
    await engine.start({ gpu: 'off' });
    await engine.open(1, new BytesSource('x.pickle', fixtureBytes('oom.pickle')), () => undefined);
    const told = await engine.diagnosis();
    if (!told.ok) throw new Error(told.error.message);
    const [{ ledgers }] = told.value.devices;
    expect(ledgers.map(({ when, ledger }) => [when, ledger.row])).toEqual([
      ['end', 139],
      ['peak', expect.any(Number)],
      ['oom', 139],
    ]);
    expect(ledgers[2].ledger.splitWhy).toBe('its request got the out-of-memory error');
  });

  it('is the sum that the ledger of the same moment has', () => {
    const ledger = torchLedger(drawnState(['seg s0 large | a:3 .7', 'seg s1 large | a:1 .4']), 0);
    const { ownStream, otherStreams } = inactiveSplitFor(ledger, 1);
    expect([ownStream, otherStreams]).toEqual([4 * MIB, 7 * MIB]);
    expect(ledger.allocatedByStream).toEqual([3 * MIB, MIB]);
  });

  it('the sample: children sum to their part', async () => {
    await checkRecording(
      new Uint8Array(readFileSync(join(import.meta.dirname, '../../samples/train.pickle.gz'))),
    );
  });
});

describe.skipIf(sharedTraces() === null)('the recordings in ../shared/traces', () => {
  it.each(['train_expandable/train_expandable.pickle', 'churn/churn_1.pickle', 'serve/serve.pickle'])(
    '%s: children sum to their part',
    async (name) => {
      const ledgers = await checkRecording(recordingBytes(name));
      expect(ledgers.some(({ free }) => free.length > 0)).toBe(true);
    },
  );
});
