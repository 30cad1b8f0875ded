# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Toolkits from NVIDIA's runfiles: which file, what it takes, where it goes, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.cuda_runfiles import runfile
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import (
    ALTERNATIVE,
    CACHE,
    LINK,
    CudaState,
    Default,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import CudaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskDigest,
    AskFile,
    AskIndex,
    AskSpace,
    Change,
    FileThere,
    Index,
    Space,
    Transaction,
    Trouble,
)
from ansible_collections.labfleet.gpu.tests.unit.support.cuda_repository import GIB
from ansible_collections.labfleet.gpu.tests.unit.support.toolkits import (
    Repository,
    by_hand,
    done,
    having,
    node,
    settled,
)

NVIDIA = "https://developer.download.nvidia.com/compute/cuda/"
SHA256 = "sha256:" + "ab" * 32
MIRROR = "http://mirror.example.org/cuda/"


def wished(*versions: str, **more: Any) -> CudaWish:
    return CudaWish(versions, source="runfile", **more)


def planned(state: CudaState, wish: CudaWish, repository: Optional[Repository] = None) -> Plan:
    found, _asked = settled(state, wish, repository or Repository())
    assert not found.blockers, found.blockers
    return found


def refusal(state: CudaState, wish: CudaWish, repository: Optional[Repository] = None) -> str:
    found, _asked = settled(state, wish, repository or Repository())
    (blocker,) = found.blockers
    assert found.steps == ()
    return str(blocker)


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def data(found: Plan, action: str) -> Any:
    (one,) = [step.data for step in found.steps if step.action == action]
    return one


def paths(state: CudaState) -> List[str]:
    return [toolkit.path for toolkit in state.toolkits]


# which file


def test_a_bare_node_gets_nvidias_own_file_of_the_release() -> None:
    found = planned(node("Ampere"), wished("11.6.2"))
    assert actions(found) == [
        *("download", "run-installer", "remove-download", "set-default"),
        *("write-file", "write-file", "renew-linker-cache"),
    ]
    known = runfile("11.6.2", "x86_64")
    assert known is not None and known.checksum
    fetched, run = data(found, "download"), data(found, "run-installer")
    assert (fetched.url, fetched.digest, fetched.size) == (known.url, known.checksum, known.size)
    assert fetched.path == run.file == CACHE + "/cuda_11.6.2_linux.run"
    assert (run.path, run.release, run.digest) == ("/usr/local/cuda-11.6", "11.6.2", known.checksum)
    state = done(node("Ampere"), wished("11.6.2"))
    assert state.default == Default(LINK, "/usr/local/cuda-11.6") and state.downloads == {}


def test_a_minor_is_its_newest_runfile_for_the_machine() -> None:
    state = node("Ampere")
    arm = replace(state, host=replace(state.host, machine="aarch64"))
    assert data(planned(state, wished("12.4")), "download").url.endswith("cuda_12.4.1_550.54.15_linux.run")
    assert data(planned(arm, wished("12.4")), "download").url.endswith("cuda_12.4.1_550.54.15_linux_sbsa.run")
    assert data(planned(arm, wished("12.4")), "run-installer").file.endswith("_linux_sbsa.run")


@pytest.mark.parametrize("base", ["http://mirror.example.org/cuda", MIRROR])
def test_a_mirror_has_the_same_paths(base: str) -> None:
    fetched = data(planned(node("Ampere"), wished("12.4.1", runfile_mirror=base)), "download")
    assert fetched.url == MIRROR + "12.4.1/local_installers/cuda_12.4.1_550.54.15_linux.run"
    assert fetched.digest.startswith("sha256:")


def test_a_checksum_goes_before_the_known_one() -> None:
    fetched = data(
        planned(node("Ampere"), wished("12.4.1", runfile_mirror=MIRROR, checksum=SHA256)), "download"
    )
    assert (fetched.digest, fetched.size) == (SHA256, None)


def test_an_address_of_its_own_tells_the_release() -> None:
    url = MIRROR + "cuda_12.4.0_550.54.14_linux.run"
    run = data(planned(node("Ampere"), wished("12.4", runfile=url)), "run-installer")
    assert run.release == "12.4.0"
    assert "is 12.4.0, and versions has 12.8" in refusal(node("Ampere"), wished("12.8", runfile=url))
    said = refusal(node("Ampere"), wished("12.4", runfile=url.replace("linux", "linux_sbsa")))
    assert "is for aarch64, and this is x86_64" in said


def test_a_name_that_tells_nothing() -> None:
    assert "write the release in full" in refusal(
        node("Ampere"), wished("12.4", runfile=MIRROR + "latest.run")
    )
    run = data(planned(node("Ampere"), wished("12.4.0", runfile=MIRROR + "latest.run")), "run-installer")
    assert run.release == "12.4.0" and run.digest.startswith("sha256:")


