"""NumPy beside `nearfar bench search`: the same exact search, the same options and JSON fields.

One product of unit queries with unit rows, argpartition, and a sort of the k that are left.

usage: python3 search_numpy.py [--rows 1000000] [--dim 128] [--queries 64] [-k 10] [--rounds 5] [--threads N]
needs: numpy (Debian: python3-numpy)
"""
import argparse
import json
import os
import statistics
import time

p = argparse.ArgumentParser()
for name, default in (("rows", 1000000), ("dim", 128), ("queries", 64), ("rounds", 5), ("threads", os.cpu_count())):
    p.add_argument("--" + name, type=int, default=default)
p.add_argument("-k", type=int, default=10)
a = p.parse_args()
for library in ("OPENBLAS", "MKL", "OMP"):  # read when NumPy is loaded
    os.environ[library + "_NUM_THREADS"] = str(a.threads)
import numpy as np  # noqa: E402

draw = np.random.default_rng(1)
rows, queries = (draw.standard_normal((n, a.dim), dtype=np.float32) for n in (a.rows, a.queries))
for x in (rows, queries):
    x /= np.linalg.norm(x, axis=1, keepdims=True)


def search():
    scores = queries @ rows.T
    some = np.argpartition(scores, -a.k, axis=1)[:, -a.k:]
    order = np.argsort(-np.take_along_axis(scores, some, 1), axis=1, kind="stable")
    return np.take_along_axis(some, order, 1)


search()
took, busy = [], time.process_time()
for _ in range(a.rounds):
    start = time.perf_counter()
    search()
    took.append((time.perf_counter() - start) * 1e3)
busy = (time.process_time() - busy) * 1e3 / a.rounds
median = statistics.median(took)
print(json.dumps({"program": "numpy " + np.__version__, "rows": a.rows, "dim": a.dim, "queries": a.queries, "k": a.k,
                  "threads": a.threads, "median_ms": round(median, 2), "min_ms": round(min(took), 2),
                  "max_ms": round(max(took), 2), "busy_ms": round(busy, 2),
                  "queries_per_s": round(a.queries / median * 1e3, 1)}))
