# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cuDNN's packages: one version of all parts, from 8 to 9 and back, for another CUDA; and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.state import (
    Copy,
    CudnnState,
    header_of,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.wish import CudnnWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Change, Trouble
from ansible_collections.labfleet.gpu.tests.unit.support.cudnns import (
    Repository,
    done,
    manifest,
    node,
    settled,
    unpacked,
    with_toolkits,
)

SYSTEM = "/usr/lib/x86_64-linux-gnu/libcudnn.so."


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def targets(found: Plan) -> List[str]:
    (data,) = [step.data for step in found.steps if step.action == "install-cudnn"]
    return sorted(data.install.targets)


def versions(state: CudnnState) -> "dict[str, str]":
    return {copy.library: copy.version for copy in state.copies}


def test_a_bare_node() -> None:
    found, _asked = settled(node(), CudnnWish("9", "12"), Repository())
    assert actions(found) == ["write-file", "write-file", "refresh-index", "install-cudnn", "verify-cudnn"]
    assert targets(found) == [
        "libcudnn9-cuda-12=9.26.0.51-1",
        "libcudnn9-dev-cuda-12=9.26.0.51-1",
        "libcudnn9-headers-cuda-12=9.26.0.51-1",
    ]
    assert found.steps[3].what == "install cuDNN 9.26.0.51: 3 packages"
    assert found.steps[3].why == "cuDNN 9 for CUDA 12 is not installed"
    verify = found.steps[4].data
    assert (verify.library, verify.version) == (SYSTEM + "9", "9.26.0")
    assert verify.header == "/usr/include/x86_64-linux-gnu/cudnn_version_v9.h"
    assert found.promised()["cudnn"] == {
        SYSTEM + "9": {"version": "9.26.0.51", "origin": "package", "cuda": "12", "header": "9.26.0"}
    }


def test_what_is_there_needs_no_step_and_no_question() -> None:
    state = done(node(), CudnnWish("9.5", "12"))
    for wish in (CudnnWish("9", "12"), CudnnWish("9.5.1.17"), CudnnWish("9", source="nvidia")):
        found = plan(state, wish, {})
        assert (found.steps, found.questions, found.blockers, found.promise) == ((), (), (), None)


def test_what_still_lacks_is_told_with_the_questions() -> None:
    found = plan(node(), CudnnWish("9", "12"), {})
    assert (bool(found.questions), found.reasons) == (True, ("cuDNN 9 for CUDA 12 is not installed",))


@pytest.mark.parametrize(
    "components, names",
    [
        ("runtime", ["libcudnn9-cuda-12"]),
        ("dev", ["libcudnn9-cuda-12", "libcudnn9-dev-cuda-12"]),
        ("static", ["libcudnn9-cuda-12", "libcudnn9-dev-cuda-12", "libcudnn9-static-cuda-12"]),
    ],
)
def test_components(components: str, names: List[str]) -> None:
    state = done(node(), CudnnWish("9.5", "12", components=components))
    assert sorted(state.versions()) == names


def test_eight_for_a_cuda_whose_package_is_not_the_newest() -> None:
    found, _asked = settled(node(), CudnnWish("8", "11"), Repository())
    assert targets(found) == ["libcudnn8-dev=8.9.7.29-1+cuda11.8", "libcudnn8=8.9.7.29-1+cuda11.8"]
    state = done(node(), CudnnWish("8", "11"))
    found, _asked = settled(state, CudnnWish("8", "12"), Repository())
    assert found.reasons == ("cuDNN for CUDA 12 is asked for, and that for 11.8 is there",)
    assert targets(found) == ["libcudnn8-dev=8.9.7.29-1+cuda12.2", "libcudnn8=8.9.7.29-1+cuda12.2"]


def test_all_parts_move_together_over_the_split_of_the_headers() -> None:
    state = done(node(), CudnnWish("9.5", "12", components="static"))
    state = done(state, CudnnWish("9.10", "12", components="runtime"))
    assert set(state.versions().values()) == {"9.10.2.21-1"}
    assert "libcudnn9-static-cuda-12" in state.versions()


def test_parts_of_several_versions_are_brought_together() -> None:
    state = done(node(), CudnnWish("9.10", "12"))
    packages = tuple(
        replace(package, version="9.26.0.51-1") if "headers" in package.name else package
        for package in state.packages
    )
    repository = Repository()
    found, _asked = settled(replace(state, packages=packages), CudnnWish("9.10", "12"), repository)
    assert targets(found) == ["libcudnn9-headers-cuda-12=9.10.2.21-1"]
    assert [step.data.install.downgrade for step in found.steps if step.action == "install-cudnn"] == [True]


