# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver is in which pocket of Ubuntu's archive, as in August 2026.

Superseded versions leave a pocket, so each has one version of a package. -security stayed behind -updates for
some days after a release, which gives every upgrade a version to come from.
Sources: packages.ubuntu.com pages of the versions named; "facts" are captures of apt on such hosts. Revisions
of the other distributions follow the pattern 0ubuntu0.<release>.1 and are inferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from labvendor.model import Release


@dataclass(frozen=True)
class Driver:
    """A branch in a pocket: a driver, or packages that only lead to another branch."""

    branch: int
    server: bool
    pocket: str  # "security" | "updates"
    version: str
    source: str
    to: Optional[int] = None  # branch that the packages lead to
    only: tuple[str, ...] = ()  # codenames; none = all

    def is_for(self, codename: str) -> bool:
        """Whether that distribution has it."""
        return not self.only or codename in self.only

    def release(self, number: str) -> Release:
        """The release as the archive of that distribution number (24.04) has it."""
        revision = f"0ubuntu0.{number}.1"
        return Release(self.branch, self.version, revision, revision, "archive", self.source)


#: Codename: distribution number, and the flavours of kernel that have metapackages.
CODENAMES = {
    "jammy": ("22.04", ("generic", "generic-hwe-22.04")),
    "noble": ("24.04", ("generic", "generic-hwe-24.04")),
    "resolute": ("26.04", ("generic",)),
}

_OLD = ("jammy", "noble")

# fmt: off
DRIVERS = (
    Driver(535, False, "security", "535.274.02", "nvidia-driver-535 535.274.02-0ubuntu0.24.04.1",
           only=_OLD),
    Driver(535, False, "updates", "535.309.01", "as the server series, inferred", only=_OLD),
    Driver(535, True, "security", "535.274.02", "as the desktop series, inferred", only=_OLD),
    Driver(535, True, "updates", "535.309.01", "facts: 535.309.01-0ubuntu0.24.04.1", only=_OLD),
    Driver(535, True, "updates", "580.173.02", "pages: transitional in 26.04", to=580, only=("resolute",)),
    Driver(550, False, "updates", "580.173.02", "not a real package in jammy; target inferred", to=580,
           only=_OLD),
    Driver(550, True, "updates", "550.163.01", "still real in jammy; last release; inferred", only=_OLD),
    Driver(570, False, "security", "570.211.01", "last release of the branch, inferred", only=_OLD),
    Driver(570, False, "updates", "580.173.02", "as the server series, inferred", to=580, only=_OLD),
    Driver(570, True, "security", "570.211.01", "last release of the branch, inferred", only=_OLD),
    Driver(570, True, "updates", "580.173.02", "facts: nvidia-driver-570-server leads to 580-server",
           to=580),
    Driver(580, False, "security", "580.159.03", "pages: nvidia-kernel-common-580 (>= 580.159.03)"),
    Driver(580, False, "updates", "580.173.02", "nvidia-dkms-580 580.173.02 on Ubuntu hosts"),
    Driver(580, True, "security", "580.159.03", "pages: 580.159.03-0ubuntu0.26.04.1"),
    Driver(580, True, "updates", "580.173.02", "pages: 580.173.02-0ubuntu0.24.04.1 and 0ubuntu0.26.04.1"),
    Driver(590, False, "security", "590.48.01", "pages: 590.48.01-0ubuntu0.24.04.5; our revision",
           only=_OLD),
    Driver(590, False, "updates", "595.91.07", "pages: transitional to 595", to=595),
    Driver(595, False, "security", "595.71.05", "nvidia-utils-595 595.71.05-0ubuntu0.22.04.1; pages"),
    Driver(595, False, "updates", "595.91.07", "facts: nvidia-driver-595 595.91.07-0ubuntu0.26.04.1"),
    Driver(595, True, "updates", "595.91.07", "names of linux-objects-nvidia-595-server-*; version inferred"),
)
# fmt: on
