"""Record real small programs (transformers, training loops, servers, caches) of which it is known how memory grows.

usage: python3 real_growth.py OUTDIR [NAME ...]     each in its own process (all without names)
       python3 real_growth.py --list                 NAME, half and truth of each

Writes NAME.pickle, NAME.memory_stats.json and NAME.truth.json. In the truth:
  leak      true: something is kept for good, steadily; "slows": ever more slowly; "masked": behind other frees;
            false: nothing is; null: the recording cannot show it (it ends inside the first pass)
  half      "tuning" or "unseen", by a hash of the name: rules were changed on the first half alone
  lines     lines of this file (or of real_growth_models.py) that allocate what is kept: "LEAK" stands there
  node      the autograd node that allocates it, where that is what can be named
  units     what may be called an iteration and how many ran
  marks     at the end of each of the first unit: [time_ns, memory_allocated, memory_reserved]
Sizes and order follow from seeds alone. Needs transformers and peft for a few of them.
"""
import gc, hashlib, json, os, random, subprocess, sys, time
import torch
from torch import nn
from torch.nn import functional as F
from real_growth_models import GPT, Block, ConvNet, Experts, KV, answer, mlp, optimizer_step, tokens

PROGRAMS = {}


def program(leak, stacks="python", conf="", fraction=0.0, node=None, **units):
    def register(run):
        half = "unseen" if hashlib.sha1(run.__name__.encode()).digest()[0] & 1 else "tuning"
        PROGRAMS[run.__name__] = dict(leak=leak, stacks=stacks, conf=conf, fraction=fraction, node=node, units=units, half=half, run=run)
        return run
    return register


def adam(model):
    return torch.optim.AdamW(model.parameters(), 1e-4)


def noise(*shape):
    return torch.randn(*shape, device="cuda")


# --- training, nothing stays

@program(False, step=24)
def checkpointed_bf16(mark):
    from torch.utils.checkpoint import checkpoint
    m = GPT(d=256, n=6).cuda(); o = adam(m); rnd = random.Random(1)
    for _ in range(24):
        ids = tokens(4, rnd.choice([96, 128, 192]))
        with torch.autocast("cuda", torch.bfloat16):
            x = m.tok(ids)
            for b in m.blocks: x = checkpoint(b, x, use_reentrant=False)
            loss = m.head(x).float().logsumexp(-1).mean()
        loss.backward(); o.step(); o.zero_grad(set_to_none=True); del x, loss; mark()


@program(False, step=30)
def vision_autocast_scaler(mark):
    m = nn.TransformerEncoder(nn.TransformerEncoderLayer(192, 6, 768, batch_first=True), 6).cuda(); patch = nn.Conv2d(3, 192, 16, 16).cuda()
    o = torch.optim.SGD([*m.parameters(), *patch.parameters()], 0.01, momentum=0.9); s = torch.amp.GradScaler()
    for _ in range(30):
        with torch.autocast("cuda", torch.float16): loss = m(patch(noise(8, 3, 128, 128)).flatten(2).transpose(1, 2)).mean()
        s.scale(loss).backward(); s.step(o); s.update(); o.zero_grad(set_to_none=True); del loss; mark()


@program(False, stacks="all", step=36)
def speech_lengths(mark):
    rnd = random.Random(3); m = nn.GRU(80, 256, 2, batch_first=True).cuda(); head = nn.Linear(256, 64).cuda(); o = torch.optim.Adam([*m.parameters(), *head.parameters()])
    for _ in range(36):
        loss = head(m(noise(8, rnd.randrange(100, 800), 80))[0]).log_softmax(-1).mean()
        loss.backward(); o.step(); o.zero_grad(set_to_none=True); del loss; mark()


@program(False, step=16, micro_batch=64)
def accumulation_of_convnet(mark):
    m = ConvNet(24).cuda(); o = adam(m)
    for _ in range(16):
        for _ in range(4): m(noise(8, 3, 64, 64)).square().mean().div(4).backward()
        torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0); o.step(); o.zero_grad(set_to_none=True); mark()


