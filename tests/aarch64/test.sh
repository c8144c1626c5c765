#!/usr/bin/env bash
# Does the wheel work on 64-bit Arm? Builds it, installs it into an emulated Debian userland and, for comparison, into
# the same Debian for x86-64, and checks it in both.
#
#   test.sh PYTHON SUITE…     PYTHON: one of this machine that has hemato-edge; SUITE: bookworm or trixie
#
# `make test-aarch64` calls it for both. Linux, root, network; on Debian: apt install mmdebstrap. The userlands stay in
# HEMATO_EDGE_AARCH64 (default ~/.cache/hemato-edge/aarch64) for the next time; delete that folder to start anew.
# docs/aarch64.md says what this shows, and what it cannot show.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${1:?the Python of an environment with hemato-edge}
shift
base=${HEMATO_EDGE_AARCH64:-${XDG_CACHE_HOME:-$HOME/.cache}/hemato-edge/aarch64}
limit_s=1800

[ "$(id -u)" = 0 ] || { echo "test-aarch64 needs root: it mounts, and registers an emulator with the kernel" >&2; exit 1; }
command -v mmdebstrap >/dev/null || { echo "test-aarch64 needs mmdebstrap: apt install mmdebstrap" >&2; exit 1; }
mkdir -p "$base"
exec 9>"$base/lock"
flock -n 9 || { echo "test-aarch64 is already running in $base" >&2; exit 1; }

"$here/emulator.sh" start "$base"
trap '"$here/emulator.sh" stop' EXIT
exchange=$base/exchange
mkdir -p "$exchange/pip-cache"
rm -rf "$exchange"/pictures "$exchange"/*.whl "$exchange"/answers-*
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$exchange" "$here/../.."
cp "$here/check.sh" "$here/answers.py" "$exchange/"
"$python" "$here/answers.py" draw "$exchange/pictures"

for suite in "$@"; do
  for arch in amd64 arm64; do
    "$here/userland.sh" "$suite" "$arch" "$base/$suite-$arch"
    timeout -s KILL $limit_s "$here/inside.sh" "$base/$suite-$arch" "$exchange" sh /exchange/check.sh
  done
  echo "== $suite: aarch64 compared with x86_64, same versions"
  "$python" "$here/compare.py" "$exchange/answers-x86_64" "$exchange/answers-aarch64"
  echo "== $suite: good"
done
