# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default: kept, switched in its own way, found anew; toolkits that go."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.default import SetDefault
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import (
    ALTERNATIVE,
    LINK,
    OTHER,
    PROFILE_PATH,
    CudaState,
    Default,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import CudaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Names
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskTransaction, Trouble
from ansible_collections.labfleet.gpu.tests.unit.support.toolkits import (
    Repository,
    by_hand,
    done,
    having,
    node,
    settled,
)

BOTH = done(node(), CudaWish(("12.4", "13.0"), default="12.4"))


def switch(state: CudaState, wish: CudaWish) -> Optional[Tuple[SetDefault, str]]:
    """What the plan does about the default, and why."""
    found, _asked = settled(state, wish, Repository())
    assert not found.blockers, found.blockers
    steps = [step for step in found.steps if step.action == "set-default"]
    assert len(steps) < 2
    return (steps[0].data, steps[0].why) if steps else None


def test_a_switch_alone_asks_nothing() -> None:
    found = plan(BOTH, CudaWish(("12.4", "13.0"), default="13.0"), {})
    assert [step.action for step in found.steps] == ["set-default", "renew-linker-cache"]
    assert found.steps[0].data == SetDefault("/usr/local/cuda-13.0", 130)
    assert summary(done(BOTH, CudaWish(("13.0",), default="13.0")))["default_kind"] == ALTERNATIVE


def test_the_default_may_be_one_that_versions_does_not_name() -> None:
    assert switch(BOTH, CudaWish(("12.4",), default="13.0")) is not None


def test_a_default_that_is_not_there() -> None:
    found, _asked = settled(BOTH, CudaWish(("12.4",), default="11.8"), Repository())
    assert str(found.blockers[0]) == (
        "The wished default is not among the toolkits that this host has or gets (default 11.8, toolkits: "
        "12.4, 13.0): add it to versions, or choose another default"
    )


def test_the_distributions_toolkit_cannot_be_the_default() -> None:
    state = done(node("Ampere"), CudaWish(("11.5",), source="ubuntu"))
    found, _asked = settled(state, CudaWish(("11.5",), default="11.5"), Repository())
    assert "toolkits: none" in str(found.blockers[0])


def test_the_default_goes_and_the_newest_left_takes_its_place() -> None:
    three = done(BOTH, CudaWish(("12.8",)))
    chosen = switch(three, CudaWish(("12.4",), state="absent"))
    assert chosen == (
        SetDefault("/usr/local/cuda-13.0", 130),
        "the default 12.4 goes, and this is the newest that is left",
    )
    assert summary(done(three, CudaWish(("12.4",), state="absent")))["default"] == "13.0"


def test_the_default_goes_and_another_is_wished() -> None:
    three = done(BOTH, CudaWish(("12.8",)))
    wish = CudaWish(("12.4",), state="absent", default="12.8")
    assert summary(done(three, wish))["default"] == "12.8"


def test_another_goes_and_the_default_stays() -> None:
    assert switch(BOTH, CudaWish(("13.0",), state="absent")) is None


def test_the_last_one_goes_with_all_that_is_ours() -> None:
    state = done(BOTH, CudaWish(("12.4", "13.0"), module_files="lmod"))
    assert sorted(state.module_files) == ["/etc/lmod/modules/cuda/12.4", "/etc/lmod/modules/cuda/13.0"]
    again = settled(state, CudaWish((), state="absent"), Repository())[0]
    assert again.promise and again.promise["module_files"] == [], "check mode tells that they go"
    assert not done(state, CudaWish(("12.4",), module_files="none")).module_files
    assert len(done(state, CudaWish(("12.4",), exclusive=True)).module_files) == 1
    state = done(state, CudaWish((), state="absent"))
    assert (state.toolkits, state.packages, dict(state.module_files)) == ((), (), {})
    assert state.own_files[PROFILE_PATH] is None
    assert summary(state)["default"] is None


def test_absent_again_changes_nothing() -> None:
    state = done(BOTH, CudaWish(("12.4",), state="absent"))
    found = plan(state, CudaWish(("12.4",), state="absent"), {})
    assert (found.steps, found.questions) == ((), ())


def test_absent_of_a_release_that_is_not_the_installed_one() -> None:
    found = plan(BOTH, CudaWish(("12.4.0",), state="absent"), {})
    assert (found.steps, found.questions) == ((), ())


def test_exclusive_takes_all_others_away_and_says_so() -> None:
    found, _asked = settled(BOTH, CudaWish(("13.0",), exclusive=True), Repository())
    (removal,) = [step for step in found.steps if step.action == "purge"]
    assert removal.what == "remove CUDA 12.4.1: 9 packages, nothing of the driver"
    assert removal.why == "exclusive: true, and it is not in versions"
    shared = [name for name in removal.data.names if "12-4" not in name]
    assert shared == ["cuda-toolkit-12-config-common"]
    assert "cuda-toolkit-config-common" not in removal.data.names
    state = done(BOTH, CudaWish(("13.0",), exclusive=True))
    assert (summary(state)["default"], len(state.toolkits)) == ("13.0", 1)


def test_what_only_one_major_shares_goes_with_its_last_toolkit() -> None:
    found, _asked = settled(BOTH, CudaWish(("13.0",), state="absent"), Repository())
    (removal,) = [step for step in found.steps if step.action == "purge"]
    assert "cuda-toolkit-13-config-common" in removal.data.names
    assert "cuda-toolkit-12-config-common" not in removal.data.names


def test_a_meta_package_that_follows_the_newest_may_go_along() -> None:
    extra = Package("cuda-toolkit-13", "13.0.2-1", "install", "installed")
    state = replace(BOTH, packages=(*BOTH.packages, extra))
    state = done(state, CudaWish(("13.0",), state="absent"))
    assert "cuda-toolkit-13" not in state.versions()


@pytest.mark.parametrize("name", ["pytorch-local", "nvidia-driver-580"])
def test_other_software_does_not_go_along(name: str) -> None:
    repository = Repository()
    repository.dependents = {name: "cuda-cudart-12-4"}
    found, _asked = settled(BOTH, CudaWish(("12.4",), state="absent"), repository)
    assert str(found.blockers[0]) == (
        "Other software depends on the toolkit and would be removed with it (CUDA 12.4.1: %s): remove it "
        "yourself first if you agree" % name
    )


@pytest.mark.parametrize("absent", [True, False])
def test_a_tree_unpacked_by_hand_is_not_removed(absent: bool) -> None:
    state = by_hand(BOTH, "11.6.2")
    wish = CudaWish(("11.6",), state="absent") if absent else CudaWish(("12.4",), exclusive=True)
    found, asked = settled(state, wish, Repository())
    assert not asked
    assert "remove that directory yourself" in str(found.blockers[0])


def test_profilers_go_with_the_last_toolkit_that_needs_them() -> None:
    """What an update left goes as well; what another toolkit or program needs stays."""
    repository = Repository()
    repository.rows = {
        **repository.rows,
        "cuda-toolkit-12-4": [("12.4.1-1", "nsight-compute-2024.1.1, nsight-systems-2023.4.4")],
        "cuda-toolkit-13-0": [("13.0.2-1", "nsight-systems-2023.4.4")],
    }
    repository.dependents = {"a-profiler-of-mine": "nsight-compute-2025.1.0"}
    profilers = ("nsight-compute-2023.3.1", "nsight-compute-2024.1.1", "nsight-compute-2025.1.0")
    state = replace(BOTH, profilers=(*profilers, "nsight-systems-2023.4.4"))
    found, _asked = settled(state, CudaWish(("12.4",), state="absent"), repository)
    (purge,) = [step.data for step in found.steps if step.action == "purge"]
    gone = [name for name in purge.names if name.startswith("nsight")]
    assert gone == ["nsight-compute-2023.3.1", "nsight-compute-2024.1.1"]


def test_a_driver_that_came_with_a_toolkit_is_kept_from_autoremove() -> None:
    state = replace(BOTH, brought_drivers=("cuda-drivers",))
    wish = CudaWish(("12.4",), state="absent")
    found, _asked = settled(state, wish, Repository())
    assert "mark-wanted" not in [step.action for step in found.steps], "these toolkits did not bring it"
    whole = replace(
        state, packages=(*state.packages, Package("cuda-12-4", "12.4.1-1", "install", "installed"))
    )
    found, _asked = settled(whole, wish, Repository())
    wanted, purge = [step for step in found.steps if step.phase == "packages"]
    assert (wanted.action, wanted.data) == ("mark-wanted", Names(("cuda-drivers",)))
    assert purge.action == "purge" and "cuda-12-4" in purge.data.names


def test_a_plain_link_stays_one() -> None:
    """Two trees of runfiles: nobody has an alternative there, so none is made."""
    state = by_hand(by_hand(node(), "11.6.2", "runfile"), "11.8.0", "runfile")
    state = replace(state, default=Default(LINK, "/usr/local/cuda-11.8"))
    state = done(state, CudaWish(("11.6",), default="11.6"))
    assert state.default == Default(LINK, "/usr/local/cuda-11.6")


def test_a_runfiles_link_and_then_packages() -> None:
    """The packages make an alternative of it: the default stays the runfile's tree, now a choice."""
    state = by_hand(node(), "11.6.2", "runfile")
    state = done(replace(state, default=Default(LINK, "/usr/local/cuda-11.6")), CudaWish(("13.0",)))
    assert summary(state)["default"] == "11.6"
    assert dict(state.default.choices) == {"/usr/local/cuda-11.6": 116, "/usr/local/cuda-13.0": 130}


def test_a_runfile_beside_an_alternative_can_be_the_default() -> None:
    state = by_hand(BOTH, "11.6.2", "runfile")
    state = done(state, CudaWish(("11.6",), default="11.6"))
    assert (summary(state)["default"], state.default.kind) == ("11.6", ALTERNATIVE)


def test_a_broken_link_is_mended() -> None:
    state = replace(by_hand(node(), "12.4.1"), default=Default(LINK, "/usr/local/cuda-12.0"))
    chosen = switch(state, CudaWish(("12.4",)))
    assert chosen is not None
    assert chosen[1] == "/usr/local/cuda leads to no toolkit, and this is the newest"


def test_a_directory_is_not_moved() -> None:
    state = by_hand(BOTH, "10.2.89", path="/usr/local/cuda")
    state = replace(state, default=Default(OTHER, "/usr/local/cuda"))
    assert plan(state, CudaWish(("12.4",)), {}).steps == ()
    found = plan(state, CudaWish(("12.4",), default="12.4"), {})
    assert str(found.blockers[0]).startswith("/usr/local/cuda is a directory and not a link")


WAYS = product(
    [(), ("12.4.1",), ("11.8.0", "13.0.2")],
    [False, True],
    [None, "12.8", "11.8"],
    ["12.8", "13.0"],
    [True, False],
)


@pytest.mark.parametrize("there, manual, default, come, go", list(WAYS))
def test_every_way_of_coming_keeps_its_promise(
    there: Tuple[str, ...], manual: bool, default: Optional[str], come: str, go: bool
) -> None:
    """Whatever is there, an alternative in either mode: the promise holds and nothing more is planned."""
    state = having(node(), *there)
    if manual and there:
        state = replace(state, default=replace(state.default, automatic=False))
    wish = CudaWish(
        tuple(dict.fromkeys((come, *([default] if default else [])))), default=default, exclusive=go
    )
    state = done(state, wish)
    if default:
        assert summary(state)["default"] == default


def test_a_hold_is_apts_to_respect() -> None:
    """What apt refuses is passed on in its words."""
    repository = Repository()
    repository.fixed[AskTransaction] = Trouble("Held packages were changed: cuda-nvcc-12-4")
    found, _asked = settled(node(), CudaWish(("12.4",)), repository)
    assert str(found.blockers[0]).endswith("Held packages were changed: cuda-nvcc-12-4")
