"""Measure what `vramscope recorder` costs on a real GPU, and that each of its causes writes a file.

usage: python3 recorder_overhead.py RECORDER.py OUTDIR [--rounds N]

Two programs, each run in a process of its own, in turn with history "off", "python" (the recorder's default) and "all" (C++
stacks, too), N rounds: `small` is a transformer whose steps wait for Python (many small allocations), `large` one whose steps
wait for the GPU. Prints one JSON line a process: milliseconds a step (median of the steps after 20), events a step, seconds and bytes of
a dump with a full ring. Then one process runs out of memory, gets SIGUSR2 and grows, and the files are listed.
"""
import importlib.util, json, os, signal, statistics, subprocess, sys, time
import torch
from torch import nn

SIZES = {"small": dict(d=256, layers=8, batch=4, length=128, steps=220), "large": dict(d=2048, layers=12, batch=8, length=1024, steps=70)}


def load(path):
    spec = importlib.util.spec_from_file_location("vramscope_record", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(d, layers, batch, length, steps):
    layer = nn.TransformerEncoderLayer(d, max(4, d // 64), 4 * d, batch_first=True, dropout=0.1)
    model = nn.TransformerEncoder(layer, layers).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, foreach=False)
    for _ in range(steps):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(torch.randn(batch, length, d, device="cuda")).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        yield 1000 * (time.perf_counter() - begin)


def measure(recorder_path, name, history, folder):
    recorder = None
    if history != "off":
        recorder = load(recorder_path).start(folder=folder, stacks=history, growth_mib=1 << 20)
    times = []
    for ms in program(**SIZES[name]):
        times.append(ms)
        if recorder:
            recorder.step()
    times = times[20:]
    line = {"program": name, "history": history, "ms_median": statistics.median(times), "ms_p90": statistics.quantiles(times, n=10)[8]}
    if recorder:
        stats = torch.cuda.memory_stats()
        line["allocations_per_step"] = stats["allocation.all.allocated"] / SIZES[name]["steps"]
        begin = time.perf_counter()
        path = recorder.dump("full")
        line["dump_s"], line["dump_bytes"] = time.perf_counter() - begin, os.path.getsize(path)
        os.remove(path)
    print(json.dumps(line), flush=True)


def causes(recorder_path, folder):
    recorder = load(recorder_path).start(folder=folder, max_entries=20_000, growth_mib=64, log_every=0.5)
    kept = []
    for step in range(30):
        recorder.step()
        kept.append(torch.randn(8 << 20, device="cuda"))
        time.sleep(0.12)
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(2.5)
    try:
        kept.append(torch.empty(1 << 40, dtype=torch.uint8, device="cuda"))
    except torch.cuda.OutOfMemoryError as error:
        print(str(error)[:200])
    print(json.dumps(sorted(os.listdir(folder))), flush=True)
    with open(os.path.join(folder, "memory_stats.json"), "w") as out:
        json.dump(torch.cuda.memory_stats(), out)


if __name__ == "__main__":
    recorder_path, out = sys.argv[1:3]
    if "--one" in sys.argv:
        name, history = sys.argv[sys.argv.index("--one") + 1:][:2]
        causes(recorder_path, out) if name == "causes" else measure(recorder_path, name, history, out)
        sys.exit()
    rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 5
    print(json.dumps({"torch": torch.__version__, "card": torch.cuda.get_device_name()}), flush=True)
    for _ in range(rounds):
        for name in SIZES:
            for history in ("off", "python", "all"):
                subprocess.run([sys.executable, __file__, recorder_path, os.path.join(out, "work"), "--one", name, history], check=True)
    subprocess.run([sys.executable, __file__, recorder_path, os.path.join(out, "causes"), "--one", "causes", "-"], check=True)
