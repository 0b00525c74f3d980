/**
 * JAX device memory profiles: the pprof protobuf of `jax.profiler.save_device_memory_profile()` (gzip, opened
 * before this reader). One moment: the bytes of live buffers and compiled executables, by the Python stack that
 * made them.
 *
 * Format: docs.jax.dev/en/latest/device_memory_profiling.html; sample types (allocations, count) and (space, bytes);
 * labels kind = buffer | executable and device. Not read: pprof's mappings, drop and keep patterns; other pprof
 * profiles are refused.
 */
import { TraceError } from '../../base/trace-error.ts';
import { streamFields, WireReader } from '../../file/protobuf.ts';
import type { SourceData, Warning } from '../../trace/capture.ts';
import type { DataTable } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { type Frame, StackTable } from '../../trace/stack-table.ts';
import { Pprof, type Sample } from './pprof.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';

const FORMAT = 'jax-memory-profile';
const TITLE = 'JAX device memory profile';
const ADVICE =
  'Save one with jax.profiler.save_device_memory_profile("memory.prof"); other pprof profiles open in pprof.';

/** Where Python keeps what is not the user's own. */
const LIBRARY = /[/\\](site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|^<frozen/;

/** Reads the head's whole fields; null where it is no profile message. */
function profileOf(head: Uint8Array): Pprof | null {
  const profile = new Pprof();
  const reader = new WireReader(head);
  try {
    while (!reader.ended) {
      const field = reader.field();
      if (field === null) break;
      if (field.number > 15) return null;
      profile.add(field, 0);
    }
  } catch {
    return null;
  }
  return profile.sampleTypes.length > 0 ? profile : null;
}

function sniff(head: Head): Sniff {
  // Field 1, a message: every writer puts the sample types first.
  const profile = head.bytes[0] === 0x0a ? profileOf(head.bytes) : null;
  if (profile === null) return { score: 0, reason: 'is no pprof protobuf' };
  if (profile.strings.includes('allocations') && profile.strings.includes('space'))
    return { score: 0.95, reason: 'a pprof protobuf of allocations and space, as JAX writes it' };
  // Strings may lie behind the first 64 KiB.
  if (profile.strings.length === 0 && profile.samples.length > 0)
    return { score: 0.7, reason: 'a pprof protobuf' };
  return profile.samples.length + profile.strings.length > 0
    ? { score: 0.6, reason: 'a pprof protobuf, but not of allocations and space' }
    : { score: 0, reason: 'is no pprof protobuf' };
}

interface Group {
  readonly kind: string;
  readonly device: string;
  readonly stack: number;
  count: bigint;
  bytes: bigint;
}

/** Sums of what lies in both columns, by `key`. */
function grouped(groups: readonly Group[], key: (group: Group) => string): Group[] {
  const sums = new Map<string, Group>();
  for (const group of groups) {
    const sum = sums.get(key(group));
    if (sum === undefined) sums.set(key(group), { ...group });
    else {
      sum.count += group.count;
      sum.bytes += group.bytes;
    }
  }
  return [...sums.values()].sort((a, b) => (a.bytes === b.bytes ? 0 : a.bytes < b.bytes ? 1 : -1));
}

class Reading {
  readonly stacks = new StackTable();
  readonly warnings: Warning[] = [];
  private unknownLocations = 0;
  private skipped = 0;

  constructor(private readonly profile: Pprof) {}

  private stackOf(sample: Sample): number {
    const { profile } = this;
    const frames: number[] = [];
    for (const id of sample.locations) {
      const lines = profile.locations.get(id);
      if (lines === undefined) this.unknownLocations++;
      for (const { functionId, line } of lines ?? []) {
        const of = profile.functions.get(functionId);
        const name = of === undefined ? '' : profile.text(of.name);
        frames.push(
          this.stacks.internFrame(name, of === undefined ? '' : profile.text(of.file), Number(line)),
        );
      }
    }
    return this.stacks.internStack(Uint32Array.from(frames), frames.length);
  }

  private label(sample: Sample, key: string): string {
    const label = sample.labels.find((candidate) => this.profile.text(candidate.key) === key);
    return label === undefined ? '' : this.profile.text(label.text) || label.number.toString();
  }

  groups(countAt: number, bytesAt: number): Group[] {
    const groups: Group[] = [];
    for (const sample of this.profile.samples) {
      const count = sample.values[countAt];
      const bytes = sample.values[bytesAt];
      if (count === undefined || bytes === undefined) {
        this.skipped++;
        continue;
      }
      groups.push({
        kind: this.label(sample, 'kind'),
        device: this.label(sample, 'device'),
        stack: this.stackOf(sample),
        count,
        bytes,
      });
    }
    if (this.skipped > 0) this.warn(`${this.skipped} samples have no count or no size and were left out`);
    if (this.unknownLocations > 0)
      this.warn(
        `${this.unknownLocations} frames name a place that the profile does not have and were left out`,
      );
    return groups;
  }

  private warn(message: string): void {
    this.warnings.push({ message, offset: null });
  }

  private exact(value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) this.warn(`${value} is shown as ${number}: it is beyond 2^53`);
    return number;
  }

  /** Innermost frame, innermost frame that is no library's, and the whole stack. */
  private frames(stack: number): (string | null)[] {
    const frames = this.stacks.stack(stack);
    const words = ({ name, filename, line }: Frame): string =>
      `${name} (${filename}${line > 0 ? `:${line}` : ''})`;
    const own = frames.find(({ filename }) => !LIBRARY.test(filename));
    return frames.length === 0
      ? [null, null, null]
      : [words(frames[0]), own === undefined ? null : words(own), frames.map(words).join(' < ')];
  }

  tables(groups: readonly Group[]): DataTable[] {
    const moment =
      'Live at one moment, as JAX counts it: nothing of what was freed, and no course over time.';
    const ofKind = [
      { name: 'kind', unit: 'text' },
      { name: 'device', unit: 'text' },
      { name: 'count', unit: 'count' },
      { name: 'bytes', unit: 'bytes' },
    ] as const;
    const cells = ({ kind, device, count, bytes }: Group): (string | number | null)[] => [
      kind === '' ? null : kind,
      device === '' ? null : device,
      this.exact(count),
      this.exact(bytes),
    ];
    return [
      {
        id: 'jax-by-kind',
        title: 'JAX: live memory by kind and device',
        note: `${moment} Executables are compiled programs; JAX names no device for them.`,
        columns: ofKind,
        rows: grouped(groups, ({ kind, device }) => JSON.stringify([kind, device])).map(cells),
      },
      {
        id: 'jax-by-stack',
        title: 'JAX: live memory by stack',
        note: moment,
        columns: [
          ...ofKind,
          { name: 'innermost frame', unit: 'text' },
          { name: 'first own frame', unit: 'text' },
          { name: 'stack', unit: 'text' },
        ],
        rows: grouped(groups, ({ kind, device, stack }) => JSON.stringify([kind, device, stack])).map(
          (group) => [...cells(group), ...this.frames(group.stack)],
        ),
      },
    ];
  }

  data(countAt: number, bytesAt: number): SourceData {
    const groups = this.groups(countAt, bytesAt);
    const tables = this.tables(groups);
    const { timeNanos } = this.profile;
    return sourceData({
      producer: 'JAX (jax.profiler.save_device_memory_profile)',
      rows: groups.length,
      skipped: this.skipped,
      warnings: this.warnings,
      notRecorded: [
        'JAX recorded one moment, not a course over time: save several profiles and compare them, or record with jax.profiler.trace().',
      ],
      stacks: this.stacks,
      settings:
        timeNanos > 0n
          ? [['recorded at', new Date(Number(timeNanos / 1_000_000n)).toISOString()] as const]
          : [],
      readings: { clock: 'none', tables },
    });
  }
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const profile = new Pprof();
  let error: TraceError | null = null;
  try {
    let since = 0;
    for await (const { field, offset } of streamFields(input.chunks())) {
      profile.add(field, offset);
      if (offset - since < 1 << 20) continue;
      since = offset;
      context.progress('decoding pprof', 0);
      await context.breathe();
    }
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    error = thrown;
  }
  const typeAt = (type: string): number =>
    profile.sampleTypes.findIndex((of) => profile.text(of.type) === type);
  const countAt = typeAt('allocations');
  const bytesAt = typeAt('space');
  if (countAt < 0 || bytesAt < 0) {
    const types = profile.sampleTypes.map(({ type }) => profile.text(type)).filter((name) => name !== '');
    error ??= new TraceError(
      'refused',
      `a pprof profile of ${types.length > 0 ? types.join(', ') : 'unnamed figures'}, and not a JAX device memory profile (allocations, space).`,
      { file: input.name, format: FORMAT, offset: 0, advice: ADVICE },
    );
    return { data: sourceData({ producer: 'pprof' }), error };
  }
  return { data: new Reading(profile).data(countAt, bytesAt), error };
}

export const jaxMemoryProfileReader: Reader = { format: FORMAT, title: TITLE, sniff, read };
