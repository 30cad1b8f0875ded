# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of nodes and the read-only layers that they stand on: base root, stand-in facts, preparation.

Every layer is a folder in the cache, named by the hash of everything that went into it, and never
written again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

import cgroups
import overlay
from settings import CACHE, Lab, LabError
from shell import run_logged, say

PACKAGES = (
    "python3",
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "iproute2",
    "ca-certificates",
    "sudo",
    "kmod",
    "udev",
    "dkms",
    "gcc",
    "make",
    "libc6-dev",
    "gpg",
    "gpgv",
    "pciutils",
    "procps",
)
FINISH = Path(__file__).with_name("finish-root.sh")
BUILD_TIMEOUT = 1200  # seconds for one mmdebstrap run
KEEP = 14 * 86400  # seconds that an unused layer stays in the cache
DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
UBUNTU_KEYRING = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"


@dataclass(frozen=True)
class Kind:
    """A distribution release. ``debian_version`` is what Ubuntu writes into that file in this release."""

    name: str
    distribution: str
    suite: str
    version: str
    full_name: str
    keyring: str
    components: str
    debian_version: str = ""


@dataclass(frozen=True)
class Stack:
    """What a node of one kind stands on: layers, topmost first, and the distribution of its packages."""

    layers: list[Path]
    userland: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "ubuntu2404",
            "ubuntu",
            "noble",
            "24.04",
            "Noble Numbat",
            UBUNTU_KEYRING,
            "main,restricted,universe,multiverse",
            "trixie/sid",
        ),
        Kind(
            "ubuntu2204",
            "ubuntu",
            "jammy",
            "22.04",
            "Jammy Jellyfish",
            UBUNTU_KEYRING,
            "main,restricted,universe,multiverse",
            "bookworm/sid",
        ),
        Kind("debian12", "debian", "bookworm", "12", "bookworm", DEBIAN_KEYRING, "main"),
    )
}
STAND_IN_BASE = KINDS["debian12"]


def kind(name: str) -> Kind:
    """The kind of that name; LabError lists them all."""
    if name not in KINDS:
        raise LabError(f"There is no node kind '{name}'; choose from {', '.join(KINDS)}.")
    return KINDS[name]


def digest(parts: Iterable[object]) -> str:
    """Twelve hex digits that name a layer made from these parts."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:12]


def tree_digest(*folders: Path) -> str:
    """The digest of all files below the folders (or of single files): names, modes and contents."""
    parts: list[object] = []
    for folder in folders:
        for path in sorted([folder] if folder.is_file() else folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                parts += [path.relative_to(folder), path.stat().st_mode, content]
    return digest(parts)


def prune(used: set[Path]) -> None:
    """Delete cached layers that nobody asked for in two weeks, except those that are ``used``."""
    for layer in [*CACHE.glob("roots/*"), *CACHE.glob("layers/*"), *CACHE.glob("vendor/*")]:
        if layer not in used and layer.stat().st_mtime < time.time() - KEEP:
            overlay.delete(layer)


def base(lab: Lab, wanted: Kind) -> Stack:
    """The stack of a kind: the release itself, or Debian standing in for it."""
    if wanted.distribution == "debian":
        return Stack([_root(lab, wanted)], "debian")
    if not Path(wanted.keyring).exists():
        say(f"{wanted.name}: no Ubuntu archive keyring on this host; a Debian userland stands in")
    else:
        try:
            return Stack([_root(lab, wanted)], "ubuntu")
        except LabError as e:
            say(f"{wanted.name}: Ubuntu's archive cannot be used ({e}); a Debian userland stands in")
    return Stack([_stand_in(wanted), _root(lab, STAND_IN_BASE)], "debian")


def _root(lab: Lab, wanted: Kind) -> Path:
    """The unpacked base root of a release, by mmdebstrap from its default archive or from the cache."""
    command = [
        "mmdebstrap",
        "--variant=minbase",
        "--format=directory",
        "--skip=cleanup/apt",
        f"--include={','.join(PACKAGES)}",
        f"--components={wanted.components}",
        f"--keyring={wanted.keyring}",
    ]
    # a new week, a new root: archives drop the packages that old lists name
    recipe = [*command, wanted.suite, FINISH.read_text(), time.strftime("%G week %V")]
    target = CACHE / "roots" / f"{wanted.name}-{digest(recipe)}"
    if target.is_dir():
        os.utime(target)
        return target
    say(f"{wanted.name}: building the base root (about a minute; log in {lab.log}/root-{wanted.name}.log)")
    draft = target.with_name(f".{target.name}.new")
    overlay.delete(draft)
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        run_logged(
            [
                *command,
                f'--aptopt=Acquire::http::Proxy "{lab.proxy_url}"',
                '--aptopt=Acquire::http::Timeout "30"',
                '--aptopt=Acquire::Retries "2"',
                f"--customize-hook={FINISH}",
                wanted.suite,
                draft,
            ],
            lab.log / f"root-{wanted.name}.log",
            BUILD_TIMEOUT,
            before_exec=cgroups.joiner(lab, "build"),
        )
        (draft / "etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)
        draft.rename(target)
    finally:
        overlay.delete(draft)
    return target


def _stand_in(wanted: Kind) -> Path:
    """A layer with the release facts of Ubuntu, for a Debian root below it."""
    name = f"Ubuntu {wanted.version} LTS"
    release = {
        "PRETTY_NAME": f'"{name}"',
        "NAME": '"Ubuntu"',
        "VERSION_ID": f'"{wanted.version}"',
        "VERSION": f'"{wanted.version} LTS ({wanted.full_name})"',
        "VERSION_CODENAME": wanted.suite,
        "ID": "ubuntu",
        "ID_LIKE": "debian",
        "UBUNTU_CODENAME": wanted.suite,
    }
    standard = {
        "DISTRIB_ID": "Ubuntu",
        "DISTRIB_RELEASE": wanted.version,
        "DISTRIB_CODENAME": wanted.suite,
        "DISTRIB_DESCRIPTION": f'"{name}"',
    }
    files = {
        "usr/lib/os-release": "".join(f"{key}={value}\n" for key, value in release.items()),
        "etc/lsb-release": "".join(f"{key}={value}\n" for key, value in standard.items()),
        "etc/debian_version": f"{wanted.debian_version}\n",
        "etc/issue": f"{name} \\n \\l\n",
    }
    target = CACHE / "layers" / f"{wanted.name}-stand-in-{digest(files.items())}"
    if target.is_dir():
        os.utime(target)
    else:
        draft = target.with_name(f".{target.name}.new")
        if draft.exists():
            shutil.rmtree(draft)
        for path, text in files.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text)
        draft.rename(target)
    return target
