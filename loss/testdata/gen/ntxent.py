"""Reference values of NT-Xent (SimCLR), in float64: cross entropy over the 2N-1 other rows.

usage: python3 ntxent.py > ../ntxent.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
N, D, T = 6, 8, 0.1
z = F.normalize(torch.randn(2 * N, D, dtype=torch.float64), dim=1).requires_grad_()
logits = (z @ z.T / T).masked_fill(torch.eye(2 * N, dtype=torch.bool), float("-inf"))
loss = F.cross_entropy(logits, (torch.arange(2 * N) + N) % (2 * N))
loss.backward()
print(json.dumps({"d": D, "temperature": T, "z": z.flatten().tolist(), "loss": loss.item(), "gradient": z.grad.flatten().tolist()}))
