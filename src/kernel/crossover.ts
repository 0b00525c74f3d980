/**
 * From how many elements on the GPU answers sooner than the CPU, measured on the very machine: each kind of question is put
 * to both over two small columns, and the lines through their times say where they cross. A card behind a slow bus, a fast
 * core, a browser with slow round trips all move the point; a constant would be wrong on most.
 */
import type { Kernels, Resident } from './kernels.ts';

/** Kinds of questions that are decided by themselves. */
export type Question = 'curves' | 'histogram' | 'lives';

/** Elements from which on the GPU is chosen; Infinity: never. */
export type Crossovers = Readonly<Record<Question, number>>;

/** Until it has been measured. */
export const UNMEASURED: Crossovers = { curves: 2 ** 20, histogram: 2 ** 20, lives: 2 ** 20 };

const SMALL = 2 ** 12;
const LARGE = 2 ** 17;
/** A column is made once and asked about so often, as zooming does. */
const TIMES_ASKED = 20;
const COLUMNS = 1024;
const KEYS = 44;
const STREAMS = 4;
/** The first round compiles shaders and loops. */
const ROUNDS = 3;

export interface Cost {
  /** Milliseconds at `SMALL` and at `LARGE` elements. */
  readonly small: number;
  readonly large: number;
}

/** Where the line of the GPU falls below that of the CPU. */
export function crossoverOf(cpu: Cost, gpu: Cost): number {
  const slope = ({ small, large }: Cost): number => Math.max(0, large - small) / (LARGE - SMALL);
  const gain = slope(cpu) - slope(gpu);
  const ahead = gpu.small - cpu.small;
  // What is shorter was not measured.
  if (ahead <= 0) return gain >= 0 ? SMALL : Infinity;
  return gain > 0 ? Math.ceil(SMALL + ahead / gain) : Infinity;
}

interface Input {
  readonly words: Uint32Array;
  readonly keys: Uint32Array;
  readonly spans: Uint32Array;
  readonly moments: Int32Array;
  readonly offsets: Uint32Array;
}

function inputOf(length: number): Input {
  const words = new Uint32Array(2 * length);
  const keys = new Uint32Array(length);
  const spans = new Uint32Array(2 * length);
  for (let i = 0; i < length; i++) {
    // Spread over classes, streams and lifetimes without order; what exactly does not matter.
    const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0;
    words[2 * i] = 512 << (mixed % 20);
    keys[i] = mixed % STREAMS;
    spans[2 * i] = i;
    spans[2 * i + 1] = i + 1 + (mixed % 5000);
  }
  const at = (column: number): number => Math.floor((length * column) / COLUMNS);
  return {
    words,
    keys,
    spans,
    moments: Int32Array.from({ length: COLUMNS }, (_, column) => at(column + 1) - 1),
    offsets: Uint32Array.from({ length: COLUMNS + 1 }, (_, column) => at(column)),
  };
}

/** Makes what a question needs, and how it is asked then. */
type Scenario = (
  kernels: Kernels,
  input: Input,
) => Promise<{ readonly ask: () => Promise<unknown>; readonly held: readonly Resident[] }>;

const SCENARIOS: Readonly<Record<Question, Scenario>> = {
  curves: async (kernels, { words, offsets }) => {
    const curve = await kernels.runningTotals(words.slice(), 0n);
    await kernels.pixelColumns(curve, offsets);
    return { ask: () => kernels.pixelColumns(curve, offsets), held: [curve] };
  },
  histogram: async (kernels, { words, keys }) => {
    const held = [await kernels.upload(words), await kernels.upload(keys)];
    return { ask: () => kernels.histogram(held[0], held[1], 0, keys.length, STREAMS), held };
  },
  lives: async (kernels, { words, keys, spans, moments }) => {
    const held = [await kernels.upload(spans), await kernels.upload(words), await kernels.upload(keys)];
    return { ask: () => kernels.openLives(held[0], held[1], held[2], moments, KEYS), held };
  },
};

async function costAt(scenario: Scenario, kernels: Kernels, length: number): Promise<number> {
  const input = inputOf(length);
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    const { ask, held } = await scenario(kernels, input);
    const made = performance.now();
    await ask();
    const answered = performance.now();
    for (const resident of held) resident.release();
    if (round > 0) least = Math.min(least, made - begun + TIMES_ASKED * (answered - made));
  }
  return least;
}

/** Takes tens of milliseconds, most of them the compilation of shaders that are needed anyway. */
export async function measureCrossovers(cpu: Kernels, gpu: Kernels): Promise<Crossovers> {
  const of = async (question: Question): Promise<number> => {
    const cost = async (kernels: Kernels): Promise<Cost> => ({
      small: await costAt(SCENARIOS[question], kernels, SMALL),
      large: await costAt(SCENARIOS[question], kernels, LARGE),
    });
    return crossoverOf(await cost(cpu), await cost(gpu));
  };
  return { curves: await of('curves'), histogram: await of('histogram'), lives: await of('lives') };
}
