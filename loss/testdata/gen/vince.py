"""Reference values of VINCE's multi-positive InfoNCE: two scenes of 3 and 2 frames, every frame of a scene a positive,
negatives the bank and the frames of the other scene, in float64.

usage: python3 vince.py > ../vince.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)
D, K, T = 8, 12, 0.1
scene = torch.tensor([0, 0, 0, 1, 1])
q = F.normalize(torch.randn(5, D, dtype=torch.float64), dim=1).requires_grad_()
k = F.normalize(torch.randn(5, D, dtype=torch.float64), dim=1)
bank = F.normalize(torch.randn(K, D, dtype=torch.float64), dim=1)
losses, row, slot = [], [0], []
for i in range(5):
    mine = (scene == scene[i]).nonzero().flatten().tolist()
    negatives = torch.cat([bank, k[scene != scene[i]]])
    for p in mine:
        logits = torch.cat([q[i] @ k[p][:, None], negatives @ q[i]]) / T
        losses.append(F.cross_entropy(logits[None], torch.zeros(1, dtype=torch.long)))
    slot += mine
    row.append(len(slot))
loss = torch.stack(losses).mean()
loss.backward()
print(json.dumps({"d": D, "temperature": T, "query": q.flatten().tolist(), "key": k.flatten().tolist(), "bank": bank.flatten().tolist(),
                  "row": row, "slot": slot, "loss": loss.item(), "gradient": q.grad.flatten().tolist()}))
