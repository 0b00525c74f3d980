/** The diagnosis over all open files: facts from the sessions, findings from the rules. */
import type { Faults, Step } from './faults.ts';
import { damageOf } from './source-damage.ts';
import type { DeviceFacts, GrowthOfSeries } from '../analyze/device-facts.ts';
import type { GrowthPart } from '../analyze/growth/parts.ts';
import type { IterationGrowth } from '../analyze/growth/series.ts';
import type { Iterations } from '../analyze/growth/iterations.ts';
import { deviceLabel } from '../base/words.ts';
import { exactAmount } from '../base/amounts.ts';
import { liveWithoutStack } from '../analyze/without-stack.ts';
import { leastConfident } from '../analyze/recording/data-quality.ts';
import { type Damage, damagesOf, tempered } from '../diagnose/damage.ts';
import { diagnoseDevice, sortFindings } from '../diagnose/device-rules.ts';
import { groupDevices } from '../diagnose/group-devices.ts';
import { heldAgainstOthers } from '../diagnose/uneven-devices.ts';
import { joinSameRun } from '../diagnose/same-run.ts';
import { diagnoseServers } from '../diagnose/server-rules.ts';
import type { Confidence, Finding } from '../diagnose/finding.ts';
import type { OpenSource } from './open-source.ts';
import type { OneClock } from '../analyze/clock/desk.ts';
import type { DeviceSession } from './device-session.ts';
import type { DeviceSideAt } from '../analyze/ledger/non-torch-near.ts';
import { ledgerView, qualityView } from './answer/ledger.ts';
import { pinsView } from './answer/pins.ts';
import { markersFor, type ServerDesk, serversDiagnosis } from './server-desk.ts';
import type { DeviceDiagnosis, Diagnosis, GrowthPartView, GrowthView } from './diagnosis.ts';

/** Values at the ends of iterations that cross to the page: so many at most, evenly picked. */
const MOST_VALUES = 400;

function verdictView({ atEnd }: IterationGrowth, iterations: Iterations) {
  const { statistics: s, window } = atEnd;
  return {
    kind: atEnd.kind,
    confidence: atEnd.confidence,
    boundBytes: atEnd.bound,
    slopeBytesPerIteration: atEnd.slopePerIteration,
    iterations: iterations.count,
    window:
      window === null ? null : ([iterations.rows[window[0]], iterations.rows[window[1] + 1] - 1] as const),
    statistic: `Theil–Sen slope ${exactAmount(s.slope)} per iteration (95 %: at most ${exactAmount(s.slopeAtMost)}), Kendall tau ${s.kendallTau.toFixed(2)}, p ${s.p.toPrecision(2)}, R² ${s.rSquared.toFixed(3)}, n ${s.n}`,
    why: atEnd.why,
  };
}

function growthView({ series, growth }: GrowthOfSeries, iterations: Iterations): GrowthView {
  const { end } = growth.values;
  const step = Math.max(1, Math.ceil(end.length / MOST_VALUES));
  return {
    series,
    ...verdictView(growth, iterations),
    untilLimit: growth.atEnd.untilLimit,
    values: [...end].filter((_, i) => i % step === 0 || i === end.length - 1),
  };
}

const partView = (
  { by, name, stack, series, growth }: GrowthPart,
  iterations: Iterations,
): GrowthPartView => ({
  by,
  name,
  stack,
  series,
  ...verdictView(growth, iterations),
  first: growth.values.end[0],
  last: growth.values.end[growth.values.end.length - 1],
});

/** Ledgers at the end, where most was reserved, and at the first out-of-memory error. */
function ledgersOf(facts: DeviceFacts, sideAt: DeviceSideAt): DeviceDiagnosis['ledgers'] {
  if (facts.rows === 0) return [];
  const moments = [
    { when: 'end', row: facts.rows - 1 },
    { when: 'peak', row: facts.reservedPeak.row },
    { when: 'oom', row: facts.ooms[0]?.row ?? -1 },
  ] as const;
  return moments.flatMap(({ when, row }) => {
    const ledger = row < 0 ? null : ledgerView(facts, row, sideAt);
    return ledger === null ? [] : [{ when, ledger }];
  });
}

/** From this share on it is no use to name the lines of the rest. */
const MOSTLY = 0.5;

function nameless(facts: DeviceFacts): DeviceDiagnosis['withoutStack'] {
  const told = liveWithoutStack(facts, facts.rows === 0 ? -1 : facts.allocatedPeak.row);
  return told.live > 0 && told.bytes > MOSTLY * told.live ? told : null;
}

