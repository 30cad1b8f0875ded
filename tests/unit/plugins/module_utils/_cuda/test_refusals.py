# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before any step, and what is only said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.rest import informed
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import CudaState
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import CudaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import declared_gpus
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskKey,
    AskRecords,
    AskSpace,
    Change,
    Space,
    Trouble,
)
from ansible_collections.labfleet.gpu.tests.unit.support.cuda_repository import NVIDIA
from ansible_collections.labfleet.gpu.tests.unit.support.toolkits import (
    Repository,
    by_hand,
    done,
    having,
    node,
    settled,
)


def refusal(state: CudaState, wish: CudaWish, repository: Optional[Repository] = None) -> str:
    """The only blocker, in words."""
    found, _asked = settled(state, wish, repository or Repository())
    (blocker,) = found.blockers
    assert found.steps == ()
    return str(blocker)


@pytest.mark.parametrize(
    "driver, version, refused",
    [
        ("525.60.13", "12.8", False),
        ("525.53", "12.8", True),
        ("450.80.02", "11.8", False),
        ("580.65.06", "13.0", False),
        ("520.61.05", "13.0", True),
    ],
)
def test_the_drivers_minimum_counts_minor_version_compatibility(
    driver: str, version: str, refused: bool
) -> None:
    found, asked = settled(node("Ampere", driver=driver), CudaWish((version,)), Repository())
    assert bool(found.blockers) is refused
    assert bool(asked) is not refused


def test_a_driver_that_is_too_old_is_named_with_what_it_can() -> None:
    assert refusal(node("Hopper", driver="520.61.05"), CudaWish(("13.0",))) == (
        "The driver is too old for this CUDA, and no compatibility package bridges that (CUDA 13.0 needs "
        "driver 580, and 520.61.05 is installed): install a newer driver first, or use CUDA 11.8, the newest "
        "for this driver"
    )


def test_the_driver_that_is_to_come_decides() -> None:
    wish = CudaWish(("13.0",), driver_version="580.95.05")
    assert not settled(node(driver="520.61.05"), wish, Repository())[0].blockers


def test_no_driver_refuses_nothing() -> None:
    assert not settled(node("none"), CudaWish(("13.0",)), Repository())[0].blockers


def test_the_compatibility_package_bridges_on_data_centre_boards() -> None:
    """Driver 470 is below the minimum of CUDA 12, and a branch that cuda-compat-12-4 was made for."""
    state = done(node("Ampere", driver="470.82.01"), CudaWish(("12.4",)))
    assert "cuda-compat-12-4" in state.versions()
    text = state.own_files["/etc/ld.so.conf.d/labfleet-gpu-cuda.conf"] or ""
    assert text.splitlines()[1:] == ["/usr/local/cuda/compat", "/usr/local/cuda/lib64"]
    newer = done(replace(state, driver="550.54.15"), CudaWish(("12.4",)))
    assert "compat" not in (newer.own_files["/etc/ld.so.conf.d/labfleet-gpu-cuda.conf"] or "")


@pytest.mark.parametrize(
    ("more", "told"),
    [({"default": "12.4"}, 0), ({"default": "11.8"}, 1), ({"default": "12.4", "environment": False}, 1)],
)
def test_who_gets_the_compatibility_library_by_hand_is_told(more: Dict[str, Any], told: int) -> None:
    wish = CudaWish(("11.8", "12.4"), module_files="lmod", **more)
    state = done(node("Ampere", driver="470.82.01"), wish)
    found = plan(state, wish, {})
    said = [each for each in found.warnings if "/usr/local/cuda-12.4/compat alone" in each]
    assert len(said) == told and found.steps == ()
    lines = state.module_files["/etc/lmod/modules/cuda/12.4"].splitlines()
    assert lines.index("prepend-path LD_LIBRARY_PATH /usr/local/cuda-12.4/compat") > lines.index(
        "prepend-path LD_LIBRARY_PATH /usr/local/cuda-12.4/lib64"
    )
    assert "compat" not in state.module_files["/etc/lmod/modules/cuda/11.8"]


