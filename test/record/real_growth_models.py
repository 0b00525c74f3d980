"""Models and helpers of real_growth.py: written as people write them, in a file of their own."""
import torch
from torch import nn
from torch.nn import functional as F

VOCAB = 4000


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out, self.up, self.down, self.heads = nn.Linear(d, 3 * d), nn.Linear(d, d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d), heads

    def attention(self, x, past=None):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        weights = (q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(b, t, d)), (k, v)

    def forward(self, x, past=None):
        y, self.last = self.attention(self.ln1(x), past) if past is not None else (self.attention(self.ln1(x))[0], None)
        x = x + y
        return x + self.down(F.gelu(self.up(self.ln2(x))))

    def keys_values(self, x):
        y, kv = self.attention(self.ln1(x))
        x = x + y
        return x + self.down(F.gelu(self.up(self.ln2(x)))), kv


class GPT(nn.Module):
    def __init__(self, d=192, n=4, heads=4):
        super().__init__()
        self.tok, self.blocks, self.head = nn.Embedding(VOCAB, d), nn.ModuleList(Block(d, heads) for _ in range(n)), nn.Linear(d, VOCAB)

    def run(self, x):
        for block in self.blocks:
            x = block(x)
        return x

    def forward(self, ids):
        return self.head(self.run(self.tok(ids)))

    def prefill(self, ids):
        x, caches = self.tok(ids), []
        for block in self.blocks:
            x, kv = block.keys_values(x)
            caches.append(tuple(t.contiguous() for t in kv))  # LEAK of sessions_never_evicted prefixes_by_zipf
        return self.head(x[:, -1:]), caches


class ConvNet(nn.Sequential):
    def __init__(self, c):
        super().__init__(nn.Conv2d(3, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 2 * c, 3, 2, 1), nn.BatchNorm2d(2 * c), nn.ReLU(), nn.Conv2d(2 * c, 2 * c, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(32 * c, 10))


class Experts(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.gate, self.experts = nn.Linear(d, n), nn.ModuleList(nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d)) for _ in range(n))

    def forward(self, x):
        choice = self.gate(x).argmax(-1); y = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            rows = (choice == i).nonzero()[:, 0]
            if len(rows): y = y.index_add(0, rows, expert(x[rows]))
        return y + self.gate(x).mean()


class KV:
    """Caches of prefixes, the one used longest ago dropped beyond `most`."""

    def __init__(self, most):
        self.most, self.entries = most, {}

    def get(self, key, make):
        self.entries[key] = self.entries.pop(key) if key in self.entries else make()
        if len(self.entries) > self.most: self.entries.pop(next(iter(self.entries)))
        return self.entries[key]


def mlp(d=256, n=4):
    return nn.Sequential(*[m for _ in range(n) for m in (nn.Linear(d, d), nn.ReLU())], nn.Linear(d, 10)).cuda()


def tokens(b, t):
    return torch.randint(0, VOCAB, (b, t), device="cuda")


def optimizer_step(model, optimizer, x):
    y = model(x)
    loss = (y.flatten(0, -2).logsumexp(-1) if y.dim() > 2 else y.square()).mean()
    loss.backward(); optimizer.step(); optimizer.zero_grad(set_to_none=True)


def answer(model, cache, key, length):
    """A request: the prefix's cache, made where it is not there, and two tokens behind it."""
    caches = cache.get(key, lambda: model.prefill(tokens(1, length))[1])
    x = model.tok(tokens(1, 2))
    for block, past in zip(model.blocks, caches):
        x = block(x, past); block.last = None
    return int(model.head(x[:, -1]).argmax())
