/** What an out-of-memory message's cause says and what to do about it, in words: one function per cause. */
import { count, list } from '../base/words.ts';
import { middle, type OomFigures } from './oom-figures.ts';
import { CONTEXT, type Judged, roomInLimit } from './oom-causes.ts';
import type { WhoIsWho } from './oom-others.ts';
import { code, size } from './words.ts';

/** What the log tells beside the message. */
export interface Beside {
  /** Whether expandable segments are in force; null: not known. */
  readonly expandable: boolean | null;
  /** The server in the same log uses sleep mode. */
  readonly sleeps: boolean;
  /** The server whose log the message stands in; null: none. */
  readonly server: 'vllm' | 'sglang' | null;
  /** What the message itself advises, "expandable_segments"; null: nothing. */
  readonly advised: string | null;
  readonly backend: string;
  /** The variable of the allocator's settings, as the message or the backend calls it. */
  readonly variable: string;
}

export interface Said {
  readonly verdict: string;
  readonly remedy: string;
  readonly gainBytes: number | null;
  readonly gainHow: string | null;
}

const none = { gainBytes: null, gainHow: null };

/** What lists the processes on a GPU of this kind. */
const TOOLS: Readonly<Record<string, string>> = { HIP: 'amd-smi', XPU: 'xpu-smi', NPU: 'npu-smi info' };
const toolOf = ({ backend }: Beside): string =>
  Object.hasOwn(TOOLS, backend) ? TOOLS[backend] : 'nvidia-smi';

const expandableOf = ({ variable }: Beside): string => code(`${variable}=expandable_segments:True`);

/** "2.00 GiB of 79.18 GiB" or nothing. */
const freeText = ({ free, total }: OomFigures): string =>
  free === null
    ? ''
    : ` and ${size(middle(free))}${total === null ? '' : ` of ${size(middle(total))}`} were free`;

/** The advice that a message ends with holds only where what is cached, with what is free, would be enough. */
function noAdviceOf({ requested, unallocated, free }: OomFigures, advised: string | null): string {
  if (unallocated === null || requested === null || free === null) return '';
  if (unallocated.most + free.most >= requested.least) return '';
  return ` Only ${size(middle(unallocated))} are reserved and unallocated; with all that could still be taken that is less than was requested: ${
    advised === null ? 'no allocator setting can help' : `${advised}, as the message advises, cannot help`
  }.`;
}

/** Who this process is among the named ones, and what is left for others. */
function whoText(who: WhoIsWho): string {
  const { own, ownNamed, held } = who;
  const most = held.most === null ? '' : `; nobody else holds more than ${size(held.most)}`;
  if (ownNamed !== null && own === 'must')
    return ` Process ${ownNamed.pid} with ${size(ownNamed.bytes)} is this very process, by the figures (its number is the host's, as in containers)${most}.`;
  if (ownNamed !== null)
    return ` Process ${ownNamed.pid} with ${size(ownNamed.bytes)} is most likely this process (its number is the host's, as in containers): it is the only one named that holds what PyTorch had reserved.`;
  if (own === 'one_of')
    return ` A process that the message names can be this one (in containers it does not know its own number).`;
  return '';
}

/** What is neither free nor this process's, where with what was free it would have been enough. */
function restText(figures: OomFigures, who: WhoIsWho): string {
  const { total, free, reserved, allocated, process, requested } = figures;
  const own = process ?? who.ownNamed?.range ?? reserved ?? allocated;
  if (total === null || free === null || own === null || requested === null) return '';
  const most = total.most - free.least - own.least;
  const rest = middle(total) - middle(free) - middle(own);
  if (rest <= 0 || most + free.most < requested.least || who.held.least > 0) return '';
  if (process !== null || who.ownNamed !== null)
    return ` ${size(rest)} are neither free nor this process's: the driver's own part, or another process that the driver does not list here.`;
  return rest < CONTEXT
    ? ` ${size(rest)} are neither free nor PyTorch's: this process's CUDA context and libraries, or another process.`
    : ` ${size(rest)} are neither free nor PyTorch's: another process, which the message does not name (containers hide them), or what libraries of this one took by themselves.`;
}

const cacheText = ({ unallocated, requested }: OomFigures): string =>
  unallocated === null || requested === null || unallocated.least < requested.most
    ? ''
    : ` ${size(middle(unallocated))} are cached beside it, in no piece that fits: a second fact, not the cause.`;

