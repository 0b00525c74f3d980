/**
 * What a server prints when memory keeps it from starting or going on, as a finding: what it says, what its own figures add
 * to that, and a remedy that is at least the server's own. Refusals that other rules know more of are theirs: too little
 * free at the start and nothing left for the KV cache (utilization-edge), a request too long (kv-cache-too-small).
 *
 * The texts: read/servers/refusals.ts.
 */
import { formatInteger } from '../base/units.ts';
import { percent } from '../base/words.ts';
import type { ReadSource } from '../analyze/read-source.ts';
import { settingOf } from '../analyze/server/kv-cache-log.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { evidence, type Evidence, type Finding } from './finding.ts';
import { measuredSize, ofRank, rankWithMost, stepOf, stepsText } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

type Event = ServerLog['refused'][number];

interface Said {
  readonly title: string;
  readonly verdict: string;
  readonly confidence?: Finding['confidence'];
  readonly confidenceWhy?: string;
  readonly evidence?: readonly Evidence[];
  readonly remedy: string;
  readonly wouldChange: string;
}

interface Kind {
  readonly pattern: RegExp;
  say(log: ServerLog, event: Event, match: RegExpExecArray): Said;
}

/** Memory became free while vLLM measured: what it measured is void. */
const profiling: Kind = {
  pattern: /Error in memory profiling/,
  say(_log, { figures }) {
    const { free_before, free_after } = figures;
    const freed = free_before === undefined || free_after === undefined ? null : free_after - free_before;
    const grew =
      freed === null || free_before === undefined || free_after === undefined
        ? 'More was free after the measurement than before'
        : freed > 0
          ? `While the server measured what it needs, ${size(freed)} became free on the GPU (${size(free_before)} before, ${size(free_after)} after)`
          : `As much was free after the measurement as before (${size(free_before)})`;
    return {
      title:
        freed === null || freed <= 0
          ? 'The memory profiling of the server is void: it did not start'
          : `${size(freed)} became free while the server measured: it did not start`,
      verdict: `${grew}: another process gave memory back meanwhile (a server that was ending, or two that start at once), so the measurement is void. Where GPU and host share their memory (GB10, Grace, Jetson) the page cache of the host does the same.`,
      remedy: `Wait until the other one has ended and ${code('nvidia-smi')} stays steady, then start again; start several servers one after the other. No flag of this server is at fault; where it cannot be avoided, ${code('--kv-cache-memory-bytes')} gives the KV cache a size without a measurement.`,
      wouldChange: 'A start with nobody else on the GPU.',
    };
  },
};

const mambaBlocks: Kind = {
  pattern: /max_num_seqs \((\d+)\) exceeds available Mamba cache blocks \((\d+)\)/,
  say(_log, _event, [, asked, blocks]) {
    return {
      title: `${asked} sequences at once are more than the ${blocks} state blocks of this hybrid model`,
      verdict: `Each sequence that decodes needs one state block of the Mamba or linear-attention layers, and ${blocks} fit what is left beside the weights: the server refuses --max-num-seqs ${asked}. The tokens of the KV cache are another figure.`,
      remedy: `${code(`--max-num-seqs ${blocks}`)} or less; more blocks take a higher --gpu-memory-utilization.`,
      wouldChange: 'More memory for state blocks.',
    };
  },
};

