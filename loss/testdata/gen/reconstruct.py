"""Reference values of the masked L2 loss of context encoders and of binary cross entropy, in float64.

usage: python3 reconstruct.py > ../reconstruct.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
SHAPE = (2, 5, 4, 3)
y = torch.randn(*SHAPE, dtype=torch.float64).requires_grad_()
target = torch.randn(*SHAPE, dtype=torch.float64)
weight = torch.tensor([0.0, 1.0, 10.0], dtype=torch.float64)[torch.randint(3, SHAPE[:3])]
loss = (weight[..., None] * (y - target) ** 2).sum() / weight.sum()
gradient, = torch.autograd.grad(loss, y)
logit = (2 * torch.randn(6, 1, dtype=torch.float64)).requires_grad_()
label = torch.tensor([1, 0, 0, 1, 1, 0])
bce = F.binary_cross_entropy_with_logits(logit[:, 0], label.double())
bce_gradient, = torch.autograd.grad(bce, logit)
print(json.dumps({"shape": SHAPE, "y": y.flatten().tolist(), "target": target.flatten().tolist(), "weight": weight.flatten().tolist(), "loss": loss.item(),
                  "gradient": gradient.flatten().tolist(), "logit": logit.flatten().tolist(), "label": label.tolist(), "bce": bce.item(),
                  "bceGradient": bce_gradient.flatten().tolist()}))
