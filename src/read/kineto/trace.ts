/**
 * Reads Kineto's Chrome traces (torch.profiler, profile_memory=True): what `[memory]` and `[OutOfMemory]` events
 * say of every device, and copies and sets by kind. Files of gigabytes stream: an event is bytes until it is one
 * of these. PyTorch 1.9 (no addresses, no totals) to today; CUDA, ROCm, XPU.
 *   https://docs.pytorch.org/docs/stable/profiler.html
 *   https://github.com/pytorch/kineto/blob/main/libkineto/src/output_json.cpp
 *
 * The steps and ranges that the program named stand beside (kineto-marks.ts). Not read: operators, kernels, Python
 * frames, flows; they are counted. An allocation's operator would have to be found by time and thread.
 *
 * Long because the keys around the events and the events share one state.
 */
import { TraceError } from '../../base/trace-error.ts';
import { formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import { OPEN_ARRAY, OPEN_OBJECT } from '../../file/json-bytes.ts';
import { asciiText, integerAt, scaledInteger } from '../../file/json-numbers.ts';
import { JsonCursor } from '../../file/json-tokens.ts';
import { eachMember, isList, isObject, type JsonValue, textOf } from '../../file/json-value.ts';
import type { Warning } from '../../trace/capture.ts';
import type { LogEvent } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { headText, passOver } from '../lines/json-pass.ts';
import { foreignTrace, TORCH_KEYS } from './foreign-trace.ts';
import { EventScanner, findEvent, type EventParts } from './event.ts';
import { DeviceEvents, HOST, deviceTypeName } from './memory.ts';
import { ProgramMarks } from './marks.ts';
import { TransferSums } from './transfers.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';

const FORMAT = 'kineto-trace';
/** Warnings of one kind that are listed one by one. */
const LISTED_WARNINGS = 10;
const MAX_OOM_EVENTS = 10_000;
const MAX_DEVICES = 4096;
const HEAD = 1 << 15;
/** Unix time in ns beyond which a time is taken for one: the year 2001. */
const EPOCH_FROM = 1_000_000_000_000_000_000n;

const RECORD_MEMORY =
  'Record memory: torch.profiler.profile(profile_memory=True, ...); prof.export_chrome_trace("trace.json").';

interface DeviceProperties {
  readonly name: string | null;
  readonly totalBytes: number | null;
}

class TraceReading {
  readonly warnings: Warning[] = [];
  readonly devices = new Map<string, DeviceEvents>();
  readonly transfers = new TransferSums();
  readonly marks = new ProgramMarks();
  readonly ooms: LogEvent[] = [];
  readonly properties = new Map<number, DeviceProperties>();
  readonly settings: (readonly [string, string])[] = [];
  readonly scanner = new EventScanner((event) => this.onEvent(event));
  private hasTorchKey = false;
  rank: string | null = null;
  profilesMemory: boolean | null = null;
  base_ns = 0n;
  memoryEvents = 0;
  skipped = 0;
  broken = 0;
  private firstBroken = 0;

  constructor(private readonly offsetOf: (event: EventParts) => number) {}

  /** One key of the object around the events. */
  async onKey(key: string, json: JsonCursor): Promise<void> {
    this.hasTorchKey ||= TORCH_KEYS.has(key);
    switch (key) {
      case 'traceEvents':
        if ((await json.peek()) === OPEN_ARRAY) await this.readEvents(json);
        else await json.skip();
        return;
      case 'baseTimeNanoseconds': {
        const offset = json.offset;
        const base = scaledInteger((await json.takeText()) ?? '', 0);
        if (base === null)
          this.warn('baseTimeNanoseconds is not a number: times count from an unknown moment.', offset);
        else this.base_ns = base;
        return;
      }
      case 'deviceProperties':
        this.onDevices(await json.take());
        return;
      case 'distributedInfo':
        this.onDistributed(await json.take());
        return;
      case 'profile_memory':
        this.profilesMemory = Boolean(await json.take());
        return;
      case 'schemaVersion':
      case 'cuda_runtime_version':
      case 'cuda_driver_version':
      case 'hip_runtime_version':
      case 'hip_driver_version': {
        const text = (await json.takeText())?.replaceAll('"', '').slice(0, 40);
        if (text !== undefined) this.settings.push([key, text]);
        return;
      }
      default:
        await json.skip();
    }
  }

  async readEvents(json: JsonCursor): Promise<void> {
    await json.items({
      step: this.scanner.step,
      resume: findEvent,
      onBroken: (offset) => {
        if (this.broken === 0) this.firstBroken = offset;
        if (++this.broken <= LISTED_WARNINGS)
          this.warn('An event that is damaged was left out; reading goes on at the next one.', offset);
      },
    });
  }

  /** Bytes behind the end of the trace: another file's, or what a lost bracket cut off. */
  onMore(offset: number): void {
    if (this.broken++ === 0) this.firstBroken = offset;
    this.warn('The trace ends here, and more follows, which was not read.', offset);
  }

  private onDevices(value: JsonValue | undefined): void {
    if (!isList(value)) return;
    for (const device of value.slice(0, MAX_DEVICES)) {
      if (!isObject(device) || typeof device['id'] !== 'number') continue;
      const name = typeof device['name'] === 'string' ? device['name'].slice(0, 200) : null;
      const total = device['totalGlobalMem'];
      const totalBytes = typeof total === 'number' && Number.isSafeInteger(total) ? total : null;
      this.properties.set(device['id'], { name, totalBytes });
      const parts = [name, totalBytes === null ? null : `${formatInteger(totalBytes)} bytes`];
      this.settings.push([`GPU ${device['id']}`, parts.filter((part) => part !== null).join(', ')]);
    }
  }

  private onDistributed(value: JsonValue | undefined): void {
    if (!isObject(value)) return;
    for (const key of ['rank', 'world_size', 'backend'] as const) {
      const told = value[key];
      if (typeof told !== 'number' && typeof told !== 'string') continue;
      this.settings.push([key, String(told).slice(0, 100)]);
      if (key === 'rank') this.rank = String(told).slice(0, 20);
    }
  }

  private onEvent(event: EventParts): void {
    const { bytes } = event;
    const clock = (start: number, end: number): bigint | null =>
      start === 0 ? null : scaledInteger(asciiText(bytes, start, Math.min(end, start + 81)), 3);
    if (event.kind === 'mark') {
      const at = clock(event.timeStart, event.timeEnd);
      if (at === null || event.nameStart === 0) return;
      const took = clock(event.durationStart, event.durationEnd);
      const name = textOf(bytes, event.nameStart, Math.min(event.nameEnd, event.nameStart + 100));
      this.marks.add(name, at, took === null ? null : Number(took), this.offsetOf(event));
      return;
    }
    const numbers = {
      type: NaN,
      device: NaN,
      bytes: NaN,
      allocated: NaN,
      reserved: NaN,
      transferred: NaN,
      on: NaN,
    };
    let address: bigint | null = null;
    if (event.argsStart > 0 && bytes[event.argsStart] === OPEN_OBJECT) {
      eachMember(bytes, event.argsStart, event.argsEnd, (keyStart, keyEnd, start, end) => {
        switch (asciiText(bytes, keyStart, Math.min(keyEnd, keyStart + 20))) {
          case 'Device Type':
            numbers.type = integerAt(bytes, start, end);
            break;
          case 'Device Id':
            numbers.device = integerAt(bytes, start, end);
            break;
          case 'Bytes':
            numbers.bytes = integerAt(bytes, start, end);
            break;
          case 'Total Allocated':
            numbers.allocated = integerAt(bytes, start, end);
            break;
          case 'Total Reserved':
            numbers.reserved = integerAt(bytes, start, end);
            break;
          case 'Addr':
            address = scaledInteger(asciiText(bytes, start, Math.min(end, start + 81)), 0);
            break;
          case 'bytes':
            numbers.transferred = integerAt(bytes, start, end);
            break;
          case 'device':
            numbers.on = integerAt(bytes, start, end);
        }
      });
    }
    if (event.kind === 'transfer') {
      const name = textOf(bytes, event.nameStart, Math.min(event.nameEnd, event.nameStart + 100));
      const took = clock(event.durationStart, event.durationEnd);
      this.transfers.add(
        name,
        Number.isNaN(numbers.on) ? null : numbers.on,
        numbers.transferred,
        took === null ? NaN : Number(took),
      );
      return;
    }
    const time_ns = clock(event.timeStart, event.timeEnd);
    if (time_ns === null || Number.isNaN(numbers.bytes) || Number.isNaN(numbers.type)) {
      if (++this.skipped <= LISTED_WARNINGS)
        this.warn(
          'A memory event without a time, its bytes or its device type was left out.',
          this.offsetOf(event),
        );
      return;
    }
    const device = Number.isNaN(numbers.device) ? -1 : numbers.device;
    if (event.kind === 'out-of-memory') {
      this.onOutOfMemory(time_ns, numbers.type, device, numbers, this.offsetOf(event));
      return;
    }
    const key = `${numbers.type} ${device}`;
    let events = this.devices.get(key);
    if (events === undefined) {
      if (this.devices.size >= MAX_DEVICES) {
        this.skipped++;
        return;
      }
      this.devices.set(key, (events = new DeviceEvents(numbers.type, device)));
    }
    this.memoryEvents++;
    events.add({
      time_ns,
      bytes: numbers.bytes,
      allocated: numbers.allocated,
      reserved: numbers.reserved,
      address,
    });
  }

  private onOutOfMemory(
    time_ns: bigint,
    type: number,
    device: number,
    numbers: { readonly bytes: number; readonly allocated: number; readonly reserved: number },
    offset: number,
  ): void {
    if (this.ooms.length >= MAX_OOM_EVENTS) {
      this.skipped++;
      return;
    }
    const figures: Record<string, number> = { requested: numbers.bytes };
    if (!Number.isNaN(numbers.allocated)) figures['allocated'] = numbers.allocated;
    if (!Number.isNaN(numbers.reserved)) {
      figures['reserved'] = numbers.reserved;
      if (!Number.isNaN(numbers.allocated))
        figures['reserved_unallocated'] = numbers.reserved - numbers.allocated;
    }
    this.ooms.push({
      kind: 'oom',
      time_ns,
      device: type === HOST || device < 0 ? null : device,
      text: `[OutOfMemory] ${formatInteger(numbers.bytes)} bytes requested on ${deviceTypeName(type)}${device < 0 ? '' : ` ${device}`}`,
      figures,
      offset,
    });
  }

  warn(message: string, offset: number | null): void {
    this.warnings.push({ message, offset });
  }

  outcome(json: JsonCursor, error: TraceError | null, file: string, head: string): ReadOutcome {
    const { warnings } = this;
    if (this.broken > LISTED_WARNINGS)
      this.warn(`${formatInteger(this.broken)} damaged events were left out in all.`, null);
    if (this.skipped > LISTED_WARNINGS)
      this.warn(`${formatInteger(this.skipped)} memory events were left out in all.`, null);
    const advice = 'Copy the file again, or let the profiler write it to its end.';
    if (json.isCut && error === null) {
      const message = 'The file ends early: the trace is not closed. What came before was read.';
      this.warn(message, json.offset);
      error = new TraceError('truncated', message, { file, format: FORMAT, offset: json.offset, advice });
    }
    if (error === null && this.broken > 0) {
      const message = `The trace is damaged at byte ${formatInteger(this.firstBroken)}: ${count(this.broken, 'event')} could not be read, and what lay in ${this.broken === 1 ? 'it' : 'them'} is lost.`;
      error = new TraceError('corrupt', message, { file, format: FORMAT, offset: this.firstBroken, advice });
    }

    const devices = [...this.devices.values()].sort((a, b) => b.type - a.type || a.index - b.index);
    const finished = devices.map((device) => device.finish(this.base_ns, this.labelsOf(device)));
    for (const { doubts } of finished) for (const doubt of doubts) this.warn(doubt, null);
    const gauges = finished.flatMap((device) => device.gauges);
    const transfers = this.transfers.table();
    const events = this.ooms
      .map((event) => ({ ...event, time_ns: (event.time_ns ?? 0n) + this.base_ns }))
      .concat(this.marks.events(this.base_ns))
      .sort((a, b) => (a.time_ns < b.time_ns ? -1 : a.time_ns > b.time_ns ? 1 : 0));

    const first = gauges.map(({ time_ns }) => time_ns[0]).concat(events.map(({ time_ns }) => time_ns));
    const hasDate = first.every((time) => time >= EPOCH_FROM);
    if (!hasDate)
      this.warn('The times carry no date (no baseTimeNanoseconds): they count from an unknown moment.', null);

    const isSummed = finished.some((device, i) => device.isSummed && devices[i].type !== HOST);
    const known = this.memoryEvents + this.ooms.length + this.transfers.count + this.marks.count;
    this.settings.push([
      'Other events in the trace',
      formatInteger(Math.max(0, this.scanner.events - known)),
    ]);
    const isTorch = this.hasTorchKey || this.scanner.isTorch || this.memoryEvents + this.ooms.length > 0;
    const isForeign = error === null && !json.isCut && this.scanner.events > 0 && !isTorch;
    const data = sourceData({
      producer: isTorch
        ? `PyTorch profiler (Kineto)${isSummed ? ', without totals (PyTorch 1.9 to 1.12)' : ''}`
        : 'Chrome trace',
      rows: known,
      skipped: this.skipped + this.broken,
      warnings,
      // What another program would have to record stands in the error.
      notRecorded: isForeign ? [] : this.notRecorded(devices, isSummed),
      settings: this.settings,
      readings: {
        clock: hasDate ? 'wall' : 'local',
        gauges,
        tables: [
          ...finished.flatMap((device) => device.tables),
          ...(transfers === null ? [] : [transfers]),
          ...this.marks.tables(),
        ],
        events,
      },
    });
    if (isForeign) error = foreignTrace(head, file, FORMAT);
    else if (error === null && this.scanner.events === 0) {
      error = new TraceError('corrupt', 'There is no readable event in this trace.', {
        file,
        format: FORMAT,
        offset: json.offset,
        advice: RECORD_MEMORY,
      });
    }
    return { data, error };
  }

  private labelsOf(device: DeviceEvents): Record<string, string> {
    const labels: Record<string, string> = {};
    if (this.rank !== null) labels['rank'] = this.rank;
    const properties = device.type === HOST ? undefined : this.properties.get(device.index);
    if (properties?.name != null) labels['gpu_name'] = properties.name;
    if (properties?.totalBytes != null) labels['total_bytes'] = String(properties.totalBytes);
    return labels;
  }

  private notRecorded(devices: readonly DeviceEvents[], isSummed: boolean): string[] {
    if (this.memoryEvents === 0) {
      const why = this.profilesMemory === true ? ' although profile_memory was on' : '';
      return [`There are no [memory] events in this trace${why}. ${RECORD_MEMORY}`];
    }
    const told: string[] = [];
    if (devices.every(({ type }) => type === HOST))
      told.push('All memory events are of the host: no GPU allocated anything while recording.');
    if (isSummed) told.push('Reserved memory and addresses are not recorded by this version of PyTorch.');
    told.push(
      'A profiler trace has no stack with an allocation. Record a snapshot to see who holds memory: torch.cuda.memory._record_memory_history() before, torch.cuda.memory._dump_snapshot("snapshot.pickle") after.',
    );
    return told;
  }
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const json = new JsonCursor(input.chunks(), context);
  const reading = new TraceReading((event) => json.offsetIn(event.start));
  let head = '';
  const error = await passOver(json, input, FORMAT, async () => {
    const first = await json.peek();
    head = await json.ahead(HEAD);
    if (first === OPEN_OBJECT) {
      await json.enter();
      for (let key; (key = await json.nextKey()) !== null;) await reading.onKey(key, json);
    } else if (first === OPEN_ARRAY) {
      await reading.readEvents(json);
    }
    if ((await json.peek()) !== -1 && !json.isCut) reading.onMore(json.offset);
  });
  return reading.outcome(json, error, input.name, head);
}

function sniff(head: Head): Sniff {
  const text = headText(head);
  const hasProfiler = /"(schemaVersion|deviceProperties|baseTimeNanoseconds|distributedInfo)"\s*:/.test(text);
  if (/^\s*\{/.test(text)) {
    if (/"traceEvents"\s*:\s*\[/.test(text)) {
      return hasProfiler || text.includes('"[memory]"')
        ? { score: 0.97, reason: 'a Chrome trace of the PyTorch profiler' }
        : { score: 0.8, reason: 'a Chrome trace ("traceEvents")' };
    }
    // With hundreds of process groups the header alone is longer than the head.
    if (
      /"schemaVersion"\s*:/.test(text) &&
      /"(deviceProperties|distributedInfo|baseTimeNanoseconds)"\s*:/.test(text)
    )
      return { score: 0.85, reason: 'the header of a PyTorch profiler trace' };
    return { score: 0, reason: 'JSON without "traceEvents"' };
  }
  if (/^\s*\[\s*\{/.test(text) && /"ph"\s*:\s*"/.test(text) && /"ts"\s*:/.test(text))
    return { score: 0.75, reason: 'a list of Chrome trace events' };
  return { score: 0, reason: 'no Chrome trace' };
}

export const kinetoTraceReader: Reader = {
  format: FORMAT,
  title: 'Chrome trace',
  sniff,
  read,
};
