"""Reference values of NPID's noise-contrastive estimation and of its full softmax, in float64. Z is the mean over
the noise, times the number of live instances, and is held constant in the gradient.

usage: python3 nce.py > ../nce.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
N, D, K, M, T, PROXIMAL = 4, 8, 40, 11, 0.2, 3.0
f = F.normalize(torch.randn(N, D, dtype=torch.float64), dim=1).requires_grad_()
bank = F.normalize(torch.randn(K, D, dtype=torch.float64), dim=1)
own = torch.tensor([3, 0, 39, 3])
index = torch.randint(K, (N, M))
positive = torch.exp((f * bank[own]).sum(1) / T)
noise = torch.exp((bank[index] * f[:, None]).sum(2) / T)
z = noise.mean().detach() * K
p, q, ratio = positive / z, noise / z, M / K
loss = -(torch.log(p / (p + ratio)) + torch.log(ratio / (q + ratio)).sum(1)).mean() + PROXIMAL * ((f - bank[own]) ** 2).sum(1).mean()
gradient, = torch.autograd.grad(loss, f)
softmax = F.cross_entropy(f @ bank.T / T, own)
softmax_gradient, = torch.autograd.grad(softmax, f)
print(json.dumps({"d": D, "live": K, "temperature": T, "proximal": PROXIMAL, "f": f.flatten().tolist(), "bank": bank.flatten().tolist(),
                  "own": own.tolist(), "positive": bank[own].flatten().tolist(), "index": index.flatten().tolist(), "z": z.item(), "loss": loss.item(),
                  "gradient": gradient.flatten().tolist(), "softmax": softmax.item(), "softmaxGradient": softmax_gradient.flatten().tolist()}))
