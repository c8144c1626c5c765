#!/usr/bin/env bash
# Makes this machine's kernel run programs for 64-bit Arm with qemu-user 10, until it is taken back.
#
#   emulator.sh start FOLDER     fetches qemu-user into FOLDER, once, and registers it
#   emulator.sh stop             takes it back; without this it stays until the next boot
#
# The emulator comes from Debian trixie and is unpacked, not installed: bookworm's qemu 7.2 crashes LiteRT (SIGSEGV).
# A handler that was registered before stays; the one registered last is asked first.
set -euo pipefail
registry=/proc/sys/fs/binfmt_misc
name=hemato-edge-aarch64

if [ "$(uname -m)" = aarch64 ]; then
  exit 0 # nothing to emulate
fi
case ${1:?start or stop} in
start)
  folder=${2:?folder} qemu=$2/qemu-aarch64
  if [ ! -x "$qemu" ]; then
    mkdir -p "$folder"
    rm -rf --one-file-system "$folder/packages"
    mmdebstrap --quiet --variant=extract --aptopt='Apt::Install-Recommends "false"' --include=qemu-user \
      trixie "$folder/packages"
    mv "$folder/packages/usr/bin/qemu-aarch64" "$qemu" # one static file; the rest of the packages is not needed
    rm -rf --one-file-system "$folder/packages"
  fi
  [ -e $registry/register ] || mount -t binfmt_misc binfmt_misc $registry
  [ ! -e $registry/$name ] || echo -1 >$registry/$name
  # ELF, 64 bit, little endian, executable or shared, machine 0xb7. F: the kernel opens the emulator now, so that it
  # is found inside of a chroot; O, C: the program's own descriptor and credentials are kept.
  magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf ':%s:M::%s:%s:%s:OCF' "$name" "$magic" "$mask" "$qemu" >$registry/register
  ;;
stop)
  [ ! -e $registry/$name ] || echo -1 >$registry/$name
  ;;
*)
  echo "emulator.sh start FOLDER | stop" >&2
  exit 2
  ;;
esac
