# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Toolkits that come: side by side, parts of them, exact releases, updates; and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import (
    LIBRARIES_PATH,
    PROFILE_PATH,
    CudaState,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import CudaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskTransaction
from ansible_collections.labfleet.gpu.tests.unit.support.toolkits import (
    Repository,
    by_hand,
    carried_out,
    done,
    having,
    node,
    settled,
)


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def targets(found: Plan) -> List[str]:
    (install,) = [step.data for step in found.steps if step.action == "install"]
    return list(install.targets)


def test_a_bare_node_gets_one_toolkit_and_nothing_of_a_driver() -> None:
    found, _asked = settled(node(), CudaWish(("12.4",)), Repository())
    assert actions(found) == [
        *("write-file", "write-file", "refresh-index", "install"),
        *("write-file", "write-file", "renew-linker-cache"),
    ]
    assert found.steps[3].what == "install CUDA 12.4.1: 10 packages"
    assert found.steps[3].why == "CUDA 12.4 is not installed"
    assert "cuda-toolkit-12-4=12.4.1-1" in targets(found)
    assert not any(name.startswith(("cuda-12-4=", "cuda-drivers", "cuda-compat")) for name in targets(found))
    promised = found.promised()
    assert promised["toolkits"] == {"/usr/local/cuda-12.4": {"version": "12.4.1", "origin": "package"}}
    assert (promised["default"], promised["environment"]) == ("12.4", True)
    assert [step.data.path for step in found.steps if step.phase == "environment" and step.data] == [
        LIBRARIES_PATH,
        PROFILE_PATH,
    ]


def test_two_versions_side_by_side_with_the_older_one_as_default() -> None:
    found, _asked = settled(node(), CudaWish(("12.4", "13.0"), default="12.4"), Repository())
    (switch,) = [step for step in found.steps if step.action == "set-default"]
    assert switch.what == "make CUDA 12.4 the default: /usr/local/cuda leads to /usr/local/cuda-12.4"
    assert switch.why == "default: 12.4 is wished"
    state = done(node(), CudaWish(("12.4", "13.0"), default="12.4"))
    assert summary(state)["default"] == "12.4"
    assert [toolkit.version for toolkit in state.toolkits] == ["12.4.1", "13.0.2"]


def test_what_is_there_needs_no_step_and_no_question() -> None:
    state = done(node(), CudaWish(("12.4",)))
    for wish in (CudaWish(("12.4",)), CudaWish(("12.4.1",)), CudaWish(("12.4",), source="nvidia")):
        found = plan(state, wish, {})
        assert (found.steps, found.questions, found.blockers, found.promise) == ((), (), (), None)


def test_what_is_still_lacking_is_told_with_the_questions() -> None:
    """After the steps the host is planned for again without answers: what lacks then is a failure."""
    found = plan(node(), CudaWish(("12.4",)), {})
    assert (bool(found.questions), found.reasons) == (True, ("CUDA 12.4 is not installed",))
    found = plan(having(node(), "12.4.1"), CudaWish(("12.4",), state="absent"), {})
    assert (bool(found.questions), found.reasons) == (True, ("CUDA 12.4.1 is to go",))


def test_others_stay_and_so_does_the_default() -> None:
    """The alternative would go to the newest by itself: that is set right, and said."""
    state = done(node(), CudaWish(("12.4",)))
    found, _asked = settled(state, CudaWish(("13.0",)), Repository())
    (switch,) = [step for step in found.steps if step.action == "set-default"]
    assert switch.data.path == "/usr/local/cuda-12.4"
    assert switch.why == "it is the default so far, and no other is wished"
    state = done(state, CudaWish(("13.0",)))
    assert summary(state)["default"] == "12.4"


def test_an_older_one_beside_leaves_the_alternative_where_it_is() -> None:
    state = done(node(), CudaWish(("13.0",)))
    found, _asked = settled(state, CudaWish(("12.4",)), Repository())
    assert "set-default" not in actions(found)
    assert summary(done(state, CudaWish(("12.4",))))["default"] == "13.0"


@pytest.mark.parametrize(
    "components, name", [("runtime", "cuda-libraries-12-4"), ("compiler", "cuda-compiler-12-4")]
)
def test_less_than_a_toolkit(components: str, name: str) -> None:
    found, _asked = settled(node(), CudaWish(("12.4",), components=components), Repository())
    names = [target.split("=")[0] for target in targets(found)]
    assert name in names
    assert "cuda-toolkit-12-4" not in names
    done(node(), CudaWish(("12.4",), components=components))


def test_single_parts() -> None:
    wish = CudaWish(("12.4",), components="parts", parts=("cuda-nvcc",))
    state = done(node(), wish)
    names = set(state.versions())
    assert "cuda-nvcc-12-4" in names
    assert not names & {"cuda-cudart-12-4", "cuda-compiler-12-4"}
    assert [toolkit.version for toolkit in state.toolkits] == ["12.4"]


def test_a_part_that_does_not_exist() -> None:
    wish = CudaWish(("12.4",), components="parts", parts=("cuda-nvc",))
    found, _asked = settled(node(), wish, Repository())
    assert str(found.blockers[0]) == (
        "NVIDIA's repository has no such part of CUDA 12.4 (cuda-nvc-12-4): look for its name with: "
        "apt-cache pkgnames | grep -- -12-4"
    )


