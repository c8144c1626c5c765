#!/usr/bin/env bash
# Runs a command inside of a userland (see userland.sh), in mount and process namespaces of its own: all that it mounts or starts ends
# with it.
#
#   inside.sh ROOT EXCHANGE COMMAND…     the folder EXCHANGE is /exchange inside
#
# A limit of time belongs outside (`timeout -s KILL 900 inside.sh …`): one that runs emulated may never fire.
set -euo pipefail
root=$(readlink -f "$1") exchange=$(readlink -f "$2")
shift 2
mkdir -p "$root/exchange"
export ROOT=$root EXCHANGE=$exchange
exec unshare --mount --pid --fork --kill-child bash -c '
  set -e
  mount --make-rprivate /
  mount -t proc proc "$ROOT/proc"
  mount --rbind /sys "$ROOT/sys"
  mount --rbind /dev "$ROOT/dev"
  mount -t tmpfs tmpfs "$ROOT/run"
  mount --bind "$EXCHANGE" "$ROOT/exchange"
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
    QEMU_CPU="${QEMU_CPU:-cortex-a72}" chroot "$ROOT" "$@"' -- "$@"