const LESS: Readonly<Record<'vllm' | 'sglang' | 'none', string>> = {
  vllm: 'Allocate less at once: --max-num-batched-tokens, --max-num-seqs, or a lower --gpu-memory-utilization so that activations have room; then quantised weights. A snapshot tells who holds the most.',
  sglang:
    'Allocate less at once: --chunked-prefill-size, --max-running-requests, or a lower --mem-fraction-static so that activations have room; then quantised weights. A snapshot tells who holds the most.',
  none: 'Allocate less at once: smaller batches or shorter sequences, activation checkpointing, lower precision, offloading. A snapshot tells who holds the most.',
};
const lessOf = ({ server }: Beside): string => LESS[server ?? 'none'];

function limitSaid(figures: OomFigures, judged: Judged, beside: Beside): Said {
  const { allowed, reserved, allocated, free, requested, outside } = figures;
  const limit = size(middle(allowed!));
  const asked = size(middle(requested!));
  const used = size(middle((reserved ?? allocated)!) + (outside === null ? 0 : middle(outside)));
  const isApple = beside.backend === 'MPS';
  const room = roomInLimit(figures);
  const full =
    free !== null && judged.also.includes('full')
      ? ` The device had too little as well: ${size(middle(free))} were free.`
      : free === null
        ? ''
        : ` ${size(middle(free))} of the device were free.`;
  const digits =
    judged.cause === 'limit' && room !== null && room.most >= requested!.least
      ? ' By the printed digits it is at the border; nothing else that the message tells refuses it.'
      : '';
  return {
    verdict: `The process's own limit of ${limit} refused it: ${used} were in use and ${asked} more were requested.${full}${cacheText(figures)}${digits}${isApple ? ' Within the limit the memory is full.' : ''}`,
    remedy: isApple
      ? `Allocate less at once: smaller batches or shorter sequences, lower precision. ${code('PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0')} lifts the limit and can bring the system down.`
      : judged.also.includes('full')
        ? `${lessOf(beside)} A higher limit alone (torch.cuda.set_per_process_memory_fraction) does not serve it.`
        : 'Raise torch.cuda.set_per_process_memory_fraction (or per_process_memory_fraction in the allocator settings, or whatever sets it), or stay below it: torch.cuda.empty_cache() before it, or allocate less.',
    ...none,
  };
}

function hostSaid({ total, reserved, allocated, process, requested }: OomFigures, { backend }: Beside): Said {
  const own = reserved ?? allocated;
  const all = middle(total!);
  const held = own !== null && own.least > total!.most ? middle(own) : middle(process!);
  const what = own !== null && own.least > total!.most ? 'PyTorch alone has reserved' : 'This process has';
  const over = middle(requested!) + held - all;
  if (backend !== 'CUDA')
    return {
      verdict: `${what} ${size(held)} on a device of ${size(all)}: memory of the host is in use as GPU memory (an integrated GPU or an APU takes it so, and managed memory does). This request failed when that ended, too.`,
      remedy: `Allocate ${size(over)} less (smaller batches, offloading that you control, quantised weights); what the driver may take of the host's memory is a setting of the system (of the kernel's driver, or of the firmware).`,
      ...none,
    };
  return {
    verdict: `${what} ${size(held)} on a device of ${size(all)}: memory of the host is in use as GPU memory (the driver of Windows and WSL2 moves it there by itself, "sysmem fallback"; managed memory does the same). It is slow, and this request failed when that ended, too.`,
    remedy: `Allocate ${size(over)} less (smaller batches, offloading that you control, quantised weights); or set "CUDA - Sysmem Fallback Policy" to "Prefer No Sysmem Fallback" in the NVIDIA control panel, so that the limit shows early.`,
    ...none,
  };
}

function driverSaid(figures: OomFigures, beside: Beside): Said {
  const free = middle(figures.free!);
  const asked = middle(figures.requested!);
  const times = Math.floor(free / asked);
  const limits =
    beside.backend === 'HIP'
      ? 'a limit of the process or container (set_per_process_memory_fraction, a slice of the GPU, ulimit -v, cgroup)'
      : 'a limit of the process or container (set_per_process_memory_fraction, MPS, a vGPU slice, ulimit -v, cgroup)';
  return {
    verdict: `${size(free)} were free${times >= 2 ? `, ${count(times, 'time')} what was requested` : ', more than was requested'}: the memory was neither full nor fragmented. The driver refused it: ${limits}, mappings that ran out (vm.max_map_count, very many segments), an earlier error of this context, or memory that another process gave back just then.`,
    remedy: `Look at dmesg, at the limits (ulimit -a, the container's), and at ${code('python -c "import torch; print(torch.cuda.mem_get_info())"')} in the same place; run once more with CUDA_LAUNCH_BLOCKING=1 to see an earlier error. No setting of the allocator gives room that was there.`,
    ...none,
  };
}

