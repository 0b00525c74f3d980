/**
 * One input through everything that the command does with it: read, viewed, diagnosed, told as an object and as text.
 * What it breaks of the rules (invariants.ts) comes back as lines; what the rules cannot see (time, memory, silence) is
 * judged here.
 */
import { budgetLines } from '../../src/cli/print-budget.ts';
import { findingLines } from '../../src/cli/print-diagnosis.ts';
import { pinLines } from '../../src/cli/print-pins.ts';
import { errorLines, MOST_HOLDERS, sourceLines } from '../../src/cli/print.ts';
import { json, lines } from '../../src/cli/terminal.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { RangeAnswer } from '../../src/engine/protocol.ts';
import type { ByteSource } from '../../src/file/byte-source.ts';
import { complaintsOf, complaintsOfText } from './invariants.ts';

/** CPU that an input may take: a start, and so much for each of its bytes. Unpacked bytes are many more than stored. */
const START_MS = 4000;
const MS_PER_BYTE = 0.05;
/** Memory that it may take beside what was there before. */
const MOST_BYTES = 600 * 2 ** 20;

export interface Tried {
  readonly complaints: readonly string[];
  readonly milliseconds: number;
  /** Resident memory that came with it; 0 where the process gave some back meanwhile. */
  readonly took: number;
  /** Rows read, of all its sources. */
  readonly rows: number;
  /** What is told of damage: an error, a warning, something left out or not recorded. */
  readonly told: boolean;
  readonly analysis: Analysis | null;
}

const sourceOf = (name: string, bytes: Uint8Array): ByteSource => ({
  name,
  size: bytes.length,
  read: (start, length) => Promise.resolve(bytes.subarray(start, start + length)),
  readSync: (start, length) => bytes.subarray(start, start + length),
});

async function answer(name: string, bytes: Uint8Array): Promise<{ analysis: Analysis; text: string }> {
  const engine = new Engine();
  const views = await engine.open(1, sourceOf(name, bytes), () => undefined);
  const analysis = await engine.analysis();
  const ranges = new Map<string, RangeAnswer>();
  for (const { key, hasStacks } of views.flatMap(({ devices }) => devices)) {
    if (!hasStacks) continue;
    const asked = await engine.range({ device: key, range: null, limit: MOST_HOLDERS });
    if (asked.ok) ranges.set(key, asked.value);
  }
  const text = [
    ...views.map((view) => lines(sourceLines(view, ranges))),
    lines([
      ...(analysis.errors ?? []).flatMap(errorLines),
      ...findingLines(analysis.findings),
      ...pinLines(analysis.pins),
      ...budgetLines(analysis),
    ]),
    json(analysis),
  ].join('\n');
  return { analysis, text };
}

export async function tryInput(name: string, bytes: Uint8Array): Promise<Tried> {
  const before = process.cpuUsage();
  const memory = process.memoryUsage.rss();
  try {
    const { analysis, text } = await answer(name, bytes);
    const { user, system } = process.cpuUsage(before);
    const milliseconds = (user + system) / 1000;
    const took = process.memoryUsage.rss() - memory;
    const { sources } = analysis;
    return {
      complaints: [
        ...complaintsOf(analysis),
        ...complaintsOfText(text),
        ...(milliseconds > START_MS + MS_PER_BYTE * bytes.length
          ? [`slow: ${Math.round(milliseconds)} ms of CPU for ${bytes.length} bytes`]
          : []),
        ...(took > MOST_BYTES ? [`memory: ${Math.round(took / 2 ** 20)} MiB for ${bytes.length} bytes`] : []),
      ],
      milliseconds,
      took: Math.max(0, took),
      rows: sources.reduce((sum, { rows }) => sum + rows, 0),
      told: sources.some(
        ({ error, warnings, skipped, damage }) =>
          error !== undefined || warnings.length > 0 || skipped > 0 || damage !== undefined,
      ),
      analysis,
    };
  } catch (thrown) {
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return {
      complaints: [`thrown: ${stack.split('\n').slice(0, 4).join(' | ')}`],
      milliseconds: 0,
      took: 0,
      rows: 0,
      told: true,
      analysis: null,
    };
  }
}
