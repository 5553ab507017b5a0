"""Reference values of CPC's InfoNCE within the batch and of the n-pair loss, in float64.

usage: python3 inbatch.py > ../inbatch.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
M, D, T, REGULARIZE = 7, 5, 0.7, 0.3
a = torch.randn(M, D, dtype=torch.float64).requires_grad_()
b = torch.randn(M, D, dtype=torch.float64).requires_grad_()
ignored = (torch.rand(M, M) < 0.25) & ~torch.eye(M, dtype=torch.bool)
scores = (a @ b.T).masked_fill(ignored, float("-inf"))
predictive = F.cross_entropy(scores / T, torch.arange(M))
ga, gb = torch.autograd.grad(predictive, (a, b), retain_graph=True)
npairs = F.cross_entropy(scores, torch.arange(M)) + 0.25 * REGULARIZE * ((a ** 2).sum(1).mean() + (b ** 2).sum(1).mean())
na, nb = torch.autograd.grad(npairs, (a, b))
print(json.dumps({"d": D, "temperature": T, "regularize": REGULARIZE, "a": a.flatten().tolist(), "b": b.flatten().tolist(),
                  "ignored": ignored.flatten().tolist(), "predictive": predictive.item(), "predictiveGradientA": ga.flatten().tolist(),
                  "predictiveGradientB": gb.flatten().tolist(), "nPairs": npairs.item(), "nPairsGradient": torch.cat([na, nb]).flatten().tolist()}))