function fragmentationSaid(figures: OomFigures, who: WhoIsWho, beside: Beside): Said {
  const { unallocated, requested, free, isOldForm } = figures;
  const cached = size(middle(unallocated!));
  const asked = size(middle(requested!));
  const why =
    unallocated!.least >= requested!.most
      ? `${cached} are reserved and not allocated, more than the ${asked} that were requested, but in no one piece that fits: fragmentation.`
      : `${cached} are reserved and not allocated, and ${size(free === null ? 0 : middle(free))} more could be taken: together enough for the ${asked} that were requested, but in no one piece: fragmentation.`;
  const verdict = `${why}${whoText(who)}${restText(figures, who)}`;
  if (beside.expandable === true)
    return {
      verdict: `${why} Expandable segments are in force already, so blocks of other pools or streams keep it apart.${whoText(who)}${restText(figures, who)}`,
      remedy:
        'Record a snapshot: it names the blocks that keep the cache apart. `torch.cuda.empty_cache()` before the large request gives back what no block holds.',
      ...none,
    };
  // vllm/device_allocator/cumem.py refuses to start with both.
  if (beside.sleeps)
    return {
      verdict,
      remedy: `The server uses sleep mode, which does not work with expandable segments. Without --enable-sleep-mode: ${expandableOf(beside)}`,
      ...none,
    };
  const since = isOldForm
    ? `From PyTorch 2.1 on, ${beside.expandable === null ? 'unless it is set already: ' : ''}${expandableOf(beside)}; this message is of an older version: ${code(`${beside.variable}=max_split_size_mb:512`)} from 1.10 on`
    : `${beside.expandable === null ? 'Unless it is set already, which the log does not say: ' : ''}${expandableOf(beside)}`;
  return { verdict, remedy: since, ...none };
}

function othersSaid(figures: OomFigures, who: WhoIsWho, beside: Beside): Said {
  const { free, total, reserved, allocated } = figures;
  const { held, others, ranks, namedLeast } = who;
  const own = reserved ?? allocated;
  const cap =
    total === null || free === null || own === null
      ? Infinity
      : Math.max(0, total.most - free.least - own.least);
  const gain = Math.min(namedLeast, cap);
  const named = others.map(({ pid, bytes }) => `process ${pid} ${size(bytes)}`);
  const before = free === null ? '' : `${size(middle(free))} were free; `;
  if (ranks.length > 1)
    return {
      verdict: `${before}${count(ranks.length, 'process', 'processes')} of equal size (${named.join(', ')}) are on this GPU beside the large one: contexts of the job's other ranks, by their looks.${whoText(who)} Without them the request had been served.`,
      remedy: `Each rank must choose its GPU before its first CUDA call: ${code('torch.cuda.set_device(local_rank)')} (and \`map_location\` in torch.load, \`device_id\` in init_process_group), or CUDA_VISIBLE_DEVICES per rank.`,
      gainBytes: gain > 0 ? gain : null,
      gainHow: gain > 0 ? 'what these contexts hold here by the message, rounded down' : null,
    };
  const what =
    named.length === 0
      ? `other processes hold ${size(held.least)} at least; the message does not name them (containers hide them)`
      : who.own === 'one_of'
        ? `other processes hold ${size(held.least)} at least, whichever of those that the message names is this one (${list(named)})`
        : `other processes hold ${size(held.least)} at least (${list(named)})`;
  const contexts =
    who.someRanks.length === 0
      ? ''
      : ` ${who.someRanks.length} of them of equal size (${list(who.someRanks.map(({ pid }) => String(pid)))}) look like contexts of the job's other ranks, which did not choose their own GPU before their first CUDA call (${code('torch.cuda.set_device(local_rank)')}).`;
  return {
    verdict: `${before}${what}. Without them the request had been served.${contexts}${whoText(who)}`,
    remedy: `See who they are (${code(toolOf(beside) === 'nvidia-smi' ? 'nvidia-smi --query-compute-apps=pid,process_name,used_gpu_memory --format=csv' : toolOf(beside))} on the host), then move this program or them to another GPU, or end those that nobody needs: other processes are the only thing that makes room here without allocating less.`,
    gainBytes: gain > 0 ? gain : null,
    gainHow: gain > 0 ? 'what the processes hold that the message names beside this one, rounded down' : null,
  };
}

