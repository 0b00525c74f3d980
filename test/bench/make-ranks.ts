/**
 * A job of many ranks in a folder: sixteen groups that run programs of their own, five ranks that hold more than the
 * others of their group at a known line, and one that leaks. Ranks of a group that are alike are one file with many
 * names (hard links): reading each of them is the same work, and the disk need not hold a thousand copies.
 *
 *   node .bench/make-ranks.mjs FOLDER [RANKS [EVENTS]]
 */
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Trainer, trained } from '../analyze/compare/trainer.ts';
import { pickleOfTrace } from '../../src/trace/snapshot-pickle.ts';

export const GROUPS = 16;

export interface Planted {
  readonly rank: number;
  /** Function of the line. */
  readonly line: string;
  readonly leaks: boolean;
}

/** What is planted in a job of so many ranks, and how the program of such a rank differs. */
function plantedIn(ranks: number): readonly (Planted & { readonly change: Partial<Trainer> })[] {
  const at = (share: number): number => Math.floor(share * ranks);
  return [
    { rank: at(0.03), line: 'load', leaks: false, change: { loadsTwice: true } },
    { rank: at(0.21), line: 'load', leaks: false, change: { loadsTwice: true } },
    { rank: at(0.43), line: 'apply', leaks: false, change: { gradients: 8 } },
    { rank: at(0.66), line: 'load', leaks: false, change: { loadsTwice: true } },
    { rank: at(0.81), line: 'no stack', leaks: false, change: { stackless: 96 * 2 ** 20 } },
    { rank: at(0.94), line: 'head', leaks: true, change: { keepEvery: 4 } },
  ];
}

/** About 42 events are a step of the program. */
const EVENTS_A_STEP = 42;

export function makeRanks(folder: string, ranks: number, events: number): readonly Planted[] {
  mkdirSync(folder, { recursive: true });
  const planted = plantedIn(ranks);
  const write = (path: string, trainer: Trainer): void => {
    const { recording } = trained({ ...trainer, steps: Math.ceil(events / EVENTS_A_STEP) });
    const conf = [['PYTORCH_CUDA_ALLOC_CONF', ''] as const];
    writeFileSync(path, pickleOfTrace(recording.trace(), recording.stacks, conf));
  };
  const first = new Map<number, string>();
  for (let rank = 0; rank < ranks; rank++) {
    const group = Math.floor((rank * GROUPS) / ranks);
    const path = join(folder, `rank${rank}.pickle`);
    const own = planted.find((one) => one.rank === rank);
    if (own !== undefined) {
      write(path, { seed: 1 + group, ...own.change });
      continue;
    }
    const alike = first.get(group);
    if (alike !== undefined) linkSync(alike, path);
    else {
      write(path, { seed: 1 + group });
      first.set(group, path);
    }
  }
  return planted.map(({ rank, line, leaks }) => ({ rank, line, leaks }));
}

const [folder, ranks = '4096', events = '50000'] = process.argv.slice(2);
if (process.argv[1]?.endsWith('make-ranks.mjs') === true && folder !== undefined)
  console.log(JSON.stringify(makeRanks(folder, Number(ranks), Number(events)), null, 1));
