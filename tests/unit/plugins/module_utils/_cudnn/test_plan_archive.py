# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive goes into toolkits: which archive, which toolkits, and what stands against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.manifest import CHANGED, GONE, Manifest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.state import Copy, CudnnState
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.wish import CudnnWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Digest, FileThere, Trouble
from ansible_collections.labfleet.gpu.plugins.module_utils._toolkit_trees import ToolkitTree
from ansible_collections.labfleet.gpu.tests.unit.support.cudnns import (
    GIB,
    Repository,
    done,
    manifest,
    node,
    settled,
    tree,
    unpacked,
    with_toolkits,
)

TOOLKIT = "/usr/local/cuda-12.4"
NAME = "cudnn-linux-x86_64-9.5.1.17_cuda12-archive.tar.xz"
#: The digest that the node's file has.
CHECKSUM = "sha256:" + "a" * 64


def wish(**more: Any) -> CudnnWish:
    given = {"source": "archive", "archive": "/srv/" + NAME, "checksum": CHECKSUM, **more}
    return CudnnWish("9.5.1", "12", **given)


def toolkit(*versions: str) -> CudnnState:
    return with_toolkits(node(), *versions or ("12.4.1",))


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def test_a_file_on_the_node() -> None:
    found, asked = settled(toolkit(), wish(), Repository())
    assert actions(found) == ["unpack-archive", "verify-cudnn"]
    assert found.steps[0].what == "put cuDNN 9.5.1.17 into %s, from %s" % (TOOLKIT, NAME)
    assert found.steps[0].why == "cuDNN 9.5.1 is not in %s" % TOOLKIT
    assert [type(question).__name__ for question in asked] == ["AskDigest", "AskSpace"]
    assert found.steps[1].data.header == TOOLKIT + "/include/cudnn_version.h"
    state = done(toolkit(), wish())
    assert [(copy.version, copy.origin, copy.place) for copy in state.copies] == [
        ("9.5.1.17", "archive", TOOLKIT)
    ]


def test_nvidias_own_is_fetched_and_forgotten() -> None:
    found, asked = settled(toolkit(), CudnnWish("9.5.1", "12", source="archive"), Repository())
    assert actions(found) == ["download", "unpack-archive", "verify-cudnn", "forget"]
    fetch = found.steps[0].data
    assert (
        fetch.url == "https://developer.download.nvidia.com/compute/cudnn/redist/cudnn/linux-x86_64/" + NAME
    )
    assert fetch.digest.startswith("sha256:35dd20b9") and fetch.size == GIB
    assert [type(question).__name__ for question in asked] == ["AskFile", "AskSpace"]
    assert fetch.path == found.steps[1].data.archive == found.steps[3].data
    name = fetch.path.rpartition("/")[2]
    found, _asked = settled(
        replace(toolkit(), cached=(name,)), CudnnWish("9.5.1", "12", source="archive"), Repository()
    )
    assert actions(found) == ["unpack-archive", "verify-cudnn", "forget"], "an earlier run has fetched it"


def test_what_a_cut_off_run_left_goes() -> None:
    state = replace(
        done(toolkit(), wish()), cached=("abc-x.part",), staged=(TOOLKIT + "/.labfleet-gpu-cudnn",)
    )
    found = plan(state, wish(), {})
    assert actions(found) == ["forget", "forget"]
    done(state, wish())


def test_the_same_again_is_nothing() -> None:
    state = done(toolkit(), wish())
    for again in (wish(), wish(checksum=None), wish(components="runtime"), CudnnWish("9", toolkit=TOOLKIT)):
        found = plan(state, replace(again, source="archive"), {})
        assert (found.steps, found.questions, found.blockers) == ((), (), ())


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"checksum": "sha256:" + "b" * 64}, "what is in %s came from another archive"),
        ({"components": "static"}, "%s has the components dev"),
    ],
)
def test_why_it_is_put_there_again(changes: Any, reason: str) -> None:
    state = done(toolkit(), wish())
    repository = Repository()
    repository.digest = Digest(changes.get("checksum", CHECKSUM), 1)
    found, _asked = settled(state, wish(**changes), repository)
    assert found.reasons == (reason % TOOLKIT,)
    assert actions(found) == ["unpack-archive", "verify-cudnn"]


def spoilt(how: str, **changes: Any) -> CudnnState:
    """The first file of an archive was lost or changed."""
    made = manifest(**changes)
    return unpacked(toolkit(), replace(made, entries=(replace(made.entries[0], now=how), *made.entries[1:])))


