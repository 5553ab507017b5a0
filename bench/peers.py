"""nearfar beside other programs on this machine: `make bench-peers`.

Each figure is measured by turns, nearfar and its peer in fresh processes one after the other, so that what
else happens on the machine falls on both. Printed are min, median and max of each, and of the ratios of the
pairs (how many times faster nearfar was), by the clock and by processor time. The latter hardly feels other
programs on the machine, but with several threads it counts those that wait for each other: use --threads 1. A peer
that is not installed is named and left out.

usage: python3 bench/peers.py [--nearfar bin/nearfar] [--pairs 5] [--only step,search,embed,codec] [--steps 15] [--json]
needs: for each peer what its script names; PEER_PYTHON is the Python to run them with (several: path:path; the
first that has what a script needs is taken, then python3 and /usr/bin/python3)
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHONS = [p for p in os.environ.get("PEER_PYTHON", "").split(":") if p] + ["python3", "/usr/bin/python3"]

p = argparse.ArgumentParser()
p.add_argument("--nearfar", default=os.path.join(HERE, "..", "bin", "nearfar"))
p.add_argument("--pairs", type=int, default=5)
p.add_argument("--only", default="step,search,embed,codec")
p.add_argument("--steps", type=int, default=15, help="timed in each process")
p.add_argument("--threads", type=int, default=os.cpu_count())
p.add_argument("--json", action="store_true")
a = p.parse_args()
skipped = []


def say(text):
    print(text, file=sys.stderr if a.json else sys.stdout, flush=True)


def skip(what, why):
    skipped.append(f"{what}: {why}")
    say(f"SKIPPED {what}: {why}")


def python_with(*modules):
    """A Python that has these modules, or None."""
    for python in PYTHONS:
        if shutil.which(python):
            tried = subprocess.run([python, "-c", "import " + ",".join(modules)], capture_output=True)
            if tried.returncode == 0:
                return python
    return None


def run(command):
    """The last JSON line a command printed, with the most memory its process held and the processor time it took."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {child.returncode}: {said[-2000:]}")
        out.seek(0)
        lines = [line for line in out.read().splitlines() if line.startswith("{")]
    figures = json.loads(lines[-1]) if lines else {}
    return {**figures, "rss_mb": usage.ru_maxrss / 1024, "cpu_s": usage.ru_utime + usage.ru_stime}


def spread(values):
    return [min(values), statistics.median(values), max(values)]


def compare(what, ours, theirs, figure=lambda r: r["median_ms"], unit="ms", less=True):
    """Runs the two by turns and prints what came of it."""
    mine, peers, memory, busy = [], [], [], []
    for _ in range(a.pairs):
        x, y = run(ours), run(theirs)
        mine.append(figure(x))
        peers.append(figure(y))
        memory.append(x["rss_mb"] / y["rss_mb"])
        if "busy_ms" in y:
            busy.append(y["busy_ms"] / x["busy_ms"])
    ratios = [y / x if less else x / y for x, y in zip(mine, peers)]
    row = {"what": what, "unit": unit, "pairs": a.pairs, "nearfar": spread(mine), "peer": spread(peers), "ratio": spread(ratios), "busy_ratio": spread(busy) if busy else None,
           "rss_ratio": statistics.median(memory)}
    if a.json:
        print(json.dumps(row), flush=True)
    else:
        def text(v, digits):
            return "/".join(f"{x:.{digits}f}" for x in v) if v else "–"
        say(f"{what:<58} {text(row['nearfar'], 1):>22} {text(row['peer'], 1):>22} {unit:<8} "
            f"{text(row['ratio'], 2):>16}× {text(row['busy_ratio'], 2):>16}× {row['rss_ratio']:.2f}×")


def better(commands):
    """Of ways to run a peer the fastest, by one run each."""
    return min(commands, key=lambda c: run(c)["median_ms"])


def has_bf16():
    try:
        with open("/proc/cpuinfo") as f:
            return "avx512_bf16" in f.read()
    except OSError:
        return False


