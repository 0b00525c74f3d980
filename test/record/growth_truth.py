"""Record small programs of which it is known whether and how their memory grows.

usage: python3 growth_truth.py OUTDIR [NAME ...]     each scenario in its own process (all of them without names)

Writes for each NAME.pickle (torch.cuda.memory._dump_snapshot), NAME.memory_stats.json and NAME.truth.json:
  kinds     what allocated memory does, in the words of src/analyze/growth-verdict.ts; several where either is right
  units     what may be called an iteration, with how many of them ran: {"step": 40}
  lines     lines of this file that allocate what is kept ("LEAK" stands there); empty: nothing is kept for good
  marks     at the end of each of the first unit: [time.time_ns(), memory_allocated(), memory_reserved()]
Sizes and order follow from seeds alone.
"""
import gc, json, math, os, random, subprocess, sys, time
import torch
from torch import nn
from torch.nn import functional as F

FLAT, ENDS, STEPS = ["none", "warm_up_plateau"], ["warm_up_plateau"], ["steps_with_largest_request"]
LINEAR, SLOWS = ["linear_leak"], ["sub_linear"]
SCENARIOS = {}


def scenario(kinds, stacks="python", conf="", entries=10**6, **units):
    def register(run):
        SCENARIOS[run.__name__] = dict(kinds=kinds, stacks=stacks, conf=conf, entries=entries, units=units, run=run)
        return run
    return register


def mlp(d=256, n=4):
    return nn.Sequential(*[m for _ in range(n) for m in (nn.Linear(d, d), nn.ReLU())], nn.Linear(d, 10)).cuda()


def convolutions(c=16):
    return nn.Sequential(nn.Conv2d(3, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * c, 10)).cuda()


def batch(n=64, d=256):
    return torch.randn(n, d, device="cuda")


def step(model, opt, x):
    loss = F.cross_entropy(model(x), torch.zeros(len(x), dtype=torch.long, device="cuda"))  # LEAK of loss_kept
    loss.backward(); opt.step(); opt.zero_grad(set_to_none=True)
    return loss


class Layer(nn.Module):
    def __init__(self, d=128):
        super().__init__()
        self.norm, self.qkv, self.out, self.d = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d), d

    def forward(self, x, past=None):
        q, k, v = self.qkv(self.norm(x)).split(self.d, -1)
        if past is not None:
            k, v = torch.cat([past[0], k], 1), torch.cat([past[1], v], 1)  # LEAK of conversation
        return x + self.out((q @ k.transpose(1, 2)).softmax(-1) @ v), (k, v)


class Decoder(nn.Module):
    def __init__(self, d=128, n=3, vocab=1000):
        super().__init__()
        self.tok, self.layers, self.head = nn.Embedding(vocab, d), nn.ModuleList(Layer(d) for _ in range(n)), nn.Linear(d, vocab)

    def forward(self, ids, past=None):
        x, now = self.tok(ids), []
        for i, layer in enumerate(self.layers):
            x, kv = layer(x, None if past is None else past[i])
            now.append(kv)
        return self.head(x), now


def generate(model, prompt, tokens, past=None):
    with torch.no_grad():
        logits, past = model(torch.randint(0, 1000, (1, prompt), device="cuda"), past)
        for _ in range(tokens):
            logits, past = model(logits[:, -1:].argmax(-1), past)  # LEAK of conversation
    return past


# --- nothing stays