def test_lost_files_come_back() -> None:
    found, _asked = settled(spoilt(GONE), wish(), Repository())
    assert found.reasons == ("1 files of it are gone from %s" % TOOLKIT,)


def test_changed_files_are_told_and_replaced_by_consent_alone() -> None:
    state = spoilt(CHANGED)
    found = plan(state, wish(), {})
    assert found.steps == () and "include/cudnn_version.h" in found.warnings[0]
    (blocker,) = plan(spoilt(CHANGED, version="9.4.0.58"), wish(), {}).blockers
    assert "set take_over: true" in blocker.next
    found, _asked = settled(state, wish(take_over=True), Repository())
    assert found.steps[0].data.replaced == ("include/cudnn_version.h",)


def test_a_run_that_was_cut_off() -> None:
    untried = unpacked(toolkit(), manifest(verified=False))
    assert actions(plan(untried, wish(), {})) == ["verify-cudnn"]
    done(untried, wish())
    halfway = unpacked(toolkit(), manifest(complete=False, verified=False))
    found, _asked = settled(halfway, wish(), Repository())
    assert actions(found)[0] == "unpack-archive" and "cut off" in found.steps[0].why


def test_what_somebody_copied_is_replaced_by_consent_alone() -> None:
    copy = Copy(TOOLKIT + "/lib64/libcudnn.so.8", "8.6.0", "hand", TOOLKIT)
    strangers = {TOOLKIT: ("include/cudnn.h", "lib64/libcudnn.so.8")}
    state = replace(toolkit(), copies=(copy,), strangers=strangers)
    (blocker,) = plan(state, wish(), {}).blockers
    assert "has 8.6.0" in blocker.which and "set take_over: true" in blocker.next
    found, _asked = settled(state, wish(take_over=True), Repository())
    assert "in the place of 2 files that somebody put there" in found.steps[0].what
    done(state, wish(take_over=True))


def test_all_toolkits_of_a_cuda_and_those_alone() -> None:
    state = toolkit("11.8.0", "12.4.1", "12.8.1")
    found, _asked = settled(state, wish(toolkit="all"), Repository())
    assert [step.data.toolkit for step in found.steps if step.action == "unpack-archive"] == [
        "/usr/local/cuda-12.4",
        "/usr/local/cuda-12.8",
    ]
    found = plan(state, replace(wish(toolkit="all"), cuda=None), {})
    assert "set cuda" in found.blockers[0].next


def test_toolkits_that_come_in_the_same_run() -> None:
    state = replace(toolkit("12.8.1"), toolkits=())
    found, _asked = settled(state, wish(toolkits=(tree("12.4.1"),), default_path=TOOLKIT), Repository())
    assert found.steps[0].data.toolkit == TOOLKIT


def refusal(state: CudnnState, asked: CudnnWish, digest: Any = None) -> str:
    repository = Repository()
    repository.digest = digest or repository.digest
    found, _asked = settled(state, asked, repository)
    assert not found.steps
    return " ".join(str(blocker) for blocker in found.blockers)


def test_what_is_refused() -> None:
    state = toolkit()
    assert "install one first" in refusal(node(), wish())
    assert "name one of these" in refusal(state, wish(toolkit="12.8"))
    eleven = replace(wish(), cuda="11")
    assert "does not go into a toolkit of another CUDA" in refusal(state, eleven)
    other = "/srv/cudnn-linux-x86_64-9.5.1.17_cuda11-archive.tar.xz"
    assert "The archive is for another CUDA" in refusal(state, wish(archive=other))
    assert "write version: 9.5.1.17" in refusal(state, replace(wish(), version="9.6"))
    sbsa = "/srv/cudnn-linux-sbsa-9.5.1.17_cuda12-archive.tar.xz"
    assert "for another architecture" in refusal(state, wish(archive=sbsa))
    assert "set checksum: sha256:" in refusal(state, wish(archive="/srv/mine.tar.xz", checksum=None))
    assert "is not what its checksum says" in refusal(state, wish(), Digest("sha256:" + "c" * 64, 1))
    assert "cannot be read" in refusal(state, wish(), Trouble("/srv/x cannot be read: No such file"))
    assert "Not enough free space" in refusal(state, wish(), Digest(CHECKSUM, 10**12))
    assert "choose from" in refusal(state, CudnnWish("9.99", "12", source="archive"))
    assert "log in" in refusal(with_toolkits(node("Ampere"), "11.2.2"), CudnnWish("8.1", source="archive"))
    repository = Repository()
    repository.there = Trouble("https://server/a answered 404")
    found, _asked = settled(state, CudnnWish("9.5.1", "12", source="archive"), repository)
    assert "answered 404" in str(found.blockers[0])
    repository.there, repository.free = FileThere(GIB), 3 * GIB
    found, _asked = settled(state, CudnnWish("9.5.1", "12", source="archive"), repository)
    assert "needed are 4096 MiB" in str(found.blockers[0])
    blackwell = with_toolkits(node("Blackwell"), "12.4.1")
    assert "does not know this GPU yet" in refusal(blackwell, wish())


