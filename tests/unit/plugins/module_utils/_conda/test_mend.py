# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to break in environments: links of CUDA's runtime, lib64, a cuDNN without its CUDA."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Dict, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import mend
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.observe_links import links_in
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import CondaState, Links
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.steps import Work
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import index, package
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

PREFIX = "/srv/envs/train"
HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def state(links: Links, *packages: str) -> CondaState:
    return CondaState(HOST, PREFIX, True, packages=packages, links=links)


def test_links_of_the_runtime_are_seen(tree: Tree) -> None:
    assert links_in(tree.files, PREFIX) == Links()
    lib = PREFIX + "/lib/"
    tree.write(lib + "libcudart.so.11.2.152")
    tree.write(PREFIX + "/targets/x86_64-linux/lib/libcudart.so.12.4.127")
    tree.link(lib + "libcudart.so.12.4.127", "../targets/x86_64-linux/lib/libcudart.so.12.4.127")
    tree.link(lib + "libcudart.so.12", "libcudart.so.12.4.127")
    tree.link(lib + "libcudart.so", "libcudart.so.11.0")
    tree.link(lib + "libcudart.so.11.0", "libcudart.so.11.2.152")
    tree.link(lib + "libcudart.so.13", "libcudart.so.13.0.1")
    found = links_in(tree.files, PREFIX)
    assert dict(found.runtime) == {
        "libcudart.so": "11.2.152",
        "libcudart.so.11.0": "11.2.152",
        "libcudart.so.12": "12.4.127",
        "libcudart.so.12.4.127": "12.4.127",
        "libcudart.so.13": "",
    }
    assert found.files == (
        ("../targets/x86_64-linux/lib/libcudart.so.12.4.127", "12.4.127"),
        ("libcudart.so.11.2.152", "11.2.152"),
    )
    assert not found.lib64
    tree.link(PREFIX + "/lib64", "nowhere")
    assert links_in(tree.files, PREFIX).lib64, "somebody's link, which is not replaced"


def test_links_that_lead_to_another_version() -> None:
    there = Links(
        (("libcudart.so", "12.1.105"), ("libcudart.so.11.0", "12.1.105"), ("libcudart.so.12", "12.1.105")),
        (("libcudart.so.11.2.152", "11.2.152"), ("libcudart.so.12.1.105", "12.1.105")),
        lib64=True,
    )
    (step,) = mend.of_environment(state(there, "cudatoolkit=11.2.2=0", "cudnn=8.1.0=0"))
    assert (step.phase, step.action) == ("mend", "mend-links")
    assert step.data.links == (
        ("lib/libcudart.so", "libcudart.so.11.2.152"),
        ("lib/libcudart.so.11.0", "libcudart.so.11.2.152"),
    )
    assert step.why == (
        "libcudart.so leads to 12.1.105, libcudart.so.11.0 leads to 12.1.105, "
        "and cudatoolkit 11.2.2 is installed"
    )
    right = replace(there, runtime=(("libcudart.so", "11.2.152"),))
    assert mend.of_environment(state(right, "cudatoolkit=11.2.2=0")) == ()
    # Where no package, or more than one, says which is right, none is judged; nor where the right file lacks.
    for packages in ((), ("cudatoolkit=11.2.2=0", "cuda-cudart=12.1.105=0"), ("cuda-cudart=12.4.99=0",)):
        assert mend.of_environment(state(there, *packages)) == ()


def test_lib64_is_made_where_there_is_cuda() -> None:
    (step,) = mend.of_environment(state(Links(), "cuda-nvcc=12.1.105=0"))
    assert step.data.links == (("lib64", "lib"),) and step.what == "link lib64 to lib"
    assert mend.of_environment(state(Links(), "numpy=1.26=0")) == ()
    assert mend.of_environment(state(Links(lib64=True), "cuda-nvcc=12.1.105=0")) == ()
    fresh = CondaState(HOST, PREFIX, False)
    (step,) = mend.of_change(fresh, ("cudatoolkit=11.2.2=0",), Work(PREFIX, True))
    assert step.data.work == Work(PREFIX, True)


def test_packages_of_cuda_make_one_look_again() -> None:
    assert mend.looks_again(("a=1=0",), ("a=1=0", "cudnn=8.1=0"))
    assert not mend.looks_again(("cudnn=8.1=0",), ("cudnn=8.1=0", "numpy=1=0"))


