#!/usr/bin/env bash
# One correlated pass over turntable objects through the whole path, Kafka included, for several seeds, then
# one-view and four-view gallery accuracy on the streamed objects and on objects that were never streamed.
# usage: bench/coil.sh DIR [SEED ...]    (DIR: one folder of ordered views an object; needs bin/nearfar, python3)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
nearfar=${NEARFAR:-$here/../bin/nearfar}
dir=$1
shift
for seed in "${@:-0}"; do
	work=$(mktemp -d)
	python3 "$here/coil_stream.py" "$dir" "$work/coil" --seed "$seed" >/dev/null
	began=$(date +%s.%N)
	"$nearfar" run --config "$here/coil.yaml" --source "$work/coil/stream" --seed "$seed" --out "$work/run" --log-level warn >"$work/log" 2>&1 ||
		{ cat "$work/log"; exit 1; }
	ended=$(date +%s.%N)
	for part in streamed unseen; do
		"$nearfar" eval --checkpoint "$work/run" --images "$work/coil/$part" --json >"$work/$part.json"
	done
	python3 - "$seed" "$work" "$(echo "$ended - $began" | bc)" <<-'P'
		import json, sys
		seed, work, seconds = sys.argv[1:]
		steps = json.load(open(f"{work}/run/run.json"))["summary"]["steps"]
		for s, u in zip(json.load(open(f"{work}/streamed.json")), json.load(open(f"{work}/unseen.json"))):
		    print(f"seed {seed}  {s['name'][:24]:24s}  streamed 1-view {100*s['one_view']:5.1f}  4-view {100*s['four_view']:5.1f}   unseen 1-view {100*u['one_view']:5.1f}  4-view {100*u['four_view']:5.1f}")
		print(f"seed {seed}  {steps} steps, {float(seconds):.1f} s from start to exit")
	P
	rm -rf "$work"
done
