# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Toolkits of which files were removed by hand, or packages by force: seen, and mended at their versions."""

from __future__ import annotations

from dataclasses import replace
from typing import List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import CudaState, summary
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import CudaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskTransaction
from ansible_collections.labfleet.gpu.tests.unit.support.toolkits import Repository, done, node, settled

WISH = CudaWish(("12.4",))
NVCC = "/usr/local/cuda-12.4/bin/nvcc"
LOST = {"cuda-nvcc-12-4": (NVCC, "/usr/local/cuda-12.4/nvvm/bin/cicc")}


def install(found: Plan) -> Step:
    (step,) = [step for step in found.steps if step.action == "install"]
    return step


def names(found: Plan) -> List[str]:
    return [target.partition("=")[0] for target in install(found).data.targets]


def without(state: CudaState, name: str, by: str) -> CudaState:
    """A package was removed by force."""
    packages = tuple(package for package in state.packages if package.name != name)
    return replace(state, packages=packages, unmet={name: by})


@pytest.fixture(name="state")
def whole() -> CudaState:
    return done(node(), WISH)


def test_lost_files_are_seen_and_brought_back(state: CudaState) -> None:
    state = replace(state, lost=LOST)
    found, asked = settled(state, WISH, Repository())
    step = install(found)
    assert step.data.targets == ("cuda-nvcc-12-4=12.4.131-1",) and step.data.reinstall
    assert [each.reinstall for each in asked if isinstance(each, AskTransaction)] == [True]
    assert step.what == "install CUDA 12.4.1 again: 1 package"
    assert step.why == "2 files of cuda-nvcc-12-4 are gone, such as " + NVCC
    assert found.steps[-1].action == "renew-linker-cache", "the libraries behind the default came back"
    assert summary(state)["lost"] == ["cuda-nvcc-12-4: %s and 1 more" % NVCC]
    assert found.promised()["lost"] == []
    assert summary(done(state, WISH))["lost"] == []


def test_the_reason_is_known_without_a_question(state: CudaState) -> None:
    """What still lacks after the steps is a failure, and is seen without answers."""
    found = plan(replace(state, lost=LOST), WISH, {})
    assert found.questions and found.reasons == ("2 files of cuda-nvcc-12-4 are gone, such as " + NVCC,)


@pytest.mark.parametrize("wish", [CudaWish(("12.4",), components="runtime"), CudaWish(("12.4.1",))])
def test_all_packages_of_the_minor_count(state: CudaState, wish: CudaWish) -> None:
    found, _asked = settled(replace(state, lost=LOST), wish, Repository())
    assert names(found) == ["cuda-nvcc-12-4"]


def test_what_was_not_asked_for_is_told_and_stays(state: CudaState) -> None:
    state = done(state, CudaWish(("13.0",)))
    found = plan(replace(state, lost=LOST), CudaWish(("13.0",)), {})
    assert (found.steps, found.questions) == ((), ())
    found, _asked = settled(replace(state, lost=LOST), CudaWish(("11.8",)), Repository())
    assert "cuda-nvcc-12-4" not in names(found) and not install(found).data.reinstall
    assert found.promised()["lost"] == ["cuda-nvcc-12-4: %s and 1 more" % NVCC]


def test_files_of_one_and_a_toolkit_that_comes(state: CudaState) -> None:
    found, _asked = settled(replace(state, lost=LOST), CudaWish(("12.4", "13.0")), Repository())
    assert {"cuda-nvcc-12-4", "cuda-nvcc-13-0"} <= set(names(found))
    assert install(found).what.endswith("packages, 1 of them again")
    done(replace(state, lost=LOST), CudaWish(("12.4", "13.0")))