def test_a_release_newer_than_the_table_from_an_address() -> None:
    url = MIRROR + "cuda_14.0.0_linux.run"
    assert "checksum: sha256:" in refusal(node("Ampere"), wished("14.0", runfile=url))
    run = data(planned(node("Ampere"), wished("14.0", runfile=url, checksum=SHA256)), "run-installer")
    assert (run.release, run.path) == ("14.0.0", "/usr/local/cuda-14.0")


def test_without_a_sha256_only_nvidia_itself_is_believed() -> None:
    known = runfile("13.4.1", "x86_64")
    assert known is not None and known.checksum and known.checksum.startswith("md5:")
    assert data(planned(node("Ampere"), wished("13.4.1")), "download").digest == known.checksum
    said = refusal(node("Ampere"), wished("13.4.1", runfile_mirror=MIRROR))
    assert said.startswith("No SHA-256 is known of this runfile") and "checksum: sha256:" in said
    assert planned(node("Ampere"), wished("13.4.1", runfile_mirror=MIRROR, checksum=SHA256)).steps


def test_a_file_of_the_node_is_looked_at_first_and_stays() -> None:
    path = "/srv/cuda_12.4.1_550.54.15_linux.run"
    repository = Repository()
    known = runfile("12.4.1", "x86_64")
    assert known is not None and known.checksum
    repository.digests[path] = known.checksum
    found = planned(node("Ampere"), wished("12.4", runfile=path), repository)
    assert actions(found)[0] == "run-installer" and data(found, "run-installer").file == path
    repository.digests[path] = SHA256
    said = refusal(node("Ampere"), wished("12.4", runfile=path), repository)
    assert SHA256 in said and known.checksum in said
    repository.fixed[AskDigest] = Trouble(path + " cannot be read: No such file or directory")
    assert "bring the file there" in refusal(node("Ampere"), wished("12.4", runfile=path), repository)


def test_what_no_runfile_is_known_for() -> None:
    state = node("Ampere")
    other = replace(state, host=replace(state.host, machine="ppc64le"))
    assert "choose from none" in refusal(other, wished("12.4"))
    assert "There is no such CUDA" in refusal(state, wished("12.7"))
    assert "choose from 12.4.0, 12.4.1" in refusal(state, wished("12.4.9"))
    assert "13.4.1" in refusal(state, wished("14.0"))


# what it needs


def test_a_server_that_does_not_have_it() -> None:
    repository = Repository()
    repository.fixed[AskFile] = Trouble("it answered 404 Not Found")
    said = refusal(node("Ampere"), wished("12.4"), repository)
    assert "404" in said and "runfile_mirror" in said


@pytest.mark.parametrize("free, fits", [(20 * GIB, True), (20 * GIB - 1, False)])
def test_room_for_the_file_and_twice_its_size_unpacked_and_installed(free: int, fits: bool) -> None:
    repository = Repository()
    repository.fixed[AskSpace] = Space({path: ("/", free) for path in (CACHE, "/usr/local")})
    found, _asked = settled(node("Ampere"), wished("12.4"), repository)
    assert bool(found.steps) is fits
    assert fits or "Not enough free space" in str(found.blockers[0])


def test_a_server_that_does_not_tell_the_size() -> None:
    repository = Repository()
    repository.fixed[AskFile] = FileThere(None)
    repository.fixed[AskSpace] = Space({path: ("/", 20 * GIB) for path in (CACHE, "/usr/local")})
    assert "Not enough free space" in refusal(node("Ampere"), wished("12.4"), repository)


def test_a_file_that_was_fetched_before_is_used_and_another_one_is_not() -> None:
    path = CACHE + "/cuda_12.4.1_linux.run"
    state = replace(node("Ampere"), downloads={path: 4 * GIB})
    repository = Repository()
    known = runfile("12.4.1", "x86_64")
    assert known is not None and known.checksum
    repository.digests[path] = known.checksum
    found, asked = settled(state, wished("12.4"), repository)
    assert actions(found)[:2] == ["run-installer", "remove-download"]
    assert not any(isinstance(question, AskFile) for question in asked)
    repository.digests[path] = SHA256
    assert actions(planned(state, wished("12.4"), repository))[0] == "download"


def test_the_installers_library_comes_first() -> None:
    state = done(replace(node("Ampere"), libxml2=False), wished("12.4"))
    assert state.libxml2
    found = planned(replace(node("Ampere"), libxml2=False), wished("12.4"))
    assert actions(found)[:3] == ["refresh-index", "install", "download"]
    assert data(found, "install").targets == ("libxml2=2.9.13-1",)


