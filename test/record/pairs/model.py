"""Small models of the programs beside this file. What follows "#[" names the pairs that a line belongs to (../pairs.py)."""
# A comment that somebody wrote. #[moved.b moved_keeps.b]
# And another one,               #[moved.b moved_keeps.b]
# of three lines.                #[moved.b moved_keeps.b]
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.ln1, self.ln2, self.heads = nn.LayerNorm(d), nn.LayerNorm(d), heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def attention(self, x, cache=None):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        if cache is not None:
            k, v = cache.extend(k, v)
        weights = q @ k.transpose(-1, -2)
        weights = weights.div((d // self.heads) ** 0.5).softmax(-1)  #[holds:checkpoint_less holds:checkpoint_more]
        return self.out((weights @ v).transpose(1, 2).reshape(b, t, d))

    def mlp(self, x):
        h = self.up(x)  #[holds:checkpoint_less holds:checkpoint_more]
        h = F.gelu(h)  #[holds:checkpoint_less holds:checkpoint_more]
        return self.down(h)

    def forward(self, x, cache=None):
        x = x + self.attention(self.ln1(x), cache)
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocab, d=192, n=4, heads=4):
        super().__init__()
        self.tok = nn.Embedding(vocab, d)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(n))
        self.head = nn.Linear(d, vocab)

    def forward(self, ids, caches=None):
        x = self.tok(ids)
        for i, block in enumerate(self.blocks):
            x = block(x, caches and caches[i])  #[!checkpoint_less !checkpoint_more.b]
            x = checkpoint(block, x, use_reentrant=False)  #[checkpoint_less.a]
            x = checkpoint(block, x, use_reentrant=False) if i != 2 else block(x)  #[checkpoint_less.b]
            x = checkpoint(block, x, use_reentrant=False) if i == 2 else block(x)  #[checkpoint_more.b]
        logits = self.head(x)  #[holds:batch holds:late_batch holds:moved_keeps holds:renamed_keeps holds:moments holds:one_longer_step holds:score_batch holds:score_kept holds:score_dtype holds:autocast_less]
        return logits


class ConvNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        wide = 64  #[!conv_wider.b]
        wide = 112  #[conv_wider.b]
        self.conv1, self.bn1 = nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, wide, 3, padding=1)
        self.conv3 = nn.Conv2d(wide, 64, 3, stride=2, padding=1)
        self.head = nn.Linear(64 * 16, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))  #[holds:graph_kept]
        x = self.conv2(x)  #[holds:conv_wider]
        x = F.relu(x)  #[holds:conv_wider holds:graph_kept]
        x = F.relu(self.conv3(x))
        x = F.adaptive_avg_pool2d(x, 4)
        return self.head(x.flatten(1))


class Tagger(nn.Module):
    """An LSTM that is fed a stream piece by piece, with its state carried on."""

    def __init__(self, features=80, hidden=256, tags=48):
        super().__init__()
        self.rnn, self.head = nn.LSTM(features, hidden, 2, batch_first=True), nn.Linear(hidden, tags)

    def forward(self, x, state=None):
        y, state = self.rnn(x, state)  #[holds:lstm_states]
        return self.head(y).log_softmax(-1), y, state
