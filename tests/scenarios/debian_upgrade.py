# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own driver, the older release of the archive and then the newer one: two real builds.

They take minutes, so only the full matrix asks for this file.
"""

from __future__ import annotations

import pytest
import test_debian
from scenario import Fleet
from test_debian import DEBIAN, held

#: The fixture of that file.
debian_versions = test_debian.versions

#: What is built of the driver's source packages: nvidia-modprobe, nvidia-persistenced and others have their
#: own, with releases of their own.
LISTING = (
    "dpkg-query -W -f '${source:Package} ${Package}=${Version}\\n' '*nvidia*' "
    "| sed -nE 's/^nvidia-(graphics-drivers|open-gpu-kernel-modules) //p' | grep =535"
)


def test_the_whole_set_goes_to_the_release_of_the_security_archive(
    fleet: Fleet, debian_versions: list[str]
) -> None:
    if len(debian_versions) < 2:
        pytest.skip(
            f"Debian's archive has one version at this time, {debian_versions[0]}: no upgrade to show"
        )
    held(fleet, debian_versions[0])
    older = fleet.sh(DEBIAN, LISTING).splitlines()
    stays = fleet.driver(DEBIAN, check=True, branch=535, source="debian", gpus=["turing"])
    assert not stays["changed"], "a branch is no wish for its newest release"
    held(fleet, debian_versions[-1])
    newer = fleet.sh(DEBIAN, LISTING).splitlines()
    assert older and {line.split("=")[0] for line in newer} == {line.split("=")[0] for line in older}
    # It looks for GPUs that are too old, and nothing asks for it at a version: it is the newest at once.
    same = {line for line in set(newer) & set(older) if not line.startswith("nvidia-legacy-check=")}
    assert not same, sorted(same)