@program(False, epoch=8, step=64, batch=88)
def epochs_evaluated_emptied(mark):
    m = GPT(d=192, n=4).cuda(); o = adam(m); rnd = random.Random(4)
    for _ in range(8):
        for _ in range(8): optimizer_step(m, o, tokens(8, rnd.choice([64, 128, 192])))
        with torch.no_grad():
            for t in (64, 200, 320): m(tokens(16, t)).argmax(-1).cpu()
        torch.cuda.empty_cache(); mark()


@program(False, epoch=8, step=96)
def predictions_of_epoch_cleared(mark):
    m = ConvNet(16).cuda(); o = adam(m)
    for _ in range(8):
        seen = []
        for _ in range(12):
            y = m(noise(16, 3, 48, 48)); loss = y.square().mean(); loss.backward(); o.step(); o.zero_grad(set_to_none=True); seen.append(y.detach().repeat(1, 400)); del y, loss
        torch.cat(seen).mean().item(); del seen; mark()


@program(False, step=40)
def loader_with_workers(mark):
    from torch.utils.data import DataLoader, TensorDataset
    data = TensorDataset(torch.randn(640, 3, 48, 48), torch.randint(0, 10, (640,))); m = ConvNet(16).cuda(); o = adam(m)
    for _ in range(2):
        for x, y in DataLoader(data, 32, shuffle=True, num_workers=2, pin_memory=True):
            loss = F.cross_entropy(m(x.cuda(non_blocking=True)), y.cuda(non_blocking=True)); loss.backward(); o.step(); o.zero_grad(set_to_none=True); del loss; mark()


@program(False, step=40)
def compiled_training(mark):
    m = torch.compile(mlp(384, 4)); o = adam(m)
    for _ in range(40): m(noise(128, 384)).square().mean().backward(); o.step(); o.zero_grad(set_to_none=True); mark()


@program(False, step=50)
def experts_routed(mark):
    m = Experts(192, 6).cuda(); o = adam(m)
    for _ in range(50): m(noise(256, 192)).square().mean().backward(); o.step(); o.zero_grad(set_to_none=True); mark()


@program(False, step=30)
def average_of_weights(mark):
    import copy
    m = ConvNet(24).cuda(); o = adam(m); average = copy.deepcopy(m)
    for _ in range(30):
        m(noise(8, 3, 48, 48)).square().mean().backward(); o.step(); o.zero_grad(set_to_none=True)
        with torch.no_grad():
            for a, b in zip(average.parameters(), m.parameters()): a.lerp_(b, 0.01)
        mark()


@program(False, step=24)
def saved_on_host(mark):
    m = GPT(d=192, n=4).cuda(); o = adam(m)
    for _ in range(24):
        with torch.autograd.graph.save_on_cpu(pin_memory=True): loss = m(tokens(4, 128)).logsumexp(-1).mean()
        loss.backward(); o.step(); o.zero_grad(set_to_none=True); del loss; mark()


@program(False, step=40)
def hook_with_numbers(mark):
    m = mlp(384, 6); o = adam(m); norms = []
    m[4].register_full_backward_hook(lambda module, gi, go: norms.append(float(go[0].norm())))
    for _ in range(40): optimizer_step(m, o, noise(64, 384)); mark()


@program(False, step=60)
def rollouts_then_updates(mark):
    """Twelve steps are collected, then learnt from and dropped: a saw."""
    m = mlp(256, 4); o = adam(m); kept = []
    for k in range(60):
        x = noise(128, 256); kept.append((x, m(x).detach().repeat(1, 64)))
        if k % 12 == 11:
            for x, _ in kept: optimizer_step(m, o, x)
            kept.clear()
        mark()


@program(False, step=48)
def second_phase_larger(mark):
    m = GPT(d=192, n=4).cuda(); o = adam(m)
    for k in range(48): optimizer_step(m, o, tokens(4 if k < 16 else 12, 96)); mark()


