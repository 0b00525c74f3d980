/** The tools of `vramscope mcp`: each answers with what the command of the same name prints as JSON. */
import type { Result } from '../../base/result.ts';
import { TraceError, type TraceErrorData } from '../../base/trace-error.ts';
import { Engine } from '../../engine/engine.ts';
import type { CompareMoment, DeviceView, SourceView } from '../../engine/protocol.ts';
import { diffObject } from '../diff-object.ts';
import { DataSet, isDataSet } from '../fleet/data-set.ts';
import { makeRankGroups } from '../fleet/groups.ts';
import { openPaths } from '../open-paths.ts';
import { replayObject } from '../replay-object.ts';
import { type Tool, ToolError } from './protocol.ts';

type Given = Readonly<Record<string, unknown>>;

const failureOf = ({ message, advice }: TraceErrorData): ToolError =>
  new ToolError(advice === null ? message : `${message} ${advice}`);

function orThrow<T>(result: Result<T, TraceErrorData>): T {
  if (!result.ok) throw failureOf(result.error);
  return result.value;
}

/** A moment as it is asked for: "peak", "end", the number of an event, or { iteration }. */
function momentOf(value: unknown): CompareMoment {
  if (value === undefined || value === 'peak') return 'peak';
  if (value === 'end') return 'end';
  if (typeof value === 'number' && Number.isInteger(value)) return { row: value };
  if (
    typeof value === 'object' &&
    value !== null &&
    'iteration' in value &&
    typeof value.iteration === 'number'
  )
    return { iteration: value.iteration };
  throw new ToolError('"at" is "peak", "end", the number of an event, or { "iteration": N }');
}

const countOf = (value: unknown, otherwise: number, most: number): number => {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > most)
    throw new ToolError(`a number from 1 to ${most} is needed, not ${JSON.stringify(value)}`);
  return value;
};

const DEVICE = {
  type: 'string',
  description: 'Key of a device as open gives it, "1:0"; may be left out where one device alone is open',
};
const AT = {
  description: '"peak" (most requested), "end", the number of an event, or { "iteration": N }',
  anyOf: [
    { type: 'string', enum: ['peak', 'end'] },
    { type: 'integer', minimum: 0 },
    { type: 'object', properties: { iteration: { type: 'integer', minimum: 1 } }, required: ['iteration'] },
  ],
};

const schema = (properties: Given, required: readonly string[] = []): Given => ({
  ...{ type: 'object', properties, required, additionalProperties: false },
});

export class TraceTools {
  private readonly engine = new Engine();
  private readonly sources: SourceView[] = [];
  private started = false;
  private jobs = 0;

  private get devices(): readonly DeviceView[] {
    return this.sources.flatMap(({ devices }) => devices);
  }

  private deviceOf(value: unknown): DeviceView {
    const all = this.devices;
    if (all.length === 0) throw new ToolError('no recording of a device is open: call open first');
    if (value === undefined) {
      const gpus = all.filter(({ device }) => device >= 0);
      if (gpus.length === 1) return gpus[0];
    }
    const found = all.find(({ key }) => key === value);
    if (found === undefined)
      throw new ToolError(
        `"device" must be one of ${all.map(({ key }) => key).join(', ')}${value === undefined ? '' : `, not ${JSON.stringify(value)}`}`,
      );
    return found;
  }

  private async open({ paths }: Given): Promise<object> {
    if (
      !Array.isArray(paths) ||
      paths.length === 0 ||
      !paths.every((path) => typeof path === 'string' && path !== '-')
    )
      throw new ToolError('"paths" is a list of files or folders');
    if (!this.started) await this.engine.start({ gpu: 'off' });
    this.started = true;
    const answers: object[] = [];
    for (const path of paths as readonly string[]) {
      const opened = await openPaths(this.engine, [path], () => undefined, ++this.jobs);
      for (const view of opened) {
        this.sources.push(view);
        answers.push({
          path,
          file: view.file,
          format: view.format,
          producer: view.producer,
          rows: view.rows,
          skipped: view.skipped,
          not_recorded: view.notRecorded,
          error: view.error,
          devices: view.devices.map(({ key, device, rows, name }) => ({
            device: key,
            gpu: device,
            name,
            events: rows,
          })),
        });
      }
    }
    return { sources: answers };
  }

  private async close(): Promise<object> {
    const closed = this.sources.splice(0);
    for (const { id } of closed) await this.engine.close(id);
    return { closed: closed.map(({ file }) => file) };
  }