def test_the_newest_only_when_it_is_asked_for() -> None:
    state = done(node(), CudnnWish("9.5", "12"))
    assert plan(state, CudnnWish("9", "12"), {}).steps == ()
    state = done(state, CudnnWish("9", "12", update=True))
    assert versions(state) == {SYSTEM + "9": "9.26.0.51"}
    found, _asked = settled(state, CudnnWish("9", "12", update=True), Repository())
    assert found.steps == ()


def test_nine_comes_beside_eight_and_has_the_headers() -> None:
    state = done(node(), CudnnWish("8", "12"))
    state = done(state, CudnnWish("9", "12"))
    assert versions(state) == {SYSTEM + "8": "8.9.7.29", SYSTEM + "9": "9.26.0.51"}
    assert state.headers.target == header_of(state.host, "9")
    found, asked = settled(state, CudnnWish("8", "12"), Repository())
    assert (actions(found), asked) == (["set-headers"], [])
    state = done(state, CudnnWish("8", "12"))
    assert summary(state)["headers"] == header_of(state.host, "8") and not state.headers.automatic
    assert done(state, CudnnWish("9", "12")).headers.target == header_of(state.host, "9")


def test_from_eight_to_nine_with_nothing_left_of_eight() -> None:
    state = done(node(), CudnnWish("8", "12"))
    found, _asked = settled(state, CudnnWish("9", "12", exclusive=True), Repository())
    assert actions(found)[-3:] == ["install-cudnn", "verify-cudnn", "purge"]
    assert found.steps[-1].data.names == ("libcudnn8", "libcudnn8-dev")
    assert versions(done(state, CudnnWish("9", "12", exclusive=True))) == {SYSTEM + "9": "9.26.0.51"}


def test_packages_for_another_cuda_own_the_same_files_and_go_first() -> None:
    state = done(node(), CudnnWish("9.5", "11"))
    found, _asked = settled(state, CudnnWish("9.5", "12"), Repository())
    assert [each for each in actions(found) if each in ("purge", "install-cudnn")] == [
        "purge",
        "install-cudnn",
    ]
    state = done(state, CudnnWish("9.5", "12"))
    assert sorted(state.versions()) == ["libcudnn9-cuda-12", "libcudnn9-dev-cuda-12"]


def test_absent() -> None:
    state = done(done(node(), CudnnWish("8", "12")), CudnnWish("9", "12"))
    state = done(state, CudnnWish("8", state="absent"))
    assert versions(state) == {SYSTEM + "9": "9.26.0.51"}
    state = done(state, CudnnWish(state="absent"))
    assert (versions(state), state.headers.target) == ({}, None)


def test_the_cuda_is_taken_from_the_toolkits() -> None:
    state = with_toolkits(node(), "13.0.2", "12.4.1")
    found, _asked = settled(state, CudnnWish("9"), Repository())
    assert "libcudnn9-cuda-12=9.26.0.51-1" in targets(found)
    (blocker,) = plan(node(), CudnnWish("9"), {}).blockers
    assert blocker.next == 'set cuda, for example cuda: "12"'


def test_the_newest_that_supports_the_gpus_is_taken() -> None:
    found, _asked = settled(node("Volta"), CudnnWish("9", "12"), Repository())
    assert "libcudnn9-cuda-12=9.10.2.21-1" in targets(found)
    assert "cuDNN 9.26.0 is there too" in found.warnings[0]


def test_one_that_somebody_copied_will_do_unless_packages_are_asked_for() -> None:
    state = with_toolkits(node(), "12.4.1")
    path = "/usr/local/cuda-12.4"
    copy = Copy(path + "/lib64/libcudnn.so.9", "9.5.1", "hand", path, None, "9.5.1")
    state = replace(state, copies=(copy,))
    assert plan(state, CudnnWish("9"), {}).steps == plan(state, CudnnWish("9"), {}).questions == ()
    assert plan(state, CudnnWish("9", source="nvidia"), {}).questions
    assert plan(state, CudnnWish("9.10"), {}).questions
    headless = replace(state, copies=(replace(copy, header=None),))
    assert plan(headless, CudnnWish("9"), {}).questions
    assert plan(headless, CudnnWish("9", components="runtime"), {}).questions == ()
    warned, _asked = settled(state, CudnnWish("9.10"), Repository())
    assert any("Somebody copied cuDNN 9.5.1 to " + copy.library in line for line in warned.warnings)