@program(False, step=20)
def peft_lora(mark):
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM
    m = get_peft_model(LlamaForCausalLM(LlamaConfig(vocab_size=4000, hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2)), LoraConfig(r=8, target_modules=["q_proj", "v_proj"])).cuda()
    o = torch.optim.AdamW([p for p in m.parameters() if p.requires_grad])
    for _ in range(20):
        ids = tokens(4, 160); m(input_ids=ids, labels=ids).loss.backward(); o.step(); o.zero_grad(set_to_none=True); mark()


# --- servers, nothing stays

@program(False, request=40)
def llama_generates(mark):
    from transformers import LlamaConfig, LlamaForCausalLM
    m = LlamaForCausalLM(LlamaConfig(vocab_size=4000, hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2)).cuda().eval(); rnd = random.Random(5)
    for _ in range(40): m.generate(tokens(rnd.choice([1, 2, 4]), rnd.randrange(16, 200)), max_new_tokens=6, do_sample=False, pad_token_id=0); mark()


@program(False, request=24)
def static_cache_generates(mark):
    from transformers import GPT2Config, GPT2LMHeadModel
    m = GPT2LMHeadModel(GPT2Config(vocab_size=4000, n_embd=192, n_layer=4, n_head=4)).cuda().eval(); rnd = random.Random(6)
    for _ in range(24): m.generate(tokens(1, rnd.randrange(8, 60)), max_new_tokens=8, do_sample=False, pad_token_id=0, cache_implementation="static", disable_compile=True); mark()


def captured(m, sizes, shape, streams=False):
    """Graphs of each size in one pool, largest first; with `streams` each is warmed up on a stream of its own."""
    graphs, pool = [], None
    for n in sizes:
        x = torch.zeros(n, *shape, device="cuda"); s = torch.cuda.Stream() if streams or not graphs else s
        s.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(s): m(x)
        torch.cuda.current_stream().wait_stream(s); g = torch.cuda.CUDAGraph()
        with torch.cuda.graph(g, pool=pool): y = m(x)
        pool = g.pool(); graphs.append((g, x, y))
    return graphs


@program(False, request=90)
@torch.no_grad()
def captured_then_replayed(mark):
    m = nn.TransformerEncoder(nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True), 4).cuda().eval(); rnd = random.Random(7)
    graphs = captured(m, range(24, 0, -1), (32, 256))
    for _ in range(90):
        g, x, y = rnd.choice(graphs); x.copy_(noise(*x.shape)); g.replay(); y.softmax(-1).topk(5); mark()


@program(False, request=120)
@torch.no_grad()
def captured_on_streams(mark):
    m = mlp(512, 5).eval(); rnd = random.Random(8); graphs = captured(m, range(16, 0, -1), (512,), streams=True)
    for _ in range(120):
        g, x, y = rnd.choice(graphs); x.copy_(noise(*x.shape)); g.replay(); y.argmax(-1).cpu(); mark()


@program(False, request=60)
@torch.no_grad()
def captured_then_eager(mark):
    """Decode graphs are captured; what is served first are prompts, without them."""
    m = GPT(d=192, n=4).cuda().eval(); rnd = random.Random(9); emb = lambda x: m.head(m.run(x))
    captured(emb, [32, 24, 16, 8, 4, 2, 1], (1, 192))
    for _ in range(60): m(tokens(2, rnd.randrange(20, 200))).argmax(-1).cpu(); mark()


@program(False, request=40)
@torch.no_grad()
def profiled_with_largest(mark):
    """A server asks for its largest batch once, makes its cache, then serves smaller ones."""
    m = GPT(d=256, n=4).cuda().eval(); rnd = random.Random(10); m(tokens(16, 512)); pool = noise(4, 2, 4096, 256)
    for _ in range(40): m(tokens(rnd.randrange(1, 9), rnd.randrange(16, 256))).argmax(-1).cpu(); mark()


@program(False, request=100)
@torch.no_grad()
def stream_for_each_request(mark):
    m = mlp(512, 4).eval()
    for _ in range(100):
        with torch.cuda.stream(torch.cuda.Stream()): m(noise(32, 512)).argmax(-1).cpu()
        mark()


