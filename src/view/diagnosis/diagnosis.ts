/**
 * The diagnosis of one page: three questions answered at a glance, then the findings. An answer is taken from a
 * finding or from the growth verdict; where neither tells, the page says so and makes nothing up.
 */
import { amountsIn, brief } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type {
  DeviceDiagnosis,
  Diagnosis,
  Evidence,
  Finding,
  LedgerView,
  Severity,
} from '../../engine/protocol.ts';
import type { FindingModel, Gain, Remedy } from './finding.ts';
import { findingModel, gainOf, remedyOf } from './finding.ts';
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
  /** "Grows with every iteration", "Holds most at the peak". */
  readonly words: string;
  readonly holders: readonly Holder[];
  /** How much of the memory that leaves unsaid; null: nothing. */
  readonly caveat: string | null;
}

export interface EndAnswer {
  readonly known: boolean;
  /** "No", "Yes", "It does not grow", "Cannot tell". */
  readonly short: string;
  readonly severity: Severity | null;
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
const NAME_HOLDERS: readonly (readonly [string, string])[] = [
  ['linear-leak', 'Keeps more with every iteration:'],
  ['masked-leak', 'Keeps more, behind what others give back:'],
  ['kept-outputs', 'Outlives its iteration:'],
  ['who-holds', 'Held most when most was allocated:'],
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

function whoHolds(findings: readonly Finding[], hasStacks: boolean): WhoAnswer {
  for (const [id, words] of NAME_HOLDERS) {
    const naming = findings.filter((finding) => finding.id === id);
    const holders = naming.flatMap(({ evidence }) =>
      evidence.filter(({ stack }) => stack !== null).map(holderOf),
    );
    if (holders.length === 0) continue;
    const unsure = naming.find(({ confidence }) => id === 'who-holds' && confidence !== 'certain');
    return {
      known: true,
      words,
      holders: holders.slice(0, MOST_HOLDERS),
      caveat: unsure?.confidenceWhy ?? null,
    };
  }
  const words = hasStacks
    ? 'No finding names who: see "Who holds it" below.'
    : 'No stacks were recorded, so no line of code can be named.';
  return { known: false, words, holders: [], caveat: null };
}

const ENDS: Readonly<Record<string, readonly [short: string, severity: Severity]>> = {
  leak: ['No: it grows with every iteration', 'problem'],
  slowing_growth: ['Not within this recording', 'risk'],
  pending_free: ['No: freed blocks pile up', 'problem'],
  fragmentation: ['No: what is reserved grows on', 'risk'],
  caching_allocator: ['Yes: it is the cache of the allocator', 'good'],
  warm_up: ['Yes: it was warm-up', 'good'],
  no_growth: ['It does not grow', 'good'],
};

function doesItEnd(device: DeviceDiagnosis, unit: ByteUnit): EndAnswer {
  const { conclusion, iterations } = device;
  if (conclusion === null)
    return {
      known: false,
      short: 'Cannot tell',
      severity: null,
      figures: [],
      words: ['No iterations were found.', ...iterations.why].join(' '),
    };
  const told = Object.hasOwn(ENDS, conclusion.kind) ? ENDS[conclusion.kind] : null;
  const rows = growthModel(device, unit).rows.filter(({ series }) => series !== 'active');
  return {
    known: told !== null,
    short: told?.[0] ?? 'Cannot tell',
    severity: told?.[1] ?? null,
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
        : `No finding offers a way whose gain can be computed.${
            endLedger(device)?.emptyCacheBytes === 0
              ? ' empty_cache() would give nothing back at the end of the recording.'
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
        how: `empty_cache() at the end of the recording${waiting > 0 ? ', which waits for all streams first' : ''}`,
      },
      remedy: {
        words:
          'Where another process needs the memory. What this one asks for again has to be allocated anew:',
        code: 'torch.cuda.empty_cache()',
      },
      because: 'Where every byte is: free, empty_cache gives it back',
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
            who: whoHolds(own, hasStacks),
            ends: doesItEnd(device, unit),
            back: howToGetItBack(own, device, unit),
          },
  };
}
