/** One device of one file with everything asked of it: curves, lifetimes, and the answers of the protocol. */
import { Kept } from '../base/lazy.ts';
import { faultReference } from '../base/trace-error.ts';
import type { DeviceTrace, SourceData } from '../trace/capture.ts';
import { type Baseline, baselineOf } from '../aggregate/baseline.ts';
import { DeviceAggregate } from '../aggregate/device-aggregate.ts';
import { allocationKeys, seriesOf } from '../aggregate/device-columns.ts';
import { KernelTrack } from '../aggregate/kernel-track.ts';
import { DeviceFacts } from '../analyze/device-facts.ts';
import type { IterationMarkers } from '../analyze/growth/iterations.ts';
import { type EarlierAllocation, earlierAllocations, groupNames } from '../analyze/live.ts';
import { type Lifetimes, lifetimesOf } from '../analyze/lifetimes.ts';
import { AddressSpace } from '../analyze/lives/address-space.ts';
import { type KnownBlocks, knownBlocksOf } from '../analyze/lives/known-blocks.ts';
import { type GroupBy, groupsOf, type LifeGroups } from '../analyze/lives/life-groups.ts';
import { LifeSelections } from '../analyze/lives/life-selections.ts';
import { LifeStacks } from '../analyze/lives/life-stacks.ts';
import { type Lives, livesOf } from '../analyze/lives/lives.ts';
import { type LedgerOverTime, ledgerOverTime } from '../analyze/ledger/over-time.ts';
import { holderLabel } from '../analyze/user-frames.ts';
import { TallestRows } from '../analyze/ledger/tallest.ts';
import { withReplay } from '../analyze/ledger/replay-series.ts';
import { type SnapshotSettings, settingsOfSnapshot } from '../replay/alloc-conf-snapshot.ts';
import type { SelfReplay } from '../replay/replay-result.ts';
import { selfReplay } from '../replay/self-replay.ts';
import type { Question } from '../kernel/crossover.ts';
import { ACTION, ACTIONS, NONE } from '../trace/schema.ts';
import { FreeColumns } from './free-columns.ts';
import type { ChosenBy } from './kernel-choice.ts';
import { StackTrees } from './stack-trees.ts';
import type { RanOn } from './protocol.ts';
import type { Axis, Range } from './range.ts';
import type { Unled } from './replay-protocol.ts';

export class DeviceSession {
  readonly key: string;
  readonly baseline: Baseline;
  /** The model left alone, by the replay that it is compared with. */
  readonly unled = new Kept<SelfReplay, Unled>();
  readonly aggregate: DeviceAggregate;
  /** Free blocks over time. */
  readonly freeColumns: FreeColumns;
  private broken: string | null = null;
  private replayed: { readonly result: SelfReplay | null } | null = null;
  private ledger: LedgerOverTime | null = null;
  private tallest: TallestRows | null = null;
  private track: KernelTrack | null = null;
  private inForce: SnapshotSettings | null = null;
  private own: { readonly key: string; readonly facts: DeviceFacts } | null = null;
  private marked: { readonly key: string; readonly facts: DeviceFacts } | null = null;
  private known: { lifetimes: Lifetimes; earlier: EarlierAllocation[] } | null = null;
  private table: Lives | null = null;
  private selected: Promise<LifeSelections> | null = null;
  private space: AddressSpace | null = null;
  private stacked: Promise<LifeStacks> | null = null;
  private blocks: KnownBlocks | null = null;
  readonly stackTrees = new StackTrees();
  private readonly labels = new Kept<number, string>();
  private readonly groups = new Kept<GroupBy, LifeGroups>();

  constructor(
    readonly sourceId: number,
    readonly source: SourceData,
    readonly trace: DeviceTrace,
    readonly chosen: ChosenBy,
  ) {
    this.key = `${sourceId}:${trace.device}`;
    this.baseline = baselineOf(trace);
    this.aggregate = new DeviceAggregate(
      trace,
      seriesOf(trace, this.baseline),
      (early) => withReplay(early, this.replay, () => this.ledgerColumns),
      { curves: chosen.curves.kernels, histogram: chosen.histogram.kernels },
      () => allocationKeys(trace),
    );
    this.freeColumns = new FreeColumns(chosen.lives.kernels, () => this.addressSpace.freeLives);
  }