@scenario(FLAT, step=30)
def train_sgd(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    for _ in range(30): step(model, opt, batch()); mark()


@scenario(FLAT, stacks=None, step=30)
def train_adam_no_stacks(mark):
    model = convolutions(); opt = torch.optim.Adam(model.parameters())
    for _ in range(30): step(model, opt, torch.randn(16, 3, 32, 32, device="cuda")); mark()


@scenario(FLAT, batch=40)
@torch.no_grad()
def infer_fixed(mark):
    model = convolutions().eval()
    for _ in range(40): model(torch.randn(8, 3, 64, 64, device="cuda")).argmax(-1).cpu(); mark()


@scenario(FLAT, stacks=None, batch=40)
@torch.no_grad()
def infer_no_stacks(mark):
    model = mlp(512, 6).eval()
    for _ in range(40): model(batch(32, 512)).softmax(-1).cpu(); mark()


@scenario(FLAT, step=12, micro_batch=48)
def accumulate(mark):
    model = mlp(); opt = torch.optim.AdamW(model.parameters())
    for _ in range(12):
        for _ in range(4): model(batch(16)).square().mean().div(4).backward()
        opt.step(); opt.zero_grad(set_to_none=True); mark()


@scenario(FLAT, epoch=8, batch=120, train_batch=80)
def train_then_evaluate(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(8):
        for _ in range(10): step(model, opt, batch())
        with torch.no_grad():
            right = sum(int((model(batch(200)).argmax(-1) == 0).sum()) for _ in range(5))
        mark()


@scenario(FLAT, step=40, validation=8)
def validate_every_fifth(mark):
    model = convolutions(8); opt = torch.optim.Adam(model.parameters())
    for k in range(40):
        step(model, opt, torch.randn(16, 3, 32, 32, device="cuda"))
        if k % 5 == 4:
            with torch.no_grad(): model(torch.randn(64, 3, 32, 32, device="cuda")).argmax(-1).cpu()
        mark()


@scenario(FLAT, step=24)
def profiled_steps(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters())
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as p:
        for _ in range(24): step(model, opt, batch()); mark(); p.step()


@scenario(FLAT, step=50)
def random_depth(mark):
    rnd = random.Random(1); layers = nn.ModuleList(nn.Linear(256, 256) for _ in range(8)).cuda(); opt = torch.optim.SGD(layers.parameters(), 0.01)
    for _ in range(50):
        x = batch()
        for layer in rnd.sample(list(layers), rnd.randrange(1, 9)): x = layer(x).relu()
        x.mean().backward(); opt.step(); opt.zero_grad(set_to_none=True); del x; mark()


@scenario(FLAT, request=12, token=240)
def kv_freed(mark):
    model = Decoder().cuda()
    for _ in range(12): generate(model, 16, 20); mark()


@scenario(FLAT, stacks=None, request=12, token=240)
def kv_freed_no_stacks(mark):
    model = Decoder().cuda()
    for _ in range(12): generate(model, 16, 20); mark()


@scenario(FLAT, request=16)
def kv_freed_random(mark):
    rnd = random.Random(2); model = Decoder().cuda()
    for _ in range(16): generate(model, rnd.randrange(8, 200), rnd.randrange(5, 30)); mark()


@scenario(FLAT, step=40)
def prefetch_stream(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); side = torch.cuda.Stream(); rnd = random.Random(3)
    for _ in range(40):
        with torch.cuda.stream(side): x = torch.randn(rnd.choice([32, 64, 96]), 256).pin_memory().to("cuda", non_blocking=True)
        torch.cuda.current_stream().wait_stream(side); x.record_stream(torch.cuda.current_stream())
        step(model, opt, x); del x; mark()


@scenario(FLAT, step=20)
def checkpointed(mark):
    from torch.utils.checkpoint import checkpoint
    blocks = nn.ModuleList(mlp(256, 2)[:-1] for _ in range(4)); opt = torch.optim.Adam(blocks.parameters())
    for _ in range(20):
        x = batch().requires_grad_()
        for b in blocks: x = checkpoint(b, x, use_reentrant=False)
        x.mean().backward(); opt.step(); opt.zero_grad(set_to_none=True); del x; mark()


@scenario(FLAT, step=60)
def cycles_collected(mark):
    """Reference cycles keep activations until Python's collector runs, every fifteenth step: a saw, no leak."""
    model = mlp(); gc.disable()
    for k in range(60):
        class Result: pass
        r = Result(); r.self = r; r.output = model(batch()); del r
        if k % 15 == 14: gc.collect()
        mark()


@scenario(FLAT, batch=30)
@torch.no_grad()
def lengths_sorted(mark):
    """Batches sorted by length: each asks for more than the one before."""
    model = Decoder().cuda()
    for k in range(30): model(torch.zeros(2, 20 + 9 * k, dtype=torch.long, device="cuda"))[0].argmax(-1).cpu(); mark()


@scenario(FLAT, entries=3000, step=80)
def ring_train(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters())
    for _ in range(80): step(model, opt, batch()); mark()


@scenario(FLAT, turn=30)
def static_cache(mark):
    """A conversation in a cache that was made in full: its use grows, memory does not."""
    cache = torch.zeros(3, 2, 2048, 128, device="cuda"); layers = nn.ModuleList(Layer() for _ in range(3)).cuda(); at = 0
    with torch.no_grad():
        for _ in range(30):
            x = torch.randn(1, 24, 128, device="cuda")
            for i, layer in enumerate(layers):
                x, (k, v) = layer(x, cache[i, :, :at].unsqueeze(1)); cache[i, 0, at : at + 24] = k[0, -24:]; cache[i, 1, at : at + 24] = v[0, -24:]
            at += 24; del x, k, v; mark()


# --- grows with the largest request, or while the program warms up

@scenario(FLAT, stacks="all", step=50)
def random_lengths(mark):
    rnd = random.Random(4); model = Decoder().cuda(); opt = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(50):
        loss = model(torch.zeros(4, rnd.randrange(16, 400), dtype=torch.long, device="cuda"))[0].square().mean()
        loss.backward(); opt.step(); opt.zero_grad(set_to_none=True); del loss; mark()


@scenario(FLAT, batch=60)
@torch.no_grad()
def bucket_padding(mark):
    rnd = random.Random(5); model = Decoder().cuda()
    for _ in range(60):
        n = min(int(rnd.expovariate(1 / 150)) + 1, 1000)
        model(torch.zeros(4, 64 * math.ceil(n / 64), dtype=torch.long, device="cuda"))[0].argmax(-1).cpu(); mark()


@scenario(STEPS + ENDS, batch=60)
@torch.no_grad()
def scratch_of_largest(mark):
    """A scratch buffer as large as the largest batch so far."""
    rnd = random.Random(6); model = mlp(); scratch = torch.empty(0, device="cuda")
    for _ in range(60):
        n = int(rnd.paretovariate(1.5) * 400)
        if scratch.numel() < n * 256: scratch = None; scratch = torch.empty(n * 256, device="cuda")
        x = scratch[: n * 256].view(n, 256).normal_(); model(x).argmax(-1).cpu(); mark()


@scenario(ENDS, step=60)
def experts_lazily(mark):
    """Optimizer state of an expert is made when it first gets a gradient: all eight within the first steps."""
    rnd = random.Random(7); experts = nn.ModuleList(mlp(256, 2) for _ in range(8)); opt = torch.optim.Adam(experts.parameters())
    for _ in range(60): step(experts[rnd.randrange(8)], opt, batch()); mark()


@scenario(ENDS + FLAT, batch=40)
@torch.no_grad()
def algorithms_tried(mark):
    torch.backends.cudnn.benchmark = True; model = convolutions(32).eval()
    for k in range(40): model(torch.randn(4, 3, [64, 96, 128, 160][k % 4], 64, device="cuda")).argmax(-1).cpu(); mark()


@scenario(ENDS, request=80)
@torch.no_grad()
def lru_cache(mark):
    rnd = random.Random(8); model = mlp(); cache = {}
    for _ in range(80):
        key = rnd.randrange(300)
        cache[key] = cache.pop(key) if key in cache else model[:-1](batch(128))
        if len(cache) > 16: cache.pop(next(iter(cache)))
        model[-1](cache[key]).argmax(-1).cpu(); mark()


@scenario(ENDS, step=70)
def replay_buffer(mark):
    from collections import deque
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); buffer = deque(maxlen=20); rnd = random.Random(9)
    for _ in range(70): buffer.append(batch(48)); step(model, opt, rnd.choice(buffer)); mark()


@scenario(ENDS, stacks=None, step=70)
def replay_buffer_no_stacks(mark):
    replay_buffer(mark)


@scenario(ENDS + SLOWS, request=60)
@torch.no_grad()
def cache_of_twelve(mark):
    """Twelve keys come at random: misses get rarer until all are there."""
    rnd = random.Random(10); model = mlp(); cache = {}
    for _ in range(60):
        key = rnd.randrange(12)
        if key not in cache: cache[key] = model[:-1](batch(100))
        model[-1](cache[key]).cpu(); mark()


@scenario(ENDS, step=50)
def average_from_tenth(mark):
    """A moving average of the weights begins at step 10: one rise, then flat."""
    import copy
    model = mlp(); opt = torch.optim.Adam(model.parameters()); average = None
    for k in range(50):
        step(model, opt, batch())
        if k == 9: average = copy.deepcopy(model)
        if average is not None:
            with torch.no_grad():
                for a, b in zip(average.parameters(), model.parameters()): a.lerp_(b, 0.01)
        mark()


# --- a leak

@scenario(LINEAR, request=30)
def outputs_with_graph(mark):
    model, results = mlp(), []
    for _ in range(30): results.append(model(batch()).mean()); mark()  # LEAK


@scenario(LINEAR, step=60)
def loss_kept(mark):
    """512 bytes a step beside megabytes that come and go."""
    model = mlp(); opt = torch.optim.Adam(model.parameters()); losses = []
    for _ in range(60): losses.append(step(model, opt, batch()).detach()); mark()  # LEAK
    return losses


@scenario(LINEAR, batch=40)
def loss_summed(mark):
    """total = total + loss: the graphs of all batches hang on it."""
    model, total = convolutions(), 0
    for _ in range(40):
        x = torch.randn(8, 3, 32, 32, device="cuda")
        total = total + model(x).square().mean(); mark()  # LEAK


@scenario(LINEAR, stacks="all", step=60)
def every_third(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); kept = []
    for k in range(60):
        x = batch(); step(model, opt, x)
        if k % 3 == 2: kept.append(torch.histc(x, 4000))  # LEAK
        mark()


@scenario(LINEAR, request=40)
def tracebacks(mark):
    """A kept exception keeps the locals of its frames."""
    model, errors = mlp(), []

    def answer(x):
        with torch.no_grad(): y = model(x).softmax(-1)  # LEAK
        raise ValueError("not a number")
    for _ in range(40):
        try: answer(batch(300))  # LEAK
        except ValueError as e: errors.append(e)
        mark()


@scenario(LINEAR, batch=36)
@torch.no_grad()
def hook_keeps(mark):
    model, kept = mlp().eval(), []
    model[3].register_forward_hook(lambda module, args, output: kept.append(output))
    for _ in range(36): model(batch(96)).argmax(-1).cpu(); mark()  # LEAK


@scenario(LINEAR, step=30)
def hooks_pile_up(mark):
    """A hook is added every step and each of them keeps a copy: growth gathers speed."""
    model, kept = mlp(), []
    for _ in range(30):
        model[2].register_forward_hook(lambda module, args, output: kept.append(output.detach().clone()))  # LEAK
        model(batch(16)).mean().backward(); model.zero_grad(set_to_none=True); mark()


@scenario(LINEAR, request=60)
@torch.no_grad()
def dict_of_sizes(mark):
    rnd = random.Random(11); model, cache = mlp(), {}
    for k in range(60):
        cache[f"user {k}"] = model[:-1](batch(rnd.randrange(1, 400)))  # LEAK
        mark()


@scenario(LINEAR, batch=30)
@torch.no_grad()
def view_of_large(mark):
    """One row is kept, and with it the 4 MiB it lies in."""
    model, rows = mlp(1024, 2).eval(), []
    for _ in range(30):
        x = torch.randn(1024, 1024, device="cuda")  # LEAK
        model(x).cpu(); rows.append(x[0]); mark()


@scenario(LINEAR, batch=50)
@torch.no_grad()
def side_stream(mark):
    model, side, kept, rnd = mlp().eval(), torch.cuda.Stream(), [], random.Random(12)
    for _ in range(50):
        y = model(batch())
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side): kept.append(y.repeat(rnd.randrange(1, 60), 1))  # LEAK
        del y; mark()


