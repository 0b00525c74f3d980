"""Pack recordings of what_if_truth.py for the repository: the base without stacks, and what PyTorch counted in every run.

usage: python3 what_if_pack.py RECORDED OUTDIR PROGRAM ...

Writes PROGRAM.pickle.gz and PROGRAM.json (settings; for each key of memory_stats one figure per setting).
"""
import gzip, json, pickle, sys

recorded, out = sys.argv[1:3]
runs = json.load(open(f"{recorded}/RUNS.json"))
for name in sys.argv[3:]:
    with open(f"{recorded}/{name}@base.pickle", "rb") as file:
        snapshot = pickle.load(file)
    for trace in snapshot["device_traces"]:
        for event in trace:
            event["frames"] = []
    for segment in snapshot["segments"]:
        segment["frames"] = []
        for block in segment["blocks"]:
            block["frames"] = []
    with open(f"{out}/{name}.pickle.gz", "wb") as file:
        file.write(gzip.compress(pickle.dumps(snapshot), 9, mtime=0))
    mine = [run for run in runs if run["program"] == name]
    stats = [json.load(open(f"{recorded}/{name}@{run['setting']}.memory_stats.json")) for run in mine]
    with open(f"{out}/{name}.json", "w") as file:
        json.dump({
            "program": name,
            "settings": [{"name": run["setting"], "conf": run["conf"], "cap_bytes": run["cap_bytes"]} for run in mine],
            "memory_stats": {key: [one[key] for one in stats] for key in stats[0]},
        }, file, separators=(",", ":"))
        file.write("\n")
