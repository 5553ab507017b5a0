"""Reference values for the measures between views in internal/eval.

usage: python3 views.py > ../views.json
needs: numpy and scipy (the committed values were made with the versions in the file, seed 11)

Alignment error as tensorflow/models research/tcn defines it, Kendall's tau by scipy on the nearest neighbours
as google-research/tcc does, but a NaN counts as 0; cycle consistency by loops.
"""
import json
import sys
import warnings

import numpy as np
import scipy
from scipy.stats import kendalltau

rng = np.random.default_rng(11)
DIM, WITHIN, STRIDE = 5, 1, 3


def nn(a, b):
    """First argmin of squared L2, loops on purpose."""
    return [min(range(len(b)), key=lambda j: (float(((a[i] - b[j]) ** 2).sum()), j)) for i in range(len(a))]


def alignment(views):
    pairs = [(a, b) for i, a in enumerate(views) for b in views[i + 1:]]
    return [float(np.mean(np.abs(np.arange(len(a)) - nn(a, b)) / len(a))) for a, b in pairs]


def taus(videos, stride):
    out = []
    for i, a in enumerate(videos):
        for j, b in enumerate(videos):
            if i != j:
                found = nn(a[::stride], b[::stride])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    t = kendalltau(np.arange(len(found)), found).correlation
                out.append(0.0 if np.isnan(t) else float(t))
    return out


def cycles(views, within):
    exact, near = [], []
    for i, a in enumerate(views):
        for j, b in enumerate(views):
            if i == j:
                continue
            there, back = nn(a, b), nn(b, a)
            ends = [back[k] for k in there]
            lost = len(set(there)) == 1 or len(set(back)) == 1
            exact.append(0.0 if lost else float(np.mean([e == t for t, e in enumerate(ends)])))
            near.append(0.0 if lost else float(np.mean([abs(e - t) <= within for t, e in enumerate(ends)])))
    return exact, near


def rig(cameras, n, noise):
    path = np.cumsum(rng.normal(size=(n, DIM)), axis=0)
    views = path[None] + noise * rng.normal(size=(cameras, n, DIM))
    # three decimals: the committed text is the very number that both sides read
    return np.round(views, 3).astype(np.float32).astype(np.float64)


rigs = [rig(3, 12, 1.5), rig(2, 20, 0.7)]
stuck = rig(2, 9, 1.0)
stuck[1] = stuck[1][:1]  # the second camera is frozen
rigs.append(stuck)

al, ta, st, ex, ne = [], [], [], [], []
for r in rigs:
    al += alignment(r)
    ta += taus(r, 1)
    st += taus(r, STRIDE)
    e, n = cycles(r, WITHIN)
    ex += e
    ne += n
out = {
    "made_by": f"testdata/gen/views.py, numpy {np.__version__}, scipy {scipy.__version__}, seed 11",
    "dim": DIM, "within": WITHIN, "stride": STRIDE,
    "rigs": [[[round(float(x), 3) for x in cam.reshape(-1)] for cam in r] for r in rigs],
    "alignment": float(np.mean(al)), "tau": float(np.mean(ta)), "tau_strided": float(np.mean(st)),
    "exact": float(np.mean(ex)), "near": float(np.mean(ne)), "constant_tau": ta.count(0.0), "constant_cycle": ex.count(0.0),
}
sys.stdout.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "\n}\n")