def steps():
    python = python_with("torch")
    if not python:
        return skip("step against PyTorch", "no Python here has torch (Debian: python3-torch)")
    for encoder, image, batch, bank in (("small", 64, 64, 4096), ("resnet18", 64, 32, 4096), ("resnet18", 112, 32, 65536)):
        size = ["--encoder", encoder, "--image", str(image), "--batch", str(batch), "--bank", str(bank), "--steps", str(a.steps),
                "--threads", str(a.threads)]
        ours = [a.nearfar, "bench", "step", "--json"] + size + ["--precision"]
        script = [python, os.path.join(HERE, "step_torch.py")] + size
        what = f"step {encoder} {image} px, batch {batch}, bank {bank}: "
        best = better([script + ["--layout", layout] for layout in ("nhwc", "nchw")])
        compare(what + "f32, torch f32 " + best[-1], ours + ["f32"], best)
        if has_bf16():
            compare(what + "bf16, torch f32 " + best[-1], ours + ["bf16"], best)
            best = better([script + ["--precision", "bf16", "--layout", layout] for layout in ("nhwc", "nchw")])
            compare(what + "bf16, torch bf16 " + best[-1], ours + ["bf16"], best)
        else:
            skip(what + "bf16", "this processor has no bf16 instructions")


def search():
    python = python_with("numpy")
    if not python:
        return skip("search against NumPy", "no Python here has numpy")
    for rows in (65536, 1000000):
        options = ["--rows", str(rows), "--queries", "64", "-k", "10", "--threads", str(a.threads)]
        compare(f"search {rows}×128, 64 queries, k 10: NumPy", [a.nearfar, "bench", "search", "--json"] + options,
                [python, os.path.join(HERE, "search_numpy.py")] + options)
    if not python_with("faiss"):
        skip("search against FAISS", "no Python here has faiss")


def embed():
    torch = python_with("torch")
    onnx = python_with("onnxruntime")
    if not torch:
        return skip("embed against PyTorch and onnxruntime", "no Python here has torch (Debian: python3-torch)")
    if not onnx:
        skip("embed against onnxruntime", "no Python here has onnxruntime")
    for encoder in ("small", "resnet18"):
        size = ["--encoder", encoder, "--batch", "32", "--threads", str(a.threads)]
        ours = [a.nearfar, "bench", "embed", "--json"] + size
        kinds = ["f32"] + ["bf16"] * has_bf16()
        script = [torch, os.path.join(HERE, "embed_torch.py")] + size
        best = better([script + ["--layout", layout] for layout in ("nhwc", "nchw")])
        for kind in kinds:
            compare(f"embed {encoder} 64 px, batch 32: {kind}, torch eval {best[-1]}", ours + ["--precision", kind], best)
        compare(f"embed {encoder} 64 px, batch 32: f32, torch eval, folded", ours, script + ["--folded"])
        if onnx:
            with tempfile.TemporaryDirectory() as folder:
                model = os.path.join(folder, encoder + ".onnx")
                run(script + ["--layout", "nchw", "--export", model])
                for kind in kinds:
                    compare(f"embed {encoder} 64 px, batch 32: {kind}, onnxruntime f32", ours + ["--precision", kind],
                            [onnx, os.path.join(HERE, "embed_onnx.py"), "--model", model, "--threads", str(a.threads)])


def codec():
    if not shutil.which("ffmpeg"):
        return skip("capture against ffmpeg", "ffmpeg is not installed")
    frames = 300
    with tempfile.TemporaryDirectory() as folder:
        clip = os.path.join(folder, "clip.mp4")
        quiet = ["ffmpeg", "-v", "error", "-nostdin"]
        run(quiet + ["-f", "lavfi", "-i", "testsrc2=size=640x480:rate=25", "-frames:v", str(frames), "-c:v", "mpeg4", "-q:v", "4", clip])
        compare("capture 640×480 video → JPEG (nearfar: and → Kafka): ffmpeg", [a.nearfar, "bench", "ingest", "--cameras", "1", "--source", clip, "--json"],
                quiet + ["-i", clip, "-c:v", "mjpeg", "-q:v", "3", "-f", "null", "-"],
                figure=lambda r: frames / r["cpu_s"], unit="frames/s of one core", less=False)


if not a.json:
    say(f"{'':<58} {'nearfar min/med/max':>22} {'peer min/med/max':>22} {'':<8} {'times faster':>16}  {'by processor':>16}  memory")
for name, measure in (("step", steps), ("search", search), ("embed", embed), ("codec", codec)):
    if name in a.only.split(","):
        measure()
if skipped:
    say(f"\n{len(skipped)} skipped:\n  " + "\n  ".join(skipped))