def test_a_distribution_without_the_library() -> None:
    state = replace(node("Ampere"), libxml2=False)
    newer = replace(state, host=replace(state.host, release="26.04"))
    assert "use source: nvidia" in refusal(newer, wished("13.3"))
    assert planned(replace(newer, libxml2=True), wished("13.3")).steps, "somebody brought it"
    repository = Repository()
    repository.fixed[AskIndex] = Index({})
    assert "cannot be had here" in refusal(state, wished("12.4"), repository)
    repository.fixed[AskIndex] = Trouble("the archive does not answer")
    assert "the archive does not answer" in refusal(state, wished("12.4"), repository)


def test_a_library_that_would_cost_something() -> None:
    class Costly(Repository):
        def transaction(self, question: Any) -> Any:
            return Transaction((), (Change("libxml2-16", "2.14-1", ""),), 0, 0)

    assert "apt would remove libxml2-16" in refusal(
        replace(node("Ampere"), libxml2=False), wished("12.4"), Costly()
    )


def test_a_driver_that_only_a_package_would_bridge() -> None:
    state = node("Hopper", driver="470.256.02")
    assert "cuda-compat-12-4" in refusal(state, wished("12.4"))
    assert not settled(state, CudaWish(("12.4",)), Repository())[0].blockers


# beside what is there


def test_any_release_of_the_minor_will_do_and_only_from_a_runfile() -> None:
    state = done(node("Ampere"), wished("12.4.1"))
    for wish in (wished("12.4"), wished("12.4.1"), CudaWish(("12.4",))):
        again = plan(state, wish, {})
        assert (again.steps, again.questions, again.blockers) == ((), (), ())
    said = refusal(having(node("Ampere"), "12.4.1"), wished("12.4"))
    assert "/usr/local/cuda-12.4 has 12.4.1, from NVIDIA's packages" in said
    assert "unpacked by hand" in refusal(by_hand(node("Ampere"), "12.4.0"), wished("12.4.1"))


@pytest.mark.parametrize("wish", [wished("12.4.1"), wished("12.4", update=True)])
def test_another_release_replaces_the_one_of_its_directory(wish: CudaWish) -> None:
    state = by_hand(node("Ampere"), "12.4.0", "runfile")
    state = replace(state, default=Default(LINK, "/usr/local/cuda-12.4"))
    found = planned(state, wish)
    assert data(found, "run-installer").replaces and "set-default" not in actions(found)
    state = done(state, wish)
    assert [toolkit.version for toolkit in state.toolkits] == ["12.4.1"]
    again = plan(state, replace(wish, update=True), {})
    assert (again.steps, again.questions) == ((), ()), "the newest is known without asking"


def test_the_alternative_of_packages_stays_one() -> None:
    state = having(node("Ampere"), "12.8.1")
    before = state.default
    state = done(state, wished("11.6.2"))
    assert state.default == before
    state = done(state, wished("11.6.2", default="11.6"))
    assert state.default.kind == ALTERNATIVE and state.default.target == "/usr/local/cuda-11.6"


def test_the_default_of_a_runfile_stays_when_another_comes() -> None:
    state = done(node("Ampere"), wished("12.4.1"))
    assert done(state, wished("13.4.1")).default == state.default


def test_absent_runs_the_uninstaller_and_the_newest_left_is_the_default() -> None:
    state = done(done(having(node("Ampere"), "12.8.1"), wished("11.6.2")), wished("13.4.1", default="13.4"))
    wish = CudaWish(("13.4", "11.6"), state="absent")
    assert actions(planned(state, wish)).count("run-uninstaller") == 2
    state = done(state, wish)
    assert paths(state) == ["/usr/local/cuda-12.8"]
    assert (state.default.kind, state.default.target) == (ALTERNATIVE, "/usr/local/cuda-12.8")


def test_absent_of_everything_and_of_runfiles_alone() -> None:
    state = done(having(node("Ampere"), "12.8.1"), wished("11.6.2"))
    assert paths(done(state, CudaWish(state="absent", source="runfile"))) == ["/usr/local/cuda-12.8"]
    state = done(state, CudaWish(state="absent"))
    assert paths(state) == [] and state.default == Default()


def test_exclusive_takes_packages_and_runfiles_alike() -> None:
    state = done(having(node("Ampere"), "12.8.1"), wished("11.6.2"))
    assert paths(done(state, wished("11.6.2", exclusive=True))) == ["/usr/local/cuda-11.6"]
    assert paths(done(state, CudaWish(("12.8",), exclusive=True))) == ["/usr/local/cuda-12.8"]


def test_the_only_plain_link_goes_with_its_toolkit() -> None:
    assert done(done(node("Ampere"), wished("11.6.2")), CudaWish(state="absent")).default == Default()
