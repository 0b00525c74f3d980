"""Programs of what_if_truth.py: models trained and served as people do, each a few seconds long.

Sizes of all requests follow from a seed alone (no routing by float values, no early end of a sequence), so that every
setting of the allocator meets the same ones. `TUNED` were looked at while the rule for addresses was sought, `HELD`
were not; the split was made before any of them was recorded. `FRESH` came after the rule was settled.
"""
import random

import torch
from torch import nn
from torch.nn import functional as F

DEV = "cuda"


def ids(rnd, batch, length, vocab=4000):
    return torch.randint(0, vocab, (batch, length), generator=torch.Generator().manual_seed(rnd.randrange(1 << 30))).to(DEV)


def encoder(rnd):
    """Text classifier, training, batches of any length."""
    model = nn.Sequential(nn.TransformerEncoder(nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True), 3), nn.Linear(512, 2000)).to(DEV)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(14):
        x = torch.randn(rnd.choice((8, 16, 24)), rnd.randint(48, 512), 512, device=DEV)
        model(x).logsumexp(-1).mean().backward()
        opt.step()
        opt.zero_grad()


def resnet(rnd):
    """Image classifier, training and evaluation, batches and pictures of several sizes."""
    from torchvision.models import resnet18
    model = resnet18(num_classes=100).to(DEV)
    opt = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for step in range(14):
        n, side = rnd.choice((8, 16, 32, 48)), rnd.choice((128, 160, 192, 224))
        x, y = torch.randn(n, 3, side, side, device=DEV), torch.randint(0, 100, (n,), device=DEV)
        F.cross_entropy(model(x), y).backward()
        opt.step()
        opt.zero_grad()
        if step % 5 == 4:
            with torch.no_grad():
                model.eval()
                model(torch.randn(64, 3, 224, 224, device=DEV))
                model.train()


def generation(rnd):
    """A language model answers requests; the cache of keys and values grows token by token."""
    from transformers import LlamaConfig, LlamaForCausalLM
    config = LlamaConfig(vocab_size=4000, hidden_size=768, intermediate_size=2048, num_hidden_layers=6, num_attention_heads=12, num_key_value_heads=12, max_position_embeddings=4096)
    model = LlamaForCausalLM(config).half().to(DEV).eval()
    for _ in range(5):
        prompt = ids(rnd, rnd.choice((4, 8, 16, 32)), rnd.randint(64, 900))
        with torch.no_grad():
            new = rnd.randint(10, 24)
            model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=new, min_new_tokens=new, do_sample=False, pad_token_id=0)


class Res(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.one, self.two, self.time = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 3, padding=1), nn.Linear(128, b)
        self.norm, self.skip = nn.GroupNorm(8, b), nn.Conv2d(a, b, 1)

    def forward(self, x, t):
        h = F.silu(self.norm(self.one(x))) + self.time(t)[:, :, None, None]
        return F.silu(self.two(h)) + self.skip(x)


class UNet(nn.Module):
    def __init__(self, c=64):
        super().__init__()
        self.down, self.up = nn.ModuleList([Res(3, c), Res(c, 2 * c), Res(2 * c, 4 * c)]), nn.ModuleList([Res(6 * c, 2 * c), Res(3 * c, c)])
        self.attn, self.out = nn.MultiheadAttention(4 * c, 4, batch_first=True), nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, x, t):
        kept = []
        for i, one in enumerate(self.down):
            x = one(x if i == 0 else F.avg_pool2d(x, 2), t)
            kept.append(x)
        b, c, h, w = x.shape
        seq = x.flatten(2).transpose(1, 2)
        x = x + self.attn(seq, seq, seq, need_weights=False)[0].transpose(1, 2).reshape(b, c, h, w)
        for one, skip in zip(self.up, kept[1::-1]):
            x = one(torch.cat([F.interpolate(x, scale_factor=2), skip], 1), t)
        return self.out(x)


