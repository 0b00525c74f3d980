"""A server that answers requests with key-value caches of its sessions. Lines with "#[" belong to some pairs alone."""
import random, sys
import torch
import memlog
from model import GPT

VOCAB, LAYERS, MOST_TOKENS = 8000, 4, 512
SESSIONS = 6  #[!sessions_more.b]
SESSIONS = 10  #[sessions_more.b]
CACHE_DTYPE = torch.bfloat16  #[!cache_dtype.b]
CACHE_DTYPE = torch.float32  #[cache_dtype.b]


class KVCache:
    def __init__(self, most):
        self.used = 0
        self.pair = torch.zeros(2, 1, 4, most, 64, device="cuda", dtype=CACHE_DTYPE)  #[holds:sessions_more holds:cache_dtype]

    def extend(self, k, v):
        end = self.used + k.shape[2]
        self.pair[0, :, :, self.used:end], self.pair[1, :, :, self.used:end] = k, v
        self.used = end
        return self.pair[0, :, :, :end].to(k.dtype), self.pair[1, :, :, :end].to(k.dtype)


class Server:
    def __init__(self):
        self.model = GPT(VOCAB, d=256, n=LAYERS).eval().to("cuda", torch.bfloat16)  #[!weights_dtype.b holds:weights_dtype]
        self.model = GPT(VOCAB, d=256, n=LAYERS).eval().to("cuda", torch.float32)  #[weights_dtype.b holds:weights_dtype]
        self.sessions, self.log = {}, []

    def caches_of(self, session):
        caches = self.sessions.pop(session, None) or [KVCache(MOST_TOKENS) for _ in range(LAYERS)]
        self.sessions[session] = caches
        if len(self.sessions) > SESSIONS:
            self.sessions.pop(next(iter(self.sessions)))
        return caches

    def answer(self, session, prompt):
        caches = self.caches_of(session)
        logits = self.model(prompt, caches)[:, -1]
        for _ in range(3):
            chances = logits.float().softmax(-1)
            token = chances.argmax(-1, keepdim=True)
            logits = self.model(token, caches)[:, -1]
        if session % 4 == 1: self.log.append(chances.expand(64, -1).contiguous())  #[scores_kept.b holds:scores_kept]
        return int(token)


@torch.no_grad()
def main():
    memlog.start()
    torch.manual_seed(0)
    server, rnd = Server(), random.Random(1)
    requests = [(session % 14, 24 + 8 * (session % 5)) for session in range(42)]
    requests = sorted(requests, key=lambda one: one[1])  #[requests_sorted.b]
    for session, length in requests:
        if session in server.sessions and server.sessions[session][0].used > 400: server.sessions.pop(session)
        server.answer(session, torch.randint(0, VOCAB, (1, length), device="cuda"))
    memlog.dump(sys.argv[1])


main()