@scenario(LINEAR, conf="expandable_segments:True", step=40)
def expandable(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters()); kept = []
    for _ in range(40):
        x = batch(500); step(model, opt, x)
        kept.append(x.relu()); mark()  # LEAK


@scenario(LINEAR, stacks=None, step=40)
def leak_no_stacks(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters()); kept = []
    for _ in range(40): x = batch(); step(model, opt, x); kept.append(x.sum(0)); mark()


@scenario(LINEAR, stacks=None, request=40)
@torch.no_grad()
def leak_sizes_no_stacks(mark):
    rnd = random.Random(13); model, kept = mlp().eval(), []
    for _ in range(40): x = batch(rnd.randrange(20, 300)); kept.append(model(x)); del x; mark()


@scenario(LINEAR, step=30)
def leak_annotated(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); kept = []
    for k in range(30):
        with torch.profiler.record_function(f"train_step {k}"):
            x = batch(); step(model, opt, x); kept.append(x @ x.T)  # LEAK
        mark()


@scenario(LINEAR, step=50)
def random_depth_leak(mark):
    rnd = random.Random(14); layers = nn.ModuleList(nn.Linear(256, 256) for _ in range(8)).cuda(); kept = []
    with torch.no_grad():
        for _ in range(50):
            x = batch()
            for layer in rnd.sample(list(layers), rnd.randrange(1, 9)): x = layer(x).relu()
            kept.append(x.amax(0)); del x; mark()  # LEAK


