/**
 * The diagnosis of one page: three questions answered at a glance, then the findings. An answer is taken from a
 * finding or from the growth verdict; where neither tells, the page says so and makes nothing up.
 */
import { amountsIn, brief } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count, percent } from '../../base/words.ts';
import type {
  DeviceDiagnosis,
  Diagnosis,
  Evidence,
  Finding,
  LedgerView,
  Severity,
} from '../../engine/protocol.ts';
import type { FindingModel, Gain, Remedy } from './finding.ts';
import type { Lead } from './lead.ts';
import { leadOf } from './lead.ts';
import { confidenceWords, findingModel, gainOf, remedyOf } from './finding.ts';
import { growthModel, seriesLabel } from './growth.ts';

/** One who holds memory. */
export interface Holder {
  /** "s_leak  rec/record.py:167": the line. */
  readonly name: string;
  /** "33.40 MiB (35,025,412 bytes) an iteration in 64 allocations". */
  readonly words: string;
  readonly evidence: Evidence;
}

export interface WhoAnswer {
  readonly known: boolean;
  /** "99.9 % of the bytes have no stack"; null: the holders are the answer. */
  readonly short: string | null;
  /** By size and stream, where no line can be named. */
  readonly classes: readonly { readonly name: string; readonly words: string; readonly title: string }[];
  /** "Grows with every iteration", "Holds most at the peak". */
  readonly words: string;
  readonly holders: readonly Holder[];
  /** How much of the memory that leaves unsaid; null: nothing. */
  readonly caveat: string | null;
}

export interface EndAnswer {
  readonly known: boolean;
  /** "Yes. It grows with every iteration.", "No. ...", "Cannot tell". */
  readonly short: string;
  readonly severity: Severity | null;
  /** "Confidence: medium"; "" where nothing is told. */
  readonly confidence: string;
  /** Bound or slope, in the user's unit: "Reserved 4.56 GiB". */
  readonly figures: readonly { readonly text: string; readonly title: string }[];
  readonly words: string;
}

export interface BackAnswer {
  readonly known: boolean;
  readonly ways: readonly {
    readonly gain: Gain | null;
    readonly remedy: Remedy;
    /** Title of the finding that says so. */
    readonly because: string;
  }[];
  readonly words: string;
}

export interface Answers {
  readonly lead: Lead;
  readonly who: WhoAnswer;
  readonly ends: EndAnswer;
  readonly back: BackAnswer;
}

export interface DiagnosisPage {
  readonly findings: readonly FindingModel[];
  /** Findings about a server, a log or several files, which stand on every page. */
  readonly general: readonly FindingModel[];
  /** null: the page is not that of a device, or the device was not judged. */
  readonly answers: Answers | null;
}

/** Findings whose first stacks answer who holds memory, the more telling first. */
const NAME_HOLDERS: readonly (readonly [id: string, words: string | null])[] = [
  ['linear-leak', 'Keeps more with every iteration:'],
  ['masked-leak', 'Keeps more, behind what others give back:'],
  ['kept-outputs', 'Outlives its iteration:'],
  // Of which moment, the finding says itself.
  ['who-holds', null],
];
const MOST_HOLDERS = 3;
const MOST_WAYS = 3;
/** Share of what is reserved that the cache must hold to be named among the ways. */
const WORTH_A_LINE = 0.05;

/** "NAME: 12 ..." in its two parts; a text of another form has no name. */
function holderOf(evidence: Evidence): Holder {
  const parts = /^(.+?): (\d.*?)\.?$/.exec(brief(evidence.text));
  return parts === null
    ? { name: evidence.text, words: '', evidence }
    : { name: parts[1], words: parts[2], evidence };
}

/** Where no line can be named: what is known of each allocation all the same. */
function bySize({ withoutStack }: DeviceDiagnosis, unit: ByteUnit): WhoAnswer | null {
  if (withoutStack === null) return null;
  const { live, bytes, classes } = withoutStack;
  const streams = new Set(classes.map(({ stream }) => stream));
  return {
    known: true,
    short: `${percent(bytes / live)} of the bytes have no stack`,
    words: 'No line of code can be named for them. By size of the allocations:',
    holders: [],
    classes: classes.slice(0, MOST_HOLDERS).map((one) => ({
      name:
        one.least === one.most
          ? `${formatBytes(one.most, unit)} each`
          : `${formatBytes(one.least, unit)} to ${formatBytes(one.most, unit)} each`,
      words: `${formatBytes(one.bytes, unit)} in ${count(one.allocations, 'allocation')} (${percent(one.bytes / live)})${streams.size > 1 ? `, stream ${one.stream}` : ''}`,
      title: `${formatInteger(one.bytes)} bytes`,
    })),
    caveat: null,
  };
}

function whoHolds(
  findings: readonly Finding[],
  device: DeviceDiagnosis,
  hasStacks: boolean,
  unit: ByteUnit,
): WhoAnswer {
  for (const [id, words] of NAME_HOLDERS) {
    // Lines of a small rest are no answer to who holds the memory.
    const unnamed = id === 'who-holds' ? bySize(device, unit) : null;
    if (unnamed !== null) return unnamed;
    const naming = findings.filter((finding) => finding.id === id);
    const holders = naming.flatMap(({ evidence }) =>
      evidence.filter(({ stack }) => stack !== null).map(holderOf),
    );
    if (holders.length === 0) continue;
    const unsure = naming.find(({ confidence }) => id === 'who-holds' && confidence !== 'certain');
    return {
      known: true,
      short: null,
      classes: [],
      words: words ?? naming[0].headline ?? naming[0].title,
      holders: holders.slice(0, MOST_HOLDERS),
      caveat: unsure?.confidenceWhy ?? null,
    };
  }
  const words = hasStacks
    ? 'No finding names a line: see "Who holds it" below.'
    : 'No stacks were recorded, so no line of code can be named.';
  return { known: false, short: null, classes: [], words, holders: [], caveat: null };
}

