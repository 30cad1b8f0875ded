# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders to the supervisor."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Sequence

import cgroups
from settings import Lab, LabError
from shell import wait_until


def alive(lab: Lab) -> bool:
    """Whether the supervisor answers."""
    try:
        order(lab, "status")
    except LabError:
        return False
    return True


def order(lab: Lab, what: str, nodes: Sequence[str] = (), timeout: float = 60, **more: Any) -> dict[str, Any]:
    """Give one order (start, stop, forget, status, quit); the state of all machines by name."""
    message = json.dumps({"do": what, "nodes": list(nodes), **more}) + "\n"
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout)
            line.connect(str(lab.socket))
            line.sendall(message.encode())
            with line.makefile() as answer:
                result: dict[str, Any] = json.loads(answer.readline())
    except (OSError, ValueError) as e:
        raise LabError(
            f"The supervisor of the lab does not answer ({e}): run 'lab.py up' to start it again."
        ) from e
    if "error" in result:
        raise LabError(f"The supervisor could not {what} {', '.join(nodes)}: {result['error']}")
    return result


def start_supervisor(lab: Lab) -> None:
    """Start it as a process of its own. What an earlier, killed supervisor left running is ended first."""
    if alive(lab):
        return
    cgroups.kill(lab)
    lab.log.mkdir(parents=True, exist_ok=True)
    program = Path(__file__).with_name("supervisor.py")
    with (lab.log / "supervisor.log").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, str(program), str(lab.number)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    if not wait_until(lambda: alive(lab) or process.poll() is not None, 15) or process.poll() is not None:
        raise LabError(f"The supervisor did not start; see {lab.log}/supervisor.log.")


def stop_supervisor(lab: Lab) -> None:
    """Let it end with all machines and services; one that is dead or deaf is left to `cgroups.kill`."""
    if alive(lab):
        order(lab, "quit")
        wait_until(lambda: not cgroups.pids(lab), 20)