def test_the_compatibility_package_does_not_bridge_on_a_desktop_board() -> None:
    wish = CudaWish(("12.4",), gpus=declared_gpus(["2204"]))
    assert "The driver is too old" in refusal(node(driver="470.82.01"), wish)


@pytest.mark.parametrize(
    "gpu, version, words",
    [
        ("Volta", "13.0", "CUDA 13.0 no longer supports this GPU"),
        ("Blackwell", "12.4", "CUDA 12.4 does not know this GPU yet"),
        ("Kepler", "12.4", "use CUDA 11.8 or older"),
        ("Hopper", "11.5", "use CUDA 11.8 or later"),
    ],
)
def test_a_gpu_that_this_cuda_does_not_know(gpu: str, version: str, words: str) -> None:
    assert words in refusal(node(gpu), CudaWish((version,)))


def test_declared_gpus_replace_those_on_the_bus() -> None:
    wish = CudaWish(("12.4",), gpus=declared_gpus(["hopper"]))
    assert not settled(node("Blackwell"), wish, Repository())[0].blockers


def test_a_version_that_never_was() -> None:
    assert refusal(node(), CudaWish(("12.7",))).startswith("There is no such CUDA (12.7): choose from ")


def test_a_repository_without_that_version_lists_what_it_has() -> None:
    assert refusal(node(), CudaWish(("12.4",)), Repository(without=("12-4",))) == (
        "NVIDIA's repository for this distribution does not have this CUDA (CUDA 12.4 for Ubuntu 22.04.5 LTS "
        "in %s): choose from 11.8 (11.8.0); 12.8 (12.8.1); 13.0 (13.0.2), or use source: runfile, "
        "NVIDIA's installer of 12.4.1" % NVIDIA
    )
    words = refusal(node(), CudaWish(("12.4.2",)))
    assert "12.4 (12.4.0, 12.4.1)" in words and "runfile" not in words, "there is none of that release"


def test_a_repository_with_nothing() -> None:
    repository = Repository()
    repository.rows = {}
    assert "it offers no CUDA at all, check repository_url" in refusal(
        node(), CudaWish(("12.4",)), repository
    )


@pytest.mark.parametrize(
    "question, words",
    [
        (AskKey, "The repository's signing key cannot be used"),
        (AskRecords, "The package index cannot be used"),
    ],
)
def test_a_repository_that_cannot_be_read(question: type, words: str) -> None:
    repository = Repository()
    repository.fixed[question] = Trouble("connection refused")
    assert words in refusal(node(), CudaWish(("12.4",)), repository)


@pytest.mark.parametrize("name, old", [("libcuda1", ""), ("nvidia-driver-550", "550.54.14-0ubuntu1")])
def test_no_driver_comes_along(name: str, old: str) -> None:
    repository = Repository()
    repository.besides = (Change(name, old, "580.95.05-1"),)
    assert refusal(node(), CudaWish(("12.4",)), repository) == (
        "apt would change the driver together with the toolkit (%s): install the driver first "
        "(nvidia_driver), from the source that the toolkit comes from" % name
    )


def test_no_space() -> None:
    repository = Repository()
    places = {"/var/cache/apt/archives": ("/", 9 << 30), "/usr/local": ("/usr/local", 1 << 30)}
    repository.fixed[AskSpace] = Space(places)
    assert refusal(node(), CudaWish(("12.4",)), repository) == (
        "Not enough free space (/usr/local has 1024 MiB, needed are 6144 MiB): free some space there"
    )


def said(state: CudaState, wish: CudaWish) -> Tuple[str, ...]:
    return plan(state, wish, {}).warnings


def test_what_is_there_and_cannot_run_is_said_and_not_refused() -> None:
    state = done(node(), CudaWish(("13.0",)))
    found = plan(replace(state, driver="470.82.01"), CudaWish(("13.0",)), {})
    assert (found.steps, found.blockers) == ((), ())
    assert found.warnings == (
        "CUDA 13.0.2 needs driver 580 or later, and 470.82.01 is installed: its programs will not start.",
    )


