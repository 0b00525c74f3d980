"""More real programs of known growth (see real_growth.py), written after the rules were settled: an unseen third set.

usage: python3 real_growth_more.py OUTDIR [NAME ...]
"""
import real_growth
from real_growth import *

PROGRAMS.clear()
real_growth.__file__ = __file__  # lines and child processes are of this file


class Net(nn.Module):
    """A small encoder with a head, called by its forward as people write it."""

    def __init__(self, d=192, n=5):
        super().__init__()
        self.inp, self.blocks, self.out = nn.Linear(d, d), nn.ModuleList(Block(d, 4) for _ in range(n)), nn.Linear(d, 16)

    def forward(self, x):
        x = self.inp(x)
        for block in self.blocks: x = block(x)
        return self.out(x.mean(1))  # LEAK of scores_of_fixed_input


@program(False, step=30)
def distillation(mark):
    teacher, student = Net(256, 6).cuda().eval(), Net(256, 2).cuda(); o = adam(student)
    for _ in range(30):
        x = noise(8, 40, 256)
        with torch.no_grad(): target = teacher(x)
        F.mse_loss(student(x), target).backward(); o.step(); o.zero_grad(set_to_none=True); del x, target; mark()


@program(False, step=36)
def contrastive_queue(mark):
    """Keys of past batches in a queue of fixed length, full after twelve steps."""
    q, k = mlp(256, 3), mlp(256, 3); o = adam(q); queue = []
    for _ in range(36):
        x = noise(256, 256)
        with torch.no_grad(): queue = (queue + [k(x).repeat(1, 32)])[-12:]
        (q(x) @ queue[-1][:, :10].T).logsumexp(-1).mean().backward(); o.step(); o.zero_grad(set_to_none=True); del x; mark()


@program(False, step=45)
def curriculum_of_lengths(mark):
    m = GPT(d=128, n=3).cuda(); o = adam(m); rnd = random.Random(41)
    for k in range(45): optimizer_step(m, o, tokens(4, rnd.randrange(16, 32 + 4 * k))); mark()


@program(False, step=40)
def gradient_penalty(mark):
    m = mlp(192, 3); o = adam(m)
    for _ in range(40):
        x = noise(64, 192).requires_grad_(); y = m(x).sum()
        (g,) = torch.autograd.grad(y, x, create_graph=True); (y + g.norm()).backward(); o.step(); o.zero_grad(set_to_none=True); del x, y, g; mark()


@program(False, step=20)
def t5_training(mark):
    from transformers import T5Config, T5ForConditionalGeneration
    m = T5ForConditionalGeneration(T5Config(vocab_size=4000, d_model=128, d_kv=32, d_ff=256, num_layers=3, num_heads=4, decoder_start_token_id=0)).cuda(); o = adam(m); rnd = random.Random(42)
    for _ in range(20): m(input_ids=tokens(4, rnd.choice([40, 80, 120])), labels=tokens(4, 20)).loss.backward(); o.step(); o.zero_grad(set_to_none=True); mark()


@program(False, epoch=6, step=60)
def best_weights_kept(mark):
    """The best state is replaced now and then: one copy at a time."""
    m = ConvNet(24).cuda(); o = adam(m); best = None; rnd = random.Random(43)
    for e in range(6):
        for _ in range(10): m(noise(8, 3, 48, 48)).square().mean().backward(); o.step(); o.zero_grad(set_to_none=True)
        if best is None or rnd.random() < 0.5: best = {k: v.clone() for k, v in m.state_dict().items()}
        mark()


@program(False, request=80)
@torch.no_grad()
def batched_server(mark):
    """Continuous batching: requests join and leave, each with a cache of its own."""
    m = GPT(d=128, n=3).cuda().eval(); rnd = random.Random(44); live = []
    for _ in range(80):
        if len(live) < 8 and rnd.random() < 0.7: live.append([m.prefill(tokens(1, rnd.randrange(16, 160)))[1], rnd.randrange(3, 20)])
        for r in live: m.head(m.blocks[0](m.tok(tokens(1, 1)), r[0][0])).argmax(-1); m.blocks[0].last = None; r[1] -= 1
        live = [r for r in live if r[1] > 0]; r = None; mark()


@program(False, request=70)
@torch.no_grad()
def graphs_and_prefixes(mark):
    m = mlp(512, 5).eval(); rnd = random.Random(45); graphs = captured(m, [32, 16, 8, 4, 2, 1], (512,)); cache = {}
    for _ in range(70):
        g, x, y = rnd.choice(graphs); key = rnd.randrange(12)
        if key not in cache: cache[key] = noise(64, 512)
        x.copy_(cache[key][: len(x)] + 0); g.replay(); y.softmax(-1).cpu(); mark()


@program(False, stacks="all", request=60)
@torch.no_grad()
def streams_in_turn(mark):
    m, streams = mlp(384, 4).eval(), [torch.cuda.Stream() for _ in range(6)]
    for k in range(60):
        with torch.cuda.stream(streams[k % 6]): m(noise(64, 384)).argmax(-1).cpu()
        mark()


@program(False, request=50)
@torch.no_grad()
def images_tiled(mark):
    m = ConvNet(24).cuda().eval(); rnd = random.Random(46)
    for _ in range(50):
        for _ in range(rnd.randrange(1, 7)): m(noise(1, 3, 128, 128)).argmax(-1).cpu()
        mark()


@program(False, batch=40)
@torch.no_grad()
def embeddings_to_host(mark):
    m = Net().cuda().eval(); kept = []
    for _ in range(40): kept.append(m(noise(16, 32, 192)).cpu()); mark()