@scenario(LINEAR, epoch=8, batch=120, evaluation_batch=40)
def evaluation_kept(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); predicted = []
    for _ in range(8):
        for _ in range(10): step(model, opt, batch())
        with torch.no_grad():
            for _ in range(5): predicted.append(model(batch(200)))  # LEAK
        mark()


@scenario(LINEAR, request=50)
def graphs_of_lengths(mark):
    rnd = random.Random(15); model, kept = Decoder().cuda(), []
    for _ in range(50): kept.append(model(torch.zeros(1, rnd.randrange(4, 120), dtype=torch.long, device="cuda"))[0].mean()); mark()  # LEAK


@scenario(LINEAR, step=15, micro_batch=60)
def accumulate_leak(mark):
    model = mlp(); opt = torch.optim.AdamW(model.parameters()); norms = []
    for _ in range(15):
        for _ in range(4): model(batch(16)).square().mean().div(4).backward()
        norms.append([p.grad.clone() for p in model.parameters()])  # LEAK
        opt.step(); opt.zero_grad(set_to_none=True); mark()


@scenario(LINEAR, step=100)
def one_in_ten(mark):
    rnd = random.Random(16); model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); hard = []
    for _ in range(100):
        x = batch(); step(model, opt, x)
        if rnd.random() < 0.1: hard.append(x + 1)  # LEAK
        mark()


