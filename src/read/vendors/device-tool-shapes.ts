/**
 * The rows of gpustat, rocm-smi, amd-smi, npu-smi, tegrastats, hl-smi, xpu-smi, nvtop, nvitop and vram_monitor.sh: what
 * each looks like, whose it is, and the bytes of its unit. device-tools.ts shows one of each and reads them.
 */

const MIB = 2 ** 20;

/** What a row of a tool is; its named groups: gpu (or `next`: a name before the next GPU's figures), used, total, share, name, pid, process, memory, unit. */
export interface Shape {
  readonly tool: string;
  readonly pattern: RegExp;
  /** Bytes of one printed unit; by `unit` where that is printed. */
  readonly scale: number;
  /** Only below this header: rows of other programs look alike. */
  readonly under?: RegExp;
}

/** Tables of Gaudi's hl-smi: devices, and processes below. */
const AIP = /^\|\s{1,4}AIP\s{1,6}Name\s/;
const AIP_PROCESSES = /^\|\s{1,4}AIP\s{1,16}PID\s{1,8}Type\s/;

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
  { tool: 'amd-smi', pattern: /^\s{2,16}FREE_VRAM: (?<free>\d{1,9}) MB/, scale: MIB },
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
  {
    tool: 'hl-smi',
    pattern: /^\|\s{1,6}(?<gpu>\d{1,3})\s{1,6}(?<name>HL-[\w-]{1,20})\s/,
    under: AIP,
    scale: MIB,
  },
  {
    // "768MiB / 98304MiB" beside temperature and power, below the row with the name
    tool: 'hl-smi',
    pattern: /^\|\s[^|]{1,60}\|\s{0,10}(?<used>\d{1,9})MiB \/\s{0,8}(?<total>\d{1,9})MiB\s{0,6}\|/,
    under: AIP,
    scale: MIB,
  },
  {
    tool: 'hl-smi',
    pattern:
      /^\|\s{1,6}(?<gpu>\d{1,3})\s{1,20}(?<pid>\d{1,9})\s{1,12}\S{1,4}\s{1,12}(?<process>\S.{0,80}?)\s{1,60}(?<memory>\d{1,9})MiB\s{0,40}\|/,
    under: AIP_PROCESSES,
    scale: MIB,
  },
  // xpu-smi stats, xpu-smi discovery (intel/xpumanager, cli): one column of names, one of figures
  {
    tool: 'xpu-smi',
    pattern: /^\| Device ID\s{1,40}\| (?<gpu>\d{1,3})\s{1,100}\|/,
    scale: MIB,
  },
  {
    tool: 'xpu-smi',
    pattern: /^\| (?<gpu>\d{1,3})\s{1,12}\| Device Name: (?<name>[^|]{1,80}?)\s{1,80}\|/,
    scale: MIB,
  },
  {
    tool: 'xpu-smi',
    pattern: /^\| GPU Memory Used \(MiB\)\s{1,40}\|\s{1,8}(?<used>\d{1,9}(?:\.\d{1,4})?)\s{1,100}\|/,
    scale: MIB,
  },
  {
    tool: 'xpu-smi',
    pattern: /^\|[^|]{0,30}\|\s{0,4}Memory Physical Size: (?<total>\d{1,9}(?:\.\d{1,4})?) MiB/,
    scale: MIB,
  },
  // nvtop -s (Syllo/nvtop src/interface.c print_snapshot()): bytes; mem_util is the bus's
  { tool: 'nvtop', pattern: /^\s{2,8}"device_name": "(?<next>[^"]{1,100})",\s{0,4}$/, scale: 1 },
  { tool: 'nvtop', pattern: /^\s{2,8}"mem_total": "(?<total>\d{1,16})",?\s{0,4}$/, scale: 1 },
  { tool: 'nvtop', pattern: /^\s{2,8}"mem_used": "(?<used>\d{1,16})",?\s{0,4}$/, scale: 1 },
  { tool: 'nvtop', pattern: /^\s{2,8}"mem_free": "?(?<free>\d{1,16}|null)"?,?\s{0,4}$/, scale: 1 },
  // nvtop's screen (draw_gpu_info()): / 1024 a step
  { tool: 'nvtop', pattern: /^\s{0,4}Device (?<gpu>\d{1,3})\s{1,4}\[(?<name>[^\]]{1,80})\]/, scale: 1 },
  {
    tool: 'nvtop',
    pattern:
      /\bMEM\[[|\s]{0,200}(?<used>\d{1,6}\.\d{1,4})(?<unit>[KMGT]i)\/(?<total>\d{1,6}\.\d{1,4})[KMGT]i\]/,
    scale: 1,
  },
  // nvitop (XuehaiPan/nvitop): GiB and MiB
  {
    tool: 'nvitop',
    pattern:
      /^[│|]\s{1,6}(?<gpu>\d{1,3})\s{1,6}(?<name>\S.{0,60}?)\s{1,40}(?:On|Off|N\/A)?\s{0,20}[│|] [0-9A-Fa-f]{8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d\s.{0,60}[│|]\s{0,30}\S{1,12}\s{0,8}[│|]/,
    scale: 1,
  },
  {
    tool: 'nvitop',
    pattern:
      /^│[^│]{1,60}│\s{0,16}(?<used>\d{1,9}(?:\.\d{1,4})?)(?<unit>[KMGT]iB) \/\s{0,8}(?<total>\d{1,9}(?:\.\d{1,4})?)[KMGT]iB\s{0,8}│/,
    scale: 1,
  },
];