@program(False, request=120)
@torch.no_grad()
def prefix_lru(mark):
    m = GPT(d=192, n=4).cuda().eval(); cache = KV(16); rnd = random.Random(11)
    for _ in range(120): answer(m, cache, int(rnd.paretovariate(0.8)), rnd.randrange(20, 120)); mark()


@program(False, request=160)
@torch.no_grad()
def prefix_lru_full_early(mark):
    m = GPT(d=128, n=3).cuda().eval(); cache = KV(6); rnd = random.Random(12)
    for _ in range(160): answer(m, cache, rnd.randrange(60), 64); mark()


@program(False, request=100)
@torch.no_grad()
def cache_of_tenants_fills(mark):
    m = GPT(d=128, n=3).cuda().eval(); cache = KV(10**9)
    for k in range(100): answer(m, cache, k % 24, 80); mark()


@program(False, request=70)
@torch.no_grad()
def pool_that_doubles(mark):
    rnd = random.Random(13); m = mlp(256, 3).eval(); pool = torch.empty(0, 256, device="cuda")
    for _ in range(70):
        n = int(rnd.paretovariate(1.3) * 256)
        while len(pool) < n: size = max(512, 2 * len(pool)); pool = None; pool = torch.empty(size, 256, device="cuda")
        m(pool[:n].normal_()).argmax(-1).cpu(); mark()


@program(False, request=30)
@torch.no_grad()
def draft_and_target(mark):
    d, t = GPT(d=96, n=2).cuda().eval(), GPT(d=256, n=5).cuda().eval(); rnd = random.Random(14)
    for _ in range(30):
        ids = tokens(1, rnd.randrange(10, 90))
        for _ in range(rnd.randrange(2, 6)):
            for _ in range(3): ids = torch.cat([ids, d(ids)[:, -1:].argmax(-1)], 1)
            t(ids).argmax(-1).cpu()
        mark()


@program(False, request=60)
@torch.no_grad()
def adapters_swapped(mark):
    m = mlp(384, 4).eval(); rnd = random.Random(15); loaded = {}
    for _ in range(60):
        k = rnd.randrange(20)
        loaded[k] = loaded.pop(k) if k in loaded else [noise(384, 32) for _ in range(6)]
        if len(loaded) > 4: loaded.pop(next(iter(loaded)))
        y = m[:-1](noise(16, 384))
        for a in loaded[k]: y = y + (y @ a) @ a.T
        y.mean().item(); del y; mark()


@program(False, request=12, denoising=240)
@torch.no_grad()
def diffusion(mark):
    m = nn.Sequential(nn.Conv2d(4, 64, 3, padding=1), nn.SiLU(), nn.Conv2d(64, 64, 3, padding=1), nn.SiLU(), nn.Conv2d(64, 4, 3, padding=1)).cuda().eval()
    for _ in range(12):
        x = noise(2, 4, 64, 64)
        for k in range(20): x = x - 0.05 * m(x) + 0.01 * noise(*x.shape)
        x.cpu(); del x; mark()


@program(False, request=30)
@torch.no_grad()
def weights_layer_by_layer(mark):
    """Forty layers are loaded one by one, each the same; thirty requests follow."""
    layers = [Block(192, 4).cuda().eval() for _ in range(40)]
    for _ in range(30):
        x = noise(2, 48, 192)
        for b in layers: x = b(x)
        x.mean().item(); del x; mark()


@program(False, request=14)
@torch.no_grad()
def large_model_few_requests(mark):
    """Loading is most of the recording: sixty layers, fourteen requests that touch two of them."""
    layers = [Block(128, 4).cuda().eval() for _ in range(60)]; rnd = random.Random(16)
    for _ in range(14): layers[1](layers[0](noise(4, rnd.randrange(20, 90), 128))).mean().item(); mark()


@program(False, cycle=10, request=60)
@torch.no_grad()
def sleeps_and_wakes(mark):
    m = GPT(d=192, n=4).eval()
    for _ in range(10):
        m.cuda()
        for _ in range(6): m(tokens(2, 80)).argmax(-1).cpu()
        m.cpu(); torch.cuda.empty_cache(); mark()