  get usesGpu(): boolean {
    return Object.values(this.chosen).some(({ kernels }) => kernels.name === 'gpu');
  }

  /** Releases what is resident where the kernels run. */
  async close(): Promise<void> {
    await this.aggregate.close();
    await this.freeColumns.close();
  }

  /** The allocator led along the recording; null where there is nothing to replay. Made on first use. */
  get replay(): SelfReplay | null {
    this.replayed ??= { result: this.replayable ? this.makeReplay() : null };
    return this.replayed.result;
  }

  private get replayable(): boolean {
    return this.trace.producer === 'torch' && this.trace.events.action.includes(ACTION.alloc);
  }

  /** null where the model breaks on what the recording claims: then `replayFault` says so, and nothing rests on it. */
  private makeReplay(): SelfReplay | null {
    try {
      return selfReplay(this.trace, this.settings.settings, this.baseline.fromEmpty);
    } catch (thrown) {
      this.broken = `Its history cannot be replayed: it contradicts itself, so that no allocator can have done it (${faultReference(thrown)}). What the allocator did inside of its segments is not known.`;
      return null;
    }
  }

  /** Why the allocator could not be led along a recording that has allocations; null: it could, or there are none. */
  get replayFault(): string | null {
    return this.replay === null ? this.broken : null;
  }

  /** Allocator settings in force, as far as the file tells. */
  get settings(): SnapshotSettings {
    this.inForce ??= settingsOfSnapshot(this.source.settings);
    return this.inForce;
  }

  /** Whether a part of the file could not be read: what is not there may have been recorded all the same. */
  get unread(): boolean {
    const { damage, skipped, unread } = this.source;
    return unread === true || (damage === undefined ? skipped > 0 : damage !== null);
  }

  /**
   * What a diagnosis needs to know, kept from one diagnosis to the next: other files that come and go change nothing
   * in it. `markers`: times at which iterations begin, from another file; the last ones asked for are kept.
   */
  facts(markers?: IterationMarkers): DeviceFacts {
    const key = markers === undefined ? '' : `${markers.name} ${markers.times_ns.join()}`;
    const kept = markers === undefined ? this.own : this.marked;
    if (kept?.key === key) return kept.facts;
    const { trace, baseline, living, replay } = this;
    const facts = new DeviceFacts({
      key: this.key,
      trace,
      stacks: this.source.stacks,
      settings: this.settings,
      baseline,
      lifetimes: living.lifetimes,
      earlier: living.earlier,
      replay,
      unread: this.unread,
      ...(markers === undefined ? {} : { markers }),
    });
    if (markers === undefined) this.own = { key, facts };
    else this.marked = { key, facts };
    return facts;
  }

  /** The ledger after every row; made on first use. null: the allocator was not replayed to the byte. */
  get ledgerColumns(): LedgerOverTime | null {
    if (this.replay === null) return null;
    this.ledger ??= ledgerOverTime(this.trace, this.settings.settings, this.replay);
    return this.ledger;
  }

  /** The same by ranges of rows; made on first use. */
  get tallestRows(): TallestRows | null {
    const told = this.ledgerColumns;
    if (told !== null) this.tallest ??= new TallestRows(this.trace, told);
    return this.tallest;
  }

  get rows(): number {
    return this.trace.events.length;
  }

  /** By action; those that occur. */
  get eventCounts(): Record<string, number> {
    const counts = new Array<number>(ACTIONS.length).fill(0);
    for (const action of this.trace.events.action) counts[action]++;
    return Object.fromEntries(
      ACTIONS.map((name, i) => [name, counts[i]] as const).filter(([, count]) => count > 0),
    );
  }

  /** Lifetimes and what was allocated before the recording; made on first use. */
  get living(): { readonly lifetimes: Lifetimes; readonly earlier: readonly EarlierAllocation[] } {
    if (this.known === null) {
      const lifetimes = lifetimesOf(this.trace.events, this.trace.partner);
      this.known = { lifetimes, earlier: earlierAllocations(this.trace, lifetimes) };
    }
    return this.known;
  }