  private needsSource(): void {
    if (this.sources.length === 0) throw new ToolError('nothing is open: call open first');
  }

  private async findings(): Promise<object> {
    this.needsSource();
    const { findings, growth, budget, contradictions, errors } = await this.engine.analysis();
    return { findings, growth, budget, contradictions, ...(errors === undefined ? {} : { errors }) };
  }

  private async holders({ device, at, lines }: Given): Promise<object> {
    const { key } = this.deviceOf(device);
    return orThrow(await this.engine.holders(key, momentOf(at), countOf(lines, 20, 1000)));
  }

  private async ledger({ device, at }: Given): Promise<object> {
    const { key } = this.deviceOf(device);
    const moment = momentOf(at);
    if (moment === 'peak' || moment === 'end') {
      // The ledger's peak is that of what is reserved: the one that analyze tells.
      const { ledger, devices } = await this.engine.analysis();
      const place = this.placeOf(key);
      const found = ledger.find(
        (one) => one.source === place.source && one.device === place.device && one.when === moment,
      );
      if (found === undefined)
        throw new ToolError(
          devices.length === 0
            ? 'no device is recorded'
            : 'the allocator of this recording could not be replayed: where every byte is is not known',
        );
      return found;
    }
    if ('iteration' in moment) {
      const { row } = orThrow(await this.engine.holders(key, moment, 1));
      return await this.ledgerAt(key, row);
    }
    return await this.ledgerAt(key, moment.row);
  }

  private async ledgerAt(key: string, row: number): Promise<object> {
    const ledger = orThrow(await this.engine.ledgerAt(key, row));
    if (ledger === null)
      throw new ToolError(
        'the allocator of this recording could not be replayed: where every byte is is not known',
      );
    return ledger;
  }

  private placeOf(key: string): { readonly source: number; readonly device: number } {
    const source = this.sources.findIndex(({ devices }) => devices.some((one) => one.key === key));
    return { source, device: this.devices.find((one) => one.key === key)!.device };
  }

  private async diff({ a, b, at, at_b: atB, lines }: Given): Promise<object> {
    const [one, other] = [this.deviceOf(a), this.deviceOf(b)];
    const view = await this.engine.compare({
      a: one.key,
      b: other.key,
      at: momentOf(at),
      ...(atB === undefined ? {} : { atB: momentOf(atB) }),
      limit: countOf(lines, 20, 1000),
    });
    return diffObject(orThrow(view));
  }

  private async whatIf({
    device,
    settings,
    cap_bytes: cap,
    empty_cache_after: after,
  }: Given): Promise<object> {
    const { key, device: gpu } = this.deviceOf(device);
    if (typeof settings !== 'string')
      throw new ToolError(
        '"settings" is a PYTORCH_CUDA_ALLOC_CONF, "expandable_segments:True"; "" is the defaults',
      );
    const conf = await this.engine.replays.conf(settings);
    if (!conf.ok) throw new ToolError(`PyTorch refuses "${settings}": ${conf.message}. ${conf.problem}`);
    if (cap !== undefined && (typeof cap !== 'number' || !Number.isSafeInteger(cap) || cap <= 0))
      throw new ToolError('"cap_bytes" is a number of bytes');
    const rows = after ?? [];
    if (!Array.isArray(rows) || !rows.every((row) => Number.isInteger(row)))
      throw new ToolError('"empty_cache_after" is a list of numbers of events');
    const answer = orThrow(await this.engine.replays.replay(key));
    const replayed = orThrow(
      await this.engine.replays.whatIf({
        device: key,
        cap: cap ?? null,
        capacity: null,
        settings,
        emptyCacheAfter: rows as readonly number[],
        edits: [],
        curve: null,
      }),
    );
    return replayObject({ device: gpu, answer, replayed: [replayed], sweep: null, sites: null });
  }

  private async query({ sql, dataset, rows }: Given): Promise<object> {
    if (typeof sql !== 'string') throw new ToolError('"sql" is a question');
    const limit = countOf(rows, 200, 10_000);
    const limits = { milliseconds: 30_000, rows: limit };
    if (dataset === undefined) {
      this.needsSource();
      return orThrow(await this.engine.query({ sql, ...limits }));
    }
    if (typeof dataset !== 'string' || !isDataSet(dataset))
      throw new ToolError('"dataset" is the folder of a data set that vramscope facts wrote');
    const set = await DataSet.open(dataset);
    try {
      if (/\brank_groups\b/i.test(sql)) await makeRankGroups(set);
      return await set.ask(sql, { seconds: limits.milliseconds / 1000, rows: limit });
    } finally {
      set.close();
    }
  }

