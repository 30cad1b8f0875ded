# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May this machine carry a lab, and the host packages that a lab needs."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Sequence

from settings import LabError
from shell import run, run_logged, say

# program that must be there -> Debian/Ubuntu package that has it
_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "apt-cacher-ng": "apt-cacher-ng",
    "ssh": "openssh-client",
    "nsenter": "util-linux",
    "gpgv": "gpgv",
}
_KEYRINGS = {
    "/usr/share/keyrings/debian-archive-keyring.gpg": ("debian-archive-keyring",),
    "/usr/share/keyrings/ubuntu-archive-keyring.gpg": ("ubuntu-keyring", "ubuntu-archive-keyring"),
}
_INOTIFY_INSTANCES = 8192  # every systemd takes a handful; the kernel's default of 128 feeds about ten nodes
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def require_root() -> None:
    """LabError unless we are root."""
    if os.geteuid() != 0:
        raise LabError("The lab boots machines and needs root: run it again with sudo.")


def check() -> None:
    """LabError with the first reason why this machine cannot carry a lab."""
    require_root()
    release = Path("/etc/os-release")
    facts = (
        dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
        if release.exists()
        else {}
    )
    families = (facts.get("ID", "") + " " + facts.get("ID_LIKE", "")).replace('"', "").split()
    if not {"debian", "ubuntu"} & set(families):
        raise LabError(f"The lab needs Debian or Ubuntu as its host; this is {facts.get('ID', 'unknown')}.")
    if not Path("/proc/self/ns/net").exists():
        raise LabError("This kernel has no network namespaces (CONFIG_NET_NS): the lab needs them.")
    _check_overlay()


def _check_overlay() -> None:
    """Mount a real overlay where the nodes' overlays will be: inside a container this is what fails."""
    base = Path("/var/lib")
    with tempfile.TemporaryDirectory(dir=base, prefix=".labfleet-gpu-lab-check-") as text:
        room = Path(text)
        for name in ("lower", "upper", "work", "merged"):
            (room / name).mkdir()
        options = f"lowerdir={room}/lower,upperdir={room}/upper,workdir={room}/work"
        try:
            run(["mount", "-t", "overlay", "-o", options, "labfleet-gpu-lab-check", room / "merged"])
        except LabError as e:
            raise LabError(
                f"This kernel does not mount an overlay under {base} ({e}): "
                "the lab needs overlayfs and the right to mount."
            ) from e
        run(["umount", room / "merged"])


def install_packages(log: Path) -> None:
    """Install through apt what is missing, saying what; the Ubuntu keyring only where apt has it."""
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    for keyring, packages in _KEYRINGS.items():
        if not Path(keyring).exists():
            missing += _offered(packages)[:1]
    if not missing:
        return
    had_proxy = "apt-cacher-ng" not in missing
    say(f"installing on this host: {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q"]
    if len(_offered(missing)) < len(missing):
        run_logged([*apt, "update"], log / "host-apt.log", 300, env)
    run_logged([*apt, "install", "-y", "--no-install-recommends", *missing], log / "host-apt.log", 900, env)
    if not had_proxy and Path("/run/systemd/system").exists():
        # the lab runs its own proxy process; the packaged service would only hold the port
        run(["systemctl", "disable", "--now", "apt-cacher-ng.service"], timeout=60)


def _offered(packages: Sequence[str]) -> list[str]:
    """Those of the packages that apt on this host could install."""
    offered, name = [], ""
    for line in run(["apt-cache", "policy", *packages], timeout=60).splitlines():
        if not line.startswith(" "):
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            offered.append(name)
    return offered


def raise_limits() -> None:
    """Room for many systemds on one kernel. Only ever raised, and left raised."""
    if int(_INOTIFY.read_text()) < _INOTIFY_INSTANCES:
        _INOTIFY.write_text(str(_INOTIFY_INSTANCES))
