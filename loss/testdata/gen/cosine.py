"""Reference values of BYOL's and SimSiam's losses, in float64.

usage: python3 cosine.py > ../cosine.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
N, D = 4, 6
p = torch.randn(2 * N, D, dtype=torch.float64).requires_grad_()
z = torch.randn(2 * N, D, dtype=torch.float64)
byol = (F.normalize(p, dim=1) - F.normalize(z, dim=1)).pow(2).sum(1).mean()
byol_gradient, = torch.autograd.grad(byol, p)
sim = -(F.cosine_similarity(p[:N], z[N:]).mean() + F.cosine_similarity(p[N:], z[:N]).mean()) / 2
sim_gradient, = torch.autograd.grad(sim, p)
print(json.dumps({"d": D, "p": p.flatten().tolist(), "z": z.flatten().tolist(), "byol": byol.item(), "simSiam": sim.item(),
                  "byolGradient": byol_gradient.flatten().tolist(), "simGradient": sim_gradient.flatten().tolist()}))
