/**
 * Reads what TensorRT-LLM, TGI and LMDeploy print of the memory they take, as a budget for each rank:
 *
 *   [TensorRT-LLM][INFO] [MemUsageChange] Allocated 26.91 GiB for max tokens in paged KV cache (220480).
 *   ... INFO text_generation_launcher: KV-cache blocks: 121517, size: 1
 *   [TM][INFO] [BlockManager] block_size = 64 MB            and then: max_block_count = 159
 *
 * Which line is which figure: engine-shapes.ts. A part that is printed again (another rank without its name, a second
 * start) is counted and left out. Not read: what is in use later; TGI's blocks are tokens and no bytes.
 */
import type { SourceData } from '../../trace/capture.ts';
import type { BudgetPart, LogEvent } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes, type Stamp } from '../lines/log-time.ts';
import { figureOf } from '../lines/printed-figure.ts';
import { ENGINE_REFUSALS, ENGINE_SHAPES, type EngineShape } from './engine-shapes.ts';

const SEARCHED = 2000;
const RANK = /\[(?:rank|RANK)[ :=]?(\d{1,5})\]|\bRank (\d{1,5})\b/;
const UNIT: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  KiB: 1024,
  MB: 2 ** 20,
  MiB: 2 ** 20,
  GB: 2 ** 30,
  GiB: 2 ** 30,
};

interface Own {
  readonly engine: string;
  readonly parts: BudgetPart[];
}

class EngineScan implements LineScan {
  private readonly budgets = new Map<string, Own>();
  private readonly refusals: {
    readonly stamp: Stamp | null;
    readonly text: string;
    readonly offset: number;
  }[] = [];
  private readonly engines = new Set<string>();
  private rows = 0;
  private again = 0;

  constructor(private readonly times: LogTimes) {}

  take(line: LogLine): boolean {
    const text = line.text.length > SEARCHED ? line.text.slice(0, SEARCHED) : line.text;
    for (const { engine, pattern } of ENGINE_REFUSALS) {
      if (!pattern.test(text)) continue;
      this.engines.add(engine);
      this.refusals.push({
        stamp: this.times.of(line),
        text: text.trim().slice(0, 1000),
        offset: line.offset,
      });
      return true;
    }
    for (const shape of ENGINE_SHAPES) {
      const groups = shape.pattern.exec(text)?.groups;
      if (groups === undefined) continue;
      this.add(shape, groups, RANK.exec(text), line.offset);
      return true;
    }
    return false;
  }

  private add(
    shape: EngineShape,
    groups: Partial<Record<string, string>>,
    rank: RegExpExecArray | null,
    offset: number,
  ): void {
    this.rows++;
    this.engines.add(shape.engine);
    const name = rank === null ? '' : `rank ${rank[1] ?? rank[2]}`;
    const key = `${shape.engine}\n${name}`;
    let own = this.budgets.get(key);
    if (own === undefined) this.budgets.set(key, (own = { engine: shape.engine, parts: [] }));
    const push = (id: BudgetPart['id'], label: string, value: number, granularity: number): void => {
      if (own.parts.some((part) => part.id === id && part.label === label && id !== 'other')) this.again++;
      else own.parts.push({ id, label, value, granularity, offset });
    };
    const scale = UNIT[groups['unit'] ?? 'B'] ?? 1;
    const size = groups['size'] === undefined ? null : figureOf(groups['size'], scale);
    if (size !== null) push(shape.id, shape.label, size.value, size.granularity);
    const free = groups['free'] === undefined ? null : figureOf(groups['free'], scale);
    if (free !== null) push('available', 'Available before the KV cache', free.value, free.granularity);
    if (groups['tokens'] !== undefined)
      push('kv_cache_tokens', 'KV cache, tokens', Number(groups['tokens']), 0);
    if (groups['blocks'] !== undefined)
      push(shape.id, shape.label, Number(groups['blocks']) * Number(groups['each'] ?? 1), 0);
    if (shape.id === 'kv_cache_blocks') this.multiply(own, offset);
  }

  /** LMDeploy: the size of a block, printed before, times their number. */
  private multiply({ parts }: Own, offset: number): void {
    const block = parts.find(({ label }) => label === 'One block of the KV cache');
    const count = parts.find(({ id }) => id === 'kv_cache_blocks');
    if (block === undefined || count === undefined || parts.some(({ id }) => id === 'kv_cache')) return;
    parts.push({
      id: 'kv_cache',
      label: 'KV cache',
      value: block.value * count.value,
      granularity: block.granularity * count.value,
      offset,
    });
  }

  end(): SourceData | null {
    if (this.rows === 0 && this.refusals.length === 0) return null;
    const dated = this.refusals.some(({ stamp }) => stamp !== null);
    return sourceData({
      producer: [...this.engines].join(', '),
      rows: this.rows + this.refusals.length,
      notRecorded: [
        ...(this.engines.has('TGI')
          ? [
              'TGI prints how many tokens its KV cache holds and not its bytes: what is taken in all a monitor tells (nvidia-smi).',
            ]
          : []),
        ...(this.engines.has('TensorRT-LLM')
          ? ['"MB" and "GB" are 2^20 and 2^30 in what TensorRT-LLM prints.']
          : []),
        ...(this.engines.has('LMDeploy')
          ? [
              'LMDeploy prints the size of a block in whole MiB, rounded down: the KV cache is at least what is shown.',
            ]
          : []),
        ...(this.again > 0
          ? [
              `${this.again} figures were printed again (by another rank, or at another start) and left out: lines that name no rank are not told apart.`,
            ]
          : []),
      ],
      readings: {
        clock: dated ? this.times.clock : 'none',
        budgets: [...this.budgets].map(([key, { engine, parts }]) => ({
          rank: { name: key.slice(key.indexOf('\n') + 1), start: 1, pod: '' },
          producer: engine,
          parts,
        })),
        events: this.refusals.map(({ stamp, text, offset }): LogEvent => ({
          kind: 'start_refused',
          device: null,
          text,
          figures: {},
          offset,
          time_ns: stamp === null ? null : this.times.resolve(stamp),
        })),
      },
    });
  }

  title(): string {
    return `${[...this.engines].join(', ')} log`;
  }
}

export const engineLogScanner: LineScanner = {
  format: 'engine-log',
  title: 'TensorRT-LLM, TGI or LMDeploy log',
  needles: [
    '[memusagechange]',
    'kv cache primary',
    'loaded engine',
    'paged kv cache',
    'kv-cache blocks',
    '[blockmanager]',
    'prefill tokens',
  ],
  sniff(lines) {
    const scan = new EngineScan(new LogTimes());
    const count = lines.filter((text, offset) => scan.take({ text, offset })).length;
    if (count === 0) return { score: 0, reason: 'no line of TensorRT-LLM, TGI or LMDeploy' };
    return { score: 0.9, reason: `${count} lines of a server's memory at its start` };
  },
  start: (_fileName, times = new LogTimes()) => new EngineScan(times),
};
