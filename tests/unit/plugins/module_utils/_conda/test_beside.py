# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user puts in the way beside the environments leads root nowhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import beside, lock
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import BESIDE
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.steps import Gone, Own
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="giving things to users needs root")
ADA = (1234, 1234)


@pytest.fixture
def envs_of_ada(tmp_path: Path) -> Path:
    """Her directory of environments, and what is none of hers."""
    (tmp_path / "envs").mkdir()
    os.chown(str(tmp_path / "envs"), *ADA)
    (tmp_path / "roots").mkdir(mode=0o700)
    (tmp_path / "roots" / "lock").write_text("root's\n")
    (tmp_path / "roots" / "packages-9").mkdir()
    return tmp_path / "envs"


def untouched(path: Path) -> List[str]:
    assert os.stat(str(path)).st_uid == 0 and (path / "lock").read_text() == "root's\n"
    return sorted(os.listdir(str(path)))


def act(action: str, data: object) -> None:
    with module() as running:
        ACTIONS[action](Context(Commands(running), Files("/"), []), data)


def test_a_link_in_the_place_of_our_directory(envs_of_ada: Path) -> None:
    roots = envs_of_ada.parent / "roots"
    (envs_of_ada / BESIDE).symlink_to(roots)
    with pytest.raises(EffectError, match="%s is a link or a file instead of a directory" % BESIDE):
        lock.take(Files("/"), str(envs_of_ada), uid=ADA[0])
    (envs_of_ada / "x").mkdir()
    with pytest.raises(EffectError, match="is a link"):
        act("drop-cache", Gone(str(envs_of_ada / "x")))
    assert untouched(roots) == ["lock", "packages-9"]


def test_a_link_of_hers_in_the_place_of_the_directory_of_environments(tmp_path: Path) -> None:
    (tmp_path / "roots").mkdir()
    (tmp_path / "envs").symlink_to("roots")
    os.chown(str(tmp_path / "envs"), *ADA, follow_symlinks=False)
    with pytest.raises(EffectError, match="envs is a link"):
        lock.take(Files("/"), str(tmp_path / "envs"), uid=ADA[0])
    assert os.listdir(str(tmp_path / "roots")) == []
    # The admin's own is one like any other.
    os.chown(str(tmp_path / "envs"), 0, 0, follow_symlinks=False)
    lock.take(Files("/"), str(tmp_path / "envs"), uid=ADA[0])
    lock.release(str(tmp_path / "envs"))
    assert os.listdir(str(tmp_path / "roots")) == [BESIDE]


def test_a_directory_of_somebody_else(envs_of_ada: Path) -> None:
    (envs_of_ada / BESIDE).mkdir()
    os.chown(str(envs_of_ada / BESIDE), 4321, 4321)
    with pytest.raises(EffectError, match="belongs to user 4321, neither to root nor to the environment's"):
        lock.take(Files("/"), str(envs_of_ada), uid=ADA[0])


@pytest.mark.parametrize("hard", [True, False])
def test_a_lock_that_is_another_file(envs_of_ada: Path, hard: bool) -> None:
    hers, roots = envs_of_ada / BESIDE, envs_of_ada.parent / "roots"
    hers.mkdir()
    os.chown(str(hers), *ADA)
    (os.link if hard else os.symlink)(str(roots / "lock"), str(hers / "lock"))
    with pytest.raises(EffectError, match="lock (is not the file that it has to be|cannot be opened)"):
        lock.take(Files("/"), str(envs_of_ada), uid=ADA[0])
    assert untouched(roots)


def test_a_cache_that_is_a_link(envs_of_ada: Path, channel: Path) -> None:
    """The directory beside the environments is hers, as after a run of her own."""
    hers, roots = envs_of_ada / BESIDE, envs_of_ada.parent / "roots"
    hers.mkdir()
    os.chown(str(hers), *ADA)
    (hers / "packages-1234").symlink_to(roots)
    with beside.opened(str(envs_of_ada), ADA[0]) as directory:
        with pytest.raises(EffectError, match="packages-1234 is a link"):
            beside.cache(directory, str(hers / "packages-1234"), ADA)
        assert untouched(roots)
        (hers / "packages-1234").unlink()
        beside.cache(directory, str(hers / "packages-1234"), ADA)
        beside.cache(directory, str(hers / "packages-1234"), ADA)
        status = os.stat(str(hers / "packages-1234"))
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (*ADA, 0o700)
        with pytest.raises(EffectError, match="belongs to user 1234 instead of 0"):
            beside.cache(directory, str(hers / "packages-1234"), (0, 0))


def test_an_installation_stops_at_a_cache_that_is_a_link(envs: Environments) -> None:
    roots = envs.root.parent / "roots"
    roots.mkdir()
    (envs.root / BESIDE).mkdir()
    (envs.root / BESIDE / "packages").symlink_to(roots)
    with pytest.raises(EffectError, match="packages is a link"):
        envs.apply(envs.planned(envs.wish("beta")))
    lock.release(str(envs.root))
    assert os.listdir(str(roots)) == []


def test_an_environment_that_became_a_link_is_not_given_away(envs_of_ada: Path) -> None:
    roots = envs_of_ada.parent / "roots"
    (envs_of_ada / "x").symlink_to(roots)
    for data in (Own(str(envs_of_ada / "x"), None, 0o777), Own(str(envs_of_ada / "x"), ADA, None)):
        with pytest.raises(EffectError, match="is a link or a file by now"):
            act("own", data)
    assert untouched(roots) and stat.S_IMODE(os.stat(str(roots)).st_mode) == 0o700
