"""Record pairs of real programs that differ in one planted change, and write down what was planted.

usage: python3 pairs.py OUTDIR [NAME ...]      JOBS=8 pairs at a time
       python3 pairs.py --measure OUTDIR [NAME ...]   pairs.json anew from recordings that are there, without torch
       python3 pairs.py --render FOLDER NAME a|b      the program of one side alone

The programs lie in pairs/. What stands behind "#[" at the end of a line says which pairs have it, and is taken off:
"NAME", "NAME.a", "NAME.b": only these have the line; "!NAME.b": all but these; "holds:NAME": the line that allocates
what is planted. Side A runs first, then side B in the same folder (but where the folder is what differs), each in a
process of its own. Writes NAME.a.pickle.gz, NAME.b.pickle.gz, NAME.a.stats.json, NAME.b.stats.json (memory_stats() at
the same moment), and pairs.json:

  changed   lines of either side that the other does not have: file, line, function, text
  holds     lines that allocate what the change holds, as side B counts them (side A where B lacks them)
  expected  "line": one of `holds` explains most of the difference at the peak of requested bytes; "no_line": no line
            of both sides holds more or less at the peak; "no_stack": what was made in the backward pass, without a
            Python stack, does; "measured": several lines grow, the order is `measured`
  measured  independent of vramscope, from the trace alone: bytes requested at the peak and at the end, by the innermost
            line of the program, A and B; "-": no frame of it (the backward pass); "B:...": a line that side A lacks
"""
import ast, difflib, gzip, json, os, pickle, re, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pairs")
WORK = os.environ.get("PAIRS_WORK", "/srv")
TAG = re.compile(r"\s*#\[([^\]]*)\]\s*$")
CONF = "PYTORCH_CUDA_ALLOC_CONF"
# Name: program, what differs, what is expected, and what the sides' environments and folders have of their own.
PAIRS = {
    "batch": ("train", "batch 8 to 12", "measured", {}),
    "one_longer_step": ("train", "one batch twice as long, in step 6", "measured", {}),
    "autocast_less": ("train", "autocast to bfloat16 left out", "measured", {}),
    "checkpoint_less": ("train", "block 2 is no longer checkpointed", "line", {}),
    "checkpoint_more": ("train", "block 2 is checkpointed", "line", {}),
    "optimizer": ("train", "AdamW for SGD", "line", {}),
    "average_of_weights": ("train", "a copy of the weights", "line", {}),
    "gradients_kept": ("train", "a list keeps each step's gradients from step 4 on", "no_stack", {}),
    "hook_all_frames": ("train", "a backward hook keeps gradients; recorded with C++ frames", "no_stack", {}),
    "gradients_zeroed": ("train", "zero_grad(set_to_none=False)", "no_stack", {}),
    "moved": ("train", "lines inserted above", "no_line", {}),
    "moved_keeps": ("train", "lines inserted above, and a list keeps outputs from step 4 on", "line", {}),
    "renamed": ("train", "another folder", "no_line", {"folder_b": "renamed-v2/src"}),
    "renamed_keeps": ("train", "another folder, and a list keeps outputs from step 4 on", "line", {"folder_b": "renamed_keeps-v2/src"}),
    "more_steps": ("train", "16 steps for 10", "no_line", {}),
    "same": ("train", "nothing", "no_line", {}),
    "expandable": ("train", "expandable_segments:True", "no_line", {"env_b": {CONF: "expandable_segments:True"}}),
    "split_limit": ("train", "max_split_size_mb:21", "no_line", {"env_b": {CONF: "max_split_size_mb:21"}}),
    "rounded_up": ("train", "roundup_power2_divisions:2", "no_line", {"env_b": {CONF: "roundup_power2_divisions:2"}}),
    "empty_cache_less": ("train", "an empty_cache() less", "no_line", {}),
    "lengths_reversed": ("train", "the same lengths in another order", "no_line", {}),
    "other_order": ("train", "evaluation before training, not after it", "no_line", {}),
    "rank_loads_twice": ("train", "rank 1 loads a second model", "line", {"env_a": {"RANK": "0"}, "env_b": {"RANK": "1"}}),
    "moments": ("train", "two moments of one run: after step 5, after step 9", "line", {"once": True}),
    "late_batch": ("train", "batch 8 to 12, both recorded from behind the model's start on", "measured", {}),
    "sessions_more": ("serve", "10 sessions kept for 6", "line", {}),
    "cache_dtype": ("serve", "key-value caches in float32 for bfloat16", "line", {}),
    "weights_dtype": ("serve", "weights in float32 for bfloat16", "line", {}),
    "scores_kept": ("serve", "scores of one session in four are kept", "line", {}),
    "requests_sorted": ("serve", "the same requests in another order", "no_line", {}),
    "score_batch": ("score", "batch 8 to 14", "line", {}),
    "score_dtype": ("score", "autocast to bfloat16 left out", "line", {}),
    "score_kept": ("score", "a list keeps one output in ten", "line", {}),
    "conv_wider": ("vision", "a convolution of 112 channels for 64", "measured", {}),
    "batches_ahead": ("vision", "8 batches uploaded ahead for 2", "line", {}),
    "other_stream": ("vision", "uploads on a stream of their own", "measured", {}),
    "graph_kept": ("vision", "no_grad() left out, sums are kept", "line", {}),
    "lstm_states": ("tag", "a list keeps one output in three", "line", {}),
}