def test_a_release_that_is_not_on_offer_any_more_is_not_moved(state: CudaState) -> None:
    """apt would say that all is well, and do nothing."""
    repository = Repository()
    repository.withdrawn = ("cuda-nvcc-12-4=12.4.131-1",)
    found, _asked = settled(replace(state, lost=LOST), WISH, repository)
    assert found.steps == ()
    said = str(found.blockers[0])
    assert "cuda-nvcc-12-4=12.4.131-1" in said and "update: true" in said and "state: absent" in said


def test_an_update_brings_them_at_the_newest_release() -> None:
    state = replace(done(node(), CudaWish(("12.4.0",))), lost=LOST)
    repository = Repository()
    repository.withdrawn = ("cuda-nvcc-12-4=12.4.99-1",)
    found, _asked = settled(state, CudaWish(("12.4",), update=True), repository)
    assert "cuda-nvcc-12-4=12.4.131-1" in install(found).data.targets and not found.blockers
    assert summary(done(state, CudaWish(("12.4",), update=True)))["lost"] == []


def test_an_older_release_stays_at_its_version() -> None:
    state = replace(done(node(), CudaWish(("12.4.0",))), lost=LOST)
    found, _asked = settled(state, WISH, Repository())
    assert install(found).data.targets == ("cuda-nvcc-12-4=12.4.99-1",)


@pytest.mark.parametrize("release, version", [("12.4.0", "12.4.99-1"), ("12.4.1", "12.4.131-1")])
def test_a_package_that_was_removed_by_force(release: str, version: str) -> None:
    state = without(done(node(), CudaWish((release,))), "cuda-nvcc-12-4", "cuda-compiler-12-4")
    found, _asked = settled(state, WISH, Repository())
    assert install(found).data.targets == ("cuda-nvcc-12-4=" + version,)
    assert install(found).why == "cuda-nvcc-12-4 is missing, which cuda-compiler-12-4 needs"
    assert summary(state)["lost"] == ["cuda-nvcc-12-4: not installed, and cuda-compiler-12-4 needs it"]
    assert summary(done(state, WISH))["lost"] == []


def test_one_removed_by_force_and_files_of_another(state: CudaState) -> None:
    library = {"cuda-cudart-12-4": ("/usr/local/cuda-12.4/lib64/libcudart.so.12",)}
    state = replace(without(state, "cuda-nvcc-12-4", "cuda-compiler-12-4"), lost=library)
    found, _asked = settled(state, WISH, Repository())
    assert names(found) == ["cuda-nvcc-12-4", "cuda-cudart-12-4"] and install(found).data.reinstall
    done(state, WISH)


def test_what_several_toolkits_share_was_removed_by_force(state: CudaState) -> None:
    state = without(state, "cuda-toolkit-12-config-common", "cuda-cudart-12-4")
    found, _asked = settled(state, WISH, Repository())
    assert names(found) == ["cuda-toolkit-12-config-common"]


def test_a_toolkit_that_has_lost_files_goes_all_the_same(state: CudaState) -> None:
    found, _asked = settled(replace(state, lost=LOST), CudaWish(("12.4",), state="absent"), Repository())
    assert "purge" in [step.action for step in found.steps] and found.promised()["lost"] == []


def test_the_toolkit_of_the_distribution() -> None:
    wish = CudaWish(("11.5",), source="ubuntu")
    state = replace(done(node("Ampere"), wish), lost={"nvidia-cuda-toolkit": ("/usr/bin/cuda-gdb",)})
    found, _asked = settled(state, wish, Repository())
    assert install(found).data.reinstall
    assert install(found).why == "a file of nvidia-cuda-toolkit is gone: /usr/bin/cuda-gdb"
    done(state, wish)


def test_a_hold_is_put_back(state: CudaState) -> None:
    packages = tuple(replace(package, want="hold") for package in state.packages)
    found, _asked = settled(replace(state, lost=LOST, packages=packages), WISH, Repository())
    assert install(found).data.held == ("cuda-nvcc-12-4",)
    found, _asked = settled(replace(state, lost=LOST), WISH, Repository())
    assert install(found).data.held == ()
