"""Record what PyTorch's caching allocator really did for real programs (what_if_programs.py) under many settings.

usage: python3 what_if_truth.py OUTDIR [PROGRAM ...]        all settings of these programs (default: all), 8 at a time
       python3 what_if_truth.py OUTDIR --one PROGRAM SETTING CAP_BYTES

Each run is a process of its own. The base runs first; its peaks give the limits of the capped settings. Writes per run
PROGRAM@SETTING.pickle (torch.cuda.memory._dump_snapshot) and PROGRAM@SETTING.memory_stats.json, taken at the same
moment, and one line of RUNS.json: settings, limit, and how the run ended.
"""
import json, os, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
# Name, settings, and the limit: bytes allocated at the base's peak, and this part of what it had reserved beyond them.
SETTINGS = [
    ("base", "", None),
    ("again", "", None),
    ("again2", "", None),
    ("exp", "expandable_segments:True", None),
    ("split32", "max_split_size_mb:32", None),
    ("split128", "max_split_size_mb:128", None),
    ("round8", "roundup_power2_divisions:8", None),
    ("roundlist", "roundup_power2_divisions:[1:4,64:8,256:2,>:1]", None),
    ("round2split64", "roundup_power2_divisions:2,max_split_size_mb:64", None),
    ("capped", "", 0.5),
    ("gc60", "garbage_collection_threshold:0.6", 0.9),
    ("gc80split128", "garbage_collection_threshold:0.8,max_split_size_mb:128", 0.6),
    ("expcapped", "expandable_segments:True", 0.3),
]


def record(out, name, setting, cap):
    sys.path.insert(0, HERE)
    import torch
    import what_if_programs
    if cap:
        torch.cuda.set_per_process_memory_fraction(cap / torch.cuda.get_device_properties(0).total_memory)
    # As people record: with Python stacks; the others only serve to be compared with.
    context = {"context": "all", "stacks": "python"} if setting == "base" else {"context": None}
    torch.cuda.memory._record_memory_history("all", max_entries=10**6, **context)
    failed = None
    try:
        what_if_programs.run(name)
    except torch.cuda.OutOfMemoryError as error:
        failed = str(error)
    stem = f"{out}/{name}@{setting}"
    with open(f"{stem}.memory_stats.json", "w") as file:
        json.dump(torch.cuda.memory_stats(), file)
    torch.cuda.memory._dump_snapshot(f"{stem}.pickle")
    print(json.dumps({"oom": failed, "torch": torch.__version__}))


def one(out, name, setting, conf, cap):
    env = dict(os.environ, PYTORCH_CUDA_ALLOC_CONF=conf, OMP_NUM_THREADS="2", TOKENIZERS_PARALLELISM="false")
    env.pop("PYTORCH_ALLOC_CONF", None)
    try:
        ended = subprocess.run([sys.executable, os.path.abspath(__file__), out, "--one", name, setting, str(cap)], env=env, capture_output=True, text=True, timeout=200)
        code, said, error = ended.returncode, ended.stdout, ended.stderr
    except subprocess.TimeoutExpired:
        code, said, error = -1, "", "timeout"
    end = json.loads(said.strip().splitlines()[-1]) if code == 0 else {"error": error[-600:]}
    print(name, setting, conf, cap, code, error[-300:] if code else "", flush=True)
    return {"program": name, "setting": setting, "conf": conf, "cap_bytes": cap, **end}


def program(out, name):
    rows = []
    if name == "compiled":  # Fills the compiler's cache: what compiling allocates is not the program's.
        one(out, name, "again", "", 0)
    rows.append(one(out, name, "base", "", 0))
    try:
        stats = json.load(open(f"{out}/{name}@base.memory_stats.json"))
    except FileNotFoundError:
        return rows
    held, had = stats["allocated_bytes.all.peak"], stats["reserved_bytes.all.peak"]
    for setting, conf, part in SETTINGS[1:]:
        rows.append(one(out, name, setting, conf, 0 if part is None else int(held + part * (had - held))))
    return rows


if __name__ == "__main__":
    out = sys.argv[1]
    if len(sys.argv) > 2 and sys.argv[2] == "--one":
        record(out, sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        sys.path.insert(0, HERE)
        os.makedirs(out, exist_ok=True)
        import what_if_programs
        names = sys.argv[2:] or list(what_if_programs.PROGRAMS)
        with ThreadPoolExecutor(8) as workers:
            rows = [row for rows in workers.map(lambda name: program(out, name), names) for row in rows]
        with open(f"{out}/RUNS.json", "w") as file:
            json.dump(rows, file, indent=0)
