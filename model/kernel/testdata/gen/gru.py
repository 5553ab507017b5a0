"""Reference values of a gated recurrent unit over whole sequences and of its gradients, in float64.

usage: python3 gru.py > ../gru.json
needs: torch (made with torch 1.13, seed 0)
"""
import json
import torch

torch.manual_seed(0)
N, T, D, H = 3, 4, 5, 6
gru = torch.nn.GRU(D, H, batch_first=True).double()
x = torch.randn(N, T, D, dtype=torch.float64, requires_grad=True)
r = torch.randn(N, T, H, dtype=torch.float64)
y, _ = gru(x)
(y * r).sum().backward()
out = {"n": N, "steps": T, "d": D, "h": H, "x": x, "wih": gru.weight_ih_l0, "whh": gru.weight_hh_l0, "bih": gru.bias_ih_l0, "bhh": gru.bias_hh_l0,
       "dy": r, "y": y, "dx": x.grad, "dwih": gru.weight_ih_l0.grad, "dwhh": gru.weight_hh_l0.grad, "dbih": gru.bias_ih_l0.grad, "dbhh": gru.bias_hh_l0.grad}
print(json.dumps({k: v.flatten().tolist() if torch.is_tensor(v) else v for k, v in out.items()}))