@program(False, batch=50)
@torch.no_grad()
def resolutions(mark):
    rnd = random.Random(17); m = ConvNet(32).cuda().eval()
    for _ in range(50): m(noise(4, 3, *rnd.choice([(64, 64), (96, 64), (128, 96), (160, 160)]))).argmax(-1).cpu(); mark()


# --- grows and is given back, or ends inside the first pass

@program(False, batch=48)
@torch.no_grad()
def index_built_then_dropped(mark):
    m = mlp(384, 4).eval(); parts = []
    for k in range(48):
        parts.append(m[:-1](noise(256, 384)))
        if k == 47: index = torch.cat(parts).cpu(); parts.clear()
        mark()


@program(False, batch=60)
@torch.no_grad()
def logits_until_metrics(mark):
    m = GPT(d=128, n=3).cuda().eval(); kept = []
    for k in range(60):
        kept.append(m(tokens(2, 64)))
        if k == 59: sum(float(y.logsumexp(-1).mean()) for y in kept); kept.clear(); gc.collect()
        mark()


@program(False, pass_=1)
def one_forward_and_backward(mark):
    m = GPT(d=256, n=20).cuda()
    with torch.autocast("cuda", torch.bfloat16): loss = m(tokens(4, 128)).float().logsumexp(-1).mean()
    loss.backward(); m.zero_grad(set_to_none=True); del loss; mark()


@program(None, pass_=1)
def ends_in_first_forward(mark):
    m = GPT(d=256, n=24).cuda(); y = m(tokens(4, 128)); mark(); del y


@program(None, stacks="all", pass_=1)
def ends_in_first_backward(mark):
    m = GPT(d=256, n=24).cuda(); loss = m(tokens(4, 128)).logsumexp(-1).mean()
    m.blocks[4].up.weight.register_post_accumulate_grad_hook(lambda p: mark()); loss.backward()


@program(None, fraction=0.012, pass_=1)
def first_forward_out_of_memory(mark):
    m = GPT(d=256, n=40).cuda()
    try: m(tokens(16, 256))
    except torch.cuda.OutOfMemoryError: pass
    mark()


# --- leaks

@program(True, step=30)
def losses_with_graphs(mark):
    m = GPT(d=192, n=4).cuda(); o = adam(m); losses = []
    for _ in range(30):
        loss = m(tokens(4, 96)).logsumexp(-1).mean()  # LEAK
        loss.backward(retain_graph=True); o.step(); o.zero_grad(set_to_none=True); losses.append(loss); mark()


@program(True, step=60)
def running_mean_of_loss(mark):
    m = mlp(256, 4); o = adam(m); mean = 0
    for _ in range(60):
        loss = m(noise(128, 256)).square().mean()  # LEAK
        mean = 0.9 * mean + 0.1 * loss; loss.backward(retain_graph=True); o.step(); o.zero_grad(set_to_none=True); mark()


@program(True, batch=40)
@torch.no_grad()
def evaluation_logits(mark):
    m = GPT(d=192, n=4).cuda().eval(); kept = []
    for _ in range(40): kept.append(m(tokens(2, 96))); mark()  # LEAK


@program(True, request=36)
@torch.no_grad()
def hidden_states(mark):
    from transformers import BertConfig, BertModel
    m = BertModel(BertConfig(vocab_size=4000, hidden_size=192, num_hidden_layers=5, num_attention_heads=4, intermediate_size=512)).cuda().eval(); kept = []
    for _ in range(36): kept.append(m(tokens(4, 64), output_hidden_states=True).hidden_states); mark()  # LEAK


@program(True, request=50)
@torch.no_grad()
def sessions_never_evicted(mark):
    m = GPT(d=192, n=4).cuda().eval(); cache = KV(10**9); rnd = random.Random(20)
    for k in range(50): answer(m, cache, k, rnd.randrange(20, 120)); mark()


@program(True, request=30)
@torch.no_grad()
def past_of_llama(mark):
    from transformers import LlamaConfig, LlamaForCausalLM
    m = LlamaForCausalLM(LlamaConfig(vocab_size=4000, hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2)).cuda().eval(); kept = []
    for _ in range(30): kept.append(m(tokens(2, 96), use_cache=True).past_key_values); mark()  # LEAK


