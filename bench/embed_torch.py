"""PyTorch beside `nearfar bench embed`: the encoder in eval mode, the same options and JSON fields.

usage: python3 embed_torch.py [--encoder small|resnet18] [--image 64] [--batch 32] [--rounds 30]
                              [--layout nhwc|nchw] [--folded] [--threads N] [--export FILE.onnx]
--folded traces the network and folds batch norms (torch.jit.optimize_for_inference); --export writes it for
embed_onnx.py and ends.
needs: torch (Debian: python3-torch)
"""
import argparse
import json
import os
import statistics
import time

import torch
from torch import nn

from step_torch import resnet18, small

p = argparse.ArgumentParser()
p.add_argument("--encoder", default="small", choices=["small", "resnet18"])
for name, default in (("image", 64), ("batch", 32), ("rounds", 30), ("threads", os.cpu_count())):
    p.add_argument("--" + name, type=int, default=default)
p.add_argument("--layout", default="nhwc", choices=["nchw", "nhwc"])
p.add_argument("--folded", action="store_true")
p.add_argument("--export")
a = p.parse_args()
torch.set_num_threads(a.threads)
torch.manual_seed(0)
layout = torch.channels_last if a.layout == "nhwc" else torch.contiguous_format
layers, width = {"small": small, "resnet18": resnet18}[a.encoder]()
network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval().to(memory_format=layout)
pictures = torch.randn(a.batch, 3, a.image, a.image).contiguous(memory_format=layout)
if a.export:
    torch.onnx.export(network, pictures, a.export, input_names=["pictures"], output_names=["embeddings"])
    raise SystemExit
took = []
with torch.no_grad():
    if a.folded:
        network = torch.jit.optimize_for_inference(torch.jit.trace(network, pictures))
    for i in range(a.rounds + 3):
        if i == 3:
            busy = time.process_time()
        start = time.perf_counter()
        network(pictures)
        if i >= 3:
            took.append((time.perf_counter() - start) * 1e3)
busy = (time.process_time() - busy) * 1e3 / a.rounds
median = statistics.median(took)
print(json.dumps({"program": "torch " + torch.__version__, **vars(a), "precision": "f32", "median_ms": round(median, 2),
                  "min_ms": round(min(took), 2), "max_ms": round(max(took), 2), "busy_ms": round(busy, 2),
                  "frames_per_s": round(a.batch / median * 1e3, 1)}))