/** SGLang: weights, or weights and state, beyond the static share. */
const weightsLeaveNothing: Kind = {
  pattern:
    /Loaded weights leave no GPU memory for the KV cache under --(?:mem-fraction-static=([\d.]+)\. Raise --mem-fraction-static above ([\d.]+)(?:[^)]*?available\/pre = ([\d.]+))?|rank-gpu-memory-mib)/,
  say(log, { text }, [, now, above, exact]) {
    const rank = rankWithMost(log.latest, (one) => stepOf(one, 'weights')?.value ?? null);
    const free = rank?.basis === 'free' ? (rank.whole?.value ?? null) : null;
    const weights = rank === null ? null : stepOf(rank, 'weights');
    const share = Number(now);
    const least = Number(exact ?? above);
    const may = free === null || !(share > 0) ? null : share * free;
    const over =
      may === null || weights === null || weights.value <= may
        ? ''
        : `, ${size(weights.value - may)} more than that`;
    const facts =
      may === null || free === null || weights === null
        ? ''
        : ` ${size(free)} were free at the start, of which the server may use ${percent(share)}, ${size(may)}; weights took ${measuredSize(weights)}${ofRank(rank!)}${over}.`;
    const example = Number.isFinite(least) ? Math.min(0.99, Math.ceil((least + 0.005) * 100) / 100) : NaN;
    const roomy = Math.min(0.98, Math.ceil((least + 0.035) * 100) / 100);
    const left = (value: number): string =>
      free === null
        ? ''
        : `; ${value.toFixed(2)} leaves ${size((1 - value) * free)} for activations and CUDA graphs`;
    return {
      title:
        now === undefined
          ? 'Weights leave nothing for the KV cache: the server does not start'
          : `Weights do not fit into --mem-fraction-static ${now}: the server does not start`,
      verdict: `The share of memory for weights and KV cache is used up before the KV cache gets any.${facts}`,
      ...(rank === null ? {} : { evidence: [evidence(stepsText(rank))] }),
      remedy:
        above === undefined || !Number.isFinite(least)
          ? `${/--rank-gpu-memory-mib/.test(text) ? 'A higher --rank-gpu-memory-mib, or fewer ranks on this GPU.' : 'A higher --mem-fraction-static.'}`
          : least >= 0.97
            ? `The server's own word is --mem-fraction-static above ${above}: that leaves next to nothing for activations${left(0.98)}. More GPUs (--tp-size), or fewer bits of weights.`
            : `${code(`--mem-fraction-static ${example.toFixed(2)}`)} (the server's own word: above ${above})${roomy > example ? ` to ${roomy.toFixed(2)}` : ''}${left(roomy)}.`,
      wouldChange: 'A share that holds the weights, or more GPUs.',
    };
  },
};

const notEnough: Kind = {
  pattern: /Not enough memory\. Please try (?:to increase|increasing) --mem-fraction-static/,
  say(log) {
    const now = settingOf(log.settings, 'mem_fraction_static');
    const rank = rankWithMost(log.latest, (one) => stepOf(one, 'weights')?.value ?? null);
    return {
      title: 'Nothing is left for the KV cache: the server does not start',
      verdict: `Of the share for weights and KV cache${now === null ? '' : ` (--mem-fraction-static ${now})`} no token of KV cache is left beside the weights.`,
      ...(rank === null ? {} : { evidence: [evidence(stepsText(rank))] }),
      remedy: `A higher --mem-fraction-static${now === null ? '' : ` than ${now}`}, as the server says: it is the share for weights and KV cache together, so lowering it takes from the KV cache. Else more GPUs (--tp-size). See also that nothing else is on the GPU (nvidia-smi).`,
      wouldChange: 'A share with room beside the weights.',
    };
  },
};

const unbalanced: Kind = {
  pattern: /The memory capacity is unbalanced/,
  say(_log, { figures }) {
    const { least, own } = figures;
    const facts =
      least === undefined || own === undefined
        ? ''
        : ` The least that is free on any of them is ${size(least)}; this rank has ${size(own)}: ${size(own - least)} are missing there.`;
    return {
      title: 'One GPU has less free than the others: the server does not start',
      verdict: `The ranks of one server must find about the same memory free (within a tenth).${facts} Another process is on that GPU, or a server before this one has not ended there.`,
      remedy: `${code('nvidia-smi --query-compute-apps=gpu_bus_id,pid,process_name,used_gpu_memory --format=csv')} tells who it is: wait until it has ended, move it, or take other GPUs. GPUs of unlike size take SGLANG_ENABLE_TP_MEMORY_INBALANCE_CHECK=0.`,
      wouldChange: 'The same memory free on every GPU.',
    };
  },
};

const hybridState: Kind = {
  pattern: /state cache is too small to serve any requests|Not enough GPU memory for (?:the )?hybrid/i,
  say() {
    return {
      title: 'The state cache of this hybrid model holds not one request',
      verdict:
        'Mamba or linear-attention layers keep a state for each request in a pool of its own. What is left for it, or what --max-mamba-cache-size sets, is less than one request takes.',
      remedy:
        'A higher --max-mamba-cache-size (at least the slots per request that the message names), or leave it out; a higher --mem-fraction-static; fewer requests at once (--max-running-requests, which dp_size divides) or fewer draft tokens.',
      wouldChange: 'A pool that holds a request.',
    };
  },
};