@program(True, request=90)
@torch.no_grad()
def captured_then_leaks(mark):
    m = nn.TransformerEncoder(nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True), 4).cuda().eval(); rnd = random.Random(21); kept = []
    graphs = captured(m, range(20, 0, -1), (32, 256))
    for _ in range(90):
        g, x, y = rnd.choice(graphs); x.copy_(noise(*x.shape)); g.replay(); kept.append(y[:1].repeat(16, 1, 1)); mark()  # LEAK


@program(True, request=120)
@torch.no_grad()
def captured_on_streams_then_leaks(mark):
    m = mlp(512, 5).eval(); rnd = random.Random(22); kept = []; graphs = captured(m, range(14, 0, -1), (512,), streams=True)
    for _ in range(120):
        g, x, y = rnd.choice(graphs); x.copy_(noise(*x.shape)); g.replay(); kept.append(y.softmax(-1).repeat(64, 64)); mark()  # LEAK


@program(True, request=30)
@torch.no_grad()
def graph_for_each_length(mark):
    """A graph is captured for each new length and none is ever dropped: captures are the leak."""
    m = mlp(384, 6).eval(); graphs = {}
    for k in range(30):
        x = torch.zeros(64 + k, 384, device="cuda"); m(x); g = torch.cuda.CUDAGraph()  # LEAK
        with torch.cuda.graph(g): y = m(x)  # LEAK
        graphs[64 + k] = (g, x, y); g.replay(); y.argmax(-1).cpu(); mark()


@program(True, step=60)
def compiled_outputs(mark):
    f = torch.compile(lambda x, w: torch.nn.functional.gelu(x @ w).softmax(-1)); w = noise(384, 384); kept = []
    for _ in range(60): kept.append(f(noise(128, 384), w)); mark()  # LEAK


@program(True, step=40)
def compiled_loss_with_graph(mark):
    m = torch.compile(mlp(384, 4)); losses = []
    for _ in range(40): losses.append(m(noise(96, 384)).square().mean()); mark()  # LEAK


@program(True, step=50, node="MmBackward0|AddmmBackward0|mm")
def gradients_of_hook(mark):
    m = mlp(384, 6); o = adam(m); seen = []
    m[4].register_full_backward_hook(lambda module, gi, go: seen.append(gi[0]))
    for _ in range(50): optimizer_step(m, o, noise(200, 384)); mark()  # LEAK


@program(True, stacks="all", step=50, node="AddmmBackward0")
def gradients_of_hook_all_frames(mark):
    m = mlp(384, 6); o = adam(m); seen = []
    m[4].register_full_backward_hook(lambda module, gi, go: seen.append(gi[0]))
    for _ in range(50): optimizer_step(m, o, noise(200, 384)); mark()  # LEAK


@program(True, stacks="all", step=40, node="ConvolutionBackward0")
def input_gradients_all_frames(mark):
    m = ConvNet(16).cuda(); maps = []
    for _ in range(40):
        x = noise(8, 3, 48, 48).requires_grad_(); m(x).square().mean().backward(); maps.append(x.grad); m.zero_grad(set_to_none=True); del x; mark()  # LEAK


@program(True, step=40)
def gradients_copied(mark):
    m = mlp(256, 5); o = adam(m); history = []
    for _ in range(40):
        m(noise(64, 256)).square().mean().backward(); history.append([p.grad.clone() for p in m.parameters()])  # LEAK
        o.step(); o.zero_grad(set_to_none=True); mark()


@program(True, step=30)
def second_derivatives(mark):
    m = mlp(128, 3); kept = []
    for _ in range(30):
        x = noise(64, 128).requires_grad_(); y = m(x).square().sum()  # LEAK
        (g,) = torch.autograd.grad(y, x, create_graph=True); kept.append(g.norm()); del x, y, g; mark()  # LEAK


class Remember(torch.autograd.Function):
    seen = []

    @staticmethod
    def forward(ctx, x):
        y = x.exp(); Remember.seen.append(y); return y.clone()  # LEAK of function_remembers

    @staticmethod
    def backward(ctx, g):
        return g