def test_a_cudnn_without_its_cuda(tree: Tree) -> None:
    record = {"depends": ["cudatoolkit 11.*", "__glibc >=2.17", "libgcc-ng >=9"]}
    tree.write(PREFIX + "/conda-meta/cudnn-8.1.0.77-h1_0.json", json.dumps(record))
    assert links_in(tree.files, PREFIX).lacking == ("cudatoolkit",)
    tree.write(PREFIX + "/conda-meta/cudatoolkit-11.2.2-h2_0.json", "{}")
    assert links_in(tree.files, PREFIX).lacking == ()
    tree.write(PREFIX + "/conda-meta/cudnn-8.1.0.77-h1_0.json", "[")
    assert links_in(tree.files, PREFIX).lacking == ()


@pytest.fixture
def cuda(channel: Path, envs: Environments) -> Environments:
    """CUDA's runtime of two versions, and a cuDNN for the older one."""
    for version, file in (("11.2.2", "11.2.152"), ("11.8.0", "11.8.89")):
        contents = {"lib/libcudart.so." + file: (b"\x7fELF runtime", 0o755)}
        package(channel, "cudatoolkit", version, contents)
    package(channel, "cudnn", "8.1.0", {"lib/libcudnn.so.8.1.0": (b"\x7fELF", 0o755)}, ["cudatoolkit 11.2.*"])
    index(channel)
    return envs


def link(envs: Environments, **links: str) -> None:
    for name, target in links.items():
        envs.path("lib/libcudart" + name.replace("_", ".")).symlink_to(target)


def test_an_environment_is_mended(cuda: Environments) -> None:
    wish = cuda.wish("cudatoolkit=11.2", "cudnn")
    assert cuda.converge(wish) == ["stage", "transact", "mend-links", "seal"]
    assert os.readlink(str(cuda.path("lib64"))) == "lib"
    link(cuda, _so_11_0="libcudart.so.11.2.152", _so="libcudart.so.11.0")
    assert cuda.converge(wish) == []
    # As another cuDNN leaves it that was put there by hand, with its CUDA.
    cuda.path("lib/libcudart.so.11.8.89").write_bytes(b"\x7fELF other")
    cuda.path("lib/libcudart.so.11.0").unlink()
    link(cuda, _so_11_0="libcudart.so.11.8.89")
    cuda.path("lib64").unlink()
    planned = cuda.planned(wish)
    assert [step.what for step in planned.steps] == [
        "link lib/libcudart.so to libcudart.so.11.2.152, lib/libcudart.so.11.0 to libcudart.so.11.2.152",
        "link lib64 to lib",
    ]
    assert cuda.converge(wish) == ["mend-links", "mend-links"]
    assert cuda.path("lib/libcudart.so").resolve().name == "libcudart.so.11.2.152"
    assert cuda.path("lib/libcudart.so.11.8.89").exists(), "what is not ours stays"


@needs_root
def test_a_change_is_mended_too(cuda: Environments) -> None:
    cuda.converge(cuda.wish("cudatoolkit=11.2"))
    link(cuda, _so="nowhere")
    assert cuda.converge(cuda.wish("cudatoolkit=11.2", "beta")) == [
        "stage",
        "transact",
        "mend-links",
        "seal",
        "sweep",
    ]
    assert os.readlink(str(cuda.path("lib/libcudart.so"))) == "libcudart.so.11.2.152"
    # Of a change of CUDA itself it shows afterwards.
    done: List[str] = cuda.converge(cuda.wish("cudatoolkit=11.8", "beta"))
    assert done == ["stage", "transact", "seal", "sweep", "mend-links"]
    assert os.readlink(str(cuda.path("lib/libcudart.so"))) == "libcudart.so.11.8.89"


@needs_root
def test_a_cudnn_that_came_before_cuda(cuda: Environments) -> None:
    """As conda install --no-deps leaves it: its CUDA comes, and the wish is the same as before."""
    wish = cuda.wish("cudnn")
    cuda.converge(wish)
    record: Dict[str, str] = json.loads(cuda.path("conda-meta/cudatoolkit-11.2.2-0.json").read_text())
    assert record["name"] == "cudatoolkit"
    for path in ("conda-meta/cudatoolkit-11.2.2-0.json", "lib/libcudart.so.11.2.152"):
        cuda.path(path).unlink()
    note = cuda.path("conda-meta/labfleet-gpu")
    told = json.loads(note.read_text())
    note.write_text(json.dumps(dict(told, packages=["cudnn=8.1.0=0"])))
    planned = cuda.planned(wish)
    assert planned.reasons == ("cuDNN is there without the CUDA that it needs (cudatoolkit)",)
    assert cuda.converge(wish) == ["stage", "transact", "seal", "sweep"]
    assert cuda.path("lib/libcudart.so.11.2.152").exists()
