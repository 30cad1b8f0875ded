# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables and the user that a command runs with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import environments
import interpreters
import tree

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")
OF_THE_CALLER = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def prefix_for_root() -> list[str] | None:
    """What to put before a command that needs root: nothing, sudo, or None where neither will do."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    quiet = ["-n"] if IN_CI or not sys.stdin.isatty() else []
    if subprocess.run(["sudo", *quiet, "-v"], check=False).returncode != 0:
        return None
    return ["sudo", "--"]


def environ_for(names: tuple[str, ...], pythons: dict[str, str]) -> dict[str, str]:
    """The variables for a command: the first environment's bin leads PATH, none of the caller's Ansible.

    Makes the named environments where needed. Raises environments.Unavailable where an interpreter is
    missing, subprocess.CalledProcessError where pip fails.
    """
    folders = [environments.ensure(name, pythons) for name in names]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    for name in OF_THE_CALLER:
        environ.pop(name, None)
    environ.update(
        PATH=f"{folders[0] / 'bin'}:{interpreters.offer(pythons)}:{environ['PATH']}",
        ANSIBLE_HOME=str(interpreters.BUILD / "ansible-home"),
        ANSIBLE_COLLECTIONS_PATH=str(tree.link()),
        LC_ALL="C.UTF-8",
        NO_COLOR="1",
        PYTHONUNBUFFERED="1",
    )
    return environ


def command_as_root(prefix: list[str], environ: dict[str, str], command: list[str]) -> list[str]:
    """The command with its variables spelt out where sudo would drop them."""
    if not prefix:
        return command
    # Root leaves no compiled files in the user's checkout.
    kept = {**environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return [*prefix, "env", *(f"{key}={value}" for key, value in sorted(kept.items())), *command]
