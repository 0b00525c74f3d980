/**
 * Programs of known growth, made by families and seeds and run through the model of the allocator: leaks, and what
 * looks like one. Sizes, lengths and how often something is kept are drawn; what is kept is known.
 */
import { seeded } from '../read/snapshot/fixtures.ts';
import { type Block, MIB, Recording } from './recording.ts';

const KIB = 2 ** 10;

export interface Made {
  readonly recording: Recording;
  /** Allocated bytes at the end of each of the program's own iterations: what the simple tests get. */
  readonly marks: readonly number[];
}

/**
 * true: it keeps more and more; 'masked': behind other frees; false: it does not, or it had an end; 'slows': it still
 * grows, ever slower, and has no end in sight; null: one pass.
 */
export type Truth = boolean | 'masked' | 'slows' | null;

export interface Family {
  readonly name: string;
  readonly leak: Truth;
  readonly make: (seed: number) => Made;
}

class Program {
  readonly recording = new Recording({ streams: 32 });
  readonly marks: number[] = [];
  private readonly random: () => number;
  private held = 0;

  constructor(seed: number) {
    this.random = seeded(7919 * seed + 1);
  }

  /** A whole number in [from, to]. */
  draw(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  take(path: string, bytes: number, where: { stream?: number; pool?: number } = {}): Block {
    this.held += bytes;
    return this.recording.take(path, bytes, where);
  }

  drop(...blocks: Block[]): void {
    for (const block of blocks) this.held -= block.bytes;
    this.recording.drop(...blocks);
  }

  mark(): void {
    this.marks.push(this.held);
  }

  weights(layers = 4): void {
    for (let i = 0; i < layers; i++)
      this.take(`main:2 build:${20 + (i % 3)}`, this.draw(1, 8) * MIB + 4 * KIB * i);
  }

  /** A training step: activations that pass, gradients, and Adam's state after the first. */
  step(scale = 1): void {
    const kept = ['norm:31', 'qkv:32', 'softmax:33', 'project:34', 'mlp:35'].map((line) =>
      this.take(`main:8 forward:12 ${line}`, scale * this.draw(2, 6) * 128 * KIB),
    );
    const loss = this.take('main:9 loss:14', 512);
    for (const block of kept.reverse()) {
      const gradient = this.take('main:10 backward:40', block.bytes);
      this.drop(block, gradient);
    }
    this.drop(loss);
  }

  /** A key by Pareto's law of this exponent: few come often, and new ones never end (Zipf, prefixes, users). */
  pareto(exponent: number): number {
    return Math.floor((1 - this.random()) ** (-1 / exponent));
  }

  /**
   * A request behind a prefix, as a server with a cache of prefixes answers it: where the prefix is not there it is
   * computed and its keys and values are kept.
   */
  behindPrefix(isNew: boolean, bytes: number): Block[] {
    const kept: Block[] = [];
    if (isNew) {
      let x = this.take('serve:60 prefill:61 embed:62', bytes);
      for (const layer of [1, 2, 3]) {
        const normed = this.take('serve:60 prefill:61 block:63 norm:64', bytes);
        const joined = this.take('serve:60 prefill:61 block:63 qkv:65', 3 * bytes);
        kept.push(
          this.take('serve:60 prefill:61 keep:66', bytes),
          this.take('serve:60 prefill:61 keep:67', bytes),
        );
        const next = this.take('serve:60 prefill:61 block:63 mlp:68', bytes + 512 * layer);
        this.drop(normed, joined, x);
        x = next;
      }
      this.drop(x);
    }
    let x = this.take('serve:70 embed:62', 1 * KIB);
    for (let layer = 0; layer < 3; layer++) {
      const joined = [71, 72].map((line) => this.take(`serve:70 block:63 cat:${line}`, bytes + 2 * KIB));
      const next = this.take('serve:70 block:63 mlp:68', 1 * KIB);
      this.drop(...joined, x);
      x = next;
    }
    this.drop(this.take('serve:74 head:75', 16 * KIB), x);
    return kept;
  }

  /** A request: prompt, a few tokens, the answer. */
  request(length = this.draw(16, 400)): void {
    const prompt = this.take('main:50 tokenize:60', 8 * length);
    const caches = [0, 1, 2].map((i) => this.take(`main:51 prefill:70 layer:${80 + i}`, 2 * KIB * length));
    for (let token = this.draw(2, 5); token > 0; token--) this.drop(this.take('main:52 decode:90', 16 * KIB));
    this.drop(prompt, ...caches);
  }

  done(): Made {
    return { recording: this.recording, marks: this.marks };
  }
}

type Build = (program: Program) => void;

const family = (name: string, leak: Truth, build: Build): Family => ({
  name,
  leak,
  make: (seed) => {
    const program = new Program(seed);
    build(program);
    return program.done();
  },
});

const repeat = (n: number, work: (i: number) => void): void => {
  for (let i = 0; i < n; i++) work(i);
};

/** Graphs of many sizes are captured: each keeps what it allocates, after a round of warm-up that does not. */
function capture(p: Program, graphs: number): void {
  for (let g = graphs; g > 0; g--) {
    const warm = ['norm:31', 'qkv:32', 'mlp:35'].map((l) =>
      p.take(`main:4 capture:5 run:6 ${l}`, g * 64 * KIB),
    );
    p.drop(...warm);
    for (const line of ['norm:31', 'qkv:32', 'softmax:33', 'mlp:35'])
      p.take(`main:4 capture:7 run:8 ${line}`, g * 64 * KIB, { pool: 1 });
    p.drop(p.take('main:4 capture:7 run:8 sample:36', 32 * KIB, { pool: 1 }));
  }
}

function replayed(p: Program): void {
  const x = p.take('serve:44 copy:45', p.draw(1, 24) * 32 * KIB);
  p.drop(x);
  const values = p.take('serve:46 sample:47', 4 * KIB);
  p.drop(p.take('serve:46 topk:48', 2 * KIB), values);
}

const CALL = '_call_impl@/opt/venv/lib/python3.12/site-packages/torch/nn/modules/module.py:1790';

export const FAMILIES: readonly Family[] = [
  family('training, Adam', false, (p) => {
    p.weights();
    repeat(p.draw(24, 60), (i) => {
      p.step();
      if (i === 0) for (let k = 0; k < 8; k++) p.take('main:11 adam:55', p.draw(1, 4) * MIB);
      p.mark();
    });
  }),
  family('requests of random length', false, (p) => {
    p.weights();
    repeat(p.draw(30, 80), () => (p.request(), p.mark()));
  }),
  family('epochs: training, evaluation', false, (p) => {
    p.weights();
    repeat(p.draw(5, 9), () => {
      repeat(8, () => p.step());
      const seen = Array.from({ length: 4 }, () => p.take('main:61 evaluate:62', p.draw(2, 9) * 256 * KIB));
      p.drop(...seen);
      p.mark();
    });
  }),
  family('collected, then learnt from (a saw)', false, (p) => {
    p.weights();
    const every = p.draw(6, 12);
    const kept: Block[] = [];
    repeat(every * p.draw(4, 6), (i) => {
      kept.push(p.take('main:13 rollout:15', 512 * KIB));
      p.step();
      if (i % every === every - 1) p.drop(...kept.splice(0));
      p.mark();
    });
  }),
  family('a cache that fills', false, (p) => {
    p.weights();
    const keys = p.draw(6, 14);
    repeat(keys * p.draw(4, 7), (i) => {
      if (i < keys) p.take('main:53 remember:54', p.draw(4, 9) * 128 * KIB);
      p.request();
      p.mark();
    });
  }),
  family('a cache with the oldest dropped', false, (p) => {
    p.weights();
    const most = p.draw(5, 16);
    const cache: Block[] = [];
    repeat(p.draw(70, 120), () => {
      if (p.chance(0.6)) cache.push(p.take('main:53 remember:54', p.draw(4, 9) * 128 * KIB));
      if (cache.length > most) p.drop(cache.shift()!);
      p.request();
      p.mark();
    });
  }),
  family('graphs captured, then requests', false, (p) => {
    p.weights();
    capture(p, p.draw(12, 36));
    repeat(p.draw(60, 110), () => (replayed(p), p.mark()));
  }),
  family('weights layer by layer, then requests', false, (p) => {
    repeat(p.draw(24, 48), () => {
      for (const line of ['q:21', 'k:22', 'v:23', 'o:24']) p.take(`main:2 load:20 ${line}`, 512 * KIB);
      p.drop(p.take('main:2 load:25', 64 * KIB));
    });
    repeat(p.draw(24, 60), () => (p.request(), p.mark()));
  }),
  family('collected, given back at the end', false, (p) => {
    p.weights();
    const kept: Block[] = [];
    repeat(p.draw(24, 60), () => {
      kept.push(p.take('main:16 collect:17', p.draw(4, 9) * 128 * KIB));
      p.request();
      p.mark();
    });
    p.drop(...kept);
    p.mark();
  }),
  family('workspaces: a stream a request', false, (p) => {
    p.weights();
    repeat(p.draw(20, 31), (i) => {
      const stream = i + 1;
      const y = p.take('main:50 linear:60', 256 * KIB, { stream });
      p.take('main:50 linear:60', 32 * MIB, { stream });
      p.drop(p.take('main:50 relu:61', 256 * KIB, { stream }), y);
      p.mark();
    });
  }),
  family('one forward pass (recording ends in it)', null, (p) => {
    p.weights();
    const model = `main:8 ${CALL} forward@/home/user/model.py:97 ${CALL} block@/home/user/model.py`;
    repeat(p.draw(12, 40), () => {
      for (const line of [41, 42, 44, 45, 47]) p.take(`${model}:${line}`, 512 * KIB);
      p.drop(p.take(`${model}:48`, 256 * KIB));
      p.mark();
    });
  }),
  family('prefixes by Zipf, none dropped', 'slows', (p) => {
    p.weights();
    const exponent = p.draw(6, 11) / 10;
    const seen = new Set<number>();
    repeat(p.draw(100, 240), () => {
      const key = p.pareto(exponent);
      p.behindPrefix(!seen.has(key), 24 * KIB);
      seen.add(key);
      p.mark();
    });
  }),
  family('a cache of many keys, still filling', 'slows', (p) => {
    p.weights();
    const keys = p.draw(40, 160);
    const seen = new Set<number>();
    repeat(p.draw(keys, 2 * keys), () => {
      const key = p.draw(1, keys);
      p.behindPrefix(!seen.has(key), 24 * KIB);
      seen.add(key);
      p.mark();
    });
  }),
  family('one result a step', true, (p) => {
    p.weights();
    const size = p.draw(1, 40) * 32 * KIB;
    repeat(p.draw(24, 60), () => {
      p.step();
      p.take('main:13 log:15', size);
      p.mark();
    });
  }),
  family('results of random size', true, (p) => {
    p.weights();
    repeat(p.draw(30, 70), () => {
      p.request();
      p.take('main:56 remember:57', p.draw(1, 40) * 32 * KIB);
      p.mark();
    });
  }),
  family('outputs with their graph', true, (p) => {
    p.weights();
    repeat(p.draw(20, 40), () => {
      for (const line of ['norm:31', 'qkv:32', 'softmax:33', 'mlp:35'])
        p.take(`main:8 forward:12 ${line}`, 128 * KIB);
      p.drop(p.take('main:9 metric:14', 64 * KIB));
      p.mark();
    });
  }),
  family('one in four requests', true, (p) => {
    p.weights();
    repeat(p.draw(80, 120), (i) => {
      p.request();
      if (i % 4 === 2) p.take('main:58 failed:59', 256 * KIB);
      p.mark();
    });
  }),
  family('errors at random, each kept', true, (p) => {
    p.weights();
    repeat(p.draw(80, 160), () => {
      p.request();
      if (p.chance(0.3)) p.take('main:58 failed:59', 256 * KIB);
      p.mark();
    });
  }),
  family('answers kept now and then', true, (p) => {
    p.weights();
    repeat(p.draw(80, 160), () => {
      p.request();
      const answer = p.take('main:57 softmax:58', 256 * KIB);
      if (!p.chance(0.4)) p.drop(answer);
      p.mark();
    });
  }),
  family('from the middle on', true, (p) => {
    p.weights();
    const from = p.draw(10, 25);
    repeat(from + p.draw(30, 50), (i) => {
      p.step();
      if (i >= from) p.take('main:13 log:15', 256 * KIB);
      p.mark();
    });
  }),
  family('graphs captured, then a leak', true, (p) => {
    p.weights();
    capture(p, p.draw(12, 36));
    repeat(p.draw(60, 110), () => {
      replayed(p);
      p.take('serve:49 keep:50', 512 * KIB);
      p.mark();
    });
  }),
  family('masked by a data set used up', 'masked', (p) => {
    const n = p.draw(30, 60);
    p.weights();
    const data = Array.from({ length: n + 4 }, () => p.take('main:3 load:4', 2 * MIB));
    repeat(n, () => {
      p.step();
      p.drop(data.pop()!);
      p.take('main:13 trail:15', 1536 * KIB);
      p.mark();
    });
  }),
];

/** Requests with a prefix that was not there: of 160, with `int(random.Random(25).paretovariate(0.7))` as keys. */
const ZIPF_MISSES = [
  0, 1, 2, 4, 5, 7, 10, 11, 13, 14, 16, 23, 35, 38, 62, 63, 66, 79, 83, 97, 99, 103, 113, 114, 117, 122, 137,
  147, 156, 159,
];

/** The requests of prefixes_by_zipf in test/record/real_growth.py, through the model of the allocator. */
export function prefixesByZipf(): Made {
  const program = new Program(25);
  program.weights();
  repeat(160, (i) => {
    program.behindPrefix(ZIPF_MISSES.includes(i), 24 * KIB);
    program.mark();
  });
  return program.done();
}
