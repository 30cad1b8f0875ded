# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the scenarios in several labs at once: a scenario waits for disks, boots and servers most of its time.

Use: side_by_side.py [--in-full | FILE...], beside the pytest that is to run them. Each lab takes the next
file when it is done with one; the longest come first. A file's output is printed when the file has ended.
Without files: all that are named test_*.py, but for the tests marked in_full, whose feature another test
shows too; with --in-full: those tests, and the files that only a full matrix has.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAB = HERE.parent / "lab/lab.py"
#: Numbers of labs, one for each core that most machines of CI have.
#: LABFLEET_GPU_SCENARIO_LABS names others, as for a second run beside the first.
LABS = tuple(os.environ.get("LABFLEET_GPU_SCENARIO_LABS", "7,6").split(","))
#: Tests that take longer than this are named, with their seconds.
SLOWEST = ("--durations=0", "--durations-min=20")
#: The files that take longest, longest first; the others follow.
LONG = (
    *("every_crash_point", "crash_points_cudnn", "crash_points_stack"),
    *("debian", "stack", "interrupted", "conda", "conda_pip", "families", "hardware"),
    *("cuda_runfile", "leftovers", "sources"),
)
#: What --in-full runs whole: crash points of every plan, cuDNN's real archives, a whole Debian's upgrade.
IN_FULL = (
    *("test_interrupted", "test_conda", "every_crash_point", "crash_points_stack"),
    *("crash_points_cudnn", "real_cudnn", "debian_upgrade"),
)
_SUMMARY = re.compile(r"^=+ (.*) in [\d.]+s.* =+$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|error|skipped)")
_SLOW = re.compile(r"^\d+\.\d+s (?:call|setup) ")
_NONE_CHOSEN = 5  # pytest's exit status where the mark left no test


def ordered(files: list[Path]) -> list[Path]:
    """The files, those of LONG first."""
    place = {name: number for number, name in enumerate(LONG)}
    return sorted(files, key=lambda path: (place.get(path.stem.removeprefix("test_"), len(LONG)), path.name))


def chosen(words: list[str]) -> list[tuple[Path, str]]:
    """Which files to run, and the marks of the tests in them."""
    every = sorted(HERE.glob("test_*.py"))
    if not words:
        return [(path, "not in_full") for path in ordered(every)]
    if words == ["--in-full"]:
        whole = [HERE / f"{name}.py" for name in IN_FULL]
        marked = [path for path in every if path not in whole and "in_full" in path.read_text()]
        return [(path, "in_full" if path in marked else "") for path in ordered(whole + marked)]
    return [(path, "") for path in ordered([Path(word) for word in words])]


class Labs:
    """The labs at work; ``counts`` adds up what pytest said."""

    def __init__(self, files: list[tuple[Path, str]]) -> None:
        """``files`` with the marks of the tests to run in each; "" is all of them."""
        self.files: queue.SimpleQueue[tuple[Path, str]] = queue.SimpleQueue()
        for each in files:
            self.files.put(each)
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.counts: dict[str, int] = {}
        self.failed: list[str] = []
        self.ending = False
        self.lock = threading.Lock()

    def work(self, lab: str) -> None:
        """Files, one after another, in one lab that stays up between them."""
        environ = {**os.environ, "LABFLEET_GPU_SCENARIO_LAB": lab, "LABFLEET_GPU_KEEP_LAB": "1"}
        while not self.ending:
            try:
                path, marks = self.files.get_nowait()
            except queue.Empty:
                return
            begun = time.monotonic()
            with self.lock:
                print(f"lab {lab}: {path.name} ...", flush=True)
                process = subprocess.Popen(
                    [sys.executable, "-m", "pytest", *SLOWEST, "-m", marks, str(path)],
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
                self.running[lab] = process
            output, _none = process.communicate()
            with self.lock:
                if process.returncode != _NONE_CHOSEN or not marks:
                    self.take(path, process.returncode, output, time.monotonic() - begun)

    def take(self, path: Path, status: int, output: str, seconds: float) -> None:
        """Count what pytest said, and print it whole where something failed."""
        said = ["no summary", *_SUMMARY.findall(output)][-1]
        for count, what in _COUNT.findall(said):
            self.counts[what] = self.counts.get(what, 0) + int(count)
        if status != 0:
            self.failed.append(path.name)
            print(output)
        counted = [
            line
            for line in output.splitlines()
            if line.startswith("SKIPPED ") or line.endswith("crash points survived") or _SLOW.match(line)
        ]
        print("\n".join([f"{path.name}: {said} in {seconds:.0f} s", *counted]), flush=True)

    def end(self) -> None:
        """Interrupt what runs and take the labs down."""
        self.ending = True
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in self.running.values():
            process.wait(timeout=60)
        for lab in LABS:
            subprocess.run([sys.executable, str(LAB), "--lab", lab, "down"], check=False)


def main() -> int:
    """Run the files that are named, or all of this folder; 0 when every test passed."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    labs = Labs(chosen(sys.argv[1:]))
    for lab in LABS:
        subprocess.run([sys.executable, str(LAB), "--lab", lab, "down"], check=False)
    threads = [threading.Thread(target=labs.work, args=(lab,), daemon=True) for lab in LABS]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        labs.end()
    print(", ".join(f"{count} {what}" for what, count in sorted(labs.counts.items())) or "no test ran")
    if labs.failed:
        print(f"Failed: {', '.join(labs.failed)}")
    return 1 if labs.failed or not labs.counts.get("passed") else 0


if __name__ == "__main__":
    sys.exit(main())
