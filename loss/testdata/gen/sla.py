"""Reference values of SLA's aggregated inference and self-distillation, in float64.

usage: python3 sla.py > ../sla.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
N, M, C, T = 5, 4, 3, 2.5
joint = torch.randn(N * M, C * M, dtype=torch.float64)
single = torch.randn(N, C, dtype=torch.float64).requires_grad_()
label = torch.tensor([0, 2, 1, 1, 0])
aggregate = sum(joint[t::M, t::M] for t in range(M)) / M
loss = F.cross_entropy(single, label) + T ** 2 * F.kl_div(F.log_softmax(single / T, 1), F.softmax(aggregate / T, 1), reduction="batchmean")
loss.backward()
print(json.dumps({"n": N, "m": M, "classes": C, "temperature": T, "joint": joint.flatten().tolist(), "single": single.flatten().tolist(),
                  "label": label.tolist(), "aggregate": aggregate.flatten().tolist(), "loss": loss.item(), "gradient": single.grad.flatten().tolist()}))
