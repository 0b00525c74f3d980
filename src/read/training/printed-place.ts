/**
 * Whose line it is and of which step: the rank, the process, the GPU, the iteration, as programs and launchers print
 * them before or in a line.
 *
 *   [rank0]:[titan] ...   [Rank 0] (after 10 iterations) ...   RANK=3 MEMSTATS ...   [default1]: ...
 *   (WorkerDict pid=4101, ip=192.0.2.2) ...   worker-1: [2024-03-05 ...   cuda:1 ...   GPU 0: ...
 */
export interface Place {
  readonly device: number | null;
  /** Labels of its series: { rank: "0" }, { process: "WorkerDict pid=4101" }. */
  readonly labels: Readonly<Record<string, string>>;
  /** null: the line names none. */
  readonly step: number | null;
  /** What it counts. */
  readonly stepWord: 'step' | 'epoch';
}

const RANK =
  /\[(?:rank|default)[ _:=]?(\d{1,5})\]|\b(?:local_|global_)?rank["']?\s{0,2}[=: ]\s{0,2}(\d{1,5})\b/i;
/** Ray's prefix. */
const PROCESS = /^\s{0,4}\((\w{1,60} pid=\d{1,9}(?:, ip=[\d.]{7,15})?)\)/;
/** pdsh's prefix, which DeepSpeed's launcher leaves. */
const HOST = /^([a-z][\w.-]{0,40}[\d.-][\w.-]{0,40}): (?=\[)/i;
const DEVICE =
  /\b(?:cuda|npu|hip|xpu):(\d{1,3})\b|\b(?:GPU|device|NPU)[ #:_]{0,2}(\d{1,3})(?![\d.]|\s?(?:[KMGT]i?B|%))/i;

const STEPS: readonly RegExp[] = [
  /\bafter (\d{1,9}) iterations?\b/i,
  /\b(?:Epoch|Iter)\(\w+\)\s{1,4}(?:\[\d+\])?\[\s{0,9}(\d{1,9})\/\d/,
  /\bEpoch \[\d+\]\[(\d{1,9})\/\d/,
  /\b(?:Epoch|Train|Test|Iter): ?\[[\d/ ]{1,12}\]\s{0,3}\[\s{0,9}(\d{1,9})\/\d/,
  /\b(?:global_?step|iteration|iter|step)s?["']?\s{0,2}[:= ]\s{0,9}(\d{1,9})(?![\d.])/i,
  /\bepoch["']?\s{0,2}[:= ]\s{0,9}(\d{1,9})(?![\d.])/i,
];

const EPOCH = /\bEpoch(?:\(\w+\))?:? ?\s?\[(\d{1,6})\]/i;
const OF_EPOCH = /\[\s{0,9}\d{1,9}\/(\d{1,9})\]/;

/** "Epoch [2][50/7330]" is step 7380 where epochs count from 1. */
function stepOf(text: string): Pick<Place, 'step' | 'stepWord'> {
  for (const pattern of STEPS) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const step = Number(found[1]);
    const epoch = EPOCH.exec(text);
    const length = OF_EPOCH.exec(text);
    const stepWord = pattern === STEPS[STEPS.length - 1] ? 'epoch' : 'step';
    if (epoch === null || length === null || pattern === STEPS[0]) return { step, stepWord };
    const passed = Math.max(0, Number(epoch[1]) - (epoch[0].includes(':') ? 0 : 1));
    return { step: passed * Number(length[1]) + step, stepWord };
  }
  return { step: null, stepWord: 'step' };
}

export function placeOf(text: string): Place {
  const head = text.slice(0, 600);
  const labels: Record<string, string> = {};
  const rank = RANK.exec(head);
  const process = PROCESS.exec(head);
  const host = HOST.exec(head);
  if (rank !== null) labels['rank'] = rank[1] ?? rank[2];
  if (process !== null) labels['process'] = process[1];
  if (host !== null && !/^(?:rank|default)\d/i.test(host[1])) labels['host'] = host[1];
  const device = DEVICE.exec(head);
  return {
    device: device === null ? null : Number(device[1] ?? device[2]),
    labels,
    ...stepOf(text),
  };
}

const STAMP =
  /^\s*(?:[[(]?(?:\d{4}[-/]\d\d[-/]\d\d|\d\d\/\d\d)[ T]\d\d:\d\d:\d\d[^\s\]]{0,20}[\])]?)[ :,-]{0,4}/;
const PREFIXES: readonly RegExp[] = [
  STAMP,
  /^\s*\([^()]{1,80}\)\s{0,2}/,
  /^\s*\[?(?:rank|default) ?\d{1,5}\]?:?\s{0,2}/i,
  /^\s*\[(?:titan|INFO|DEBUG|WARNING|\w+\.py:\d+:\w+)\]\s{0,2}/,
  /^\s*-?\s?(?:root|INFO|DEBUG|WARNING|[\w.]{1,40})\s-\s(?:(?:INFO|DEBUG|WARNING)\s-\s)?/,
  /^\s*(?:INFO|DEBUG|WARNING)[:\s]\s{0,3}/,
];
const LONGEST_TAG = 80;

/** What stands between a line's prefix and its first figure's label, or in brackets there: "Before update_actor". */
export function tagOf(text: string, upTo: number): string {
  let rest = text.slice(0, Math.min(upTo, 600));
  for (let round = 0; round < 4; round++) {
    for (const prefix of PREFIXES) rest = rest.replace(prefix, '');
  }
  const bracket = /\[([^\][]{0,200})\][^\][]{0,40}$/.exec(rest);
  if (bracket !== null) return bracket[1].trim().slice(0, 200);
  const tag = rest.replace(/[\s,:;|([{'"-]{1,20}$/, '').trim();
  // Other figures of the loop are no tag.
  return tag.length > LONGEST_TAG || /[:=]\s{0,3}['"]?-?\d|^[^A-Za-z]*$|^\W/.test(tag) ? '' : tag;
}

/** A whole line as the tag of the next one, without its prefix. */
export const tagOfLine = (text: string): string => {
  const rest = text.slice(0, 600).replace(/^.{0,200}\[[\w.]{1,60}:\d{1,6}:\w{1,60}\]\s?/, '');
  return rest.trim().slice(0, 200);
};