function deviceDiagnosis(facts: DeviceFacts, session: DeviceSession, sideAt: DeviceSideAt): DeviceDiagnosis {
  const { iterations, conclusion } = facts;
  return {
    deviceKey: facts.input.key,
    device: facts.trace.device,
    iterations: {
      method: iterations.method,
      count: iterations.count,
      confidence: iterations.confidence,
      why: iterations.why,
      rows: [...iterations.rows],
      startsNs: [...iterations.rows].map((row) =>
        row < session.rows ? session.timeOf(row) : session.whole('time').to,
      ),
    },
    growth: facts.growth.map((growth) => growthView(growth, iterations)),
    growthParts: facts.growthParts.map((part) => partView(part, iterations)),
    conclusion:
      conclusion === null
        ? null
        : { kind: conclusion.conclusion, confidence: conclusion.confidence, sentence: conclusion.sentence },
    quality: qualityView(session, facts),
    ledgers: ledgersOf(facts, sideAt),
    pins: facts.pins === null ? null : pinsView(facts.pins, facts.rows - 1, facts.input.stacks),
    withoutStack: nameless(facts),
  };
}

/** Iterations as the recording shows them itself; where it does not, the lines of a request log mark them. */
function markedFacts(session: DeviceSession, sources: readonly OpenSource[], clock: OneClock): DeviceFacts {
  const facts = session.facts();
  const { method, confidence } = facts.iterations;
  if (method !== 'none' && confidence !== 'low') return facts;
  const markers = markersFor(session, sources, clock);
  return markers === undefined ? facts : session.facts(markers);
}

/** The diagnosis of a device as sure as its file allows. */
const temperedDevice = (told: DeviceDiagnosis, { most }: Damage): DeviceDiagnosis => {
  const less = <T extends { readonly confidence: string }>(one: T): T => ({
    ...one,
    confidence: leastConfident([one.confidence as Confidence, most]),
  });
  return {
    ...told,
    iterations: less(told.iterations),
    growth: told.growth.map(less),
    growthParts: told.growthParts.map(less),
    conclusion: told.conclusion === null ? null : less(told.conclusion),
    quality: less(told.quality),
  };
};

/**
 * @param sideOf What the open files tell of a recording's device.
 * @param faults Takes what throws: one source, one rule, one step alone is lost by it.
 * @param step Lets other questions through; it may throw to give up.
 */
export async function diagnose(
  sources: readonly OpenSource[],
  desk: ServerDesk,
  clock: OneClock,
  sideOf: (session: DeviceSession) => DeviceSideAt,
  faults: Faults,
  step: () => Promise<void>,
): Promise<Diagnosis> {
  const begun = performance.now();
  await step();
  const servers = desk.facts(sources, clock);
  const recorded: Finding[] = [];
  const devices: DeviceDiagnosis[] = [];
  for (const source of sources) {
    const damage = damageOf(source.loaded);
    const damages = damage === null ? [] : [damage];
    const ofSource: Finding[] = [];
    const known: DeviceFacts[] = [];
    for (const session of source.sessions) {
      const of = deviceLabel(session.trace.device);
      const place = (what: string): Step => ({ sourceId: source.id, file: source.loaded.file, what });
      const facts = faults.try(
        place(`the iterations of ${of}`),
        () => markedFacts(session, sources, clock),
        session.facts(),
      );
      const findings = await diagnoseDevice(facts, step, (thrown) =>
        faults.add(thrown, place(`a part of the diagnosis of ${of}`)),
      );
      ofSource.push(...findings);
      known.push(facts);
      const told = faults.try(
        place(`the ledger or the growth of ${of}`),
        () => deviceDiagnosis(facts, session, sideOf(session)),
        null,
      );
      if (told !== null) devices.push(damage === null ? told : temperedDevice(told, damage));
      await step();
    }
    const held = faults.try(
      { sourceId: source.id, file: source.loaded.file, what: 'what the devices tell of each other' },
      () => heldAgainstOthers(ofSource, known),
      ofSource,
    );
    recorded.push(...held.map((finding) => tempered(finding, damages)));
  }
  // Behind those about recordings: of equal weight, the one that names lines of code comes first.
  const logs = sources.filter(({ sessions }) => sessions.length === 0);
  const damages = logs.flatMap((source) => damageOf(source.loaded) ?? []);
  const files = logs.map(({ loaded }) => loaded.file);
  const place = (what: string): Step => ({ sourceId: null, file: null, what });
  const told = (
    await diagnoseServers(servers, step, (thrown) =>
      faults.add(thrown, place('a part of the diagnosis of logs and monitors')),
    )
  ).map((finding) => tempered(finding, damagesOf(finding, damages, files)));
  const joined = faults.try(
    place('which files tell of the same run'),
    () => joinSameRun(recorded, told, servers),
    [...recorded, ...told],
  );
  return {
    findings: groupDevices(sortFindings(joined)),
    devices,
    ...serversDiagnosis(servers, clock, faults),
    faults: faults.list,
    milliseconds: performance.now() - begun,
  };
}
