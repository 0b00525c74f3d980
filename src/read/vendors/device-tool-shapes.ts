/**
 * The rows of gpustat, rocm-smi, amd-smi, npu-smi, tegrastats and vram_monitor.sh: what each looks like, whose it is,
 * and the bytes of its unit. device-tools.ts shows one of each and reads them.
 */

const MIB = 2 ** 20;

/** What a row of a tool is; its named groups: gpu, used, total, share, name, pid, process, memory, unit. */
export interface Shape {
  readonly tool: string;
  readonly pattern: RegExp;
  /** Bytes of one printed unit; by `unit` where that is printed. */
  readonly scale: number;
  /** Only below this header: rows of other programs look alike. */
  readonly under?: RegExp;
}

export const SHAPES: readonly Shape[] = [
  {
    tool: 'gpustat',
    pattern:
      /^\s{0,4}\[(?<gpu>\d{1,3})(?::\d+)?\] (?<name>[^|]{1,80}?)\s{0,20}\|[^|]{1,80}\|(?:[^|\d]{0,40}[^|]{0,60}\|)?\s{0,8}(?<used>\d{1,9}) \/\s{0,8}(?<total>\d{1,9}) M(?:i)?B \|?/,
    scale: MIB,
  },
  {
    tool: 'rocm-smi',
    pattern:
      /^(?<gpu>\d{1,3})\s{1,12}\S.{10,300}?\s(?:\d[\d.]{0,8}W|N\/A|unknown)\s{1,8}(?<share>\d{1,3})%\s{1,10}(?:\d{1,3}%|N\/A)\s{0,10}$/,
    under: /^(?:Device|GPU)\s.{10,300}\bVRAM%\s{1,8}GPU%/,
    scale: 1,
  },
  {
    tool: 'rocm-smi',
    pattern:
      /^GPU\[(?<gpu>\d{1,3})\]\s{0,8}:\s{0,4}(?:vram|VRAM) Total Used Memory \(B\):\s{0,4}(?<used>\d{1,16})/i,
    scale: 1,
  },
  {
    tool: 'rocm-smi',
    pattern:
      /^GPU\[(?<gpu>\d{1,3})\]\s{0,8}:\s{0,4}(?:vram|VRAM) Total Memory \(B\):\s{0,4}(?<total>\d{1,16})/i,
    scale: 1,
  },
  {
    tool: 'rocm-smi',
    pattern: /^GPU\[(?<gpu>\d{1,3})\]\s{0,8}:\s{0,4}GPU Memory Allocated \(VRAM%\):\s{0,4}(?<share>\d{1,3})/i,
    scale: 1,
  },
  {
    tool: 'rocm-smi',
    pattern:
      /^(?<pid>\d{1,9})\s{1,20}(?<process>\S.{0,60}?)\s{1,40}\d{1,3}\s{1,20}(?<memory>\d{1,16})\s{1,20}\d{1,16}\s{1,20}\S{1,12}\s{0,20}$/,
    under: /^PID\s{1,20}PROCESS NAME\s{1,40}GPU\(s\)\s{1,20}VRAM USED/,
    scale: 1,
  },
  {
    tool: 'amd-smi',
    pattern:
      /^\|\s{1,6}(?<gpu>\d{1,3})\s{1,12}(?:\d{1,3}|N\/A)\s{1,12}(?:\d{1,3}|N\/A)\s{1,20}\S{1,20}\s{0,4}\|[^|]{1,60}?\s(?<used>\d{1,9})\/(?<total>\d{1,9}) MB\s{0,4}\|/,
    scale: MIB,
  },
  {
    tool: 'amd-smi',
    pattern:
      /^\|\s{1,8}(?<gpu>\d{1,3})\s{1,12}(?<pid>\d{1,9})\s{1,8}(?<process>\S.{0,60}?)\s{1,30}[\d.]{1,10} [KMG]?B\s{1,8}(?<memory>[\d.]{1,10}) (?<unit>[KMG]?B)\s{1,8}[\d.]{1,10} [KMG]?B\b/,
    scale: 1,
  },
  { tool: 'amd-smi', pattern: /^\s{2,16}USED_VRAM: (?<used>\d{1,9}) MB/, scale: MIB },
  { tool: 'amd-smi', pattern: /^\s{2,16}TOTAL_VRAM: (?<total>\d{1,9}) MB/, scale: MIB },
  {
    tool: 'npu-smi',
    pattern:
      /^\|\s{1,4}\d{1,3}\s{1,30}\|\s{1,4}[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d\s{0,6}\|\s{1,6}\d{1,3}\s{1,16}\d{1,9}\s{0,8}\/\s{0,8}\d{1,9}\s{1,16}(?<used>\d{1,9})\s{0,8}\/\s{0,8}(?<total>\d{1,9})\s{0,20}\|/,
    scale: MIB,
  },
  {
    tool: 'npu-smi',
    pattern:
      /^\|\s{1,4}(?<gpu>\d{1,3})\s{1,8}\d{1,3}\s{1,30}\|\s{1,4}(?<pid>\d{1,9})\s{1,20}\|\s{1,4}(?<process>[^|]{1,60}?)\s{1,40}\|\s{1,4}(?<memory>\d{1,9})\s{1,40}\|/,
    under: /^\|\s{1,4}NPU\s{1,8}Chip\s{1,30}\|\s{1,4}Process id/,
    scale: MIB,
  },
  {
    tool: 'vram_monitor.sh',
    pattern: /\bVRAM (?:at|usage:?|used:?) (?<share>\d{1,3}(?:\.\d{1,2})?) ?%/i,
    scale: 1,
  },
  {
    tool: 'tegrastats',
    pattern: /^(?:\d\d-\d\d-\d{4} \d\d:\d\d:\d\d )?RAM (?<used>\d{1,9})\/(?<total>\d{1,9})MB \(lfb /,
    scale: MIB,
  },
];
