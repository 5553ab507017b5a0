"""Reference values of the sequence contrastive loss: two recordings of 4 and 3 frames seen by two cameras at known times,
Gaussian nearness, frames of different recordings not compared, in float64.

usage: python3 scl.py > ../scl.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
D, T, SIGMA = 8, 0.1, 1.5
recording = torch.tensor([0, 0, 0, 0, 1, 1, 1])
time = torch.tensor([0, 1, 4, 9, 2, 3, 3], dtype=torch.float64)
n = len(time)
z = F.normalize(torch.randn(2 * n, D, dtype=torch.float64), dim=1).requires_grad_()
near = torch.exp(-((time[:, None] - time[None]) ** 2) / (2 * SIGMA**2))
near[recording[:, None] != recording[None]] = -1


def one_way(a, b, near):
    w = near.clamp(min=0)
    logits = (a @ b.T / T).masked_fill(near < 0, -float("inf"))
    logp = logits.log_softmax(1).masked_fill(near < 0, 0)
    return -((w / w.sum(1, keepdim=True)) * logp).sum(1).mean()


loss = (one_way(z[:n], z[n:], near) + one_way(z[n:], z[:n], near.T)) / 2
loss.backward()
print(json.dumps({"d": D, "temperature": T, "z": z.flatten().tolist(), "near": near.flatten().tolist(), "loss": loss.item(),
                  "gradient": z.grad.flatten().tolist()}))
