"""Reference values of cross entropy with hard and with soft, weighted labels, in float64.

usage: python3 softmax.py > ../softmax.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
ROWS, Q, K = 7, 6, 3
x = (2 * torch.randn(ROWS, Q, dtype=torch.float64)).requires_grad_()
label = torch.tensor([0, 5, -1, 2, 2, -1, 3])
hard = F.cross_entropy(x, label, ignore_index=-1)
hard_gradient, = torch.autograd.grad(hard, x)

index = torch.stack([torch.randperm(Q)[:K] for _ in range(ROWS)])
weight = F.softmax(torch.randn(ROWS, K, dtype=torch.float64), dim=1)
row = torch.tensor([1.0, 0.0, 0.3, 2.5, 0.0, 1.7, 0.1], dtype=torch.float64)
target = torch.zeros(ROWS, Q, dtype=torch.float64).scatter(1, index, weight)
soft = (row * F.cross_entropy(x, target, reduction="none")).sum() / (row > 0).sum()
soft_gradient, = torch.autograd.grad(soft, x)
print(json.dumps({"q": Q, "k": K, "logits": x.flatten().tolist(), "label": label.tolist(), "hard": hard.item(), "hardGradient": hard_gradient.flatten().tolist(),
                  "index": index.flatten().tolist(), "weight": weight.flatten().tolist(), "rowWeight": row.tolist(), "soft": soft.item(),
                  "softGradient": soft_gradient.flatten().tolist()}))
