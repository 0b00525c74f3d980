/** All allocations over time as pixels, and where one of them is among them. */
import { lowerBound } from '../../base/binary-search.ts';
import { NEVER } from '../../analyze/lives/lives.ts';
import { bandOf, type LifeTotals, type Raster, rasterOf } from '../../analyze/lives/raster.ts';
import type { DeviceSession } from '../device-session.ts';
import { pixelRows } from '../pixel-rows.ts';
import type { LifePlace, LifePlaceQuery, RasterAnswer, RasterQuery } from '../raster-protocol.ts';

/** Pixels of the tallest picture that is answered. */
const MOST_ROWS = 4096;
/** Stands in `colours` where no life is. */
const NO_COLOUR = 0xff;
const NONE_PASS = new Uint32Array(0);

/** Bytes of the top of the picture where nobody chose: reserved memory has its place above what is requested of it. */
async function topOf(
  session: DeviceSession,
  offsets: Uint32Array,
  totals: LifeTotals,
  isAll: boolean,
): Promise<number> {
  const [from, to] = [offsets[0], offsets[offsets.length - 1]];
  const most = totals.after(totals.tallest(from, to));
  // Of the first column also what it begins with.
  const least = Math.max(1, most, totals.after(from - 1));
  const spec = isAll ? session.aggregate.spec('reserved') : undefined;
  if (spec === undefined) return least;
  const { max } = await session.aggregate.columns(spec, Uint32Array.of(from, to));
  return Math.max(least, max[0]);
}

function coloursOf({ pixels }: Raster, of: Uint8Array): Uint8Array {
  const colours = new Uint8Array(pixels.length).fill(NO_COLOUR);
  for (let i = 0; i < pixels.length; i++) if (pixels[i] >= 0) colours[i] = of[pixels[i]];
  return colours;
}

export async function rasterOn(session: DeviceSession, query: RasterQuery): Promise<RasterAnswer> {
  const started = performance.now();
  const { lives } = session;
  const { range, x, offsets } = pixelRows(session, query);
  const selected = (await session.selections()).select(query.filter);
  const passed = selected.ok ? selected.selection.lives : NONE_PASS;
  const { totals, stacking } = (await session.stacks()).of(passed, query.order);
  const groups = await session.lifeGroups(query.by);
  const height = Math.max(1, Math.min(MOST_ROWS, Math.round(query.rows)));
  const [from, to] = query.bytes ?? [0, await topOf(session, offsets, totals, query.filter.trim() === '')];
  const bytes = [Math.max(0, from), Math.max(from + 1, to)] as const;
  const raster = rasterOf(lives, { stacking, totals, offsets, height, bytes });
  const { peak } = totals;
  return {
    device: session.key,
    range,
    order: query.order,
    by: query.by,
    x,
    rows: height,
    bytes,
    ...raster,
    colours: coloursOf(raster, groups.of),
    groups: groups.names.map((name, i) => ({
      name,
      bytesAtPeak: groups.bytesAtPeak[i],
      filter: groups.filters[i],
    })),
    hasRest: groups.hasRest,
    earlier: lives.earlier,
    lives: passed.length,
    all: lives.length,
    peak: { ...peak, xNs: peak.row < 0 ? 0 : session.timeOf(peak.row) },
    fault: selected.ok ? null : selected.fault,
    ranOn: session.ranOn(started),
  };
}

/** The life that so many steps lead to; null: there is none. */
function stepped(session: DeviceSession, passed: Uint32Array, query: LifePlaceQuery): number | null {
  const { life, step, sameLine } = query;
  const { stack } = session.lives;
  let among = passed;
  if (sameLine && life !== null) {
    const label = session.labelOf(stack[life]);
    among = passed.filter((one) => session.labelOf(stack[one]) === label);
  }
  if (among.length === 0) return null;
  if (step === 0) return life;
  const at = life === null ? (step > 0 ? -1 : among.length) : lowerBound(among, life);
  const isIn = life !== null && among[at] === life;
  // From a life that does not pass, the first step forward leads to the next one that does.
  const to = step > 0 && life !== null && !isIn ? at + step - 1 : at + step;
  return among[Math.min(among.length - 1, Math.max(0, to))];
}

/** null: no allocation passes, or the one asked for does not. */
export async function lifePlaceOn(session: DeviceSession, query: LifePlaceQuery): Promise<LifePlace | null> {
  const selected = (await session.selections()).select(query.filter);
  if (!selected.ok) return null;
  const passed = selected.selection.lives;
  const life = stepped(session, passed, query);
  if (life === null || !(life >= 0 && life < session.lives.length)) return null;
  const { stacking } = (await session.stacks()).of(passed, query.order);
  const band = bandOf(session.lives, stacking, life);
  if (band === null) return null;
  const ended = session.lives.rowTo[life];
  return {
    life,
    madeRow: band.row,
    endedRow: ended === NEVER ? null : ended,
    madeNs: band.row < 0 ? 0 : session.timeOf(band.row),
    endedNs: ended === NEVER ? null : session.timeOf(ended),
    from: band.from,
    to: band.to,
  };
}