def diffusion(rnd):
    """Denoiser: training steps at several resolutions, and samples drawn in between."""
    model = UNet().to(DEV)
    ema = {k: v.clone() for k, v in model.state_dict().items()}
    opt = torch.optim.Adam(model.parameters(), lr=1e-4)
    for step in range(12):
        n, side = rnd.choice((4, 8, 12)), rnd.choice((32, 48, 64, 80))
        x = torch.randn(n, 3, side, side, device=DEV)
        noise, t = torch.randn_like(x), torch.randn(n, 128, device=DEV)
        F.mse_loss(model(x + noise, t), noise).backward()
        opt.step()
        opt.zero_grad()
        for k, v in model.state_dict().items():
            ema[k].lerp_(v, 0.01)
        if step % 4 == 3:
            with torch.no_grad():
                x = torch.randn(rnd.choice((2, 6)), 3, 96, 96, device=DEV)
                for _ in range(4):
                    x = x - 0.1 * model(x, torch.randn(x.shape[0], 128, device=DEV))


class Experts(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.n, self.each = n, nn.ModuleList(nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d)) for _ in range(n))

    def forward(self, x, tokens):
        flat, out, which = x.reshape(-1, x.shape[-1]), torch.zeros_like(x.reshape(-1, x.shape[-1])), (tokens.reshape(-1) * 40503 >> 4) % self.n
        for i, expert in enumerate(self.each):
            rows = (which == i).nonzero()[:, 0]
            if rows.numel():
                out = out.index_add(0, rows, expert(flat[rows]))
        return x + out.view_as(x)


def experts(rnd):
    """Mixture of experts with hash routing: each expert meets another number of tokens each step."""
    d = 512
    embed, head = nn.Embedding(4000, d).to(DEV), nn.Linear(d, 4000).to(DEV)
    layers = nn.ModuleList(Experts(d, 8) for _ in range(3)).to(DEV)
    opt = torch.optim.AdamW([*embed.parameters(), *head.parameters(), *layers.parameters()], lr=1e-4)
    for _ in range(9):
        tokens = ids(rnd, rnd.choice((4, 8, 12)), rnd.randint(128, 512))
        x = embed(tokens)
        for layer in layers:
            x = layer(x, tokens)
        F.cross_entropy(head(x).flatten(0, 1), tokens.flatten()).backward()
        opt.step()
        opt.zero_grad()


def graphs(rnd):
    """Graph network: every batch is a graph of another size."""
    from torch_geometric.nn import GATConv, SAGEConv
    model = nn.ModuleList([SAGEConv(128, 256), GATConv(256, 64, heads=4), SAGEConv(256, 40)]).to(DEV)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(22):
        nodes = rnd.randint(4000, 40000)
        edges = torch.randint(0, nodes, (2, nodes * rnd.randint(3, 8)), generator=torch.Generator().manual_seed(rnd.randrange(1 << 30))).to(DEV)
        x = torch.randn(nodes, 128, device=DEV)
        for layer in model:
            x = F.elu(layer(x, edges))
        x.logsumexp(-1).mean().backward()
        opt.step()
        opt.zero_grad()


def recommender(rnd):
    """Large embedding tables with sparse gradients, evaluation over all items."""
    users, items = nn.Embedding(200000, 64, sparse=True).to(DEV), nn.Embedding(60000, 64, sparse=True).to(DEV)
    tower = nn.Sequential(nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 1)).to(DEV)
    opts = [torch.optim.SparseAdam([*users.parameters(), *items.parameters()]), torch.optim.Adam(tower.parameters())]
    for step in range(24):
        n = rnd.randint(5000, 90000)
        u, i = ids(rnd, 1, n, 200000)[0], ids(rnd, 1, n, 60000)[0]
        F.softplus(-tower(torch.cat([users(u), items(i)], 1))).mean().backward()
        for opt in opts:
            opt.step()
            opt.zero_grad()
        if step % 6 == 5:
            with torch.no_grad():
                (users.weight[: rnd.randint(300, 1200)] @ items.weight.T).topk(50)


class Layer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.n1, self.n2, self.qkv, self.out, self.heads = nn.LayerNorm(d), nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d), heads
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.n2(x))


class GPT(nn.Module):
    def __init__(self, d=512, n=6, heads=8, vocab=8000):
        super().__init__()
        self.tok, self.layers, self.head = nn.Embedding(vocab, d), nn.ModuleList(Layer(d, heads) for _ in range(n)), nn.Linear(d, vocab)

    def forward(self, tokens, around=None):
        x = self.tok(tokens)
        for layer in self.layers:
            x = around(layer, x) if around else layer(x)
        return self.head(x)