function fullSaid(figures: OomFigures, who: WhoIsWho, judged: Judged, beside: Beside): Said {
  const { requested, allocated, free, total } = figures;
  const held = allocated === null ? '' : `; PyTorch had ${size(middle(allocated))} allocated and in use`;
  const after = `${whoText(who)}${restText(figures, who)}`;
  const limit = judged.also.includes('limit')
    ? ` By the printed digits the process's own limit of ${size(middle(figures.allowed!))} may have refused it first.`
    : '';
  return {
    verdict: `${size(middle(requested!))} were requested${freeText(figures)}${free === null && total !== null ? ` on a device of ${size(middle(total))}` : ''}${held}: the memory is full.${after}${limit}${noAdviceOf(figures, beside.advised)}`,
    remedy: `${judged.also.includes('other_processes') ? `See whether another process is on the GPU (${toolOf(beside)} on the host). Else: ` : ''}${lessOf(beside)}`,
    ...none,
  };
}

export function oomWords(figures: OomFigures, who: WhoIsWho, judged: Judged, beside: Beside): Said {
  const { requested, total, allocated } = figures;
  const added = alsoText(figures, who, judged);
  const with_ = (said: Said): Said => ({ ...said, verdict: said.verdict + added });
  switch (judged.cause) {
    case 'no_figures':
      return {
        verdict: 'The message gives no figures.',
        remedy: 'A snapshot at the moment of the error tells who holds the memory.',
        ...none,
      };
    case 'contradiction':
      return {
        verdict: `The figures contradict each other: ${judged.why} Why the request failed does not follow from them.`,
        remedy: `See what ${toolOf(beside)} says in the same place; a snapshot at the moment of the error tells who holds the memory.`,
        ...none,
      };
    case 'host_memory':
      return hostSaid(figures, beside);
    case 'never_fits':
      return {
        verdict: `${size(middle(requested!))} were requested at once and the GPU has ${size(middle(total!))}: it can never fit.${noAdviceOf(figures, beside.advised)}`,
        remedy: 'Find the tensor: a mask of length times length, a batch put together wrongly.',
        ...none,
      };
    case 'limit':
      return with_(limitSaid(figures, judged, beside));
    case 'refused_by_driver':
      return driverSaid(figures, beside);
    case 'fragmentation': {
      const said = with_(fragmentationSaid(figures, who, beside));
      if (!judged.also.includes('other_processes')) return said;
      return {
        ...said,
        remedy: `${said.remedy}. See who else is on the GPU, too (${toolOf(beside)} on the host): without them it had been served as well.`,
      };
    }
    case 'other_processes':
      return with_(othersSaid(figures, who, beside));
    case 'full':
      return fullSaid(figures, who, judged, beside);
    case 'other_pools':
    case 'not_told':
      return {
        verdict:
          allocated === null || total === null
            ? `${size(middle(requested!))} were requested; how much was free, and who had the rest, the message does not say.`
            : `PyTorch had ${size(middle(allocated))} of ${size(middle(total))} allocated; ${size(middle(total) - middle(allocated))} were not, more than the ${size(middle(requested!))} that were requested. How much of that was free, cached in pieces or another process's the message does not say.`,
        remedy: `${toolOf(beside)} tells whether another process is on the GPU, ${beside.backend === 'XPU' ? 'torch.xpu.memory_reserved()' : beside.backend === 'NPU' ? 'torch.npu.memory_summary()' : 'torch.cuda.memory_summary()'} how much is cached; if nearly all is allocated at every such moment, allocate less.`,
        ...none,
      };
  }
}

/** The other causes that would each have been enough. */
function alsoText(figures: OomFigures, who: WhoIsWho, { cause, also }: Judged): string {
  const parts: string[] = [];
  if (also.includes('other_processes') && cause !== 'fragmentation')
    parts.push(
      `other processes hold up to ${who.held.most === null ? 'an unknown amount' : size(who.held.most)}`,
    );
  if (also.includes('other_processes') && cause === 'fragmentation')
    parts.push(
      who.held.least > 0
        ? `other processes hold ${size(who.held.least)} at least, and without them it had been served, too`
        : `other processes may hold up to ${who.held.most === null ? 'an unknown amount' : size(who.held.most)}, and without them it had been served, too`,
    );
  if (also.includes('fragmentation') && cause !== 'fragmentation' && figures.unallocated !== null)
    parts.push(
      `${size(middle(figures.unallocated))} are reserved and not allocated, which in one piece ${figures.free === null ? '' : 'with what was free '}had been enough, too (expandable_segments:True)`,
    );
  if (also.includes('limit') && cause !== 'limit' && figures.allowed !== null)
    parts.push(`the process's own limit of ${size(middle(figures.allowed))} may have been reached, too`);
  if (also.includes('other_pools'))
    parts.push(
      'what is reserved and not allocated may be free inside a private pool (CUDA graphs) or cached for another stream, where this request cannot take it',
    );
  return parts.length === 0 ? '' : ` A second cause, which these figures do not exclude: ${list(parts)}.`;
}
