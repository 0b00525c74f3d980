"""Texts scored by a language model, nothing trained. Lines with "#[" belong to some pairs alone."""
import sys
import torch
import memlog
from model import GPT

VOCAB, LENGTH = 8000, 128
BATCH = 8  #[!score_batch.b]
BATCH = 14  #[score_batch.b]


def score(model, ids):
    logits = model(ids[:, :-1])
    best = logits.amax(-1, keepdim=True)
    return (logits.gather(-1, ids[:, 1:, None]) - best).sum(), logits


@torch.no_grad()
def main():
    memlog.start()
    torch.manual_seed(0)
    model = GPT(VOCAB, d=256).cuda().eval()
    scores, kept = [], []
    for batch in range(40):
        ids = torch.randint(0, VOCAB, (BATCH, LENGTH + 1), device="cuda")
        with torch.autocast("cuda", torch.bfloat16):  #[score_dtype.a]
            one, logits = score(model, ids)  #[score_dtype.a]
        one, logits = score(model, ids)  #[!score_dtype.a]
        scores.append(one.item())
        if batch % 10 == 7: kept.append(logits)  #[score_kept.b]
        del one, logits
    memlog.dump(sys.argv[1])


main()