def checkpointing(rnd):
    """Language model, trained under autocast with activation checkpointing and clipped gradients."""
    from torch.utils.checkpoint import checkpoint
    model = GPT().to(DEV)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(10):
        tokens = ids(rnd, rnd.choice((4, 6, 8, 12)), rnd.randint(200, 1000), 8000)
        with torch.autocast("cuda", torch.bfloat16):
            loss = F.cross_entropy(model(tokens, lambda layer, x: checkpoint(layer, x, use_reentrant=False)).flatten(0, 1), tokens.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        opt.zero_grad()


def offload(rnd):
    """Gradients accumulated over four small batches; moments of the optimizer live on the host."""
    model = GPT(d=640, n=4, heads=10).to(DEV)
    moments = {p: torch.zeros(p.shape) for p in model.parameters()}
    for _ in range(5):
        for _ in range(4):
            tokens = ids(rnd, rnd.choice((2, 4, 6)), rnd.randint(128, 768), 8000)
            (F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()) / 4).backward()
        with torch.no_grad():
            for p, moment in moments.items():
                m = moment.to(DEV)
                m.mul_(0.9).add_(p.grad)
                p.sub_(m, alpha=1e-3)
                moment.copy_(m)
                p.grad = None
                del m


def vision(rnd):
    """Vision transformer with frozen and trained parts, mixed batches, evaluation each few steps."""
    import timm
    model = timm.create_model("vit_small_patch16_224", pretrained=False, num_classes=50).to(DEV)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    scaler = torch.amp.GradScaler("cuda", init_scale=1.0)
    for step in range(10):
        n = rnd.choice((8, 24, 40, 64))
        with torch.autocast("cuda", torch.float16):
            loss = F.cross_entropy(model(torch.randn(n, 3, 224, 224, device=DEV)), torch.randint(0, 50, (n,), device=DEV))
        scaler.scale(loss).backward()
        opt.step()
        opt.zero_grad()
        if step % 4 == 3:
            with torch.no_grad():
                model(torch.randn(96, 3, 224, 224, device=DEV)).argmax(-1)


def serving(rnd):
    """Continuous batching: requests of Pareto length come and go, each with caches of its own that are concatenated."""
    model = GPT(d=512, n=5, heads=8).to(DEV).half().eval()
    running = []
    with torch.no_grad():
        for _ in range(45):
            if len(running) < 12:
                length = min(1500, int(60 * rnd.paretovariate(1.1)))
                x, caches = model.tok(ids(rnd, 1, length, 8000)), []
                for layer in model.layers:
                    q, k, v = layer.qkv(layer.n1(x)).chunk(3, -1)
                    caches.append((k.contiguous(), v.contiguous()))
                    x = layer(x)
                model.head(x[:, -1:]).argmax(-1)
                running.append([rnd.randint(2, 30), caches])
            for request in running:
                request[0] -= 1
                x = torch.randn(1, 1, 512, device=DEV, dtype=torch.half)
                for i, layer in enumerate(model.layers):
                    q, k, v = layer.qkv(layer.n1(x)).chunk(3, -1)
                    k, v = torch.cat([request[1][i][0], k], 1), torch.cat([request[1][i][1], v], 1)
                    request[1][i] = (k, v)
                    x = x + layer.out((q @ k.transpose(1, 2)).softmax(-1) @ v)
            running = [one for one in running if one[0] > 0]


def translation(rnd):
    """T5: trained on pairs of any length, beam search in between."""
    from transformers import T5Config, T5ForConditionalGeneration
    model = T5ForConditionalGeneration(T5Config(vocab_size=4000, d_model=384, d_kv=48, d_ff=1536, num_layers=4, num_heads=8, decoder_start_token_id=0)).to(DEV)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for step in range(9):
        n = rnd.choice((4, 8, 16))
        source, target = ids(rnd, n, rnd.randint(32, 400)), ids(rnd, n, rnd.randint(16, 200))
        model(input_ids=source, labels=target).loss.backward()
        opt.step()
        opt.zero_grad()
        if step % 4 == 3:
            with torch.no_grad():
                new = rnd.randint(6, 12)
                model.generate(source[:4], attention_mask=torch.ones_like(source[:4]), num_beams=4, max_new_tokens=new, min_new_tokens=new)


