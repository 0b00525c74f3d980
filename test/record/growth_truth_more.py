"""More programs of known growth (see growth_truth.py), written after the rules were settled: a third, unseen set.

usage: python3 growth_truth_more.py OUTDIR [NAME ...]
"""
import growth_truth
from growth_truth import *

SCENARIOS.clear()
growth_truth.__file__ = __file__  # lines and child processes are of this file


@scenario(FLAT, step=25)
def two_optimizers(mark):
    g, d = mlp(128, 3), mlp(128, 2); og, od = torch.optim.Adam(g.parameters()), torch.optim.Adam(d.parameters()); head = nn.Linear(10, 128).cuda()
    for _ in range(25):
        fake = head(g(batch(64, 128)))
        (d(fake.detach()).mean() - d(batch(64, 128)).mean()).backward(); od.step(); od.zero_grad(set_to_none=True)
        (-d(fake).mean()).backward(); og.step(); og.zero_grad(set_to_none=True); od.zero_grad(set_to_none=True); head.zero_grad(set_to_none=True); del fake; mark()


@scenario(FLAT, step=40)
def longer_and_longer(mark):
    model = Decoder().cuda(); opt = torch.optim.AdamW(model.parameters())
    for k in range(40):
        loss = model(torch.zeros(2, 16 + 7 * k, dtype=torch.long, device="cuda"))[0].square().mean()
        loss.backward(); opt.step(); opt.zero_grad(set_to_none=True); del loss; mark()


@scenario(FLAT, request=18)
@torch.no_grad()
def beams(mark):
    rnd = random.Random(31); model = Decoder().cuda()
    for _ in range(18):
        width, past = rnd.choice([1, 2, 4, 8]), None; ids = torch.zeros(width, rnd.randrange(8, 60), dtype=torch.long, device="cuda")
        for _ in range(rnd.randrange(4, 16)):
            logits, past = model(ids, past); pick = torch.randint(0, width, (width,), device="cuda")
            past = [(k[pick], v[pick]) for k, v in past]; ids = logits[:, -1:].argmax(-1)
        del logits, past, ids, pick; mark()


@scenario(ENDS, step=48)
def last_five_weights(mark):
    model = mlp(); opt = torch.optim.SGD(model.parameters(), 0.01); kept = []
    for k in range(48):
        step(model, opt, batch())
        if k % 4 == 3: kept = (kept + [[p.detach().clone() for p in model.parameters()]])[-5:]
        mark()


@scenario(LINEAR, batch=40)
@torch.no_grad()
def predictions_joined(mark):
    model = mlp().eval(); all_of_them = torch.empty(0, 10, device="cuda")
    for _ in range(40): all_of_them = torch.cat([all_of_them, model(batch(500))]); mark()  # LEAK


@scenario(LINEAR, request=45)
@torch.no_grad()
def closures_queued(mark):
    model, queue = mlp(), []
    for k in range(45):
        y = model(batch(70)).softmax(-1)  # LEAK
        top = y.topk(3)  # LEAK
        queue.append(lambda y=y, top=top: (y, top)); mark()


@scenario(LINEAR, step=50)
def two_leaks(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters()); a, b = [], []
    for k in range(50):
        x = batch(); step(model, opt, x); a.append(x.sin())  # LEAK
        if k % 5 == 0: b.append(x.cos())
        mark()


@scenario(ENDS, step=50)
def heads_of_tasks(mark):
    """A head and its optimizer for each of five tasks, made when the task first comes."""
    body, heads = mlp(), {}
    for k in range(50):
        task = k % 5
        if task not in heads:
            h = nn.Linear(10, 300).cuda(); heads[task] = (h, torch.optim.Adam([*h.parameters(), *body.parameters()]))
        h, opt = heads[task]
        h(body(batch())).square().mean().backward(); opt.step(); opt.zero_grad(set_to_none=True); mark()


@scenario(ENDS + SLOWS, request=90)
@torch.no_grad()
def masks_by_length(mark):
    rnd = random.Random(32); model, masks = mlp(), {}
    for _ in range(90):
        n = 64 * rnd.randrange(1, 21)
        if n not in masks: masks[n] = torch.ones(n, n, device="cuda").tril()
        (masks[n] @ batch(n)).argmax(-1).cpu(); model(batch(n)).cpu(); mark()


@scenario(LINEAR, epoch=12, step=72)
def optimizers_kept(mark):
    """A new optimizer each epoch, the old ones in a list with their state."""
    model, old = mlp(), []
    for _ in range(12):
        opt = torch.optim.Adam(model.parameters()); old.append(opt)
        for _ in range(6): step(model, opt, batch())  # LEAK
        mark()


@scenario(FLAT, stacks=None, step=40)
def lengths_no_stacks(mark):
    rnd = random.Random(33); model = Decoder().cuda(); opt = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(40):
        loss = model(torch.zeros(2, 8 * rnd.randrange(2, 30), dtype=torch.long, device="cuda"))[0].square().mean()
        loss.backward(); opt.step(); opt.zero_grad(set_to_none=True); del loss; mark()


@scenario(LINEAR, stacks=None, request=30)
@torch.no_grad()
def last_logits_no_stacks(mark):
    model, kept = Decoder().cuda(), []
    for _ in range(30): kept.append(model(torch.zeros(4, 64, dtype=torch.long, device="cuda"))[0][:, -1].clone()); mark()


@scenario(FLAT, turn=60)
@torch.no_grad()
def three_conversations(mark):
    """Three at a time, each of three to nine turns; one that ends makes room for the next."""
    rnd = random.Random(34); model, open_ = Decoder().cuda(), [None] * 3; left = [rnd.randrange(3, 10) for _ in range(3)]
    for k in range(60):
        i = k % 3; open_[i] = generate(model, 12, 6, open_[i]); left[i] -= 1
        if left[i] == 0: open_[i], left[i] = None, rnd.randrange(3, 10)
        mark()


@scenario(FLAT, batch=36)
@torch.no_grad()
def batch_size_sought(mark):
    """Doubled until it is large enough, then one size for all."""
    model = mlp()
    for k in range(36): model(batch(min(16 * 2**k, 2048))).argmax(-1).cpu(); mark()


@scenario(LINEAR, conf="expandable_segments:True", step=50)
def side_stream_expandable(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters()); side, kept, rnd = torch.cuda.Stream(), [], random.Random(35)
    for _ in range(50):
        x = batch(); step(model, opt, x); side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side): kept.append(x.repeat(rnd.randrange(1, 5), 1))  # LEAK
        del x; mark()


@scenario(LINEAR, step=30)
def profiled_leak(mark):
    model = mlp(); opt = torch.optim.Adam(model.parameters()); norms = []
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as p:
        for _ in range(30):
            step(model, opt, batch()); norms.append(torch.stack([w.detach().norm() for w in model.parameters()]))  # LEAK
            mark(); p.step()


if __name__ == "__main__":
    growth_truth.main()
