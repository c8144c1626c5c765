"""Trees of files as three boards have them, for probes that read /sys, /proc and /etc.

The names and contents are those of the real files; a test changes what it is about.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.device.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTED_NONE = "No cameras available!"
LISTED_IMX219 = """Available cameras
-----------------
0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB10_CSI2P' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]
                             3280x2464 [21.19 fps - (0, 0)/3280x2464 crop]"""
LISTED_IMX477 = """Available cameras
-----------------
0 : imx477 [4056x3040 12-bit RGGB] (/base/axi/pcie@1000120000/rp1/i2c@88000/imx477@1a)
    Modes: 'SRGGB10_CSI2P' : 1332x990 [120.05 fps - (696, 528)/2664x1980 crop]"""

BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
TRIXIE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n'
JAMMY = 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\nID=ubuntu\nID_LIKE=debian\n'

ZERO_2_W = {
    "/proc/device-tree/model": "Raspberry Pi Zero 2 W Rev 1.0\0",
    "/etc/os-release": BOOKWORM,
    "/proc/meminfo": "MemTotal:         437804 kB\nMemFree:          161112 kB\nMemAvailable:     293232 kB\n"
    "Percpu:              544 kB\nCmaTotal:         262144 kB\nCmaFree:           94736 kB\n",
    "/proc/mounts": "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\nproc /proc proc rw,relatime 0 0\n"
    "/dev/mmcblk0p1 /boot/firmware vfat rw,relatime,fmask=0022,errors=remount-ro 0 0\n",
    "/sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "/sys/class/thermal/thermal_zone0/temp": "61776\n",
    "/sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "/sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
    "/sys/class/video4linux/video0/name": "unicam-image\n",
    "/sys/class/video4linux/video1/name": "unicam-embedded\n",
    "/sys/class/video4linux/video10/name": "bcm2835-codec-decode\n",
    "/sys/class/video4linux/video13/name": "bcm2835-isp0-output0\n",
    "/sys/class/video4linux/video14/name": "bcm2835-isp0-capture1\n",
    "/dev/video0": "",
    "/dev/media0": "",
    "/dev/dma_heap/linux,cma": "",
    "/sys/block/mmcblk0/device/type": "SD\n",
    "/sys/block/mmcblk0/device/name": "SC32G\n",
    "/sys/block/mmcblk0/device/date": "06/2021\n",
    "/run/systemd/timesync/synchronized": "",
    "/etc/group": "root:x:0:\nvideo:x:44:pi\npi:x:1000:\n",
    "/usr/lib/python3/dist-packages/picamera2/__init__.py": "",
    "/usr/lib/python3/dist-packages/simplejpeg/__init__.py": "",
}
PI_5 = {
    "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "/etc/os-release": TRIXIE,
    "/proc/meminfo": "MemTotal:        8256384 kB\nMemAvailable:    6912304 kB\nCmaTotal:          65536 kB\n"
    "CmaFree:           61312 kB\n",
    "/proc/mounts": "/dev/nvme0n1p2 / ext4 rw,noatime 0 0\ntmpfs /run tmpfs rw,nosuid,nodev 0 0\n",
    "/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "0\n",
    "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "/sys/class/thermal/thermal_zone0/temp": "48500\n",
    "/sys/class/hwmon/hwmon2/name": "rpi_volt\n",
    "/sys/class/hwmon/hwmon2/in0_lcrit_alarm": "0\n",
    "/sys/class/video4linux/video0/name": "rp1-cfe-csi2_ch0\n",
    "/sys/class/video4linux/video20/name": "pispbe-input\n",
    "/sys/class/video4linux/video23/name": "pispbe-output0\n",
    "/dev/video0": "",
    "/dev/media0": "",
    "/sys/block/nvme0n1/device/model": "RPI NVMe 256\n",
    "/run/systemd/timesync/synchronized": "",
    "/etc/group": "root:x:0:\nvideo:x:44:pi\n",
}
ORIN_NANO = {
    "/proc/device-tree/model": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0",
    "/etc/os-release": JAMMY,
    "/etc/nv_tegra_release": "# R36 (release), REVISION: 4.7, GCID: 42132812, BOARD: generic, EABI: aarch64\n",
    "/proc/meminfo": "MemTotal:        7802928 kB\nMemAvailable:    5210744 kB\nCmaTotal:         262144 kB\n"
    "CmaFree:          237568 kB\n",
    "/proc/mounts": "/dev/mmcblk0p1 / ext4 rw,relatime 0 0\n",
    "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "/sys/class/thermal/thermal_zone0/temp": "52406\n",
    "/sys/class/thermal/thermal_zone1/type": "gpu-thermal\n",
    "/sys/class/thermal/thermal_zone1/temp": "-256000\n",
    "/sys/class/thermal/thermal_zone8/type": "tj-thermal\n",
    "/sys/class/thermal/thermal_zone8/temp": "53093\n",
    "/sys/class/thermal/cooling_device0/type": "pwm-fan\n",
    "/sys/class/thermal/cooling_device0/cur_state": "2\n",
    "/sys/class/thermal/cooling_device6/type": "cpu-throttle-alert\n",
    "/sys/class/thermal/cooling_device6/cur_state": "0\n",
    "/sys/class/thermal/cooling_device7/type": "gpu-throttle-alert\n",
    "/sys/class/thermal/cooling_device7/cur_state": "1\n",
    "/sys/class/hwmon/hwmon1/name": "ina3221\n",
    "/sys/class/hwmon/hwmon3/name": "soctherm_oc\n",
    "/sys/class/hwmon/hwmon3/oc1_event_cnt": "0\n",
    "/sys/class/hwmon/hwmon3/oc2_event_cnt": "15\n",
    "/sys/class/hwmon/hwmon3/oc3_event_cnt": "37\n",
    "/sys/class/video4linux/video0/name": "USB Microscope: USB Microscope\n",
    "/dev/video0": "",
    "/sys/block/mmcblk0/device/type": "MMC\n",
    "/sys/block/mmcblk0/device/name": "DG4064\n",
    "/sys/block/mmcblk0/device/life_time": "0x02 0x09\n",
    "/sys/block/mmcblk0/device/pre_eol_info": "0x01\n",
    "/etc/group": "root:x:0:\nvideo:x:44:\n",
}
BOARDS = {"Pi Zero 2 W": ZERO_2_W, "Pi 5": PI_5, "Jetson Orin Nano": ORIN_NANO}
ANSWERS: dict[str, dict[str, str]] = {
    "Pi Zero 2 W": {"vcgencmd get_throttled": "throttled=0x50005", "rpicam-hello --list-cameras": LISTED_IMX219},
    "Pi 5": {"rpicam-hello --list-cameras": LISTED_IMX477},
    "Jetson Orin Nano": {},
}


def build(
    folder: Path, board: str, changes: Mapping[str, str | None] | None = None, answers: Mapping[str, str] | None = None
) -> Machine:
    """The board's tree under `folder`. `changes` replaces files; None leaves one out."""
    for path, text in {**BOARDS[board], **(changes or {})}.items():
        if text is not None:
            place = folder / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
    return Machine(folder, ANSWERS[board] if answers is None else answers)


def open_by(folder: Path, pid: int, command: str, path: str, parent: int = 1) -> None:
    """A process with that command line that has `path` open."""
    process = folder / "proc" / str(pid)
    (process / "fd").mkdir(parents=True)
    name = command.split()[0].rsplit("/", 1)[-1]
    (process / "comm").write_text(f"{name[:15]}\n")
    (process / "cmdline").write_text(command.replace(" ", "\0") + "\0")
    (process / "status").write_text(f"Name:\t{name[:15]}\nState:\tS (sleeping)\nPid:\t{pid}\nPPid:\t{parent}\n")
    (process / "fd" / "7").symlink_to(path)