  private readonly own: readonly Tool[] = [
    {
      name: 'open',
      title: 'Open recordings and logs',
      description:
        'Reads files or folders: PyTorch memory snapshots, memory_summary, Nsight Systems exports, Kineto traces, logs of vLLM, SGLang and trainers, nvidia-smi, Prometheus. Gives what each holds, and keys of devices for the other tools. Everything is read where it lies; nothing is sent anywhere.',
      inputSchema: schema({ paths: { type: 'array', items: { type: 'string' }, minItems: 1 } }, ['paths']),
      call: (given) => this.open(given),
    },
    {
      name: 'findings',
      title: 'What is wrong, and what to do',
      description:
        'The diagnosis of all that is open: who holds memory, whether it grows without end, why it failed, what gives it back. Each finding has a verdict, a confidence and why, evidence by number of event, a remedy, and a gain that was computed. Begin here.',
      inputSchema: schema({}),
      call: () => this.findings(),
    },
    {
      name: 'holders',
      title: 'Which lines of the program hold memory',
      description:
        'Bytes requested and held by each line at a moment, the most first. They sum up to requested_bytes. "exact": false means that what was held before the recording is a lower bound.',
      inputSchema: schema({ device: DEVICE, at: AT, lines: { type: 'integer', minimum: 1, maximum: 1000 } }),
      call: (given) => this.holders(given),
    },
    {
      name: 'ledger',
      title: 'Where every reserved byte is',
      description:
        'At a moment: requested, rounding, waiting for other streams, free but pinned (inactive_split), releasable, free in private pools; their sum is reserved_bytes. What empty_cache() gives back, and the largest request that would be served. "peak" is where most was reserved.',
      inputSchema: schema({ device: DEVICE, at: AT }),
      call: (given) => this.ledger(given),
    },
    {
      name: 'diff',
      title: 'What differs between two recordings, or two moments',
      description:
        'The line that makes the difference first: a sentence, then lines, parts of the ledger, streams, size classes and settings, each as A, B and difference. For two moments of one recording give it as a and b, with at and at_b.',
      inputSchema: schema(
        { a: DEVICE, b: DEVICE, at: AT, at_b: AT, lines: { type: 'integer', minimum: 1, maximum: 1000 } },
        ['a', 'b'],
      ),
      call: (given) => this.diff(given),
    },
    {
      name: 'what_if',
      title: 'The same requests under other allocator settings',
      description:
        'Replays a PyTorch snapshot through a model of the caching allocator under a PYTORCH_CUDA_ALLOC_CONF, a limit or empty_cache() at events. Gives the peak of reserved memory, driver calls, retries and the first failure beside the recorded ones, and how faithful the model is to this recording.',
      inputSchema: schema(
        {
          device: DEVICE,
          settings: { type: 'string', description: 'PYTORCH_CUDA_ALLOC_CONF; "" is the defaults' },
          cap_bytes: { type: 'integer', minimum: 1, description: 'Most that may be reserved' },
          empty_cache_after: { type: 'array', items: { type: 'integer', minimum: 0 } },
        },
        ['settings'],
      ),
      call: (given) => this.whatIf(given),
    },
    {
      name: 'query',
      title: 'Ask with SQL',
      description:
        'One SELECT over the tables of what is open (events, segments, blocks, stacks, annotations, kernels, pools, summaries, gauges, requests, budgets, log_events, findings; SQLite), or over a data set of facts (ranks, sites, curves, iterations, findings, requests, budgets, gauges, rank_groups; DuckDB). Read-only; 30 seconds.',
      inputSchema: schema(
        {
          sql: { type: 'string' },
          dataset: { type: 'string', description: 'Folder of a data set; left out: what is open' },
          rows: { type: 'integer', minimum: 1, maximum: 10_000 },
        },
        ['sql'],
      ),
      call: (given) => this.query(given),
    },
    {
      name: 'close',
      title: 'Close everything',
      description: 'Lets go of all that is open.',
      inputSchema: schema({}),
      call: () => this.close(),
    },
  ];

  get list(): readonly Tool[] {
    return this.own.map((tool) => ({ ...tool, call: refused(tool.call) }));
  }
}

/** What the engine refuses with a reason is told to the model. */
const refused =
  (call: Tool['call']): Tool['call'] =>
  async (given) => {
    try {
      return await call(given);
    } catch (thrown) {
      throw thrown instanceof TraceError ? failureOf(thrown.toData()) : thrown;
    }
  };
