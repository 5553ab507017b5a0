"""Reference values of VICReg with the scales of its reference code, in float64.

usage: python3 vicreg.py > ../vicreg.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
N, D = 7, 5
z = (0.9 * torch.randn(2 * N, D, dtype=torch.float64)).requires_grad_()
loss = 25 * F.mse_loss(z[:N], z[N:])
for x in (z[:N], z[N:]):
    loss = loss + 25 * F.relu(1 - torch.sqrt(x.var(0) + 1e-4)).mean() / 2
    cov = torch.cov(x.T)
    loss = loss + (cov[~torch.eye(D, dtype=torch.bool)] ** 2).sum() / D
loss.backward()
print(json.dumps({"d": D, "z": z.flatten().tolist(), "loss": loss.item(), "gradient": z.grad.flatten().tolist()}))