def lora(rnd):
    """LoRA adapters on a frozen language model in half precision."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM
    config = LlamaConfig(vocab_size=8000, hidden_size=768, intermediate_size=2048, num_hidden_layers=6, num_attention_heads=12, max_position_embeddings=4096)
    model = get_peft_model(LlamaForCausalLM(config).bfloat16(), LoraConfig(r=8, target_modules=["q_proj", "v_proj", "down_proj"])).to(DEV)
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    for _ in range(9):
        tokens = ids(rnd, rnd.choice((2, 4, 8)), rnd.randint(128, 900), 8000)
        model(input_ids=tokens, labels=tokens).loss.backward()
        opt.step()
        opt.zero_grad()


def speech(rnd):
    """Spectrograms, convolutions and an LSTM over packed sequences, CTC loss."""
    import torchaudio
    mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=512, n_mels=80).to(DEV)
    conv = nn.Sequential(nn.Conv1d(80, 256, 5, 2, 2), nn.GELU(), nn.Conv1d(256, 384, 5, 2, 2), nn.GELU()).to(DEV)
    lstm, head = nn.LSTM(384, 512, 3, batch_first=True, bidirectional=True).to(DEV), nn.Linear(1024, 40).to(DEV)
    opt = torch.optim.Adam([*conv.parameters(), *lstm.parameters(), *head.parameters()], lr=1e-4)
    for _ in range(10):
        n, seconds = rnd.choice((8, 16, 24)), rnd.uniform(2, 12)
        wave = torch.randn(n, int(16000 * seconds), device=DEV)
        x = conv(mel(wave).clamp(min=1e-5).log()).transpose(1, 2)
        lengths = torch.tensor(sorted((rnd.randint(x.shape[1] // 2, x.shape[1]) for _ in range(n)), reverse=True))
        lengths[0] = x.shape[1]
        y = nn.utils.rnn.pad_packed_sequence(lstm(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[0], batch_first=True)[0]
        logp = head(y).log_softmax(-1).transpose(0, 1)
        F.ctc_loss(logp, ids(rnd, n, 20, 39) + 1, lengths, torch.full((n,), 20)).backward()
        opt.step()
        opt.zero_grad()


def compiled(rnd):
    """A language model under torch.compile with shapes that vary."""
    model = GPT(d=384, n=4, heads=6).to(DEV)
    fast = torch.compile(model, dynamic=True)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(10):
        tokens = ids(rnd, rnd.choice((4, 8, 12)), 64 * rnd.randint(2, 14), 8000)
        F.cross_entropy(fast(tokens).flatten(0, 1), tokens.flatten()).backward()
        opt.step()
        opt.zero_grad()


def adversary(rnd):
    """Two networks trained against each other, batches of several sizes."""
    make = nn.Sequential(nn.ConvTranspose2d(100, 256, 4, 1, 0), nn.BatchNorm2d(256), nn.ReLU(), nn.ConvTranspose2d(256, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.ReLU(), nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh()).to(DEV)
    judge = nn.Sequential(nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2), nn.Conv2d(128, 256, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(4096, 1)).to(DEV)
    opts = [torch.optim.Adam(net.parameters(), lr=2e-4) for net in (make, judge)]
    for _ in range(18):
        n = rnd.choice((32, 64, 96, 160, 256))
        fake = make(torch.randn(n, 100, 1, 1, device=DEV))
        (F.softplus(-judge(torch.randn(n, 3, 32, 32, device=DEV))) + F.softplus(judge(fake.detach()))).mean().backward()
        opts[1].step()
        opts[1].zero_grad()
        F.softplus(-judge(fake)).mean().backward()
        opts[0].step()
        for opt in opts:
            opt.zero_grad()


def segmentation(rnd):
    """Every pixel a class: pictures of several sizes and shapes."""
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large
    model = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21).to(DEV)
    opt = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(12):
        n, h, w = rnd.choice((2, 4, 8)), 32 * rnd.randint(6, 14), 32 * rnd.randint(6, 14)
        out = model(torch.randn(n, 3, h, w, device=DEV))["out"]
        F.cross_entropy(out, torch.randint(0, 21, (n, h, w), device=DEV)).backward()
        opt.step()
        opt.zero_grad()


def masked(rnd):
    """BERT in bfloat16, gradients accumulated over two batches."""
    from transformers import BertConfig, BertForMaskedLM
    model = BertForMaskedLM(BertConfig(vocab_size=8000, hidden_size=512, num_hidden_layers=6, num_attention_heads=8, intermediate_size=2048)).bfloat16().to(DEV)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for step in range(14):
        tokens = ids(rnd, rnd.choice((8, 16, 32)), rnd.randint(32, 400), 8000)
        model(input_ids=tokens, attention_mask=torch.ones_like(tokens), labels=tokens).loss.backward()
        if step % 2:
            opt.step()
            opt.zero_grad()


def sampling(rnd):
    """GPT-2 draws several answers to each prompt."""
    from transformers import GPT2Config, GPT2LMHeadModel
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8000, n_embd=768, n_layer=8, n_head=12, n_positions=2048)).to(DEV).eval()
    for _ in range(6):
        prompt = ids(rnd, rnd.choice((1, 2, 4, 8)), rnd.randint(50, 900), 8000)
        new = rnd.randint(6, 20)
        with torch.no_grad():
            model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=new, min_new_tokens=new, do_sample=True, num_return_sequences=rnd.choice((2, 4)), pad_token_id=0)


def recurrent(rnd):
    """LSTM language model, back-propagation through pieces of a text, the state carried on."""
    embed, lstm, head = nn.Embedding(10000, 512).to(DEV), nn.LSTM(512, 1024, 2, batch_first=True).to(DEV), nn.Linear(1024, 10000).to(DEV)
    params = [*embed.parameters(), *lstm.parameters(), *head.parameters()]
    opt = torch.optim.Adam(params, lr=1e-4)
    for _ in range(4):
        n, state = rnd.choice((16, 32, 48)), None
        for _ in range(4):
            tokens = ids(rnd, n, rnd.randint(20, 70), 10000)
            y, state = lstm(embed(tokens), state)
            F.cross_entropy(head(y).flatten(0, 1), tokens.flatten()).backward()
            state = tuple(one.detach() for one in state)
            nn.utils.clip_grad_norm_(params, 1.0)
            opt.step()
            opt.zero_grad()


def video(rnd):
    """Three-dimensional convolutions over clips of several lengths, evaluation in between."""
    from torchvision.models.video import r3d_18
    model = r3d_18(num_classes=30).to(DEV)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for step in range(9):
        n, t, side = rnd.choice((1, 2, 3)), 4 * rnd.randint(2, 5), rnd.choice((80, 96, 112))
        F.cross_entropy(model(torch.randn(n, 3, t, side, side, device=DEV)), torch.randint(0, 30, (n,), device=DEV)).backward()
        opt.step()
        opt.zero_grad()
        if step % 3 == 2:
            with torch.no_grad():
                model(torch.randn(2, 3, 16, 112, 112, device=DEV))


def retrieval(rnd):
    """Texts embedded in batches by length, kept, and searched: inference alone, memory that grows."""
    layer = nn.TransformerEncoderLayer(384, 6, 1536, batch_first=True, norm_first=True)
    model = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False).to(DEV).eval()
    kept = []
    with torch.no_grad():
        for step in range(40):
            kept.append(F.normalize(model(torch.randn(rnd.choice((16, 32, 64)), rnd.randint(16, 300), 384, device=DEV)).mean(1), dim=-1))
            if step % 8 == 7:
                index = torch.cat(kept)
                (index[: rnd.randint(50, 200)].repeat(40, 1) @ index.T).topk(10)


def policy(rnd):
    """Actor and critic on pixels: roll-outs of any length, several passes over each."""
    body = nn.Sequential(nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 512), nn.ReLU()).to(DEV)
    heads = nn.Linear(512, 19).to(DEV)
    opt = torch.optim.Adam([*body.parameters(), *heads.parameters()], lr=1e-4)
    for _ in range(5):
        frames = []
        for _ in range(rnd.randint(16, 48)):
            frames.append(torch.rand(32, 4, 84, 84, device=DEV))
            with torch.no_grad():
                heads(body(frames[-1])).softmax(-1)
        batch = torch.cat(frames)
        for part in batch.split(rnd.choice((256, 384, 512))):
            out = heads(body(part))
            (out[:, 0].pow(2).mean() - out[:, 1:].log_softmax(-1).mean()).backward()
            opt.step()
            opt.zero_grad()


TUNED = {f.__name__: f for f in (encoder, resnet, generation, diffusion, experts, graphs, recommender)}
HELD = {f.__name__: f for f in (checkpointing, offload, vision, serving, translation, lora, speech, compiled)}
# Written and recorded after the rule was settled.
FRESH = {f.__name__: f for f in (adversary, segmentation, masked, sampling, recurrent, video, retrieval, policy)}
PROGRAMS = {**TUNED, **HELD, **FRESH}


def run(name):
    torch.manual_seed(7)
    PROGRAMS[name](random.Random(7))