const ENDS: Readonly<Record<string, readonly [short: string, severity: Severity]>> = {
  leak: ['Yes. It grows with every iteration.', 'problem'],
  slowing_growth: ['It slows down, and has not stopped.', 'risk'],
  pending_free: ['Yes. Freed blocks pile up.', 'problem'],
  fragmentation: ['Yes. Reserved memory keeps growing.', 'risk'],
  caching_allocator: ["No. The allocator's cache filled up and stopped.", 'good'],
  warm_up: ['No. It was warm-up, and has stopped.', 'good'],
  no_growth: ['No. It does not grow.', 'good'],
};

function doesItEnd(device: DeviceDiagnosis, unit: ByteUnit): EndAnswer {
  const { conclusion, iterations } = device;
  if (conclusion === null)
    return {
      known: false,
      short: 'Cannot tell',
      severity: null,
      confidence: '',
      figures: [],
      words: ['No iterations were found.', ...iterations.why].join(' '),
    };
  const told = Object.hasOwn(ENDS, conclusion.kind) ? ENDS[conclusion.kind] : null;
  const rows = growthModel(device, unit).rows.filter(({ series }) => series !== 'active');
  return {
    known: told !== null,
    short: told?.[0] ?? 'Cannot tell',
    severity: told?.[1] ?? null,
    confidence: confidenceWords(conclusion.confidence),
    figures: rows
      .filter(({ figure }) => figure !== '')
      .map(({ series, figure, figureTitle }) => ({
        text: `${seriesLabel(series)} ${figure}`,
        title: figureTitle,
      })),
    words: conclusion.sentence,
  };
}

/** Remedies that give something back, or that take a problem away; how to record better is none. */
function howToGetItBack(findings: readonly Finding[], device: DeviceDiagnosis, unit: ByteUnit): BackAnswer {
  const ways = findings.flatMap((finding) => {
    const remedy = remedyOf(finding.remedy);
    const counts =
      finding.gainBytes !== null || finding.severity === 'problem' || finding.severity === 'risk';
    return remedy === null || !counts
      ? []
      : [{ remedy, gain: gainOf(finding, unit), because: finding.title }];
  });
  const cache = emptyCache(findings, device, unit);
  const all = [...ways.slice(0, MOST_WAYS - cache.length), ...cache];
  return {
    known: all.length > 0,
    ways: all,
    words:
      all.length > 0
        ? ''
        : `No fix with a measurable gain was found.${
            endLedger(device)?.emptyCacheBytes === 0
              ? ' At the end of the recording empty_cache() would release nothing.'
              : ''
          }`,
  };
}

const endLedger = ({ ledgers }: DeviceDiagnosis): LedgerView | null =>
  ledgers.find(({ when }) => when === 'end')?.ledger ?? null;

/** What empty_cache() gives back at the end, where it is worth a line and no finding says it already. */
function emptyCache(
  findings: readonly Finding[],
  device: DeviceDiagnosis,
  unit: ByteUnit,
): BackAnswer['ways'] {
  const ledger = endLedger(device);
  if (ledger === null || ledger.emptyCacheBytes < WORTH_A_LINE * ledger.reserved) return [];
  const bytes = ledger.emptyCacheBytes;
  if (bytes === 0 || findings.some(({ gainBytes }) => gainBytes === bytes)) return [];
  const waiting = ledger.parts.find(({ id }) => id === 'pending')?.bytes?.value ?? 0;
  return [
    {
      gain: {
        text: formatBytes(bytes, unit),
        title: `${formatInteger(bytes)} bytes`,
        how: `is cached and unused at the end of the recording${waiting > 0 ? ' (empty_cache() waits for all streams first)' : ''}`,
      },
      remedy: {
        words: 'If another process needs it, release it; this one then has to allocate again:',
        code: 'torch.cuda.empty_cache()',
      },
      because: 'Where every byte is: free and releasable',
    },
  ];
}

/** `deviceKey`: null for a page without a device. `hasStacks`: whether its recording has any. */
export function diagnosisPage(
  { findings: told, devices }: Diagnosis,
  { deviceKey, hasStacks }: { readonly deviceKey: string | null; readonly hasStacks: boolean },
  unit: ByteUnit,
): DiagnosisPage {
  const findings = amountsIn(told, unit);
  // What is said of several devices at once stands on the page of each.
  const each = findings.flatMap((finding) => [finding, ...(finding.also ?? [])]);
  const own = deviceKey === null ? [] : each.filter((finding) => finding.deviceKey === deviceKey);
  const device = devices.find((one) => one.deviceKey === deviceKey) ?? null;
  const model = (finding: Finding): FindingModel => findingModel(finding, unit);
  return {
    findings: own.map(model),
    general: findings.filter((finding) => finding.deviceKey === null).map(model),
    answers:
      device === null
        ? null
        : {
            lead: leadOf(
              own,
              findings.filter((finding) => finding.deviceKey === null),
              device,
              unit,
            ),
            who: whoHolds(own, device, hasStacks, unit),
            ends: doesItEnd(device, unit),
            back: howToGetItBack(own, device, unit),
          },
  };
}
