"""Record what a device and a process say of its memory at the same moments, while a second process comes and goes.

usage: python3 device_side.py OUTDIR

Writes
  process.pickle        torch.cuda.memory._dump_snapshot of the observed process
  memory_stats.json     torch.cuda.memory_stats at its end
  moments.json          at each moment: time_ns (time.time_ns), what cudaMemGetInfo and the caching allocator say
  neighbour.json        the second process: its moments likewise
  query-gpu.csv         nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total, every 100 ms
  compute-apps.csv      nvidia-smi --query-compute-apps=..., every 200 ms
  machine.json          pids, time zone, driver, GPU
"""
import json, os, random, subprocess, sys, time

MIB = 1 << 20


def moment(torch, name, into):
    torch.cuda.synchronize()
    before = time.time_ns()
    free, total = torch.cuda.mem_get_info()
    stats = torch.cuda.memory_stats()
    into.append({
        "name": name, "time_ns": before, "took_ns": time.time_ns() - before, "free": free, "total": total,
        "allocated": stats["allocated_bytes.all.current"], "active": stats["active_bytes.all.current"],
        "reserved": stats["reserved_bytes.all.current"],
    })


def neighbour(out):
    """Holds 1.5 GiB from the line 'hold' on its standard input to the line 'end'."""
    import torch
    moments = []
    torch.cuda.init(); torch.zeros(1, device="cuda"); moment(torch, "context", moments)
    print("ready", flush=True); sys.stdin.readline()
    keep = torch.empty(1536 * MIB, dtype=torch.uint8, device="cuda"); moment(torch, "holds", moments)
    print("holds", flush=True); sys.stdin.readline()
    moment(torch, "before end", moments)
    del keep; torch.cuda.empty_cache(); moment(torch, "gave back", moments)
    json.dump({"pid": os.getpid(), "moments": moments}, open(f"{out}/neighbour.json", "w"), indent=1)


def observed(out):
    import torch
    moments, keep, rnd = [], [], random.Random(5)
    here = lambda name: moment(torch, name, moments)
    torch.cuda.memory._record_memory_history("all", stacks="python", max_entries=10**6)
    torch.cuda.init(); torch.cuda.current_stream().synchronize(); here("context"); time.sleep(0.4)
    for k in range(5):
        keep.append(torch.empty(rnd.choice([96, 160, 224, 352]) * MIB + 512 * rnd.randrange(64), dtype=torch.uint8, device="cuda"))
        here(f"block {k}"); time.sleep(0.2 + 0.1 * rnd.random())
    child = subprocess.Popen([sys.executable, __file__, out, "neighbour"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdout.readline(); here("neighbour has a context"); time.sleep(0.4)
    child.stdin.write("hold\n"); child.stdin.flush(); child.stdout.readline(); here("neighbour holds"); time.sleep(0.5)
    a = torch.randn(2048, 2048, device="cuda"); b = a @ a; here("first matrix product"); time.sleep(0.4)
    conv = torch.nn.Conv2d(16, 32, 3).cuda(); x = torch.randn(8, 16, 128, 128, device="cuda"); conv(x).sum().backward()
    here("first convolution, backward"); time.sleep(0.4)
    del keep[1], keep[2]; here("two blocks freed"); time.sleep(0.3)
    torch.cuda.empty_cache(); here("empty_cache"); time.sleep(0.4)
    for k in range(4):
        keep.append(torch.empty(rnd.choice([40, 288, 416]) * MIB, dtype=torch.uint8, device="cuda")); here(f"more {k}"); time.sleep(0.25)
    child.stdin.write("end\n"); child.stdin.flush(); child.wait(); here("neighbour ended"); time.sleep(0.5)
    keep.append(torch.empty(640 * MIB, dtype=torch.uint8, device="cuda")); here("640 MiB"); time.sleep(0.3)
    keep.clear(); here("all blocks freed"); time.sleep(0.3)
    torch.cuda.empty_cache(); here("empty_cache again"); time.sleep(0.4)
    json.dump({"pid": os.getpid(), "moments": moments}, open(f"{out}/moments.json", "w"), indent=1)
    json.dump(torch.cuda.memory_stats(), open(f"{out}/memory_stats.json", "w"))
    torch.cuda.memory._dump_snapshot(f"{out}/process.pickle")


def main(out):
    os.makedirs(out, exist_ok=True)
    smi = lambda *a: subprocess.run(["nvidia-smi", *a], capture_output=True, text=True).stdout.strip()
    machine = {"driver": smi("--query-gpu=driver_version", "--format=csv,noheader"), "gpu": smi("--query-gpu=name", "--format=csv,noheader"),
               "time_zone": time.strftime("%z"), "idle_used": smi("--query-gpu=memory.used,memory.reserved", "--format=csv")}
    json.dump(machine, open(f"{out}/machine.json", "w"), indent=1)
    watch = [
        subprocess.Popen(["nvidia-smi", "--query-gpu=timestamp,index,memory.used,memory.total", "--format=csv", "-lms", "100"], stdout=open(f"{out}/query-gpu.csv", "w")),
        subprocess.Popen(["nvidia-smi", "--query-compute-apps=timestamp,gpu_uuid,pid,process_name,used_gpu_memory", "--format=csv", "-lms", "200"], stdout=open(f"{out}/compute-apps.csv", "w")),
    ]
    time.sleep(0.6)
    subprocess.run([sys.executable, __file__, out, "observed"], check=True)
    time.sleep(0.6)
    for w in watch: w.terminate()


if __name__ == "__main__":
    {"neighbour": neighbour, "observed": observed}.get(sys.argv[2] if len(sys.argv) > 2 else "", main)(sys.argv[1])
