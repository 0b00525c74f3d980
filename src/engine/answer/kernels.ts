/** What ran in view: plain columns of the width of the screen, single kernels where few are in view. */
import type { KernelTrack } from '../../aggregate/kernel-track.ts';
import { TraceError } from '../../base/trace-error.ts';
import { NONE } from '../../trace/schema.ts';
import type { KernelsAnswer, KernelSpan, KernelsQuery } from '../protocol.ts';

/** Up to so many in view are told one by one. */
const MOST_SINGLE = 500;
const MOST_SHARES = 8;
const MOST_COLUMNS = 16384;

/** Throws `internal` for a device without kernels, and for a range that is empty or no number. */
export function kernelsIn(
  track: KernelTrack | null,
  { device, from, to, columns }: KernelsQuery,
): KernelsAnswer {
  if (track === null) throw new TraceError('internal', 'no kernels were recorded for this device');
  if (!(to > from)) throw new TraceError('internal', `no time lies between ${from} and ${to}`);
  const { table } = track;
  const wide = Math.max(1, Math.min(MOST_COLUMNS, Math.round(columns)));
  const edges = Float64Array.from({ length: wide + 1 }, (_, i) =>
    i === wide ? to : from + ((to - from) * i) / wide,
  );
  const { busyNs, count, longest } = track.columns(edges);
  const shares = track.shares(from, to);
  const total = shares.reduce((sum, share) => sum + share.count, 0);

  const told = new Set<number>();
  if (total <= MOST_SINGLE) track.visit(from, to, (row) => told.add(row));
  else for (const row of longest) if (row !== NONE) told.add(row);
  const rows = [...told].sort((a, b) => a - b);
  const names: string[] = [];
  const nameOf = new Map<number, number>();
  const name = (index: number): number => {
    let known = nameOf.get(index);
    if (known === undefined) nameOf.set(index, (known = names.push(table.names[index]) - 1));
    return known;
  };
  const placeOf = new Map(rows.map((row, place) => [row, place]));
  return {
    device,
    from,
    to,
    x: edges.slice(0, wide),
    busy: busyNs.map((ns, i) => (edges[i + 1] > edges[i] ? Math.min(1, ns / (edges[i + 1] - edges[i])) : 0)),
    count,
    longest: Int32Array.from(longest, (row) => placeOf.get(row) ?? -1),
    kernels: rows.map((row): KernelSpan => ({
      name: name(table.name_index[row]),
      stream: table.streams[table.stream_index[row]],
      startNs: track.start[row],
      endNs: track.end[row],
    })),
    every: total <= MOST_SINGLE,
    names,
    total,
    busyShare: Math.min(1, busyNs.reduce((sum, ns) => sum + ns, 0) / (to - from)),
    shares: shares.slice(0, MOST_SHARES).map((share) => ({ ...share, name: name(share.name) })),
    namesTotal: shares.length,
  };
}