def render(source, pair, side):
    """Lines of one side, and the numbers of those that hold what is planted."""
    lines, holds = [], []
    for line in source.splitlines():
        tag = TAG.search(line)
        items = tag.group(1).split() if tag else []
        only = [one for one in items if not one.startswith(("!", "holds:"))]
        here = {pair, f"{pair}.{side}"}
        if only and not here & set(only) or any(one[1:] in here for one in items if one.startswith("!")):
            continue
        lines.append(TAG.sub("", line))
        if f"holds:{pair}" in items:
            holds.append(len(lines))
    return lines, holds


def function_at(lines, number):
    """The innermost function around a line, as frames name it."""
    inside = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, (ast.FunctionDef, ast.Lambda)) and node.lineno <= number <= node.end_lineno]
    functions = [node for node in inside if isinstance(node, ast.FunctionDef)]
    return max(functions, key=lambda node: node.lineno).name if functions else "<module>"


def write(folder, pair, side):
    """Writes the program of one side; gives its lines and what holds, by file."""
    program, made = PAIRS[pair][0], {}
    os.makedirs(folder, exist_ok=True)
    for name in (f"{program}.py", "model.py", "memlog.py"):
        with open(f"{HERE}/{name}") as file:
            lines, holds = render(file.read(), pair, side)
        with open(f"{folder}/{name}", "w") as file:
            file.write("\n".join(lines) + "\n")
        made[name] = (lines, holds)
    return made


def place(name, lines, number, side):
    return {"side": side, "file": name, "line": number, "function": function_at(lines, number), "text": lines[number - 1].strip()}


def planted(a, b):
    changed, holds = [], []
    for name in a:
        matcher = difflib.SequenceMatcher(None, a[name][0], b[name][0], autojunk=False)
        for kind, a0, a1, b0, b1 in matcher.get_opcodes():
            if kind != "equal":
                changed += [place(name, a[name][0], n + 1, "a") for n in range(a0, a1)]
                changed += [place(name, b[name][0], n + 1, "b") for n in range(b0, b1)]
        side, made = ("b", b) if b[name][1] else ("a", a)
        holds += [place(name, made[name][0], number, side) for number in made[name][1]]
    return changed, holds


def by_line(path, folder):
    """Requested bytes at the peak and at the end by the program's innermost line: from the trace, with what lived before it."""
    with gzip.open(path) as file:
        snapshot = pickle.load(file)

    def owner(frames):
        for frame in frames:
            if frame["filename"].startswith(folder + "/"):
                return f"{os.path.relpath(frame['filename'], folder)}:{frame['line']} {frame['name']}"
        return "-"

    trace = snapshot["device_traces"][0]
    live, known = {}, set()
    for event in trace:
        if event["action"] == "alloc":
            known.add(event["addr"])
        elif event["action"] == "free_requested" and event["addr"] not in known:
            live[event["addr"]] = (event["size"], "before the recording")
            known.add(event["addr"])
    for segment in snapshot["segments"]:
        for block in segment["blocks"]:
            if block["state"] == "active_allocated" and block["address"] not in known:
                live[block["address"]] = (block["requested_size"], "before the recording")
    now = peak = sum(size for size, _ in live.values())
    at_peak = dict(live)
    peak_row = -1
    for row, event in enumerate(trace):
        if event["action"] == "alloc":
            now += event["size"]
            if now > peak:
                peak, peak_row = now, row
        elif event["action"] == "free_requested":
            now -= event["size"]
    for row, event in enumerate(trace):
        if event["action"] == "alloc":
            live[event["addr"]] = (event["size"], owner(event["frames"]))
        elif event["action"] == "free_requested":
            live.pop(event["addr"], None)
        if row == peak_row:
            at_peak = dict(live)

    def summed(blocks):
        sums = {}
        for size, line in blocks.values():
            sums[line] = sums.get(line, 0) + size
        return sums
    return {"events": len(trace), "peak": peak, "end": now, "at_peak": summed(at_peak), "at_end": summed(live)}


