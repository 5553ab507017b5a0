"""Lay a folder of turntable objects out as one correlated stream: folders of symbolic links.

OUT/stream/NNNN/VVV.png   one visit of an object: all its views in order, from a random start;
                          --passes times all streamed objects, in random order
OUT/streamed/OBJECT       the objects of the stream, for `nearfar eval`
OUT/unseen/OBJECT         the others

usage: python3 coil_stream.py DIR OUT [--train 20] [--passes 6] [--seed 0]
"""
import argparse, os, random

p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("out")
p.add_argument("--train", type=int, default=20); p.add_argument("--passes", type=int, default=6); p.add_argument("--seed", type=int, default=0)
a = p.parse_args()
rng = random.Random(a.seed)
root = os.path.abspath(a.dir)
objects = sorted(o for o in os.listdir(root) if os.path.isdir(f"{root}/{o}"))
for name, part in (("streamed", objects[: a.train]), ("unseen", objects[a.train:])):
    os.makedirs(f"{a.out}/{name}")
    for o in part:
        os.symlink(f"{root}/{o}", f"{a.out}/{name}/{o}")
visit = 0
for _ in range(a.passes):
    for o in rng.sample(objects[: a.train], a.train):
        views = sorted(os.listdir(f"{root}/{o}"))
        start = rng.randrange(len(views))
        os.makedirs(f"{a.out}/stream/{visit:04d}")
        for i in range(len(views)):
            os.symlink(f"{root}/{o}/{views[(start + i) % len(views)]}", f"{a.out}/stream/{visit:04d}/{i:03d}.png")
        visit += 1
print(f"{visit} visits in {a.out}/stream")