def test_the_checksum_tells_what_a_file_of_any_name_is() -> None:
    known = "sha256:35dd20b9c68324ae1288ac36f66ab1f318d2bfecfafb703a82617aa283272be4"
    found, _asked = settled(toolkit(), wish(archive="https://mirror/c.tar.xz", checksum=known), Repository())
    assert "put cuDNN 9.5.1.17" in found.steps[1].what
    found, _asked = settled(toolkit(), wish(archive="https://mirror/c.tar.xz"), Repository())
    assert "put cuDNN 9.5.1 " in found.steps[1].what and "cudnn" not in found.promised()


def test_the_newest_archive_that_supports_the_gpus() -> None:
    state = with_toolkits(node("Volta"), "12.4.1")
    found, _asked = settled(state, CudnnWish("9", source="archive"), Repository())
    assert found.steps[1].data.version == "9.10.2.21"


def test_update_goes_to_the_newest_archive_once() -> None:
    asked = CudnnWish("9", "12", source="archive", update=True)
    found, _asked = settled(unpacked(toolkit(), manifest()), asked, Repository())
    assert found.reasons == ("the newest of cuDNN 9 is asked for",)
    unpack = found.steps[1].data
    newest = manifest(version=unpack.version, checksum=unpack.checksum)
    found, _asked = settled(unpacked(toolkit(), newest), asked, Repository())
    assert found.steps == ()


def absent(**given: Any) -> CudnnWish:
    return CudnnWish(state="absent", **given)


def test_absent_takes_what_archives_brought() -> None:
    others: "tuple[Manifest, ...]" = (manifest(), manifest("/usr/local/cuda-12.8", "9.10.2.21"))
    state = unpacked(toolkit("12.4.1", "12.8.1"), *others)
    for asked, left in (
        (absent(), []),
        (absent(toolkit="12.4", source="archive"), ["9.10.2.21"]),
        (absent(version="9.10"), ["9.5.1.17"]),
        (absent(cuda="11"), ["9.5.1.17", "9.10.2.21"]),
        (absent(source="nvidia"), ["9.5.1.17", "9.10.2.21"]),
    ):
        assert [copy.version for copy in done(state, asked).copies] == left
    gone = replace(state, toolkits=())
    assert len(done(gone, absent(toolkit="12.4", source="archive")).copies) == 1


def test_absent_keeps_changed_files_and_says_so() -> None:
    found, _asked = settled(spoilt(CHANGED), absent(), Repository())
    assert actions(found) == ["remove-archive"] and "so they stay" in found.warnings[0]
    assert found.steps[0].what == "remove cuDNN 9.5.1.17 from %s: 2 files" % TOOLKIT


def test_what_is_left_of_a_toolkit_that_is_gone_goes() -> None:
    state = unpacked(toolkit("12.8.1"), manifest())
    asked = CudnnWish("9", "12", source="nvidia")
    found, _asked = settled(state, asked, Repository())
    assert (found.steps[-1].action, found.steps[-1].why) == ("remove-archive", "its toolkit is gone")
    assert [copy.place for copy in done(state, asked).copies] == ["/usr"]


def test_exclusive_leaves_the_wished_toolkit_alone() -> None:
    state = unpacked(toolkit("12.4.1", "12.8.1"), manifest(), manifest("/usr/local/cuda-12.8"))
    found, _asked = settled(state, wish(toolkit="12.4", exclusive=True), Repository())
    assert [(step.action, step.data) for step in found.steps] == [("remove-archive", "/usr/local/cuda-12.8")]


def test_a_toolkit_that_the_run_knows_nothing_of_is_not_gone() -> None:
    """gpu_stack tells of the toolkits below /usr/local alone; others may be elsewhere."""
    elsewhere = ToolkitTree("/opt/cuda-12.4", "12.4.1")
    state = unpacked(toolkit("12.8.1"), manifest("/opt/cuda-12.4", "9.10.2.21"))
    state = replace(state, toolkits=(*state.toolkits, elsewhere))
    told = CudnnWish("9", "12", source="nvidia", toolkits=(tree("12.8.1"),), default_path=None)
    found, _asked = settled(state, told, Repository())
    assert "remove-archive" not in actions(found)