@program(False, batch=45)
@torch.no_grad()
def gathered_then_freed(mark):
    m = Net().cuda().eval(); kept = []
    for k in range(45):
        x = noise(16, 32, 192); kept.append(m.inp(x)); m(x).cpu(); del x
        if k == 44: torch.cat(kept).std().item(); del kept
        mark()


@program(None, pass_=1)
def first_pass_of_net(mark):
    m = Net(256, 30).cuda(); y = m(noise(4, 64, 256)); mark(); del y


@program(None, stacks="all", pass_=1)
def first_pass_all_frames(mark):
    m = GPT(d=192, n=28).cuda(); y = m(tokens(2, 100)); mark(); del y


@program(False, step=12)
def steps_of_deep_model(mark):
    """Twelve steps of forty layers: the layers come back far more often than the steps."""
    m = GPT(d=96, n=40).cuda(); o = adam(m)
    for _ in range(12): optimizer_step(m, o, tokens(2, 48)); mark()


@program(True, step=40)
def scores_of_fixed_input(mark):
    """One input, asked again and again; the answers are kept with their graphs."""
    m, x, kept = Net().cuda(), noise(8, 32, 192), []
    for _ in range(40): kept.append(m(x)); mark()  # LEAK


@program(True, step=36)
def distillation_targets(mark):
    teacher, student = Net(256, 4).cuda().eval(), Net(256, 2).cuda(); o = adam(student); targets = []
    for _ in range(36):
        x = noise(8, 40, 256)
        with torch.no_grad(): targets.append((teacher(x), x.mean(1).repeat(1, 20)))  # LEAK
        F.mse_loss(student(x), targets[-1][0]).backward(); o.step(); o.zero_grad(set_to_none=True); del x; mark()


@program(True, request=60)
@torch.no_grad()
def responses_in_history(mark):
    m, history, rnd = GPT(d=128, n=3).cuda().eval(), {}, random.Random(47)
    for k in range(60):
        y = m(tokens(1, rnd.randrange(16, 120)))
        history[k] = y.topk(50, -1).values  # LEAK
        del y; mark()


@program(True, request=80)
@torch.no_grad()
def batched_server_forgets_to_drop(mark):
    """As batched_server, but what has ended stays in a list of done requests."""
    m = GPT(d=128, n=3).cuda().eval(); rnd = random.Random(48); live, done = [], []
    for _ in range(80):
        if len(live) < 6: live.append([[tuple(t.contiguous() for t in kv) for kv in m.prefill(tokens(1, rnd.randrange(16, 160)))[1]], rnd.randrange(2, 6)])  # LEAK
        for r in live: m.head(m.blocks[0](m.tok(tokens(1, 1)), r[0][0])).argmax(-1); m.blocks[0].last = None; r[1] -= 1
        done += [r for r in live if r[1] <= 0]; live = [r for r in live if r[1] > 0]; r = None; mark()


@program(True, request=90)
@torch.no_grad()
def graphs_then_slow_leak(mark):
    m = mlp(512, 5).eval(); rnd = random.Random(49); graphs = captured(m, range(20, 0, -1), (512,), streams=True); kept = []
    for k in range(90):
        g, x, y = rnd.choice(graphs); x.copy_(noise(*x.shape)); g.replay(); z = y.softmax(-1).cpu()
        if k % 3 == 0: kept.append(x.repeat(1, 40))  # LEAK
        mark()


@program(True, step=50)
def anomaly_statistics(mark):
    m = mlp(256, 5); o = adam(m); stats = []
    m[2].register_forward_hook(lambda module, args, out: stats.append(out.float().abs().detach()))  # LEAK
    for _ in range(50): optimizer_step(m, o, noise(96, 256)); mark()


@program(True, stacks="all", step=40, node="AccumulateGrad|MmBackward0|AddmmBackward0")
def gradients_never_dropped(mark):
    m = mlp(256, 4); kept = []
    for _ in range(40):
        m(noise(64, 256)).square().mean().backward(); kept.append([p.grad for p in m.parameters()]); m.zero_grad(set_to_none=True); mark()  # LEAK


@program(True, step=44)
def compiled_model_outputs(mark):
    m = torch.compile(Net(128, 2).cuda().eval()); kept = []
    with torch.no_grad():
        for _ in range(44): y = m(noise(8, 24, 128)); kept.append(y.repeat(64, 4)); mark()  # LEAK


@program(True, epoch=8, step=64)
def new_optimizer_each_epoch(mark):
    m, old = mlp(256, 4), []
    for _ in range(8):
        o = torch.optim.AdamW(m.parameters()); old.append(o)
        for _ in range(8): optimizer_step(m, o, noise(64, 256))  # LEAK
        mark()


@program(True, fraction=0.004, step=60)
def eval_out_of_memory(mark):
    m = GPT(d=128, n=3).cuda().eval(); kept = []
    try:
        with torch.no_grad():
            for _ in range(60): kept.append(m(tokens(8, 128)).softmax(-1)); mark()  # LEAK
    except torch.cuda.OutOfMemoryError: mark.dump()


@program("masked", step=50)
def buffer_drains_results_stay(mark):
    pool = [noise(512, 1024) for _ in range(54)]; m = mlp(256, 3).eval(); out = []
    with torch.no_grad():
        for _ in range(50):
            x = pool.pop(0); out.append(m[:-1](x.view(-1, 256)).half()); del x; mark()  # LEAK


if __name__ == "__main__":
    real_growth.main()
