/**
 * What the free parts of the ledger are made of: the inactive split by who could use it, what is releasable by stream,
 * what idles in private pools by pool. Children sum exactly to their part.
 */
import { exactly } from '../../base/measured.ts';
import { inactiveSplitFor, type FreePart, type TorchLedger } from '../../analyze/ledger/ledger.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION } from '../../trace/schema.ts';
import type { LedgerPart } from '../../analyze/ledger/outside.ts';
import type { LedgerView } from '../diagnosis.ts';

/** Children of a part by name; the rest is one more. */
const MOST_CHILDREN = 6;
/** Streams named in one note. */
const MOST_NAMED = 8;
/** Streams from which the inactive split is seen. */
const MOST_STREAMS = 64;

export type FreeOfLedger = Pick<LedgerView, 'splitFor' | 'splitWhy' | 'free'> & {
  /** By id of the part. */
  readonly children: Readonly<
    Record<'inactive_split' | 'releasable' | 'private_idle', readonly LedgerPart[]>
  >;
};

const part = (id: string, label: string, bytes: number, note: string | null = null): LedgerPart => ({
  id,
  label,
  bytes: exactly(bytes),
  note,
});

const held = ({ splitBytes, pageBytes }: FreePart): number => splitBytes + pageBytes;

/** `row`: the ledger is of the moment just after it. */
export function freeOfLedger(trace: DeviceTrace, row: number, ledger: TorchLedger): FreeOfLedger {
  const { free } = ledger;
  const name = (stream: number): string => trace.streams[stream];
  const { stream: first, why } = firstStream(trace, row, ledger);
  // Streams that hold something, or have something free; one that has neither sees nothing of its own.
  const withFree = new Set(free.flatMap(({ pool, streamIndex }) => (pool === '' ? streamIndex : [])));
  const streams = [...new Set([first, ...ledger.allocatedByStream.keys()])].filter(
    (stream) => stream === first || ledger.allocatedByStream[stream] > 0 || withFree.has(stream),
  );
  const splitFor =
    ledger.parts.inactiveSplit === 0
      ? []
      : streams.slice(0, MOST_STREAMS).map((stream) => ({
          stream: name(stream),
          parts: splitParts(ledger, stream, name),
        }));
  const ofDefault = free.filter(({ pool }) => pool === '');
  const ofPrivate = free.filter(({ pool }) => pool !== '');
  return {
    splitFor,
    splitWhy: why,
    free: free.map(({ streamIndex, ...rest }) => ({ ...rest, stream: name(streamIndex) })),
    children: {
      inactive_split: splitFor[0]?.parts ?? [],
      releasable: grouped(
        ofDefault,
        ({ streamIndex }) => `Of stream ${name(streamIndex)}`,
        'Of other streams',
      ),
      private_idle: grouped(ofPrivate, ({ pool }) => `In pool ${pool}`, 'In other pools'),
    },
  };
}

/** The stream whose view matters: the one that ran out of memory there, else the one that holds most. */
function firstStream(
  { events }: DeviceTrace,
  row: number,
  { allocatedByStream }: TorchLedger,
): { readonly stream: number; readonly why: string } {
  if (row >= 0 && events.action[row] === ACTION.oom)
    return { stream: events.stream_index[row], why: 'its request got the out-of-memory error' };
  let stream = 0;
  for (let i = 1; i < allocatedByStream.length; i++)
    if (allocatedByStream[i] > allocatedByStream[stream]) stream = i;
  return { stream, why: 'it holds most' };
}

function splitParts(ledger: TorchLedger, stream: number, name: (stream: number) => string): LedgerPart[] {
  const { ownStream, otherStreams, privatePools } = inactiveSplitFor(ledger, stream);
  const small = ledger.free
    .filter((one) => one.pool === '' && one.streamIndex === stream && one.small)
    .reduce((sum, one) => sum + held(one), 0);
  const others = new Set(
    ledger.free
      .filter((one) => one.pool === '' && one.streamIndex !== stream && held(one) > 0)
      .map((one) => name(one.streamIndex)),
  );
  const own = `Of stream ${name(stream)}`;
  const more = others.size > MOST_NAMED ? ` and ${others.size - MOST_NAMED} more` : '';
  const named = `${[...others].slice(0, MOST_NAMED).join(', ')}${more}`;
  return [
    part('own_large', `${own}, large pool`, ownStream - small, 'serves its requests over 1 MiB that fit'),
    part('own_small', `${own}, small pool`, small, 'serves its requests up to 1 MiB'),
    part(
      'other_streams',
      'Held by other streams',
      otherStreams,
      `${others.size === 1 ? 'of stream' : 'of streams'} ${named}; stream ${name(stream)} cannot use it`,
    ),
    part('private_pools', 'In private pools', privatePools, 'only their graphs can use it'),
  ].filter(({ bytes }) => bytes?.value !== 0);
}

/** Whole free segments and pages by a name; nothing where all bear the same. */
function grouped(free: readonly FreePart[], nameOf: (part: FreePart) => string, rest: string): LedgerPart[] {
  const byName = new Map<string, number>();
  for (const one of free)
    if (one.wholeBytes > 0) byName.set(nameOf(one), (byName.get(nameOf(one)) ?? 0) + one.wholeBytes);
  if (byName.size < 2) return [];
  const sorted = [...byName].sort((a, b) => b[1] - a[1]);
  const shown = sorted.length > MOST_CHILDREN ? sorted.slice(0, MOST_CHILDREN - 1) : sorted;
  const left = sorted.slice(shown.length).reduce((sum, [, bytes]) => sum + bytes, 0);
  const parts = shown.map(([label, bytes]) => part(label, label, bytes));
  return left === 0 ? parts : [...parts, part('rest', rest, left)];
}