def same_places(a, b):
    """Places of side B that are the same line of side A: the text before and after decides, as for a person who compares."""
    places = {}
    for name in a:
        matcher = difflib.SequenceMatcher(None, a[name][0], b[name][0], autojunk=False)
        for kind, at, a1, bt, b1 in matcher.get_opcodes():
            # A line that was rewritten in its place is the same place.
            for n in range(a1 - at if kind == "equal" or a1 - at == b1 - bt else 0):
                places[f"{name}:{bt + n + 1} {function_at(b[name][0], bt + n + 1)}"] = f"{name}:{at + n + 1} {function_at(a[name][0], at + n + 1)}"
    return places


def difference(a, b, when, places):
    """Lines by what they explain; side B's are named as in side A, or "B:..." where side A lacks them."""
    other = {}
    for name, size in b[when].items():
        name = places.get(name, name if name in ("-", "before the recording") else f"B:{name}")
        other[name] = other.get(name, 0) + size
    rows = [{"line": name, "a": a[when].get(name, 0), "b": other.get(name, 0)} for name in {*a[when], *other}]
    return sorted((row for row in rows if row["a"] != row["b"]), key=lambda row: (-abs(row["b"] - row["a"]), row["line"]))


def folder_of(pair, side):
    return f"{WORK}/{PAIRS[pair][3].get('folder_' + side, pair)}"


def record(out, pair):
    program, _, _, own = PAIRS[pair]
    for side in "b" if own.get("once") else "ab":
        folder = folder_of(pair, side)
        write(folder, pair, side)
        env = dict(os.environ, OMP_NUM_THREADS="2", **own.get(f"env_{side}", {}))
        ended = subprocess.run([sys.executable, "-B", f"{folder}/{program}.py", f"{out}/{pair}.{side}"], env=env, cwd=folder, capture_output=True, text=True, timeout=200)
        print(pair, side, ended.returncode, ended.stderr[-800:] if ended.returncode else "", flush=True)
    for side in "ab":
        path = f"{out}/{pair}.{side}.pickle"
        with open(path, "rb") as file, open(f"{path}.gz", "wb") as packed:
            packed.write(gzip.compress(file.read(), 9, mtime=0))
        os.remove(path)


def measure(out, pair):
    program, change, expected, own = PAIRS[pair]
    sides = {side: write(f"{out}/programs/{pair}.{side}", pair, side) for side in "ab"}
    changed, holds = planted(sides["a"], sides["b"])
    found = {side: by_line(f"{out}/{pair}.{side}.pickle.gz", folder_of(pair, side)) for side in "ab"}
    figures = {}
    for side in "ab":
        with open(f"{out}/{pair}.{side}.stats.json") as file:
            stats = json.load(file)
        figures[side] = {"events": found[side]["events"], "requested_peak": found[side]["peak"], "requested_end": found[side]["end"]}
        for key in ("requested", "allocated", "reserved"):
            for at in ("peak", "current"):
                figures[side][f"stats_{key}_{at}"] = stats[f"{key}_bytes.all.{at}"]
    places = same_places(sides["a"], sides["b"])
    return {
        "name": pair, "program": f"{program}.py", "change": change, "expected": expected,
        "folders": {side: folder_of(pair, side) for side in "ab"}, "environment": {side: own.get(f"env_{side}", {}) for side in "ab"},
        "changed": changed, "holds": holds, "figures": figures,
        "measured": {when: difference(found["a"], found["b"], when, places)[:12] for when in ("at_peak", "at_end")},
    }


def main():
    if sys.argv[1] == "--render":
        write(sys.argv[2], sys.argv[3], sys.argv[4])
        return
    again = sys.argv[1] == "--measure"
    rest = sys.argv[2 if again else 1:]
    out, names = os.path.abspath(rest[0]), rest[1:] or list(PAIRS)
    if again:
        with open(f"{out}/pairs.json") as file:
            where = {key: value for key, value in json.load(file).items() if key != "pairs"}
    else:
        os.makedirs(out, exist_ok=True)
        with ThreadPoolExecutor(int(os.environ.get("JOBS", "8"))) as workers:
            list(workers.map(lambda name: record(out, name), names))
        import torch
        where = {"torch": torch.__version__, "device": torch.cuda.get_device_name()}
    with open(f"{out}/pairs.json", "w") as file:
        json.dump({**where, "pairs": [measure(out, name) for name in names]}, file, indent=1)


if __name__ == "__main__":
    main()
