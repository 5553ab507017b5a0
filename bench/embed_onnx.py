"""onnxruntime beside `nearfar bench embed`: a network that embed_torch.py --export wrote.

usage: python3 embed_onnx.py --model FILE.onnx [--rounds 30] [--threads N]
needs: onnxruntime (pip), numpy
"""
import argparse
import json
import os
import statistics
import time

import numpy as np
import onnxruntime

p = argparse.ArgumentParser()
p.add_argument("--model", required=True)
for name, default in (("rounds", 30), ("threads", os.cpu_count())):
    p.add_argument("--" + name, type=int, default=default)
a = p.parse_args()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = a.threads
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
session = onnxruntime.InferenceSession(a.model, options, providers=["CPUExecutionProvider"])
shape = session.get_inputs()[0].shape
pictures = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
took = []
for i in range(a.rounds + 3):
    if i == 3:
        busy = time.process_time()
    start = time.perf_counter()
    session.run(None, {"pictures": pictures})
    if i >= 3:
        took.append((time.perf_counter() - start) * 1e3)
busy = (time.process_time() - busy) * 1e3 / a.rounds
median = statistics.median(took)
print(json.dumps({"program": "onnxruntime " + onnxruntime.__version__, "batch": shape[0], "image": shape[2], "threads": a.threads,
                  "median_ms": round(median, 2), "min_ms": round(min(took), 2), "max_ms": round(max(took), 2), "busy_ms": round(busy, 2),
                  "frames_per_s": round(shape[0] / median * 1e3, 1)}))
