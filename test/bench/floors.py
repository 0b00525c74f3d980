"""Floors in Python: python3 floors.py pickle|sqlite FILE prints milliseconds, alone in its process."""
import sys
import time

kind, path = sys.argv[1:]
if kind == "pickle":
    import pickle

    with open(path, "rb") as file:
        start = time.perf_counter()
        kept = pickle.load(file)  # kept: freeing it is not part of reading
elif kind == "sqlite":
    import sqlite3

    start = time.perf_counter()
    rows = sqlite3.connect(path).execute(
        "select start, address, bytes, memKind, memoryOperationType from CUDA_GPU_MEMORY_USAGE_EVENTS"
    )
    kept = rows.fetchall()
print((time.perf_counter() - start) * 1000)
