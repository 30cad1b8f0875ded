# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker daemon of its own, from the distribution's packages, which are unpacked and not installed.

Installing them would start a daemon that changes the machine's firewall, and drive out Docker's own packages.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from engine import PATIENCE, Engine
from image import RecipeError

PACKAGES = ("containerd", "docker.io")
CLIENT = "docker-cli"  # part of docker.io up to Debian 12
GROUP = "labfleet-gpu-recipe"


class Docker(Engine):
    """The daemon runs as long as this lives."""

    program = "docker"

    def __init__(self, cache: Path) -> None:
        super().__init__(cache)
        self._unpack()
        command = ["dockerd", f"--host={self.environ['DOCKER_HOST']}", f"--pidfile={self.room}/pid"]
        command += [f"--data-root={self.room}/data", f"--exec-root={self.room}/exec"]
        # Nothing of this machine's network is touched, and no control group of another Docker's.
        command += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
        command += ["--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent={GROUP}"]
        with open(self.room / "log", "wb") as log:
            self._daemon = subprocess.Popen(
                command,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def settings(self) -> dict[str, str]:
        programs = f"{self.room}/root/usr"
        return {
            "PATH": f"{programs}/bin:{programs}/sbin:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{self.room}/socket",
            "DOCKER_CONFIG": str(self.room / "config"),
        }

    def load(self, archive: Path, name: str) -> None:
        end = time.monotonic() + PATIENCE
        while self.call("version").returncode != 0:
            if self._daemon.poll() is not None or time.monotonic() > end:
                last = (self.room / "log").read_text(errors="replace").strip().splitlines()[-1:]
                raise RecipeError(f"dockerd cannot run on this machine; the recipe was not tried: {last}")
            time.sleep(0.5)
        super().load(archive, name)

    def end_all(self) -> None:
        """Ends the daemon of this room, which ends its containers."""
        try:
            number = int((self.room / "pid").read_text())
            ours = Path(f"/proc/{number}/exe").resolve().is_relative_to(self.room)
        except (OSError, ValueError):
            return
        if ours:
            for container in self.call("ps", "--all", "--quiet").stdout.split():
                self.call("rm", "--force", container)
            os.kill(number, signal.SIGTERM)
            self._wait_for_end(number)
        for group in Path("/sys/fs/cgroup").glob(f"**/{GROUP}"):
            with contextlib.suppress(OSError):
                group.rmdir()

    def _wait_for_end(self, number: int) -> None:
        end = time.monotonic() + PATIENCE
        while Path(f"/proc/{number}/exe").exists():  # a process that nobody waited for has no program
            if time.monotonic() > end:
                os.kill(number, signal.SIGKILL)
                return
            time.sleep(0.2)

    def _unpack(self) -> None:
        """Fetch the packages through apt and unpack them."""
        offered = (
            subprocess.run(["apt-cache", "show", CLIENT], capture_output=True, check=False).returncode == 0
        )
        packages = [*PACKAGES, CLIENT] if offered else [*PACKAGES]
        fetch = ["apt-get", "-q", "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
        subprocess.run(fetch, cwd=self.room, check=True, timeout=300)
        for package in self.room.glob("*.deb"):
            subprocess.run(["dpkg", "--extract", str(package), str(self.room / "root")], check=True)
            package.unlink()
