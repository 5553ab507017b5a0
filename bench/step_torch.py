"""PyTorch beside `nearfar bench step`: the same momentum-contrast step, the same options and JSON fields.

Query forward and backward, key forward, momentum update, InfoNCE against a queue of --bank keys, SGD with
momentum, on random images.

usage: python3 step_torch.py [--encoder small|resnet18] [--image 64] [--batch 64] [--bank 4096] [--steps 30]
                             [--layout nhwc|nchw] [--precision f32|bf16] [--threads N]
needs: torch (Debian: python3-torch)
"""
import argparse
import copy
import json
import os
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


def small():
    layers, channels = [], 3
    for width in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return layers, channels


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside))
        self.short = nn.Sequential()
        if stride != 1 or inside != outside:
            self.short = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        return F.relu(self.main(x) + self.short(x))


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(channels, width, stride), Block(width, width, 1)]
        channels = width
    return layers, channels


class Network(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        layers, width = {"small": small, "resnet18": resnet18}[encoder]()
        self.encoder = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.projector = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 128))

    def forward(self, x):
        return F.normalize(self.projector(self.encoder(x)).float(), dim=1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--encoder", default="small", choices=["small", "resnet18"])
    for name, default in (("image", 64), ("batch", 64), ("bank", 4096), ("steps", 30), ("threads", os.cpu_count())):
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--layout", default="nhwc", choices=["nchw", "nhwc"])
    p.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if a.layout == "nhwc" else torch.contiguous_format
    query = Network(a.encoder).to(memory_format=layout)
    key = copy.deepcopy(query)
    for w in key.parameters():
        w.requires_grad = False
    views = [torch.randn(a.batch, 3, a.image, a.image).contiguous(memory_format=layout) for _ in range(2)]
    queue = F.normalize(torch.randn(a.bank, 128), dim=1)
    optimizer = torch.optim.SGD(query.parameters(), 0.03, momentum=0.9, weight_decay=1e-4)
    target = torch.zeros(a.batch, dtype=torch.long)

    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16")

    took = []
    for step in range(a.steps + 3):
        if step == 3:
            busy = time.process_time()
        start = time.perf_counter()
        with autocast():
            q = query(views[0])
        with torch.no_grad():
            for wq, wk in zip(query.parameters(), key.parameters()):
                wk.mul_(0.999).add_(wq, alpha=0.001)
            with autocast():
                k = key(views[1])
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], 1) / 0.1
        loss = F.cross_entropy(logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        queue[: a.batch] = k
        if step >= 3:
            took.append((time.perf_counter() - start) * 1e3)
    busy = (time.process_time() - busy) * 1e3 / a.steps
    median = statistics.median(took)
    print(json.dumps({"program": "torch " + torch.__version__, **vars(a), "median_ms": round(median, 1),
                      "min_ms": round(min(took), 1), "max_ms": round(max(took), 1), "busy_ms": round(busy, 1),
                      "frames_per_s": round(a.batch / median * 1e3, 1)}))


if __name__ == "__main__":
    main()