def test_what_is_there_and_does_not_know_the_gpu_is_said() -> None:
    wish = CudaWish(("13.0",), gpus=declared_gpus(["volta"]))
    (words,) = said(done(node("none"), CudaWish(("13.0",))), wish)
    assert words.startswith("CUDA 13.0.2 no longer supports this GPU (declared:0 ")


def test_a_compiler_that_is_too_new() -> None:
    state = by_hand(node("Ampere"), "11.0.3")
    assert said(state, CudaWish(("11.0",))) == (
        "CUDA 11.0.3 accepts GCC up to 9, and the default here is 11: install g++-9 and set "
        "NVCC_CCBIN=/usr/bin/g++-9.",
    )
    assert said(state, CudaWish(("11.0",), components="runtime")) == ()
    assert said(having(node(), "12.4.1"), CudaWish(("12.4",))) == ()


def test_a_c_library_that_the_headers_clash_with() -> None:
    new = replace(having(node(), "12.4.1"), glibc="2.43")
    assert said(new, CudaWish(("12.4",))) == (
        "The headers of CUDA 12.4.1 do not compile with the C library here, glibc 2.43: use CUDA 13.1 or "
        "later, or compile elsewhere.",
    )
    assert said(new, CudaWish(("12.4",), components="runtime")) == ()
    assert said(replace(new, glibc="2.41"), CudaWish(("12.4",))) == ()


def test_leftovers_of_older_guides() -> None:
    state = replace(
        having(node(), "12.4.1"),
        leftovers=(
            "/etc/profile line 28: export PATH=/usr/local/cuda-11.2/bin:$PATH",
            "/etc/environment line 2: LD_LIBRARY_PATH=/usr/local/cuda/lib64",
        ),
        library_paths=("/etc/environment",),
    )
    path, other = said(state, CudaWish(("12.4",)))
    assert path.startswith("A global LD_LIBRARY_PATH with CUDA is set in /etc/environment:")
    assert "/etc/profile line 28: export PATH=/usr/local/cuda-11.2/bin:$PATH" in other
    assert "/etc/environment" not in other


def test_a_global_library_path_only_on_request_and_with_a_warning() -> None:
    plain = done(node(), CudaWish(("12.4",)))
    text = plain.own_files["/etc/profile.d/labfleet-gpu-cuda.sh"] or ""
    assert "LD_LIBRARY_PATH" not in text
    wish = CudaWish(("12.4",), library_path=True)
    state = done(plain, wish)
    assert "LD_LIBRARY_PATH" in (state.own_files["/etc/profile.d/labfleet-gpu-cuda.sh"] or "")
    assert "breaks the wheels" in said(state, wish)[0]
    assert done(state, CudaWish(("12.4",))).own_files == state.own_files
    assert done(state, CudaWish(("12.4",), library_path=False)).own_files == plain.own_files


def test_no_environment_where_none_is_wished() -> None:
    state = done(done(node(), CudaWish(("12.4",))), CudaWish(("12.4",), environment=False))
    assert state.own_files["/etc/profile.d/labfleet-gpu-cuda.sh"] is None
    assert state.own_files["/etc/ld.so.conf.d/labfleet-gpu-cuda.conf"] is None


def test_a_linker_cache_that_a_cut_left_behind_is_renewed() -> None:
    state = replace(done(node(), CudaWish(("12.4",))), cache_stale=True)
    (step,) = plan(state, CudaWish(("12.4",)), {}).steps
    assert step.action == "renew-linker-cache"


def test_a_driver_that_the_same_run_takes_away_refuses_nothing() -> None:
    old = node(driver="470.82.01")
    wish = CudaWish(("12.4",), gpus=declared_gpus(["2204"]))
    assert "The driver is too old" in refusal(old, wish)
    assert not settled(old, informed(wish, {"driver": {"version": None}}), Repository())[0].blockers
    assert not settled(old, informed(wish, {"driver": {"version": "580.95.05"}}), Repository())[0].blockers
    assert informed(wish, {}) == wish