def test_from_a_part_to_the_whole() -> None:
    state = done(node(), CudaWish(("12.4",), components="runtime"))
    found, _asked = settled(state, CudaWish(("12.4",)), Repository())
    (install,) = [step for step in found.steps if step.action == "install"]
    assert install.why == "cuda-toolkit-12-4 is missing"
    assert "cuda-cudart-12-4=12.4.127-1" not in install.data.targets


def test_an_older_release_gets_its_own_parts() -> None:
    """apt alone would take the newest parts: they satisfy "this version or later"."""
    found, asked = settled(node(), CudaWish(("12.4.0",)), Repository())
    assert {"cuda-toolkit-12-4=12.4.0-1", "cuda-nvcc-12-4=12.4.99-1", "cuda-cudart-12-4=12.4.99-1"} <= set(
        targets(found)
    )
    state = done(node(), CudaWish(("12.4.0",)))
    assert state.versions()["cuda-compiler-12-4"] == "12.4.0-1"


def test_a_minor_is_content_with_any_release_of_it() -> None:
    state = having(node(), "12.4.0")
    found = plan(state, CudaWish(("12.4",)), {})
    assert not found.questions
    assert all(step.phase == "environment" for step in found.steps)


def test_update_takes_the_newest_release_of_the_minor_and_of_no_other() -> None:
    state = having(node(), "12.4.0")
    found, _asked = settled(state, CudaWish(("12.4",), update=True), Repository())
    assert {"cuda-toolkit-12-4=12.4.1-1", "cuda-nvcc-12-4=12.4.131-1"} <= set(targets(found))
    (install,) = [step for step in found.steps if step.action == "install"]
    assert install.why == "the newest of CUDA 12.4 is asked for"
    state = done(state, CudaWish(("12.4",), update=True))
    assert [toolkit.version for toolkit in state.toolkits] == ["12.4.1"]


def test_update_of_the_newest_asks_and_changes_nothing() -> None:
    state = done(node(), CudaWish(("12.4",)))
    found, asked = settled(state, CudaWish(("12.4",), update=True), Repository())
    assert found.steps == ()
    assert len(asked) == 1


def test_back_to_an_older_release() -> None:
    state = having(node(), "12.4.1")
    found, asked = settled(state, CudaWish(("12.4.0",)), Repository())
    (question,) = [each for each in asked if isinstance(each, AskTransaction)]
    assert question.downgrade
    state = done(state, CudaWish(("12.4.0",)))
    assert {state.versions()[name] for name in ("cuda-nvcc-12-4", "cuda-cudart-12-4")} == {"12.4.99-1"}


def test_a_tree_by_hand_fulfils_a_minor_without_packages() -> None:
    state = by_hand(node(), "12.4.1")
    found = plan(state, CudaWish(("12.4",)), {})
    assert not found.questions
    assert [step.action for step in found.steps][0] == "set-default"
    assert summary(done(state, CudaWish(("12.4",))))["default_kind"] == "link"


@pytest.mark.parametrize("wish", [CudaWish(("12.4",), source="nvidia"), CudaWish(("12.4.0",))])
def test_packages_do_not_go_over_somebody_elses_tree(wish: CudaWish) -> None:
    found, asked = settled(by_hand(node(), "12.4.1", "runfile"), wish, Repository())
    assert not asked
    assert str(found.blockers[0]).startswith(
        "Another CUDA is where %s would go (/usr/local/cuda-12.4 has 12.4.1, brought by "
        "NVIDIA's runfile): remove that tree the way it came" % wish.versions[0]
    )


def test_the_distributions_own() -> None:
    wish = CudaWish(("11.5",), source="ubuntu")
    state = done(node("Ampere"), wish)
    assert [toolkit.path for toolkit in state.toolkits] == ["/usr"]
    assert summary(state)["default"] is None
    assert state.own_files[PROFILE_PATH] is None


def test_the_distribution_has_one_version_only() -> None:
    found, _asked = settled(node(), CudaWish(("12.4",), source="ubuntu"), Repository())
    assert str(found.blockers[0]).endswith("its own is 11.5.1; use that, or source: nvidia")


def test_an_interrupted_run_is_finished_first() -> None:
    for names in (("cuda-nvcc-12-4",), ("dpkg",)):
        found = plan(replace(node(), unsettled=names), CudaWish(("12.4",)), {})
        assert (actions(found), found.replan) == (["finish-dpkg"], True)
    other = replace(done(node(), CudaWish(("12.4",))), unsettled=("vim",))
    assert plan(other, CudaWish(("12.4",)), {}).steps == ()
    assert actions(plan(other, CudaWish(("13.0",)), {})) == ["finish-dpkg"]


def cut(state: CudaState, wish: CudaWish, at: int) -> CudaState:
    """The node when the run ended after so many steps."""
    found, _asked = settled(state, wish, Repository())
    return carried_out(state, replace(found, steps=found.steps[:at]), Repository())


@pytest.mark.parametrize(
    "wish",
    [
        CudaWish(("12.4", "13.0"), default="12.4"),
        CudaWish(("13.0",), exclusive=True, module_files="lmod"),
        CudaWish(("11.8",), state="absent"),
        CudaWish((), state="absent"),
    ],
)
@pytest.mark.parametrize("at", range(9))
def test_every_cut_converges(wish: CudaWish, at: int) -> None:
    start = done(node(), CudaWish(("11.8", "12.8"), default="11.8"))
    state = done(cut(start, wish, at), wish)
    straight = done(start, wish)
    if wish.state == "present":
        assert summary(state) == summary(straight)
    else:
        assert summary(state)["toolkits"] == summary(straight)["toolkits"]