  /** Every allocation from where it was made to where it ended; made on first use. */
  get lives(): Lives {
    this.table ??= livesOf(this.trace, this.living.lifetimes, this.living.earlier);
    return this.table;
  }

  /** What stood at which address after any row; made on first use. */
  get addressSpace(): AddressSpace {
    this.space ??= new AddressSpace(this.trace, this.lives, this.replay, this.settings.settings);
    return this.space;
  }

  /** Bytes of the block of each life, NaN where it is not known; made on first use. */
  get knownBlocks(): KnownBlocks {
    this.blocks ??= knownBlocksOf(this.lives, this.trace, this.replay);
    return this.blocks;
  }

  /** Lives by typed filters. */
  selections(): Promise<LifeSelections> {
    this.selected ??= this.makeSelections();
    return this.selected;
  }

  private async makeSelections(): Promise<LifeSelections> {
    const { aggregate, lives, trace, source, rows } = this;
    const peakRow = await this.peakRow();
    return new LifeSelections(lives, aggregate.times, {
      streams: trace.streams,
      groups: groupNames(trace),
      stacks: source.stacks,
      rows,
      peakRow,
      origin: lives.origin,
      rowAt: (ns) => aggregate.rowAt(ns),
      labelOf: (stack) => this.labelOf(stack),
    });
  }

  /** Lives stacked on top of each other. */
  stacks(): Promise<LifeStacks> {
    this.stacked ??= this.lifeGroups('line').then(({ of }) => new LifeStacks(this.lives, of));
    return this.stacked;
  }

  /** Groups that lives are coloured by. */
  async lifeGroups(by: GroupBy): Promise<LifeGroups> {
    const peakRow = await this.peakRow();
    return this.groups.of(by, () =>
      groupsOf(this.lives, by, {
        streams: this.trace.streams,
        pools: groupNames(this.trace),
        peakRow,
        times: this.aggregate.times,
        labelOf: (stack) => this.labelOf(stack),
      }),
    );
  }

  /** The line that made what has this stack; worked out once for each. */
  labelOf(stack: number): string {
    return this.labels.of(stack, () => holderLabel(this.source.stacks, stack));
  }

  /** First row after which most was requested (Nsight: most device memory was taken); -1 where there are no events. */
  async peakRow(): Promise<number> {
    const spec = this.aggregate.spec('requested') ?? this.aggregate.series[0];
    return spec === undefined ? -1 : ((await this.aggregate.extent(spec)).peakRow ?? -1);
  }

  /** Kernels of the device, where they were recorded; made on first use. */
  get kernelTrack(): KernelTrack | null {
    const { kernels } = this.trace;
    if (kernels !== undefined) this.track ??= new KernelTrack(kernels, this.aggregate.base);
    return this.track;
  }

  /** The whole recording on an axis; `to` lies one step beyond the last event. */
  whole(axis: Axis): Range {
    const end = axis === 'event' ? this.rows : (this.aggregate.times.at(-1) ?? 0) + 1;
    return { axis, from: 0, to: Math.max(end, 1) };
  }

  /** Rows [from, to) of a range. */
  rowsOf(range: Range | null): readonly [number, number] {
    if (range === null) return [0, this.rows];
    const at = (x: number): number =>
      range.axis === 'event' ? Math.min(Math.max(Math.ceil(x), 0), this.rows) : this.aggregate.rowAt(x);
    const from = at(range.from);
    return [from, Math.max(from, at(range.to))];
  }

  timeOf(row: number): number {
    return this.aggregate.times[row];
  }

  /** Where an answer was computed that was begun then (performance.now()). */
  ranOn(started: number, question: Question = 'curves'): RanOn {
    const { kernels, reason } = this.chosen[question];
    return { where: kernels.name, reason, milliseconds: performance.now() - started };
  }

  stackOrNull(node: number): number | null {
    return node === NONE ? null : node;
  }
}
