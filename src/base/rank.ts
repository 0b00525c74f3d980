/** Who of a server prints: one process on one GPU, in one start of the server. Its text is for people and documents alone. */

export interface Rank {
  /** As the log names it: "TP0", "rank 3", "RayWorkerWrapper pid=7, ip=10.0.0.2"; "" where it names none. */
  readonly name: string;
  /** Which start of the server in the same log, from 1. */
  readonly start: number;
  /** Address of the host; "" for the host that wrote the log. */
  readonly pod: string;
}

/** "start 2"; "" for the first, which in most logs is the only one. */
export const startText = (start: number): string => (start === 1 ? '' : `start ${start}`);

/** "TP0", "TP0 (start 2)", "(start 2)", "". No two ranks of a log have the same. */
export const rankText = ({ name, start }: Pick<Rank, 'name' | 'start'>): string =>
  start === 1 ? name : `${name} (${startText(start)})`.trim();

/** A setting that a later start has otherwise is told as "dtype (start 2)". */
export const settingText = ([name, value, start = 1]: readonly [string, string, number?]): readonly [
  string,
  string,
] => [rankText({ name, start }), value];
