"""Reference values of InfoNCE against a bank with masked keys, in float64.

usage: python3 infonce.py > ../infonce.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
N, D, K, T = 5, 8, 13, 0.1
q = F.normalize(torch.randn(N, D, dtype=torch.float64), dim=1).requires_grad_()
k = F.normalize(torch.randn(N, D, dtype=torch.float64), dim=1)
bank = F.normalize(torch.randn(K, D, dtype=torch.float64), dim=1)
masked = [[0, 1, 2], [], [12], [3, 7, 8, 9], list(range(12))]
scores = q @ bank.T
for i, slots in enumerate(masked):
    scores = scores.masked_fill(torch.tensor([[r == i and c in slots for c in range(K)] for r in range(N)]), float("-inf"))
logits = torch.cat([(q * k).sum(1, keepdim=True), scores], 1) / T
loss = F.cross_entropy(logits, torch.zeros(N, dtype=torch.long))
loss.backward()
print(json.dumps({"temperature": T, "d": D, "query": q.flatten().tolist(), "key": k.flatten().tolist(), "bank": bank.flatten().tolist(),
                  "masked": masked, "loss": loss.item(), "gradient": q.grad.flatten().tolist()}))
