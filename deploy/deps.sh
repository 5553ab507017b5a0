#!/usr/bin/env bash
# Finds the system packages nearfar builds on, says which are missing and why they are needed, and
# installs those with apt, as root or through sudo. Does nothing, quickly, where all are there.
#
#   deploy/deps.sh           install what is missing
#   deploy/deps.sh --check   only say what is missing; exit status 1 if anything is
set -euo pipefail

packages=()
missing() { # missing PACKAGE WHY
	packages+=("$1")
	printf 'missing: %-15s %s\n' "$1" "$2" >&2
}

header() { printf '#include <%s>\n' "$1" | cc -E - >/dev/null 2>&1; }

if ! command -v go >/dev/null; then
	echo "go is missing: install Go 1.26 or newer from https://go.dev/dl and put its bin folder on PATH" >&2
	exit 1
fi

command -v cc >/dev/null && command -v gcc >/dev/null || missing gcc "C compiler: the calls into oneDNN and OpenCV"
command -v g++ >/dev/null || missing g++ "C++ compiler: gocv's bridge to OpenCV"
header stdlib.h || missing libc6-dev "C library headers: all of the above"
command -v pkg-config >/dev/null || missing pkg-config "tells the compiler where OpenCV lies"
pkg-config --exists opencv4 2>/dev/null || missing libopencv-dev "OpenCV 4: decodes pictures, opens cameras, video files and RTSP"
header oneapi/dnnl/dnnl.h || missing libdnnl-dev "oneDNN: the convolutions and matrix products of training"
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing ca-certificates "lets go download modules over https"

[ ${#packages[@]} -gt 0 ] || exit 0
[ "${1:-}" != --check ] || exit 1

install="apt-get install -y --no-install-recommends ${packages[*]}"
if ! command -v apt-get >/dev/null; then
	echo "no apt-get here: install what these packages hold in your system's own way, then try again" >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		printf 'neither root nor sudo: have an administrator run\n  apt-get update && %s\n' "$install" >&2
		exit 1
	fi
	as_root=(sudo)
fi
echo "installing: ${packages[*]} (some minutes)" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $install -q; } >"$log" 2>&1; then
	tail -n 25 "$log" >&2
	printf 'the installation failed; its last lines are above. To try by hand:\n  apt-get update && %s\n' "$install" >&2
	exit 1
fi

# apt says yes to a package that does not hold what we look for (another OpenCV, another oneDNN): look again.
"$0" --check
