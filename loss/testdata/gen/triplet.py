"""Reference values of the triplet loss of TCN, semi-hard and over all negatives, in float64.

usage: python3 triplet.py > ../triplet.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch

torch.manual_seed(0)
B, D, MARGIN = 9, 3, 0.5
e = torch.randn(B, D, dtype=torch.float64).requires_grad_()
gap = (torch.arange(B)[:, None] - torch.arange(B)[None, :]).abs()
of = (gap <= 2).long() - (gap > 4).long()
dist = ((e[:, None] - e[None, :]) ** 2).sum(2)
semi, every = [], []
for a in range(B):
    far = dist[a][of[a] == -1]
    for p in range(B):
        if p == a or of[a, p] != 1 or len(far) == 0:
            continue
        beyond = far[far > dist[a, p]]
        semi.append(torch.relu(dist[a, p] + MARGIN - (beyond.min() if len(beyond) else far.max())))
        every.append(torch.relu(dist[a, p] + MARGIN - far).mean())
semi, every = torch.stack(semi).mean(), torch.stack(every).mean()
semi_gradient, = torch.autograd.grad(semi, e, retain_graph=True)
every_gradient, = torch.autograd.grad(every, e)
print(json.dumps({"d": D, "margin": MARGIN, "e": e.flatten().tolist(), "of": of.flatten().tolist(), "semiHard": semi.item(), "all": every.item(),
                  "semiHardGradient": semi_gradient.flatten().tolist(), "allGradient": every_gradient.flatten().tolist()}))
