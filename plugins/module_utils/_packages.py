# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""dpkg observed, apt told what to do. Observation asks dpkg alone: apt's cache costs ten times as much."""

from __future__ import annotations

import fcntl
import functools
import os
import time
from typing import Iterable, List, Sequence, Tuple

from ._command import CommandError, Commands, Completed
from ._dataclass import dataclass

#: States in which a package needs nothing more from dpkg (dpkg(1), package states).
SETTLED = ("installed", "config-files", "not-installed")

#: Debian's names of the machines that we run on.
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}

#: Seconds that apt waits for another apt or dpkg (unattended-upgrades, an orphan of a cut run).
LOCK_TIMEOUT = 600
_LOCK_PAUSE = 1.0

#: What every apt run here gets. Network waits are bounded; configuration files of the admin stay.
APT_OPTIONS = (
    "-q",
    "-y",
    "--no-install-recommends",
    "-o",
    "DPkg::Lock::Timeout=%d" % LOCK_TIMEOUT,
    "-o",
    "Dpkg::Options::=--force-confdef",
    "-o",
    "Dpkg::Options::=--force-confold",
    "-o",
    "Dpkg::Use-Pty=0",
    "-o",
    "Acquire::Retries=2",
    "-o",
    "Acquire::http::Timeout=20",
    "-o",
    "Acquire::https::Timeout=20",
)


@dataclass(frozen=True)
class Package:
    """One package that dpkg knows: ``want`` is the selection ("install", "hold", ...)."""

    name: str
    version: str
    want: str
    status: str

    @property
    def installed(self) -> bool:
        return self.status == "installed"

    @property
    def held(self) -> bool:
        return self.want == "hold"


def observe_packages(commands: Commands, admindir: str, machine: str) -> Tuple[Package, ...]:
    """Every package that dpkg has something of. Raises CommandError when dpkg cannot be asked."""
    listing = commands.attempt(
        "list the installed packages",
        [
            "dpkg-query",
            "--admindir=" + admindir,
            "-W",
            "-f=${binary:Package}\\t${Version}\\t${db:Status-Want}\\t${db:Status-Status}\\n",
        ],
    )
    return parse_packages(listing.out, machine)


@functools.lru_cache(maxsize=1)
def parse_packages(listing: str, machine: str = "x86_64") -> Tuple[Package, ...]:
    """The tab-separated answer of dpkg-query, packages of which nothing is left dropped.

    dpkg writes "name:arch" for packages that may be there twice; only a foreign one stays in the name.
    """
    native = ":" + NATIVE.get(machine, machine)
    packages = []
    for line in listing.splitlines():
        fields = line.split("\t")
        if len(fields) == 4 and fields[3] != "not-installed":
            name = fields[0][: -len(native)] if fields[0].endswith(native) else fields[0]
            packages.append(Package(name, fields[1], fields[2], fields[3]))
    return tuple(packages)


def unsettled(packages: Iterable[Package]) -> Tuple[str, ...]:
    """Names of the packages that an interrupted dpkg run left behind."""
    return tuple(sorted({package.name for package in packages if package.status not in SETTLED}))


def dpkg_interrupted(admindir: str = "/var/lib/dpkg") -> bool:
    """dpkg leaves numbered files in updates/ when it was cut off (dpkg's own check for --configure)."""
    try:
        return any(name.isdigit() for name in os.listdir(os.path.join(admindir, "updates")))
    except OSError:
        return False


class Apt:
    """The effects: each call is one apt or dpkg run, and raises CommandError if it fails."""

    def __init__(self, commands: Commands):
        self._commands = commands

    def update(self) -> List[str]:
        """Refresh all package indexes; returns the warnings of sources that could not be read."""
        argv = ["apt-get", *APT_OPTIONS[:2], *APT_OPTIONS[3:], "update"]
        end = time.monotonic() + LOCK_TIMEOUT
        done = self._commands.try_run(argv)
        # DPkg::Lock::Timeout is for dpkg's lock; for that of the indexes nobody waits but we.
        while done.rc != 0 and "Could not get lock" in done.err and time.monotonic() < end:
            time.sleep(_LOCK_PAUSE)
            done = self._commands.try_run(argv)
        if done.rc != 0:
            raise CommandError("refresh the package indexes", done)
        return [line for line in done.err.splitlines() if line.startswith(("W:", "E:"))]

    def install(
        self, targets: Sequence[str], downgrade: bool, allow_held: bool = False, reinstall: bool = False
    ) -> Completed:
        """Install exactly these ``name=version`` targets, ``reinstall``: also those that are there."""
        argv = ["apt-get", *APT_OPTIONS]
        if downgrade:
            argv.append("--allow-downgrades")
        if allow_held:
            # apt drops the holds of what it moves; the plan puts them back.
            argv += ["--ignore-hold", "--allow-change-held-packages"]
        if reinstall:
            argv.append("--reinstall")
        return self._commands.attempt("install the packages", [*argv, "install", "--", *targets])

    def purge(self, names: Sequence[str]) -> Completed:
        return self._commands.attempt(
            "remove the packages",
            ["apt-get", *APT_OPTIONS, "--allow-change-held-packages", "purge", "--", *names],
        )

    def configure(self) -> Completed:
        """Finish what an interrupted dpkg left: configure what can be, then let apt mend the rest."""
        self._wait_for_dpkg()
        first = self._commands.run(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"])
        mended = self._commands.run(["apt-get", *APT_OPTIONS, "-f", "install"])
        if mended.rc != 0:
            raise CommandError("finish the interrupted package run", first if first.rc else mended)
        return mended

    @staticmethod
    def _wait_for_dpkg(path: str = "/var/lib/dpkg/lock-frontend") -> None:
        """dpkg itself does not wait: let an orphan of a cut run, or unattended-upgrades, end first."""
        end = time.monotonic() + LOCK_TIMEOUT
        with open(path, "a", encoding="ascii") as handle:
            while time.monotonic() < end:
                try:
                    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except OSError:
                    time.sleep(0.5)

    def select(self, names: Sequence[str], hold: bool) -> Completed:
        """Put packages on hold, or lift it."""
        verb = "hold" if hold else "unhold"
        return self._commands.attempt("%s the packages" % verb, ["apt-mark", verb, *names])
