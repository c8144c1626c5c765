#!/usr/bin/env bash
# Builds a small Debian userland that has Python and can be run on this machine.
#
#   userland.sh SUITE ARCH ROOT       SUITE: bookworm (Python 3.11) or trixie (Python 3.13)
#                                     ARCH: arm64, which emulator.sh makes runnable, or amd64; ROOT: a folder to make
#
# Needs root, network and the Debian package mmdebstrap; emulated it takes some minutes. A finished ROOT is left as it is.
set -euo pipefail
suite=${1:?suite} arch=${2:?arch} root=${3:?root}

[ ! -e "$root/.complete" ] || exit 0
rm -rf --one-file-system "$root"
mkdir -p "$(dirname "$root")"
mmdebstrap --quiet --variant=minbase --arch="$arch" --components=main \
  --skip=check/qemu --include=python3,python3-venv,ca-certificates \
  --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$suite" "$root"
# name servers and certificate authorities are this machine's: it may be behind a proxy with a certificate of its own
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
touch "$root/.complete"
