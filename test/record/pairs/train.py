"""Training of a small language model. Lines with "#[" belong to some pairs alone (../pairs.py)."""
# Three lines more,             #[moved.b moved_keeps.b]
# above all that allocates,     #[moved.b moved_keeps.b]
# and one import that is new.   #[moved.b moved_keeps.b]
import os  #[moved.b moved_keeps.b rank_loads_twice]
import copy, random, sys
import torch
from torch.nn import functional as F
import memlog
from model import GPT

STEPS, LENGTH, VOCAB = 10, 128, 4000  #[!more_steps.b]
STEPS, LENGTH, VOCAB = 16, 128, 4000  #[more_steps.b]
LENGTHS = [64, 90, 250, 128, 320, 320, 200, 70, 150, 256]  #[!lengths_reversed.b]
LENGTHS = [64, 90, 250, 128, 320, 320, 200, 70, 150, 256][::-1]  #[lengths_reversed.b]
BATCH = 8  #[!batch.b !late_batch.b]
BATCH = 12  #[batch.b late_batch.b]


def evaluate(model, rnd):
    with torch.no_grad():
        for length in (64, 320):
            ids = torch.randint(0, VOCAB, (8, length), device="cuda")
            model(ids).argmax(-1).cpu()


def compute_loss(model, ids):
    with torch.autocast("cuda", torch.bfloat16):  #[autocast_less.a]
        logits = model(ids[:, :-1])  #[autocast_less.a]
    logits = model(ids[:, :-1])  #[!autocast_less.a]
    loss = F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())  #[holds:batch holds:autocast_less holds:one_longer_step holds:late_batch]
    return loss, logits.detach()


def main():
    memlog.start()  #[!late_batch !hook_all_frames]
    memlog.start("all")  #[hook_all_frames]
    torch.manual_seed(0)
    rnd, kept = random.Random(0), []
    model = GPT(VOCAB).cuda()
    rank = int(os.environ["RANK"])  #[rank_loads_twice]
    if rank == 1:  #[rank_loads_twice]
        teacher = GPT(VOCAB).cuda().eval()  #[rank_loads_twice holds:rank_loads_twice]
    memlog.start()  #[late_batch]
    average = copy.deepcopy(model)  #[average_of_weights.b holds:average_of_weights]
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)  #[!optimizer.a]
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)  #[optimizer.a]
    model.blocks[1].up.register_full_backward_hook(lambda module, into, out: kept.append(out[0]))  #[hook_all_frames.b]
    evaluate(model, rnd)  #[other_order.b]
    for step in range(STEPS):
        length = LENGTH  #[!one_longer_step.b !lengths_reversed !empty_cache_less !expandable !split_limit]
        length = LENGTHS[step]  #[lengths_reversed empty_cache_less expandable split_limit]
        length = LENGTH if step != 6 else 2 * LENGTH  #[one_longer_step.b]
        ids = torch.randint(0, VOCAB, (BATCH, length + 1), device="cuda")
        loss, logits = compute_loss(model, ids)
        loss.backward()
        optimizer.step()  #[holds:optimizer]
        if step >= 4:  #[moved_keeps.b renamed_keeps.b moments]
            kept.append(logits)  #[moved_keeps.b renamed_keeps.b moments]
        if step >= 4:  #[gradients_kept.b]
            kept.append([one.grad for one in model.parameters()])  #[gradients_kept.b]
        optimizer.zero_grad(set_to_none=True)  #[!gradients_zeroed.b]
        optimizer.zero_grad(set_to_none=False)  #[gradients_zeroed.b]
        del ids, loss, logits
        if step == 5: memlog.dump(sys.argv[1].replace(".b", ".a"))  #[moments]
        if step == 4:  #[empty_cache_less]
            evaluate(model, rnd)  #[empty_cache_less]
            torch.cuda.empty_cache()  #[empty_cache_less.a]
    evaluate(model, rnd)  #[other_order.a]
    memlog.dump(sys.argv[1])


main()
