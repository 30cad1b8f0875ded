# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own driver, the older release of the archive and then the newer one: two real builds.

They take minutes, so only the full matrix asks for this file.
"""

from __future__ import annotations

import pytest
from scenario import Fleet
from test_debian import DEBIAN, held, versions  # noqa: F401  (a fixture)

LISTING = "dpkg-query -W -f '${Package}=${Version}\\n' '*nvidia*' | grep =535"


def test_the_whole_set_goes_to_the_release_of_the_security_archive(
    fleet: Fleet,
    versions: list[str],  # noqa: F811
) -> None:
    if len(versions) < 2:
        pytest.skip(f"Debian's archive has one version at this time, {versions[0]}: no upgrade to show")
    held(fleet, versions[0])
    older = fleet.sh(DEBIAN, LISTING).splitlines()
    stays = fleet.driver(DEBIAN, check=True, branch=535, source="debian", gpus=["turing"])
    assert not stays["changed"], "a branch is no wish for its newest release"
    held(fleet, versions[-1])
    newer = fleet.sh(DEBIAN, LISTING).splitlines()
    assert {line.split("=")[0] for line in newer} == {line.split("=")[0] for line in older}
    assert not set(newer) & set(older), "the whole set went over"