@program(True, step=50)
def function_remembers(mark):
    m = mlp(256, 3); o = adam(m)
    for _ in range(50): Remember.apply(m[:-1](noise(96, 256))).mean().backward(); o.step(); o.zero_grad(set_to_none=True); mark()


@program("masked", step=56)
def masked_by_data(mark):
    data = [noise(1 << 20) for _ in range(60)]; m = mlp(256, 4); o = adam(m); trail = []
    for _ in range(56):
        x = data.pop(); optimizer_step(m, o, x[: 64 * 256].view(64, 256)); trail.append(x * 0.5); del x; mark()  # LEAK


@program("masked", request=50)
@torch.no_grad()
def masked_by_queue(mark):
    queue = [noise(256, 2048) for _ in range(54)]; m = mlp(256, 4).eval(); kept = []
    for _ in range(50):
        x = queue.pop().view(-1, 256); kept.append(m[:-1](x[:1024]).sigmoid()); del x; mark()  # LEAK


@program(True, epoch=10, step=80)
def epochs_emptied_leak(mark):
    m = GPT(d=128, n=3).cuda(); o = adam(m); kept = []
    for _ in range(10):
        for _ in range(8): optimizer_step(m, o, tokens(4, 96))
        with torch.no_grad(): kept.append(m(tokens(16, 128)))  # LEAK
        torch.cuda.empty_cache(); mark()


@program(True, step=40)
def loader_caches(mark):
    from torch.utils.data import DataLoader, Dataset

    class Cached(Dataset):
        kept = {}

        def __len__(self): return 1280

        def __getitem__(self, i):
            self.kept[i] = noise(3, 32, 32); return self.kept[i]  # LEAK
    m = ConvNet(16).cuda(); o = adam(m)
    for x in DataLoader(Cached(), 32): m(x).square().mean().backward(); o.step(); o.zero_grad(set_to_none=True); mark()


@program(True, request=48)
@torch.no_grad()
def errors_keep_frames(mark):
    m, errors = GPT(d=128, n=3).cuda().eval(), []

    def reply(n):
        y = m(tokens(1, n)).softmax(-1)  # LEAK
        raise ValueError("too long")
    for k in range(48):
        try: reply(40 + k % 7)
        except ValueError as e: errors.append(e)
        mark()


@program(True, request=96)
@torch.no_grad()
def one_in_eight(mark):
    m = GPT(d=128, n=3).cuda().eval(); bad = []
    for k in range(96):
        y = m(tokens(2, 64))
        if k % 8 == 5: bad.append(y.sigmoid())  # LEAK
        del y; mark()


@program(True, stacks="all", request=50)
@torch.no_grad()
def lengths_kept_all_frames(mark):
    m = GPT(d=128, n=3).cuda().eval(); rnd = random.Random(23); kept = []
    for _ in range(50): kept.append(m(tokens(1, rnd.randrange(8, 160))).log_softmax(-1)); mark()  # LEAK


@program(True, batch=45)
@torch.no_grad()
def side_stream_results(mark):
    m, side, kept = ConvNet(16).cuda().eval(), torch.cuda.Stream(), []
    for _ in range(45):
        y = m(noise(8, 3, 48, 48)); side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side): kept.append(y.repeat(50, 8)); y.record_stream(side)  # LEAK
        del y; mark()


@program(True, batch=50)
@torch.no_grad()
def metric_state_joined(mark):
    m = ConvNet(16).cuda().eval(); state = torch.empty(0, 10, device="cuda")
    for _ in range(50): state = torch.cat([state, m(noise(16, 3, 48, 48)).repeat(40, 1)]); mark()  # LEAK


@program(True, step=60)
def leak_after_warm_up(mark):
    m = mlp(256, 4); o = adam(m); kept = []
    for k in range(60):
        x = noise(128, 256); optimizer_step(m, o, x)
        if k >= 20: kept.append(x.tanh())  # LEAK
        mark()


