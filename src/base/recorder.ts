/**
 * The recorder as it is printed by `vramscope recorder` and offered by the empty page: a file of Python that needs torch alone.
 *
 * What it rests on: torch.cuda.memory._record_memory_history and _dump_snapshot (torch/cuda/memory.py, from 2.1 on), and the
 * allocator's observer of out-of-memory errors, which runs without the allocator's lock (c10/cuda/CUDACachingAllocator.cpp).
 */
export const RECORDER_FILE = 'vramscope_record.py';

export const RECORDER = String.raw`"""Records CUDA memory while a program runs, for vramscope. One file; needs PyTorch 2.1 or newer and nothing else.

    import vramscope_record
    recorder = vramscope_record.start(folder="memory")  # after torch.cuda.set_device(), before the model is made
    recorder.step()                                     # in each iteration: names files by it; may be left out

A snapshot is written when memory runs out, when the peak is growth_mib above the one before, on SIGUSR2 (kill -USR2 PID)
and by recorder.dump("why"). At most max_files stay, those of an out-of-memory error before others, the newest before older
ones. Every log_every seconds the figures of memory_stats() go to a .jsonl file. Open all of them in vramscope.
"""
import json, os, signal, threading, time, traceback
import torch

class Recorder:
    def __init__(self, folder=".", max_entries=200_000, growth_mib=1024, max_files=5, log_every=10.0, stacks="python"):
        self.folder, self.growth, self.max_files, self.log_every = folder, growth_mib << 20, max_files, log_every
        self.rank, self.pid = os.environ.get("RANK", "0"), os.getpid()
        self.name = f"rank{self.rank}.pid{self.pid}"
        self.steps, self.count, self.files, self.logged, self.stopped = 0, 0, [], 0.0, False
        self.lock, self.wake = threading.RLock(), threading.Event()
        torch.cuda.init()
        self.device = torch.cuda.current_device()  # a thread of its own begins on device 0
        os.makedirs(folder, exist_ok=True)
        torch.cuda.memory._record_memory_history(max_entries=max_entries, stacks=stacks)
        torch._C._cuda_attach_out_of_memory_observer(lambda *_: self.dump("oom"))
        try:
            signal.signal(signal.SIGUSR2, lambda *_: self.wake.set())
        except (AttributeError, ValueError):
            print("vramscope_record: no snapshot on a signal (no SIGUSR2 here, or not the main thread)")
        self.peak = self._stats().get("allocated_bytes.all.peak", 0)
        threading.Thread(target=self._watch, name="vramscope", daemon=True).start()

    def step(self):
        self.steps += 1

    def dump(self, why="dump"):
        """Writes a snapshot and returns its path; None: there are enough files, or it failed. Never ends the program."""
        with self.lock:
            try:
                while len(self.files) >= self.max_files:
                    old = [path for path in self.files if not os.path.basename(path).startswith("oom.")]
                    if not old:
                        return None
                    self.files.remove(old[0])
                    os.remove(old[0])
                self.count += 1
                path = os.path.join(self.folder, f"{why}.{self.name}.step{self.steps}.{self.count}.pickle")
                torch.cuda.memory._dump_snapshot(path + ".part")
                os.replace(path + ".part", path)
                self.files.append(path)
                return path
            except Exception:
                traceback.print_exc()

    def close(self):
        self.stopped = True
        self.wake.set()
        torch.cuda.memory._record_memory_history(enabled=None)

    def _stats(self):
        stats = torch.cuda.memory_stats(self.device)
        return {key: value for key, value in stats.items() if ".all." in key or key.startswith("num_")}

    def _watch(self):
        while not self.stopped:
            try:
                stats, now = self._stats(), time.time()
                if stats.get("allocated_bytes.all.peak", 0) >= self.peak + self.growth:
                    self.peak = stats["allocated_bytes.all.peak"]
                    self.dump("growth")
                if now - self.logged >= self.log_every:
                    self.logged = now
                    line = {"time": now, "rank": self.rank, "pid": self.pid, "step": self.steps, "device": self.device}
                    with open(os.path.join(self.folder, f"memory_stats.{self.name}.jsonl"), "a") as log:
                        log.write(json.dumps({**line, **stats}) + "\n")
            except Exception:
                traceback.print_exc()
            if self.wake.wait(min(1.0, self.log_every)) and not self.stopped:
                self.wake.clear() or self.dump("signal")
start = Recorder
`;