@scenario(LINEAR, entries=3000, step=80)
def ring_leak(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters()); kept = []
    for _ in range(80):
        x = batch(); step(model, opt, x)
        kept.append(x.cos()); del x; mark()  # LEAK


@scenario(LINEAR, turn=30, token=300)
@torch.no_grad()
def conversation(mark):
    """One conversation: its KV cache is joined anew for every token, one tensor that gets larger."""
    model, past = Decoder().cuda(), None
    for _ in range(30): past = generate(model, 8, 9, past); mark()  # LEAK


# --- grows ever slower, or not all the time

@scenario(SLOWS, request=150)
@torch.no_grad()
def misses_get_rarer(mark):
    """Keys by Zipf's law: hits get more frequent, misses never end."""
    rnd = random.Random(17); model, cache = mlp(), {}
    for _ in range(150):
        key = int(rnd.paretovariate(0.9))
        if key not in cache: cache[key] = model[:-1](batch(64))  # LEAK
        model[-1](cache[key]).cpu(); mark()


@scenario(SLOWS, step=128)
def kept_at_powers(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); kept = {}
    for k in range(1, 129):
        step(model, opt, batch())
        if k & (k - 1) == 0: kept[k] = [p.detach().clone() for p in model.parameters()]  # LEAK
        mark()


@scenario(LINEAR, step=60)
def leak_from_middle(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); kept = []
    for k in range(60):
        x = batch(); step(model, opt, x)
        if k >= 30: kept.append(x.exp())  # LEAK
        mark()


@scenario(FLAT, step=70)
def list_cleared(mark):
    """Collected for twenty steps, then written out and cleared: three and a half rounds."""
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); kept = []
    for k in range(70):
        x = batch(); step(model, opt, x); kept.append(x.exp()); del x
        if k % 20 == 19: kept.clear()
        mark()


def record(out, name):
    s = SCENARIOS[name]; marks = []
    torch.manual_seed(0)
    torch.cuda.memory._record_memory_history("all", context="all" if s["stacks"] else None, stacks=s["stacks"] or "python", max_entries=s["entries"])

    def dump():
        json.dump(torch.cuda.memory_stats(), open(f"{out}/{name}.memory_stats.json", "w"))
        torch.cuda.memory._dump_snapshot(f"{out}/{name}.pickle")

    def mark():
        marks.append([time.time_ns(), torch.cuda.memory_allocated(), torch.cuda.memory_reserved()])
        if len(marks) == next(iter(s["units"].values())): dump()  # while the program still holds what it holds
    s["run"](mark)
    if not os.path.exists(f"{out}/{name}.pickle"): dump()
    code = getattr(s["run"], "__wrapped__", s["run"]).__code__
    first, source = code.co_firstlineno, open(__file__).read().split("\n")
    last = next((i for i in range(first + 1, len(source)) if source[i - 1] == "" and source[i] == ""), len(source))
    lines = [i for i, line in enumerate(source, 1) if (first <= i <= last and line.endswith("# LEAK")) or line.endswith(f"# LEAK of {name}")]
    truth = dict(name=name, kinds=s["kinds"], stacks=s["stacks"] is not None, conf=s["conf"], entries=s["entries"], units=s["units"], lines=lines, marks=marks)
    json.dump(truth, open(f"{out}/{name}.truth.json", "w"))


def main():
    out, names = sys.argv[1], sys.argv[2:]
    os.makedirs(out, exist_ok=True)
    if len(names) == 1:
        return record(out, names[0])
    waiting, running = list(names or SCENARIOS), []
    while waiting or running:
        while waiting and len(running) < 8:
            name = waiting.pop(0); conf = SCENARIOS[name]["conf"]
            running.append((name, subprocess.Popen([sys.executable, __file__, out, name], env=dict(os.environ, PYTORCH_CUDA_ALLOC_CONF=conf), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)))
        name, process = running.pop(0)
        said, _ = process.communicate()
        print(name, process.returncode, said[-600:] if process.returncode else "", flush=True)


if __name__ == "__main__":
    main()
