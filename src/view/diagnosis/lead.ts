/**
 * The question that a page leads with follows the worst that was found: what failed, what grows, which files do not fit,
 * whether a plateau is a leak, where unused memory is. Each has an answer in a few words, or says that there is none.
 */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes } from '../../base/units.ts';
import { percent } from '../../base/words.ts';
import type { DeviceDiagnosis, Finding, Severity } from '../../engine/protocol.ts';
import { brief } from '../../base/amounts.ts';
import { confidenceWords } from './finding.ts';

export type Question = 'who' | 'ends' | 'back';

export interface LeadAnswer {
  /** "Why did it fail?" */
  readonly question: string;
  /** "A limit of the process refused it: 74.7 GiB were free" */
  readonly short: string;
  readonly severity: Severity;
  readonly words: string;
  /** "Confidence: medium"; "" where the answer is a sum. */
  readonly confidence: string;
}

export interface Lead {
  /** An answer of its own, above the three; null: one of the three leads. */
  readonly answer: LeadAnswer | null;
  /** The three, in the order in which they matter here, as they are asked here. */
  readonly questions: readonly { readonly id: Question; readonly text: string }[];
  /** Of the finding that something grows; null where that is not what the page leads with. */
  readonly growth: Severity | null;
}

/** Findings of a request for memory that was refused. */
const FAILED = new Set([
  'out-of-memory',
  'log-out-of-memory',
  'summary-out-of-memory',
  'failed-allocation',
  'server-refused',
]);
const GROWS = new Set(['linear-leak', 'masked-leak', 'kept-outputs', 'pending-free', 'fragmentation-growth']);
const PLATEAU = new Set(['caching_allocator', 'warm_up']);
/** Share of what is reserved that is unused from which on one asks where it is. */
const SLACK = 0.25;

const ASKED: Readonly<Record<Question, string>> = {
  who: 'Who holds the memory?',
  ends: 'Will it keep growing?',
  back: 'How do I get it back?',
};

const inOrder = (ids: readonly Question[], own: Partial<Record<Question, string>> = {}): Lead['questions'] =>
  ids.map((id) => ({ id, text: own[id] ?? ASKED[id] }));

/** An answer from a finding: its headline where the rule has one. */
const fromFinding = (question: string, finding: Finding): LeadAnswer => ({
  question,
  short: brief(finding.headline ?? finding.title),
  severity: finding.severity,
  words: brief(finding.verdict),
  confidence: confidenceWords(finding.confidence),
});

/** Where reserved memory is that nobody uses, at the end of the recording; null: it is little. */
function slackOf({ ledgers }: DeviceDiagnosis, unit: ByteUnit): LeadAnswer | null {
  const ledger = ledgers.find(({ when }) => when === 'end')?.ledger;
  if (ledger === undefined || ledger.reserved === 0) return null;
  const bytesOf = (id: string): number => ledger.parts.find((part) => part.id === id)?.bytes?.value ?? 0;
  const unused = ['inactive_split', 'releasable', 'private_idle'].map((id) => [id, bytesOf(id)] as const);
  const sum = unused.reduce((total, [, bytes]) => total + bytes, 0);
  if (sum < SLACK * ledger.reserved) return null;
  const SAID: Readonly<Record<string, string>> = {
    inactive_split: 'pinned by live blocks (inactive split)',
    releasable: 'cached, and released by empty_cache()',
    private_idle: 'free inside private pools of CUDA graphs',
  };
  const parts = unused
    .filter(([, bytes]) => bytes > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([id, bytes]) => `${formatBytes(bytes, unit)} ${SAID[id]}`);
  return {
    question: `Where are the ${formatBytes(sum, unit)}?`,
    short: `${percent(sum / ledger.reserved)} of reserved memory is unused`,
    severity: 'info',
    words: `At the end of the recording ${formatBytes(sum, unit)} of ${formatBytes(ledger.reserved, unit)} reserved are not allocated: ${parts.join(', ')}.`,
    confidence: '',
  };
}

/** `own`: findings of the page's device. `general`: those about all open files. */
export function leadOf(
  own: readonly Finding[],
  general: readonly Finding[],
  device: DeviceDiagnosis,
  unit: ByteUnit,
): Lead {
  const failed = own.find(({ id, severity }) => FAILED.has(id) && severity === 'problem');
  if (failed !== undefined)
    return {
      answer: fromFinding('Why did it fail?', failed),
      questions: inOrder(['who', 'back', 'ends'], { back: 'What would help?' }),
      growth: null,
    };
  const grows = own.find(
    ({ id, severity }) => GROWS.has(id) && (severity === 'problem' || severity === 'risk'),
  );
  if (grows !== undefined)
    return {
      answer: null,
      questions: inOrder(['who', 'ends', 'back'], { who: 'What grows?', back: 'How do I fix it?' }),
      growth: grows.severity,
    };
  const contradiction = general.find(({ id }) => id === 'contradiction');
  if (contradiction !== undefined)
    return {
      answer: {
        ...fromFinding('Do these files belong together?', contradiction),
        short: `Not as they are: ${brief(contradiction.title)}`,
      },
      questions: inOrder(['who', 'ends', 'back']),
      growth: null,
    };
  if (device.conclusion !== null && PLATEAU.has(device.conclusion.kind))
    return {
      answer: null,
      questions: inOrder(['ends', 'who', 'back'], { ends: 'Is this a leak?' }),
      growth: null,
    };
  return { answer: slackOf(device, unit), questions: inOrder(['who', 'ends', 'back']), growth: null };
}
