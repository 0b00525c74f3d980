/**
 * `nvidia-smi -q`: of its hundreds of lines the memory of each GPU and MIG device, its processes, how busy it is,
 * its temperature and power. Everything else there is taken and not shown.
 *   ==============NVSMI LOG==============
 *   Timestamp                                 : Tue Jul 14 09:00:27 2026
 *   GPU 00000000:00:09.0
 *       FB Memory Usage
 *           Used                              : 59 MiB
 */
import { lookup } from '../../base/lookup.ts';
import {
  BAR1_TOTAL,
  BAR1_USED,
  cellFigure,
  GPU_TEMPERATURE,
  MEMORY_FREE,
  MEMORY_RESERVED,
  MEMORY_TEMPERATURE,
  MEMORY_TOTAL,
  MEMORY_USED,
  POWER_DRAW,
  POWER_LIMIT,
  UTILIZATION_GPU,
  UTILIZATION_MEMORY,
} from './columns.ts';
import type { SmiProcesses } from './processes.ts';
import type { Gpu, Quantity, RowPlace, SmiSamples } from './samples.ts';
import { weekdayTime } from '../lines/printed-time.ts';

const GPU = /^GPU ([0-9A-Fa-f]{8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d)$/;
const KEY_LENGTH = 60;
const INDENT = 4;

/** "section/key", of the figures of a GPU and, with "Shared", of a MIG device. */
const FIGURES: Readonly<Record<string, Quantity>> = lookup({
  'FB Memory Usage/Total': MEMORY_TOTAL,
  'FB Memory Usage/Reserved': MEMORY_RESERVED,
  'FB Memory Usage/Used': MEMORY_USED,
  'FB Memory Usage/Free': MEMORY_FREE,
  'BAR1 Memory Usage/Total': BAR1_TOTAL,
  'BAR1 Memory Usage/Used': BAR1_USED,
  'Shared FB Memory Usage/Total': MEMORY_TOTAL,
  'Shared FB Memory Usage/Reserved': MEMORY_RESERVED,
  'Shared FB Memory Usage/Used': MEMORY_USED,
  'Shared FB Memory Usage/Free': MEMORY_FREE,
  'Shared BAR1 Memory/Total': BAR1_TOTAL,
  'Shared BAR1 Memory/Used': BAR1_USED,
  'Utilization/GPU': UTILIZATION_GPU,
  'Utilization/Memory': UTILIZATION_MEMORY,
  'Utilization/Gpu': UTILIZATION_GPU,
  'Temperature/GPU Current Temp': GPU_TEMPERATURE,
  'Temperature/Memory Current Temp': MEMORY_TEMPERATURE,
  'GPU Power Readings/Average Power Draw': POWER_DRAW,
  'GPU Power Readings/Power Draw': POWER_DRAW,
  'Power Readings/Power Draw': POWER_DRAW,
  'GPU Power Readings/Current Power Limit': POWER_LIMIT,
  'Power Readings/Power Limit': POWER_LIMIT,
});

interface Process {
  pid: string;
  type: string | null;
  name: string;
  gi: string | null;
  ci: string | null;
}

export class SmiDetailRows {
  logs = 0;
  /** Lines taken that make nothing. */
  unshown = 0;
  /** Within a log of -q. */
  isOpen = false;
  private gpu: Gpu | null = null;
  private mig: Record<string, string> | null = null;
  /** Section names by depth. */
  private sections: string[] = [];
  private process: Process | null = null;

  constructor(
    private readonly samples: SmiSamples,
    private readonly processes: SmiProcesses,
  ) {}

  /** true inside a log of -q: lines are its own until one is not of its form. */
  row(text: string, offset: number): boolean {
    if (/^=+ ?NVSMI LOG ?=+$/.test(text)) {
      this.isOpen = true;
      this.logs++;
      this.gpu = null;
      this.mig = null;
      this.sections = [];
      return true;
    }
    if (!this.isOpen) return false;
    if (text.length > 400) return false;
    const line = text.trimEnd();
    const gpu = GPU.exec(line);
    if (gpu) {
      // nvidia-smi -q names GPUs by bus id; other forms in the same file may tell their index.
      this.gpu = { index: null, uuid: null, bus: gpu[1] };
      this.mig = null;
      return true;
    }
    const content = line.trimStart();
    const indent = line.length - content.length;
    const colon = content.indexOf(' : ');
    const key = (colon < 0 ? content : content.slice(0, colon)).trimEnd();
    if (key.length > KEY_LENGTH || indent % INDENT !== 0 || (indent === 0 && colon < 0)) {
      this.isOpen = false;
      return false;
    }
    const depth = indent / INDENT;
    this.sections.length = Math.min(this.sections.length, depth);
    if (depth <= 1) this.mig = null;
    if (colon < 0) {
      this.sections[depth] = key;
      if (key === 'MIG Device') this.mig = {};
      return true;
    }
    this.value(key, content.slice(colon + 3).trim(), depth, offset);
    // "Process ID : 4711" has lines of its own below it.
    this.sections[depth] = key;
    return true;
  }

  private value(key: string, value: string, depth: number, offset: number): void {
    if (depth === 0) {
      const time = key === 'Timestamp' ? weekdayTime(value) : null;
      if (time !== null) this.samples.saw(time.ms, { headsBlock: true });
      return;
    }
    const { gpu } = this;
    if (gpu?.bus == null) return;
    const section = this.sections[depth - 1] ?? '';
    if (depth === 1 && key === 'Product Name') this.samples.names.set(gpu.bus, value.slice(0, 80));
    else if (section === 'MIG Device') this.migKey(key, value);
    else if (this.processKey(key, value, gpu, offset)) return;
    else {
      const name = `${section}/${key}`;
      if (!Object.hasOwn(FIGURES, name)) {
        this.unshown++;
        return;
      }
      const figure = cellFigure(value);
      if (figure === null) return;
      this.samples.rows++;
      if (Number.isNaN(figure.value)) this.samples.isMissing(value);
      this.samples.add(FIGURES[name], this.place(gpu, offset), figure.value, figure.digit);
    }
  }

  private place(gpu: Gpu, offset: number): RowPlace {
    return { gpu, ms: null, labels: { tool: '-q', ...this.mig }, offset };
  }

  private migKey(key: string, value: string): void {
    if (this.mig === null) return;
    if (key === 'Index') this.mig['mig.device'] = value.slice(0, 8);
    if (key === 'GPU Instance ID') this.mig['mig.gi'] = value.slice(0, 8);
    if (key === 'Compute Instance ID') this.mig['mig.ci'] = value.slice(0, 8);
  }

  /** The lines of one process; the memory is the last of them. */
  private processKey(key: string, value: string, gpu: Gpu, offset: number): boolean {
    switch (key) {
      case 'GPU instance ID':
      case 'Compute instance ID': {
        this.process ??= { pid: '', type: null, name: '', gi: null, ci: null };
        this.process[key === 'GPU instance ID' ? 'gi' : 'ci'] = value === 'N/A' ? null : value.slice(0, 8);
        return true;
      }
      case 'Process ID':
        this.process = { type: null, name: '', gi: null, ci: null, ...this.process, pid: value.slice(0, 10) };
        return true;
      case 'Type':
        if (this.process !== null) this.process.type = value.slice(0, 8);
        return this.process !== null;
      case 'Name':
        if (this.process !== null) this.process.name = value;
        return this.process !== null;
      case 'Used GPU Memory': {
        const { process } = this;
        this.process = null;
        const figure = cellFigure(value);
        if (process === null || process.pid === '' || figure === null) return true;
        if (Number.isNaN(figure.value)) this.samples.isMissing(value);
        this.samples.rows++;
        const labels: Record<string, string> = { tool: '-q' };
        if (process.gi !== null) labels['mig.gi'] = process.gi;
        if (process.ci !== null) labels['mig.ci'] = process.ci;
        const place = { gpu, ms: null, labels, offset };
        this.processes.add(place, process.pid, process.name, process.type, figure.value);
        return true;
      }
      default:
        return false;
    }
  }
}
