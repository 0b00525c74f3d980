"""Which free block may a request have that is too large to be split (max_split_size_mb)?

usage: python3 split_rounding.py OUTFILE

For each setting, in a process of its own: 100 MiB are allocated and freed, then so many MiB are asked for. One JSON
line for each: whether the free block was used (no new segment), or what the allocator said of the setting.
"""
import json, os, subprocess, sys

CONFS = ["max_split_size_mb:64", "large_segment_size_mb:64,max_split_size_mb:64", "max_split_size_mb:64,large_segment_size_mb:64",
         "large_segment_size_mb:32,max_split_size_mb:64", "large_segment_size_mb:64,max_split_size_mb:64,max_non_split_rounding_mb:64",
         "large_segment_size_mb:12,max_split_size_mb:32", "large_segment_size_mb:64,max_split_size_mb:32",
         "max_split_size_mb:32,large_segment_size_mb:64", "large_segment_size_mb:64,max_split_size_mb:65,max_non_split_rounding_mb:20",
         "large_segment_size_mb:10", "large_segment_size_mb:11"]
ASKED = [65, 70, 79, 80, 81, 87, 88, 89, 99]


def one():
    import torch
    MIB, used = 1 << 20, {}
    for mib in ASKED:
        torch.cuda.empty_cache()
        x = torch.empty(100 * MIB, dtype=torch.uint8, device="cuda"); del x
        before = torch.cuda.memory_stats()["segment.all.allocated"]
        x = torch.empty(mib * MIB, dtype=torch.uint8, device="cuda")
        used[mib] = torch.cuda.memory_stats()["segment.all.allocated"] == before; del x
    torch.cuda.empty_cache()
    x = torch.empty(3 * MIB, dtype=torch.uint8, device="cuda")
    snapshot = torch.cuda.memory._snapshot()
    print(json.dumps({"reused": used, "segment_of_3_MiB": torch.cuda.memory_reserved(), "settings": snapshot["allocator_settings"]}, default=str))


if __name__ == "__main__":
    if len(sys.argv) > 2: one(); sys.exit()
    runs = [(c, subprocess.Popen([sys.executable, __file__, "-", "one"], env=dict(os.environ, PYTORCH_CUDA_ALLOC_CONF=c), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)) for c in CONFS]
    with open(sys.argv[1], "w") as f:
        for conf, p in runs:
            stdout, err = p.communicate()
            said = json.loads(stdout) if p.returncode == 0 else {"error": [l for l in err.splitlines() if "Error" in l or "option" in l][-3:]}
            f.write(json.dumps({"conf": conf, **said}) + "\n")
