# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""With what packages are built, when they are built anew, and which calls of pip there are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.built import against, due
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.calls import build_steps, calls, due_builds
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.goal import Goal, goal
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.observe_built import (
    built_in,
    noted,
    torch_cuda,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.observe_tools import tools
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.pip_wish import (
    NONE,
    Build,
    Built,
    Sources,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.rest import informed
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import BUILT, CondaState, Kit, Tools
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.steps import PipCall, Work
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.toolchain import (
    Chosen,
    choose,
    framework_cuda,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import CondaWish, Framework
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host, PciDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

PREFIX = "/srv/envs/train"
HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")
A100, H100 = (
    PciDevice("0000:0%d:00.0" % slot, device, 0x0302) for slot, device in ((1, 0x20B2), (2, 0x2330))
)
LINES = ("pip=24.0=0", "python=3.11.9=0")
APEX = Build("apex @ git+https://github.com/NVIDIA/apex", True)
WISH = CondaWish(PREFIX, packages=("python",), pip=("torch==2.1.2+cu121",), builds=(APEX,))
TORCH = Goal((), ("torch==2.1.2+cu121",), builds=(APEX,))
NODE = Tools(
    (Kit("/usr/local/cuda-12.1", "12.1.1", "12.1.105"), Kit("/usr/local/cuda-12.4", "12.4.0")), (12,)
)


def state(found: Tools = NODE, **changes: Any) -> CondaState:
    return replace(CondaState(HOST, PREFIX, False, tools=found), **changes)


def refusal(found: Any) -> str:
    assert isinstance(found, Blocker), found
    return str(found)


def test_the_toolkit_is_that_of_the_frameworks_cuda() -> None:
    assert choose(APEX, state(), WISH, TORCH, LINES) == Chosen("12.1", "/usr/local/cuda-12.1")
    wish = replace(WISH, gpus=(H100, A100, H100))
    found = choose(APEX, state(), wish, TORCH, LINES)
    assert isinstance(found, Chosen) and found.environment == (("TORCH_CUDA_ARCH_LIST", "8.0;9.0"),)
    assert choose(replace(APEX, cuda=NONE), state(Tools()), WISH, Goal(()), LINES) == Chosen()


@pytest.mark.parametrize(
    "found, there, lines, expected",
    [
        (Goal((), framework_cuda="12.4"), None, (), "12.4"),
        (Goal((), ("torch==2.3.1",)), None, (), "12.1"),
        (Goal((), ("torch==2.9.0+cu130",)), None, (), "13.0"),
        (Goal((), ("torch==2.13.0+cpu",)), "12.1", (), ""),
        (Goal((), ("torch",)), "12.1", (), ""),
        (Goal((), ("torchvision==0.16",)), "12.1", (), "12.1"),
        (Goal(()), "", ("cuda-version=12.4=0",), ""),
        (Goal(()), None, ("pytorch=2.3.1=py3.11_cuda12.1_cudnn8.9.2_0",), "12.1"),
        (Goal(()), None, ("pytorch=2.4.1=cuda120_py311h1234567_300",), "12.0"),
        (Goal(()), None, ("pytorch=2.4.1=cpu_generic_py311",), ""),
        (Goal(()), None, ("cuda-version=12.4=0", "cudnn=9.1=0"), "12.4"),
        (Goal(()), None, ("cudatoolkit=11.2.2=0",), "11.2"),
    ],
)
def test_the_cuda_of_a_framework(found: Goal, there: Any, lines: Tuple[str, ...], expected: str) -> None:
    assert framework_cuda(state(Tools(torch_cuda=there)), found, lines) == expected


def test_no_toolkit_fits() -> None:
    only = Tools((Kit("/usr/local/cuda-12.4", "12.4.0"),), (12,))
    assert refusal(choose(APEX, state(only), WISH, TORCH, LINES)) == (
        "apex needs the toolkit of CUDA 12.1 to be built (the framework's CUDA is 12.1, and there is "
        "CUDA 12.4.0 in /usr/local/cuda-12.4): have CUDA 12.1 installed first (cuda_toolkit with versions: "
        '["12.1"]), or set cuda: "12.4" for it'
    )
    said = refusal(choose(APEX, state(Tools((), (12,))), WISH, TORCH, LINES))
    assert "there is no toolkit with nvcc" in said and "or set" not in said
    # Another minor takes a word of the admin's, another major is out of the question.
    found = choose(replace(APEX, cuda="12.4"), state(only), WISH, TORCH, LINES)
    assert isinstance(found, Chosen) and found.home == "/usr/local/cuda-12.4"
    assert found.warning.startswith("apex is built with CUDA 12.4, and the framework for CUDA 12.1")
    said = refusal(choose(replace(APEX, cuda="11.8"), state(only), WISH, TORCH, LINES))
    assert said.startswith("apex cannot be built with CUDA 11.8 for a framework that is built for CUDA 12.1")


def test_a_toolkit_that_the_same_run_brings_is_there() -> None:
    others = {
        "cuda": {"toolkits": {"/usr/local/cuda-12.1": {"version": "12.1.1"}, "/usr": {"version": "12.1"}}}
    }
    wish = informed(WISH, others)
    found = choose(APEX, state(Tools((), (12,))), wish, TORCH, LINES)
    assert isinstance(found, Chosen) and found.home == "/usr/local/cuda-12.1"
    # What there is to see of one that is there already counts more than its name.
    broken = Tools((Kit("/usr/local/cuda-12.1", "12.1.1", "", lib64=False),), (12,))
    assert "no lib64" in refusal(choose(APEX, state(broken), wish, TORCH, LINES))
    assert informed(replace(WISH, builds=()), others).coming == ()


def test_which_cuda_is_not_known() -> None:
    said = refusal(choose(APEX, state(), WISH, Goal((), ("torch==2.13.0+cpu",)), LINES))
    assert said.startswith("For which CUDA apex is to be built is not known") and 'cuda: "12.4"' in said
    assert choose(replace(APEX, cuda="12.4"), state(), WISH, Goal(()), LINES) == Chosen(
        "12.4", "/usr/local/cuda-12.4"
    )


def test_a_toolkit_that_was_broken_is_not_used() -> None:
    other = Tools((Kit("/usr/local/cuda-12.1", "12.1.1", "11.8.89"),), (12,))
    said = refusal(choose(APEX, state(other), WISH, TORCH, LINES))
    assert said.startswith("libcudart.so of the toolkit leads to another CUDA") and "leads to 11.8.89" in said
    bare = Tools((Kit("/opt/cuda-12.1", "12.1", "", lib64=False),), (12,))
    assert "make it: ln -s lib /opt/cuda-12.1/lib64" in refusal(choose(APEX, state(bare), WISH, TORCH, LINES))


def test_the_environments_own_toolkit_and_compiler() -> None:
    lines = (*LINES, "cuda-nvcc=12.1.105=0", "gxx_linux-64=12.3.0=0")
    found = choose(APEX, state(Tools()), WISH, TORCH, lines)
    cc, cxx = (PREFIX + "/bin/x86_64-conda-linux-gnu-" + end for end in ("cc", "c++"))
    variables = (("CC", cc), ("CXX", cxx), ("NVCC_CCBIN", cxx), ("CUDAHOSTCXX", cxx))
    assert found == Chosen("12.1", PREFIX, variables)
    # One that is too new, as is the system's.
    lines = (*LINES, "cuda-nvcc=12.1.105=0", "gxx_linux-64=14.1.0=0")
    assert "g++ 14, and nvcc takes GCC up to 12" in refusal(
        choose(APEX, state(Tools((), (14,))), WISH, TORCH, lines)
    )


def test_the_compiler() -> None:
    debian13 = replace(HOST, release="13")
    newer = state(replace(NODE, compilers=(14, 13, 12, 11)), host=debian13)
    found = choose(APEX, newer, WISH, TORCH, LINES)
    cxx = "/usr/bin/g++-12"
    variables = (("CC", "/usr/bin/gcc-12"), ("CXX", cxx), ("NVCC_CCBIN", cxx), ("CUDAHOSTCXX", cxx))
    assert isinstance(found, Chosen) and found.environment == variables
    said = refusal(choose(APEX, replace(newer, tools=replace(NODE, compilers=(14,))), WISH, TORCH, LINES))
    assert said == (
        "No C++ compiler here fits CUDA 12.1 (g++ 14, and nvcc takes GCC up to 12): install g++-12"
    )
    said = refusal(choose(APEX, state(replace(NODE, compilers=())), WISH, TORCH, LINES))
    assert "there is none" in said and said.endswith("install g++-12")


def test_config_settings_take_a_pip_that_has_them() -> None:
    several = replace(APEX, config_settings=(("--build-option", ("a", "b")),))
    work = Work(PREFIX, True)

    def made(build: Build, pip: str) -> Any:
        lines = ("pip=%s=0" % pip, "python=3.11.9=0")
        return build_steps(state(), WISH, TORCH, (build,), lines, work)

    assert "add pip >=23.1 to packages" in refusal(made(several, "23.0.1"))
    for build, pip in ((several, "23.1"), (APEX, "20.0")):
        ((step,), warnings) = made(build, pip)
        assert step.what == (
            "build apex @ git+https://github.com/NVIDIA/apex with CUDA 12.1 in /usr/local/cuda-12.1"
        )
        assert warnings == () and (step.data.cuda, step.data.home) == ("12.1", "/usr/local/cuda-12.1")


def test_what_is_due() -> None:
    pip = ("apex==0.1", "torch==2.1.2+cu121")
    now = against(LINES, pip)
    assert now == ("python 3.11", "torch==2.1.2+cu121")
    known = (Built(APEX, now),)
    assert due((APEX,), known, pip, now) == ()
    assert due((APEX,), (), pip, now) == (APEX,), "nobody knows how it was built"
    assert due((APEX,), known, pip[1:], now) == (APEX,), "it is gone"
    other = replace(APEX, environment=(("MAX_JOBS", "8"),))
    assert due((other,), known, pip, now) == (other,)
    there = state(pip=pip, built=known, packages=LINES, there=True)
    assert due_builds(there, TORCH, (), LINES) == ()
    assert due_builds(there, TORCH, ("tool==2",), LINES) == ()
    assert due_builds(there, TORCH, ("torch==2.3.1+cu121",), LINES) == (APEX,), "the framework changes"
    assert due_builds(there, TORCH, (), ("pip=24.0=0", "python=3.12.1=0")) == (APEX,), "Python changes"
    assert due_builds(there, TORCH, (), ("pip=24.0=0", "python=3.11.10=0")) == ()
    assert due_builds(there, TORCH, (), LINES, fresh=True) == (APEX,)


def test_a_framework_comes_from_its_own_index_and_the_rest_from_the_default() -> None:
    wish = CondaWish(PREFIX, framework=Framework("pytorch", "2.1.2", "12.1"), pip=("tool",))
    found = goal(state(), wish)
    assert isinstance(found, Goal) and found.framework_cuda == "12.1"
    (own, rest) = calls(found, Sources(find_links=("/srv/w",)), found.pip)
    assert own.requirements == ("torch==2.1.2+cu121",) and rest.requirements == ("tool",)
    assert own.sources == Sources(found.index_url, (), ("/srv/w",)) and found.index_url.endswith("/whl/cu121")
    assert rest.sources == Sources("", (found.index_url,), ("/srv/w",))
    (offline,) = calls(found, Sources(NONE, (), ("/srv/w",)), found.pip)
    assert offline == PipCall(found.pip, Sources(NONE, (), ("/srv/w",)))
    (only,) = calls(found, Sources(), ("tool",))
    assert only.requirements == ("tool",)
    assert calls(found, Sources(), ()) == ()


def test_a_mirror_has_the_same_folders() -> None:
    framework = Framework("pytorch", "2.1.2", "11.8", "https://mirror.example.org/torch")
    found = goal(state(), CondaWish(PREFIX, framework=framework))
    assert isinstance(found, Goal) and found.index_url == "https://mirror.example.org/torch/cu118"
    tensorflow = goal(
        state(), CondaWish(PREFIX, framework=replace(framework, name="tensorflow", version="2.15", cuda=""))
    )
    assert isinstance(tensorflow, Goal) and tensorflow.index_url == ""


def test_before_2_0_the_index_is_asked_besides() -> None:
    found = goal(state(), CondaWish(PREFIX, framework=Framework("pytorch", "1.13.1", "11.7"), pip=("tool",)))
    assert isinstance(found, Goal)
    (both,) = calls(found, Sources("/srv/simple"), found.pip)
    assert both.requirements == ("torch==1.13.1+cu117", "tool")
    assert both.sources == Sources("/srv/simple", (found.index_url,))


def test_the_note(tree: Tree) -> None:
    assert built_in(tree.files, PREFIX) == ()
    first, other = Built(APEX, ("python 3.11",)), Built(Build("x"), ())
    tree.write("%s/%s" % (PREFIX, BUILT), noted((), first))
    assert built_in(tree.files, PREFIX) == (first,)
    later = replace(first, against=("python 3.12",))
    tree.write("%s/%s" % (PREFIX, BUILT), noted((first, other), later))
    assert built_in(tree.files, PREFIX) == (other, later)
    for broken in (
        "{",
        "[1]",
        json.dumps([{"build": ["/x"], "against": []}]),
        json.dumps([{"build": ["a"]}]),
    ):
        tree.write("%s/%s" % (PREFIX, BUILT), broken)
        assert built_in(tree.files, PREFIX) == ()


def test_what_the_node_has(tree: Tree) -> None:
    assert tools(tree.files, PREFIX) == Tools()
    tree.write("/usr/local/cuda-12.1/bin/nvcc")
    tree.write("/usr/local/cuda-12.1/version.json", '{"cuda": {"version": "12.1.1"}}')
    tree.write("/usr/local/cuda-12.1/targets/x86_64-linux/lib/libcudart.so.12.1.105")
    tree.link("/usr/local/cuda-12.1/lib64", "targets/x86_64-linux/lib")
    tree.link("/usr/local/cuda-12.1/targets/x86_64-linux/lib/libcudart.so.12", "libcudart.so.12.1.105")
    tree.link("/usr/local/cuda-12.1/targets/x86_64-linux/lib/libcudart.so", "libcudart.so.12")
    tree.write("/opt/cuda-11.8/bin/nvcc")
    tree.write("/usr/local/cuda-12.4/lib64/libcudart.so.12.4.99")
    for name in ("g++-11", "g++-12", "x86_64-linux-gnu-g++-11", "g++-mapper-server"):
        tree.write("/usr/bin/" + name)
    tree.link("/usr/bin/g++", "g++-11")
    version = PREFIX + "/lib/python3.11/site-packages/torch/version.py"
    tree.write(
        version, "__version__ = '2.1.2+cu121'\ncuda: Optional[str] = '12.1'\nhip: Optional[str] = None\n"
    )
    assert tools(tree.files, PREFIX) == Tools(
        (Kit("/opt/cuda-11.8", "11.8", "", False), Kit("/usr/local/cuda-12.1", "12.1.1", "12.1.105")),
        (11, 12),
        "12.1",
    )
    tree.write(version, "cuda: Optional[str] = None\n")
    assert torch_cuda(tree.files, PREFIX) == ""