const graphCapture: Kind = {
  pattern: /Capture .{0,60}?graph failed/i,
  say(log) {
    const now = settingOf(log.settings, 'mem_fraction_static');
    return {
      title: 'CUDA graphs could not be captured: the server does not start',
      verdict: `Weights and KV cache had taken their share${now === null ? '' : ` (--mem-fraction-static ${now})`}; what was left did not hold the graphs, where it was memory that ran out.`,
      confidence: 'high',
      confidenceWhy: 'The server says that the capture failed; other errors than memory can end it, too.',
      remedy:
        "The server's own words: a smaller --mem-fraction-static (0.8 or 0.7), a smaller --cuda-graph-max-bs (16), or --disable-cuda-graph.",
      wouldChange: 'Another error than memory in the lines above.',
    };
  },
};

const prefill: Kind = {
  pattern: /(Prefill|Decode) out of memory\. Try to lower your batch size/,
  say(_log, _event, [, what]) {
    return {
      title: `${what} found no room in the KV cache: the server stopped`,
      verdict:
        "It is the pool of KV tokens that ran out, not the GPU's memory: a batch was let in that the pool could not hold, even after giving back what was cached.",
      confidence: 'high',
      confidenceWhy: 'The server prints it when its own token pool has no slots.',
      remedy:
        'Smaller batches: --chunked-prefill-size, --max-running-requests, a higher --schedule-conservativeness; more tokens: a higher --mem-fraction-static where memory is left when ready, or --kv-cache-dtype fp8_e4m3.',
      wouldChange: 'A pool that holds the batch.',
    };
  },
};

const KINDS: readonly Kind[] = [
  profiling,
  mambaBlocks,
  weightsLeaveNothing,
  notEnough,
  unbalanced,
  hybridState,
  graphCapture,
  prefill,
];

/** Refusals of engines whose logs have no budget of ranks (engine-log): by their own words alone. */
const ENGINES: readonly {
  readonly pattern: RegExp;
  readonly say: (match: RegExpExecArray) => Pick<Said, 'title' | 'verdict' | 'remedy'>;
}[] = [
  {
    // text-generation-inference, models/flash_causal_lm.py: warmup() runs out of memory at the largest prefill
    pattern: /Not enough memory to handle (\d{1,9}) prefill tokens/,
    say: ([, tokens]) => ({
      title: `A prefill of ${formatInteger(Number(tokens))} tokens does not fit: TGI did not start`,
      verdict: `TGI tries its largest prefill before it starts, ${formatInteger(Number(tokens))} tokens at once, and ran out of memory in it: the weights and the activations of that many tokens do not fit together.`,
      remedy: `A lower ${code('--max-batch-prefill-tokens')}, as TGI says; else quantised weights (${code('--quantize')}), more GPUs (${code('--num-shard')}), or nobody else on the GPU (nvidia-smi).`,
    }),
  },
];

const ofEngine = (source: ReadSource): Finding[] =>
  ENGINES.flatMap(({ pattern, say }): Finding[] => {
    const event = (source.readings?.events ?? []).findLast(
      ({ kind, text }) => kind === 'start_refused' && pattern.test(text),
    );
    const match = event === undefined ? null : pattern.exec(event.text);
    if (event === undefined || match === null) return [];
    return [
      aboutServer({
        id: 'server-refused',
        device: event.device,
        severity: 'problem',
        ...say(match),
        confidence: 'certain',
        confidenceWhy: "It is the server's own word.",
        evidence: [evidence(event.text)],
        gainBytes: null,
        gainHow: null,
        wouldChange: 'A start that goes through.',
      }),
    ];
  });

/** The server's last word of each kind. */
export const serverRefused: ServerRule = ({ servers, sources }): Finding[] => [
  ...sources.filter(({ format }) => format === 'engine-log').flatMap(ofEngine),
  ...servers.flatMap((log) => {
    const events = (log.source.readings?.events ?? []).filter(
      (event) => (event.kind === 'start_refused' || event.kind === 'other') && !log.settled.includes(event),
    );
    return KINDS.flatMap((kind): Finding[] => {
      const event = events.findLast(({ text }) => kind.pattern.test(text));
      const match = event === undefined ? null : kind.pattern.exec(event.text);
      if (event === undefined || match === null) return [];
      const said = kind.say(log, event, match);
      return [
        aboutServer({
          id: 'server-refused',
          device: event.device,
          severity: 'problem',
          title: said.title,
          verdict: said.verdict,
          confidence: said.confidence ?? 'certain',
          confidenceWhy: said.confidenceWhy ?? "It is the server's own word, with its own figures.",
          evidence: [evidence(event.text), ...(said.evidence ?? [])],
          remedy: said.remedy,
          gainBytes: null,
          gainHow: null,
          wouldChange: said.wouldChange,
        }),
      ];
    });
  }),
];
