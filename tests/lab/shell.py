# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running host commands with a deadline, waiting with a deadline, and saying what goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Mapping, Sequence

from settings import LabError

_START = time.monotonic()


def say(text: str) -> None:
    """One progress line on stderr, with the seconds since the program started."""
    print(f"[{time.monotonic() - _START:6.1f}s] {text}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str | Path],
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Standard output of a command; LabError if it fails or exceeds ``timeout`` seconds."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=env,
            check=False,
        )
    except FileNotFoundError as e:
        raise LabError(f"{words[0]} is not installed; run 'lab.py up', which installs what it needs.") from e
    except subprocess.TimeoutExpired as e:
        raise LabError(f"'{' '.join(words)}' did not end within {timeout:.0f} s.") from e
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise LabError(f"'{' '.join(words)}' failed with status {done.returncode}: {last}")
    return done.stdout


def run_logged(
    argv: Sequence[str | Path],
    log: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    before_exec: Callable[[], None] | None = None,
) -> None:
    """Run a long command with its output in ``log``; end it when interrupted or when it takes too long.

    ``before_exec`` runs in the child.
    """
    words = [str(word) for word in argv]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, preexec_fn=before_exec
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as e:
            raise LabError(f"{words[0]} did not end within {timeout:.0f} s; see {log}.") from e
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(15)
    if status != 0:
        tail = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise LabError(f"{words[0]} failed with status {status}: {tail[0]} (see {log})")


def wait_until(condition: Callable[[], bool], timeout: float, interval: float = 0.05) -> bool:
    """Poll ``condition`` for at most ``timeout`` seconds; whether it came true."""
    deadline = time.monotonic() + timeout
    while True:
        if condition():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
