"""Start and end of a recording, as people write it; rendered beside each program (../pairs.py)."""
import json
import torch


def start(stacks="python"):
    torch.cuda.memory._record_memory_history("all", context="all", stacks=stacks, max_entries=1_000_000)


def dump(stem):
    torch.cuda.synchronize()
    with open(f"{stem}.stats.json", "w") as file:
        json.dump(torch.cuda.memory_stats(), file)
    torch.cuda.memory._dump_snapshot(f"{stem}.pickle")
