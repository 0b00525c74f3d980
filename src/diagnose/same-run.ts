/**
 * A log of a run that was also recorded tells what the recording tells. It is said once, by the recording, which knows
 * more; the log is one more fact for it:
 *
 *   linear-leak          leak.pickle        problem         linear-leak   leak.pickle   problem
 *   linear-leak-printed  leak.report.log    problem   ->      - leak.report.log tells the same: ...
 *
 * Only what agrees is taken together. Where the recording does not tell it, the log's finding stays by itself.
 */
import { oomFigureBounds } from '../analyze/ledger/non-torch-oom.ts';
import type { ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Finding, type ToldBy } from './finding.ts';

/** The finding of a recording that says what a log's finding of each kind does. */
const SAME_IDS = { leak: 'linear-leak', cache: 'caching-allocator', oom: 'out-of-memory' } as const;

/** Facts of the log that are taken over; the rules put the more telling ones first. */
const MOST_FACTS = 3;

/** null: one of the two does not tell. */
function isNear(exact: number | null, printed: number | null): boolean | null {
  if (exact === null || printed === null) return null;
  const { least, most } = oomFigureBounds(printed);
  return exact >= least && exact <= most;
}

/** Whether a recording's finding is about what a log's finding is about. */
function isSame(recorded: Finding, told: Finding, facts: ServerFacts): boolean {
  const { claim } = told;
  if (claim === undefined || recorded.id !== SAME_IDS[claim.kind] || recorded.deviceKey === null)
    return false;
  if (told.device !== null && told.device !== recorded.device) return false;
  if (claim.kind === 'oom') {
    // No clock is needed: an error that asks for the same and finds the same free or allocated, to the printed digits,
    // is the same. What is asked for alone recurs from run to run.
    const own = recorded.claim;
    if (own?.kind !== 'oom' || isNear(own.requested, claim.requested) !== true) return false;
    const found = [isNear(own.free, claim.free), isNear(own.allocated, claim.allocated)];
    return found.includes(true) && !found.includes(false);
  }
  const file = facts.input.recordingOf(claim.source);
  const named = facts.sources.filter((one) => one.file === file && one.format === 'torch-snapshot');
  return named.length === 1 && recorded.deviceKey.startsWith(`${named[0].id}:`);
}

/** Findings about recordings and about logs as one list; what a log says of a recorded run stands with the recording. */
export function joinSameRun(
  recorded: readonly Finding[],
  told: readonly Finding[],
  facts: ServerFacts,
): Finding[] {
  const joined = [...recorded];
  const others: Finding[] = [];
  for (const one of told) {
    const same = joined.flatMap((own, at) => (isSame(own, one, facts) ? [at] : []));
    if (same.length !== 1) {
      others.push(one);
      continue;
    }
    const [at] = same;
    joined[at] = {
      ...joined[at],
      toldBy: [...(joined[at].toldBy ?? []), ...toldBy(one, joined[at], facts)],
      evidence: [
        ...joined[at].evidence,
        evidence(`${sourceName(one, facts)} tells the same: ${one.title}.`),
        ...one.evidence.slice(0, MOST_FACTS).map(({ text }) => evidence(text)),
      ],
    };
  }
  return [...joined, ...others].map(withoutClaim);
}

const sourceName = ({ claim }: Finding, { sources }: ServerFacts): string =>
  sources.find(({ id }) => id === claim?.source)?.file ?? 'A log';

/** Where the log's own page finds what it told. */
function toldBy({ claim }: Finding, { deviceKey }: Finding, { sources }: ServerFacts): ToldBy[] {
  const recording = sources.find(({ id }) => deviceKey?.startsWith(`${id}:`) === true)?.file;
  const source = claim?.source ?? null;
  return source === null || recording === undefined ? [] : [{ source, recording }];
}

function withoutClaim(finding: Finding): Finding {
  const { claim, ...rest } = finding;
  return claim === undefined ? finding : rest;
}
