# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen or refused of the frameworks for a node."""

from __future__ import annotations

from typing import Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks import (
    NO_NODE,
    Choice,
    Node,
    Refusal,
    choose,
    cuda_of_torch,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks_table import (
    AARCH64,
)

NEW_DRIVER = "620.10"


def chosen(
    framework: str, version: str = "", cuda: str = "", python: str = "", node: Node = NO_NODE
) -> Choice:
    found = choose(framework, version, cuda, python, node)
    assert isinstance(found, Choice), found
    return found


def refused(
    framework: str, version: str = "", cuda: str = "", python: str = "", node: Node = NO_NODE
) -> Refusal:
    found = choose(framework, version, cuda, python, node)
    assert isinstance(found, Refusal), found
    return found


ARM = Node("580.95.05", ("9.0",), AARCH64)


@pytest.mark.parametrize(
    "wish, node, what, which, advice",
    [
        (
            ("pytorch", "2.1.2", "", ""),
            ARM,
            "pytorch 2.1.2 has no known build with CUDA for this machine",
            "aarch64",
            "use pytorch 2.14.1 with CUDA 13.0",
        ),
        (
            ("pytorch", "2.7", "12.6", ""),
            ARM,
            "pytorch 2.7.1 has no build for CUDA 12.6 on aarch64",
            "cuda",
            "use CUDA 12.8, or pytorch 2.14.1 with CUDA 12.6",
        ),
        (
            ("pytorch", "2.6", "", ""),
            ARM._replace(capabilities=("8.0",)),
            "pytorch 2.6.0 for CUDA 12.6 does not support this GPU",
            "GPU of compute capability 8.0",
            "use pytorch 2.14.1 with CUDA 13.0",
        ),
        (
            ("tensorflow", "", "", ""),
            ARM,
            "tensorflow 2.21.0 has no known build with CUDA for this machine",
            "aarch64",
            "name packages instead, if you know some that work",
        ),
        (
            ("jax", "0.4.38", "", ""),
            ARM,
            "jax 0.4.38 has no known build with CUDA for this machine",
            "aarch64",
            "use jax 0.12.0 with CUDA 12.1",
        ),
        (
            ("jax", "", "", ""),
            ARM._replace(machine="ppc64le"),
            "jax 0.12.0 has no known build with CUDA for this machine",
            "ppc64le",
            "name packages instead, if you know some that work",
        ),
    ],
)
def test_another_machine_has_builds_of_its_own(
    wish: Tuple[str, str, str, str], node: Node, what: str, which: str, advice: str
) -> None:
    assert refused(*wish, node) == Refusal(what, which, advice)


def test_what_an_arm_server_gets() -> None:
    assert chosen("pytorch", "2.6", node=ARM).pip == ("torch==2.6.0+cu126",)
    assert chosen("pytorch", node=ARM).pip == ("torch==2.14.1+cu130",)
    assert chosen("pytorch", "2.8", node=ARM._replace(capabilities=("12.1",))).cuda == "12.9"
    assert chosen("jax", "0.4", node=ARM).version == "0.4.36"


def test_tensorflow_2_10() -> None:
    found = chosen("tensorflow", "2.10.0", python="3.7", node=Node("470.82.01", ("8.0",)))
    assert (found.cuda, found.cudnn) == ("11.2", "8.1")
    assert found.pip == ("tensorflow==2.10.0",)
    assert found.conda == ("python >=3.7,<3.11", "pip", "numpy <2", "cudatoolkit=11.2", "cudnn=8.1")
    assert found.index_url == ""
    (warning,) = found.warnings
    assert warning.startswith("tensorflow 2.10.0 looks for CUDA in LD_LIBRARY_PATH")


def test_tensorflow_2_12_takes_the_cudnn_that_conda_forge_has() -> None:
    assert chosen("tensorflow", "2.12").conda[-2:] == ("cudatoolkit=11.8", "cudnn >=8.6,<9")
    assert chosen("tensorflow", "2.13").cudnn == "8.6"


def test_tensorflow_brings_its_cuda_from_2_14_on() -> None:
    assert chosen("tensorflow", "2.13").pip == ("tensorflow==2.13.1",)
    found = chosen("tensorflow", "2.14")
    assert found.pip == ("tensorflow[and-cuda]==2.14.1",)
    assert not [spec for spec in found.conda if spec.startswith("cud")]


def test_pytorch_names_index_and_build() -> None:
    found = chosen("pytorch", "2.1.2", node=Node("535.183.01", ("8.0",)))
    assert found.pip == ("torch==2.1.2+cu121",)
    assert (found.index_url, found.only_index) == ("https://download.pytorch.org/whl/cu121", True)
    assert "numpy <2" in found.conda
    assert chosen("pytorch", "1.13").only_index is False
    assert "numpy <2" not in chosen("pytorch", "2.3").conda


@pytest.mark.parametrize(
    "version, cuda",
    [
        ("2.1.2+cu121", "12.1"),
        ("2.9.0+cu130", "13.0"),
        ("1.12.1+cu102", "10.2"),
        ("2.1.2", "12.1"),
        ("2.13.0", "13.0"),
        ("2.13.0+cpu", ""),
        ("2.5.0+rocm6.1", ""),
        ("2.1.9", ""),
        ("1.0.0", ""),
    ],
)
def test_the_cuda_of_a_wheel_of_torch(version: str, cuda: str) -> None:
    assert cuda_of_torch(version) == cuda


def test_the_cuda_that_is_asked_for() -> None:
    assert chosen("pytorch", "2.1.2", "11.8").pip == ("torch==2.1.2+cu118",)
    assert chosen("pytorch", "2.6", "12").cuda == "12.4"
    assert chosen("jax", "0.10", "13").pip == ("jax[cuda13]==0.10.2",)


@pytest.mark.parametrize(
    "version, driver, capability, index",
    [
        # Maxwell to Volta: cu126 is the last.
        ("", "580.95.05", "5.2", "cu126"),
        ("", "580.95.05", "6.1", "cu126"),
        ("2.8", "570.124.06", "7.0", "cu126"),
        ("2.14", "580.95.05", "7.0", "cu126"),
        # Kepler.
        ("", "470.256.02", "3.7", "cu118"),
        # Hopper and Ada.
        ("1.13", NEW_DRIVER, "8.9", "cu117"),
        ("2.0", NEW_DRIVER, "9.0", "cu118"),
        # Blackwell: cu128 is the first.
        ("", "580.95.05", "12.0", "cu132"),
        ("2.7", "580.95.05", "10.0", "cu128"),
        ("2.9", "570.133.20", "12.1", "cu128"),
        # A driver for CUDA 12, where the default build is for 13.
        ("2.13", "535.183.01", "9.0", "cu126"),
        ("2.13", "535.183.01", None, "cu126"),
        ("2.6", "470.256.02", "8.0", "cu118"),
    ],
)
def test_the_build_that_fits(version: str, driver: str, capability: Optional[str], index: str) -> None:
    capabilities: Tuple[str, ...] = (capability,) if capability else ()
    found = chosen("pytorch", version, node=Node(driver, capabilities))
    assert found.index_url.rpartition("/")[2] == index


@pytest.mark.parametrize(
    "wish, node, what, which, advice",
    [
        (
            ("pytorch", "2.5", "", ""),
            Node("580.95.05", ("10.0",)),
            "pytorch 2.5.1 for CUDA 12.4 does not support this GPU yet",
            "GPU of compute capability 10.0",
            "use pytorch 2.15.0 with CUDA 13.2",
        ),
        (
            ("pytorch", "2.15", "", ""),
            Node("580.95.05", ("7.0", "8.0")),
            "pytorch 2.15.0 for CUDA 13.2 no longer supports this GPU",
            "GPU of compute capability 7.0",
            "use pytorch 2.14.1 with CUDA 12.6",
        ),
        (
            ("pytorch", "2.7", "12.6", ""),
            Node("580.95.05", ("12.0",)),
            "pytorch 2.7.1 for CUDA 12.6 does not support this GPU yet",
            "GPU of compute capability 12.0",
            "use CUDA 12.8",
        ),
        (
            ("pytorch", "2.15", "", ""),
            Node("550.54.15", ("9.0",)),
            "pytorch 2.15.0 for CUDA 13.2 needs driver 580",
            "driver 550.54.15",
            "use driver 580, or pytorch 2.14.1 with CUDA 12.6",
        ),
        (
            ("pytorch", "2.1.2", "12.4", ""),
            Node(),
            "pytorch 2.1.2 has no build for CUDA 12.4",
            "cuda",
            "use CUDA 12.1 or CUDA 11.8, or pytorch 2.6.0 with CUDA 12.4",
        ),
        (
            ("tensorflow", "2.10", "", "3.11"),
            Node(),
            "tensorflow 2.10.1 has no build for Python 3.11",
            "python",
            "use Python 3.7 to 3.10, or tensorflow 2.21.0 with CUDA 12.5",
        ),
        (
            ("tensorflow", "2.21", "13", ""),
            Node(),
            "tensorflow 2.21.0 has no build for CUDA 13",
            "cuda",
            "use CUDA 12.5",
        ),
        (
            ("tensorflow", "2.18", "", ""),
            Node("580.95.05", ("5.2",)),
            "tensorflow 2.18.1 for CUDA 12.5 no longer supports this GPU",
            "GPU of compute capability 5.2",
            "use tensorflow 2.16.2 with CUDA 12.3",
        ),
        (
            ("jax", "0.11", "13", ""),
            Node("560.35.03", ("8.0",)),
            "jax 0.11.2 for CUDA 13.0 needs driver 580",
            "driver 560.35.03",
            "use driver 580, or CUDA 12.1",
        ),
        (
            ("pytorch", "9.9", "", ""),
            Node(),
            "pytorch 9.9 is not known",
            "framework",
            "use 1.12.0 to 2.15.0, or name packages",
        ),
        (
            ("jax", "0.4.30", "", ""),
            Node(),
            "jax 0.4.30 is not known",
            "framework",
            "use one of 0.4.31, 0.4.33, 0.4.34, 0.4.35, 0.4.36, 0.4.38, or name packages",
        ),
        (
            ("mxnet", "", "", ""),
            Node(),
            "no such framework is known",
            "mxnet",
            "use pytorch, tensorflow, jax, or name packages",
        ),
        (
            ("pytorch", "", "", ""),
            Node("340.108", ("3.0",)),
            "pytorch 2.15.0 for CUDA 13.2 no longer supports this GPU",
            "GPU of compute capability 3.0",
            "name packages instead, if you know some that work",
        ),
    ],
)
def test_what_cannot_work_is_refused(
    wish: Tuple[str, str, str, str], node: Node, what: str, which: str, advice: str
) -> None:
    assert refused(*wish, node) == Refusal(what, which, advice)


def test_the_newest_that_fits_is_taken_where_no_version_is_asked_for() -> None:
    assert chosen("pytorch", python="3.8").version == "2.4.1"
    assert chosen("pytorch", "1", python="3.11").version == "1.13.1"
    assert chosen("jax", cuda="12", python="3.11").version == "0.10.2"
    assert chosen("tensorflow", node=Node("450.80.02", ("8.0",))).version == "2.14.1"


def test_a_version_that_needs_a_later_python_than_its_minor() -> None:
    assert chosen("tensorflow", "2.11").conda[0] == "python >=3.8,<3.11"
    assert chosen("tensorflow", "2.11", python="3.7").version == "2.11.0"
    assert refused("tensorflow", "2.11.1", python="3.7.12").next.startswith("use Python 3.8 to 3.10, or ")


def test_a_gpu_that_is_newer_than_the_build() -> None:
    found = chosen("tensorflow", "2.21", node=Node("580.95.05", ("12.0",)))
    assert found.warnings == (
        "tensorflow 2.21.0 has no code for GPUs of compute capability 12.0: it compiles when a program "
        "starts, which takes minutes.",
    )
    assert not chosen("tensorflow", "2.21", node=Node("580.95.05", ("9.0",))).warnings
    assert len(chosen("tensorflow", "2.21", node=Node("535.183.01", ("12.0",))).warnings) == 2


def test_a_flaw_is_told() -> None:
    (warning,) = chosen("tensorflow", "2.16.1").warnings
    assert "2.16.2" in warning
    assert not chosen("tensorflow", "2.16").warnings
