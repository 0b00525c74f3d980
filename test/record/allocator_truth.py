"""Record what PyTorch's caching allocator really does with the same requests under many settings.

usage: python3 allocator_truth.py OUTDIR            runs every case of CASES, each in its own process
       python3 allocator_truth.py OUTDIR NAME       one case (settings come from the environment)

Writes per case NAME.pickle (torch.cuda.memory._dump_snapshot), NAME.memory_stats.json and one line of CASES.txt.
The requests follow from a seed alone, never from addresses or settings, so that every setting meets the same ones.
"""
import json, os, random, subprocess, sys

# name, mix, seed, operations, streams, cap in MiB (0: none), settings
MIXES = [  # mix, seed, operations, streams, a limit in MiB that some settings meet, one that all of them meet
    ("wide", 21, 4000, 3, 6000, 5000),
    ("layers", 22, 4000, 2, 2600, 2350),
    ("events", 23, 3000, 2, 5000, 3150),
]
FREE = ["", "max_split_size_mb:32", "max_split_size_mb:100,max_non_split_rounding_mb:64", "expandable_segments:True",
        "roundup_power2_divisions:[1:4,64:8,256:2,>:1]", "roundup_power2_divisions:2,max_split_size_mb:48"]
CAPPED = ["", "garbage_collection_threshold:0.7", "expandable_segments:True", "max_split_size_mb:64,garbage_collection_threshold:0.5"]
TIGHT = ["", "expandable_segments:True", "max_split_size_mb:64", "max_split_size_mb:32,garbage_collection_threshold:0.8",
         "roundup_power2_divisions:8", "max_split_size_mb:200,max_non_split_rounding_mb:100"]
CASES = [
    (f"{mix}{seed}_{i}", mix, seed, n, streams, cap, conf)
    for mix, seed, n, streams, capped, tight in MIXES
    for i, (cap, conf) in enumerate([(0, c) for c in FREE] + [(capped, c) for c in CAPPED] + [(tight, c) for c in TIGHT])
]


def sizes(mix, rnd):
    """One request in bytes."""
    p = rnd.random()
    if mix == "layers":  # a few shapes again and again, as in training
        return [512, 4096, 65536, 1 << 20, 3 << 20, 8 << 20, 12 << 20, 33 << 20, 48 << 20][rnd.randrange(9)] + (0 if p < .9 else 512 * rnd.randrange(64))
    if p < .4: return rnd.randrange(1, 1 << 20)
    if p < .7: return rnd.randrange(1 << 20, 10 << 20)
    if p < .97: return rnd.randrange(10 << 20, 48 << 20)
    return rnd.randrange(48 << 20, 300 << 20)


def record(out, name, mix, seed, n, streams, cap):
    import torch
    if cap:
        torch.cuda.set_per_process_memory_fraction(cap * 2**20 / torch.cuda.get_device_properties(0).total_memory)
    rnd = random.Random(seed)
    torch.cuda.memory._record_memory_history("all", context=None, max_entries=10**6)
    ss = [torch.cuda.current_stream()] + [torch.cuda.Stream() for _ in range(streams - 1)]
    keep, live, failed = [], 250, None
    try:
        for k in range(n):
            if mix == "events" and k % 700 == 699:
                torch.cuda.synchronize(); torch.cuda.empty_cache(); continue
            if len(keep) < 15 or (len(keep) < live and rnd.random() < .52):
                size = sizes(mix, rnd)
                with torch.cuda.stream(rnd.choice(ss)):
                    keep.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            else:
                x = keep.pop(rnd.randrange(len(keep)))
                if mix == "events" and rnd.random() < .3:
                    x.record_stream(rnd.choice(ss))
                del x
    except torch.cuda.OutOfMemoryError as e:
        failed = str(e)
    with open(f"{out}/{name}.memory_stats.json", "w") as f:
        json.dump(torch.cuda.memory_stats(), f)
    torch.cuda.memory._dump_snapshot(f"{out}/{name}.pickle")
    if failed:
        open(f"{out}/{name}.oom.txt", "w").write(failed + "\n")


if __name__ == "__main__":
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    if len(sys.argv) > 2:
        _, mix, seed, n, streams, cap, _ = next(c for c in CASES if c[0] == sys.argv[2])
        record(out, sys.argv[2], mix, seed, n, streams, cap)
    else:
        with open(f"{out}/CASES.txt", "w") as f:
            for name, mix, seed, n, streams, cap, conf in CASES:
                env = dict(os.environ, PYTORCH_CUDA_ALLOC_CONF=conf)
                r = subprocess.run([sys.executable, __file__, out, name], env=env, capture_output=True, text=True)
                print(name, conf, r.returncode, r.stderr[-300:], flush=True)
                f.write(f"{name}\t{mix}\t{seed}\t{cap}\t{conf}\n")
