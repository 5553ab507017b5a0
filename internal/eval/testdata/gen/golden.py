"""Reference values for internal/eval, computed in float64 from the definitions.

usage: python3 golden.py > ../golden.json
needs: numpy (the committed values were made with 2.4.6, seed 7)
"""
import json
import sys

import numpy as np

rng = np.random.default_rng(7)
CLASSES, DIM = 4, 8
centres = rng.normal(size=(CLASSES, DIM))


def draw(n, noise):
    labels = rng.integers(0, CLASSES, n)
    vectors = centres[labels] + noise * rng.normal(size=(n, DIM))
    # three decimals: the committed text is the very number that both sides read
    return np.round(vectors, 3).astype(np.float32).astype(np.float64), labels


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def knn(gallery, gl, query, k, t, self_out=False):
    """NPID, eq. 5 ff.: the k nearest by cosine vote with exp(s/t); triple loop on purpose."""
    g, q, out = unit(gallery), unit(query), []
    for i in range(len(q)):
        s = [(-float(g[j] @ q[i]), j) for j in range(len(g)) if not (self_out and i == j)]
        votes = np.zeros(CLASSES)
        for minus, j in sorted(s)[:k]:
            votes[gl[j]] += np.exp(-minus / t)
        out.append(int(votes.argmax()))
    return out


def rankme(x):
    sigma = np.linalg.svd(x, compute_uv=False)
    p = sigma / sigma.sum() + 1e-7
    return float(np.exp(-(p * np.log(p)).sum()))


def uniformity(x):
    z, e = unit(x), []
    for i in range(len(z)):
        for j in range(i + 1, len(z)):
            e.append(np.exp(-2 * ((z[i] - z[j]) ** 2).sum()))
    return float(np.log(np.mean(e)))


def probe(x, y, tx):
    """Newton's method on mean cross-entropy + |W|^2 / 2n, features standardised, bias free."""
    mean, std = x.mean(0), x.std(0)
    a = np.hstack([(x - mean) / std, np.ones((len(x), 1))])
    n, d = a.shape
    w = np.zeros((d, CLASSES))
    decay = np.vstack([np.ones((d - 1, 1)), [[0.0]]])
    onehot = np.eye(CLASSES)[y]

    def value(w):
        z = a @ w
        m = z.max(1, keepdims=True)
        lse = (m + np.log(np.exp(z - m).sum(1, keepdims=True)))[:, 0]
        return (lse - z[np.arange(n), y]).mean() + (decay * w**2).sum() / (2 * n)

    for _ in range(50):
        z = a @ w
        p = np.exp(z - z.max(1, keepdims=True)); p /= p.sum(1, keepdims=True)
        grad = (a.T @ (p - onehot) + decay * w) / n
        if np.abs(grad).max() < 1e-13:
            break
        h = np.zeros((d * CLASSES, d * CLASSES))
        for c in range(CLASSES):
            for e in range(CLASSES):
                r = p[:, c] * ((c == e) - p[:, e])
                h[c * d:(c + 1) * d, e * d:(e + 1) * d] = (a.T * r) @ a / n + (c == e) * np.diag(decay[:, 0]) / n
        # the bias has one free direction (the same number on every class): least squares leaves it alone
        w = w - np.linalg.lstsq(h, grad.T.reshape(-1), rcond=1e-12)[0].reshape(CLASSES, d).T
    assert np.abs(grad).max() < 1e-11, np.abs(grad).max()
    b = np.hstack([(tx - mean) / std, np.ones((len(tx), 1))])
    return float(value(w)), [int(i) for i in (b @ w).argmax(1)]


gallery, gl = draw(60, 1.2)
query, ql = draw(40, 1.2)
z = unit(gallery)
cases = [(k, t) for k in (1, 5, 20, 200) for t in (0.07, 0.1, 1.0)]
loss, predicted = probe(gallery, gl, query)
out = {
    "made_by": f"testdata/gen/golden.py, numpy {np.__version__}, seed 7",
    "dim": DIM, "classes": CLASSES,
    "gallery": [round(float(v), 3) for v in gallery.reshape(-1)], "gallery_labels": gl.tolist(),
    "query": [round(float(v), 3) for v in query.reshape(-1)], "query_labels": ql.tolist(),
    "knn": [{"k": k, "t": t, "predicted": knn(gallery, gl, query, k, t)} for k, t in cases],
    "leave_one_out": [{"k": k, "t": t, "predicted": knn(gallery, gl, gallery, k, t, True)} for k, t in cases],
    "std": float(z.std(0, ddof=1).mean()), "rankme": rankme(gallery), "rankme_wide": rankme(gallery[:5]),
    "uniformity": uniformity(gallery),
    "alignment": float(((unit(gallery[:40]) - unit(query)) ** 2).sum(1).mean()),
    "probe_loss": loss, "probe_predicted": predicted,
}
sys.stdout.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "\n}\n")
