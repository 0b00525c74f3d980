/** Requests of request logs against what memory the other sources tell of: by tag where there is one, else by clock. */
import type { Gauge, Readings } from '../../trace/readings.ts';
import {
  DEFAULT_BOUNDS,
  type RequestBuckets,
  requestBuckets,
  requestBucketsByTag,
} from './request-buckets.ts';
import { requestsByKey, stepsByTag } from './request-buckets-join.ts';
import type { ReadSource, ServerFactsInput } from '../read-source.ts';
import { measureOf } from '../step-curve.ts';

export interface SourceBuckets {
  readonly source: ReadSource;
  /** Where the memory is from; null: counts and tokens only. */
  readonly memory: string | null;
  readonly buckets: RequestBuckets;
}

const isRequestLog = ({ readings }: ReadSource): boolean =>
  readings !== null && readings.gauges.some(({ id }) => id === 'input_tokens' || id === 'output_tokens');

/** A gauge of another source with its times on the clock of the log; null: its offset is not known. */
function onClockOf(log: ReadSource, gauge: Gauge, of: ReadSource, input: ServerFactsInput): Gauge | null {
  const [from, to] = [input.offsetOf(of.id), input.offsetOf(log.id)];
  if (log.id === of.id) return gauge;
  if (from === null || to === null) return null;
  const shift = from - to;
  return { ...gauge, time_ns: gauge.time_ns.map((time) => time + shift) };
}

/** true: samples of the gauge lie around the requests, so that there is something to join. */
function overlaps(log: Readings, { time_ns }: Gauge): boolean {
  const times = log.gauges.find(({ id }) => id === 'input_tokens' || id === 'output_tokens')?.time_ns;
  if (times === undefined || times.length === 0 || time_ns.length < 2) return false;
  return time_ns[0] <= times[times.length - 1] && time_ns[time_ns.length - 1] >= times[0];
}

function queueOf(log: ReadSource, input: ServerFactsInput, names: RegExp): Gauge | null {
  for (const source of input.sources)
    for (const gauge of source.readings?.gauges ?? [])
      if (names.test(gauge.id) && source.readings?.clock !== 'none') {
        const shifted = onClockOf(log, gauge, source, input);
        if (shifted !== null && log.readings !== null && overlaps(log.readings, shifted)) return shifted;
      }
  return null;
}

const WAITING = /^(Waiting|Pending|#queue-req|vllm:num_requests_waiting|sglang:num_queue_reqs)$/;
const RUNNING = /^(Running|#running-req|vllm:num_requests_running|sglang:num_running_reqs)$/;
/** Monitors of many GPUs would give a table each; the first few tell. */
const MOST_SERIES = 4;

function byTag(log: ReadSource, readings: Readings, input: ServerFactsInput): SourceBuckets[] {
  const requests = requestsByKey(readings);
  if (requests === null) return [];
  return input.sources.flatMap((source) => {
    if (source.readings === null) return [];
    const steps = stepsByTag(source.readings, 'reserved');
    const known = steps.filter(({ key }) => requests.has(key)).length;
    // Tags of another run have other numbers.
    if (steps.length === 0 || known < steps.length / 2 || known < requests.size / 2) return [];
    const granularity = source.readings.gauges.find(({ id }) => id === 'memory_reserved')?.granularity ?? 0;
    return [
      {
        source: log,
        memory: `Reserved, as ${source.file} prints it before and after each request`,
        buckets: requestBucketsByTag(requests, steps, granularity, DEFAULT_BOUNDS),
      },
    ];
  });
}

export function bucketsOf(input: ServerFactsInput): SourceBuckets[] {
  return input.sources.filter(isRequestLog).flatMap((log): SourceBuckets[] => {
    const { readings } = log;
    if (readings === null) return [];
    const waiting = queueOf(log, input, WAITING);
    const running = queueOf(log, input, RUNNING);
    const tagged = byTag(log, readings, input);
    const clocked = input.sources.flatMap((source) =>
      (source.readings?.gauges ?? []).flatMap((gauge): SourceBuckets[] => {
        const measures = measureOf(gauge);
        const isMemory =
          measures === 'device_used' || (measures === 'reserved' && !gauge.id.startsWith('Total '));
        if (!isMemory || source.readings?.clock === 'none' || readings.clock === 'none') return [];
        const memory = onClockOf(log, gauge, source, input);
        if (memory === null || !overlaps(readings, memory)) return [];
        return [
          {
            source: log,
            memory: `${gauge.label}${gauge.device === null ? '' : `, GPU ${gauge.device}`}, ${source.file}`,
            buckets: requestBuckets(readings, { memory, waiting, running }),
          },
        ];
      }),
    );
    const all = [...tagged, ...clocked.slice(0, MOST_SERIES)];
    if (all.length > 0) return all;
    return [
      { source: log, memory: null, buckets: requestBuckets(readings, { memory: null, waiting, running }) },
    ];
  });
}