def test_a_cut_off_run_of_dpkg_comes_first() -> None:
    found = plan(replace(node(), unsettled=("libcudnn9-cuda-12",)), CudnnWish("9", "12"), {})
    assert (actions(found), found.replan) == (["finish-dpkg"], True)
    other = replace(done(node(), CudnnWish("9", "12")), unsettled=("vim",))
    assert plan(other, CudnnWish("9", "12"), {}).steps == ()
    assert plan(other, CudnnWish("8", "12"), {}).replan


def test_packages_that_were_not_tried_out_are_before_anything_is_called_done() -> None:
    state = replace(done(node(), CudnnWish("9", "12")), untried="9")
    found = plan(state, CudnnWish("9", "12"), {})
    assert actions(found) == ["verify-cudnn"] and found.questions == ()
    assert done(state, CudnnWish("9", "12")).untried is None
    for wish in (CudnnWish(state="absent"), CudnnWish("8", "12")):
        assert done(state, wish).untried is None
    gone = replace(node(), untried="9")
    assert actions(plan(gone, CudnnWish(state="absent"), {})) == ["forget"]


def refusal(state: CudnnState, wish: CudnnWish, repository: "Repository | None" = None) -> str:
    found, _asked = settled(state, wish, repository or Repository())
    assert not found.steps
    return " ".join(str(blocker) for blocker in found.blockers)


def test_what_is_refused() -> None:
    nine = CudnnWish("9.26", "12")
    assert "use cuDNN 9.10.2" in refusal(node("Volta"), nine)
    assert "does not know this GPU yet" in refusal(node("Blackwell"), CudnnWish("9.5", "12"))
    assert "write cuda: 13 or 12" in refusal(node(), CudnnWish("9.26", "11"))
    assert "choose from 9.10.2, 9.5.1, 8.9.7 for CUDA 11" in refusal(node(), CudnnWish("9.7", "12"))
    old = refusal(node(driver="470.256.02"), nine)
    assert "needs driver 525.60.13, and 470.256.02 is installed" in old
    assert "write cuda: 12, or install" in refusal(with_toolkits(node(), "12.4.1"), CudnnWish("9.5", "11"))
    hand = Copy(SYSTEM + "9", "9.1.0", "hand", "/usr")
    assert "set take_over: true" in refusal(replace(node(), copies=(hand,)), nine)


def test_an_older_driver_does_where_the_compatibility_package_is() -> None:
    """On data-centre boards; the toolkit tells which package that is."""
    state = with_toolkits(node(driver="470.256.02"), "12.2.2")
    assert "libcudnn9-cuda-12=9.26.0.51-1" in targets(settled(state, CudnnWish("9", "12"), Repository())[0])


def test_what_apt_would_do_besides_is_refused() -> None:
    repository = Repository()
    repository.besides = (Change("nvidia-driver-580", "", "580.95.05-1"),)
    assert "change the driver" in refusal(node(), CudnnWish("9", "12"), repository)
    repository = Repository()
    repository.rows["libcudnn9-dev-cuda-12"] = [("9.26.0.51-1", "libcudnn9-cuda-12 (= 9.9.9-1)")]
    assert "apt cannot install these packages" in refusal(node(), CudnnWish("9", "12"), repository)
    repository = Repository()
    repository.free = 1024
    assert "Not enough free space" in refusal(node(), CudnnWish("9", "12"), repository)
    repository = Repository()
    repository.dependents = {"caffe": "libcudnn8"}
    state = done(node(), CudnnWish("8", "12"))
    assert "caffe" in refusal(state, CudnnWish("9", "12", exclusive=True), repository)
    repository.answer = lambda question: Trouble("broken")  # type: ignore[method-assign]
    assert "apt cannot remove" in refusal(state, CudnnWish(state="absent"), repository)


def test_exclusive_takes_archives_away_too() -> None:
    state = unpacked(with_toolkits(node(), "12.4.1"), manifest())
    found, _asked = settled(state, CudnnWish("9", "12", source="nvidia", exclusive=True), Repository())
    assert actions(found)[-2:] == ["verify-cudnn", "remove-archive"]
    assert versions(done(state, CudnnWish("9", "12", source="nvidia", exclusive=True))) == {
        SYSTEM + "9": "9.26.0.51"
    }