@program(True, fraction=0.003, step=60)
def leak_out_of_memory(mark):
    m = mlp(256, 4); o = adam(m); kept = []
    try:
        for _ in range(60): x = noise(8192, 256); optimizer_step(m, o, x); kept.append(x.repeat(2, 1)); mark()  # LEAK
    except torch.cuda.OutOfMemoryError: mark.dump()


@program(True, conf="expandable_segments:True", step=40)
def expandable_leak(mark):
    m = GPT(d=128, n=3).cuda(); o = adam(m); rnd = random.Random(24); kept = []
    for _ in range(40):
        optimizer_step(m, o, tokens(4, rnd.randrange(40, 160))); kept.append(torch.stack([p.detach().mean() for p in m.parameters()]).repeat(4000)); mark()  # LEAK


@program("slows", request=160)
@torch.no_grad()
def prefixes_by_zipf(mark):
    m = GPT(d=128, n=3).cuda().eval(); cache = KV(10**9); rnd = random.Random(25)
    for _ in range(160): answer(m, cache, int(rnd.paretovariate(0.7)), 48); mark()


class Mark:
    """Called at the end of each iteration; writes the snapshot at the last one, while the program holds what it holds."""

    def __init__(self, out, name, last):
        self.out, self.name, self.last, self.marks, self.dumped = out, name, last, [], False

    def __call__(self):
        self.marks.append([time.time_ns(), torch.cuda.memory_allocated(), torch.cuda.memory_reserved()])
        if len(self.marks) == self.last: self.dump()

    def dump(self):
        if self.dumped: return
        self.dumped = True; torch.cuda.synchronize()
        json.dump(torch.cuda.memory_stats(), open(f"{self.out}/{self.name}.memory_stats.json", "w"))
        torch.cuda.memory._dump_snapshot(f"{self.out}/{self.name}.pickle")


def leak_lines(name, run):
    code = getattr(run, "__wrapped__", run).__code__
    source = open(__file__).read().split("\n"); models = open(sys.modules["real_growth_models"].__file__).read().split("\n")
    first = code.co_firstlineno
    last = next((i for i in range(first + 1, len(source)) if source[i - 1] == "" and source[i] == ""), len(source))
    here = [i for i, line in enumerate(source, 1) if (first <= i <= last and line.endswith("# LEAK")) or line.endswith(f"# LEAK of {name}")]
    there = [i for i, line in enumerate(models, 1) if "# LEAK of" in line and name in line.split("# LEAK of")[1].split()]
    return [f"{os.path.basename(__file__)}:{i}" for i in here] + [f"real_growth_models.py:{i}" for i in there]


def record(out, name):
    p = PROGRAMS[name]; mark = Mark(out, name, next(iter(p["units"].values())))
    torch.manual_seed(0)
    if p["fraction"]: torch.cuda.set_per_process_memory_fraction(p["fraction"])
    torch.cuda.memory._record_memory_history("all", context="all", stacks=p["stacks"], max_entries=10**6)
    p["run"](mark); mark.dump()
    truth = {k: p[k] for k in ("leak", "half", "stacks", "conf", "fraction", "node", "units")}
    json.dump(dict(name=name, **truth, lines=leak_lines(name, p["run"]), marks=mark.marks, torch=torch.__version__), open(f"{out}/{name}.truth.json", "w"))


def main():
    if sys.argv[1] == "--list":
        for name, p in PROGRAMS.items(): print(p["half"], name, p["leak"])
        return
    out, names = sys.argv[1], sys.argv[2:]
    os.makedirs(out, exist_ok=True)
    if len(names) == 1: return record(out, names[0])
    waiting, running = list(names or PROGRAMS), []
    while waiting or running:
        while waiting and len(running) < int(os.environ.get("JOBS", "8")):
            name = waiting.pop(0)
            running.append((name, subprocess.Popen([sys.executable, __file__, out, name], env=dict(os.environ, PYTORCH_CUDA_ALLOC_CONF=PROGRAMS[name]["conf"]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)))
        name, process = running.pop(0)
        said, _ = process.communicate()
        print(name, process.returncode, said[-500:] if process.returncode else "", flush=True)


if __name__ == "__main__":
    main()
