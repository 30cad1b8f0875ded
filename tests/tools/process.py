# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command with its output in a file, a time limit, and a sign of life now and then."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from interpreters import ROOT

SIGN_OF_LIFE = 30  # seconds between two progress lines of a long command
GRACE = 60  # seconds for a command to clean up after an interrupt


def _last_line(log: Path) -> str:
    """The last line with something in it, shortened to fit a terminal."""
    with open(log, "rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4096))
        lines = stream.read().decode(errors="replace").split("\n")
    return next((line.strip()[:90] for line in reversed(lines) if line.strip()), "no output yet")


def _signal_group(group: int, number: signal.Signals) -> None:
    """Signal a process group that may run as root while we do not."""
    try:
        os.killpg(group, number)
    except PermissionError:
        subprocess.run(["sudo", "-n", "kill", f"-{number.value}", "--", f"-{group}"], check=False)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the command's process group, so that it can clean up; kill it if it does not."""
    for number, patience in ((signal.SIGINT, GRACE), (signal.SIGKILL, 10)):
        try:
            _signal_group(process.pid, number)
            process.wait(timeout=patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_logged(
    command: list[str],
    environ: dict[str, str],
    log: Path,
    limit: int,
    say: Callable[[str], None],
    ending: threading.Event,
) -> int | None:
    """The command's exit status, or None when it was ended: after ``limit`` seconds, or by ``ending``.

    It runs in the root of the checkout, without standard input, in its own process group.
    """
    begun = told = time.monotonic()
    with open(log, "wb") as stream:
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                process_group=0,  # on the terminal that sudo remembers
            )
        except OSError as error:
            stream.write(f"{command[0]} cannot be run: {error}\n".encode())
            return 127
    while True:
        try:
            return process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if now - begun > limit or ending.is_set():
                _end(process)
                return None
            if now - told >= SIGN_OF_LIFE:
                told = now
                say(f"{now - begun:4.0f} s: {_last_line(log)}")
