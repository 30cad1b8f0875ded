# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""With which toolkit and compiler a package is built, or why with none. Pure.

PyTorch's torch.utils.cpp_extension refuses a toolkit of another major than the CUDA that torch is built for,
and warns of another minor (_check_cuda_version); the setup.py of Apex refuses another minor too
(check_cuda_torch_binary_vs_bare_metal). So the minor must be the same, unless the admin names another one of
the same major for a package.
"""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Sequence, Tuple, Union

from .._catalog.capabilities import capability_of
from .._catalog.cuda import gcc_max, host_compiler
from .._catalog.frameworks import cuda_of_torch
from .._catalog.versions import major, numbers, within
from .._dataclass import dataclass
from .._plan import Blocker
from .goal import Goal
from .pip_wish import NONE, Build, name_of
from .state import CondaState, Kit
from .wish import CondaWish

#: In the names of builds of conda's PyTorch: "py3.11_cuda12.1_cudnn8.9.2_0", "cuda120_py311h1234567_0".
_OF_BUILD = re.compile(r"(?:\A|_)cuda(?:(\d{2})\.(\d{1,2})|(\d{2})(\d))(?:_|\Z)")
#: Packages of conda that have the number of the CUDA that an environment is for.
_OF_CUDA = ("cuda-version", "pytorch-cuda", "cudatoolkit", "cuda-cudart")


@dataclass(frozen=True)
class Chosen:
    """The CUDA and its toolkit, both "" where none is taken, and variables for the build."""

    cuda: str = ""
    home: str = ""
    environment: Tuple[Tuple[str, str], ...] = ()
    warning: str = ""


def choose(
    build: Build, state: CondaState, wish: CondaWish, found: Goal, lines: Sequence[str]
) -> Union[Chosen, Blocker]:
    """What a build takes in an environment that will have these conda packages."""
    if build.cuda == NONE:
        return Chosen()
    framework = framework_cuda(state, found, lines)
    cuda = build.cuda or framework
    if not cuda:
        return Blocker(
            "For which CUDA %s is to be built is not known" % build.name,
            "no framework for CUDA is wished for or there",
            'name it in the entry of pip, as in cuda: "12.4", or write cuda: none if it takes no toolkit',
        )
    warning = ""
    if framework and not within(cuda, major(framework)):
        return Blocker(
            "%s cannot be built with CUDA %s for a framework that is built for CUDA %s"
            % (build.name, cuda, framework),
            state.prefix,
            "leave cuda out of its entry, or have the framework for CUDA %s" % major(cuda),
        )
    if framework and cuda != framework:
        warning = (
            "%s is built with CUDA %s, and the framework for CUDA %s: PyTorch takes that with a warning, "
            "others (Apex) refuse it." % (build.name, cuda, framework)
        )
    home = _home(build, state, _kits(state, wish), cuda, framework, lines)
    if isinstance(home, Blocker):
        return home
    compiler = _compiler(state, cuda, lines)
    if isinstance(compiler, Blocker):
        return compiler
    return Chosen(cuda, home, (*compiler, *_architectures(state, wish)), warning)


def framework_cuda(state: CondaState, found: Goal, lines: Iterable[str]) -> str:
    """The CUDA ("12.1") that the environment's framework is, or will be, built for; "" if nothing tells."""
    if found.framework_cuda:
        return found.framework_cuda
    for each in found.pip:
        name, _equals, version = each.partition("==")
        if name_of(name) == "torch":
            return cuda_of_torch(version.strip()) if version else ""
    if state.tools.torch_cuda is not None:
        return state.tools.torch_cuda
    packages = [line.split("=", 2) for line in lines]
    for name, _version, build in packages:
        match = _OF_BUILD.search(build) if name in ("pytorch", "libtorch") else None
        if match:
            return "%s.%s" % tuple(part for part in match.groups() if part)
    known = {name: version for name, version, _build in packages}
    versions = (".".join(known[name].split(".")[:2]) for name in _OF_CUDA if name in known)
    return next(versions, "")


def _kits(state: CondaState, wish: CondaWish) -> List[Kit]:
    """The toolkits of the node as they will be, oldest first."""
    there = {kit.path for kit in state.tools.kits}
    coming = [Kit(path, version) for path, version in wish.coming if path not in there]
    return sorted([*state.tools.kits, *coming], key=lambda kit: numbers(kit.version))


def _home(
    build: Build,
    state: CondaState,
    kits: Sequence[Kit],
    cuda: str,
    framework: str,
    lines: Iterable[str],
) -> Union[str, Blocker]:
    """The toolkit: the environment's own if it has a compiler of this CUDA, else the newest of the node."""
    if any(line.startswith("cuda-nvcc=" + cuda + ".") for line in lines):
        return state.prefix
    fitting = [kit for kit in kits if within(kit.version, cuda)]
    if fitting:
        return _wrong(fitting[-1], cuda) or fitting[-1].path
    there = ", ".join("CUDA %s in %s" % (kit.version, kit.path) for kit in kits)
    whose = "the framework's CUDA is %s" % framework if framework else "CUDA %s is asked for" % cuda
    others = [kit for kit in kits if within(kit.version, major(cuda))]
    instead = ', or set cuda: "%s" for it' % _minor(others[-1]) if others else ""
    return Blocker(
        "%s needs the toolkit of CUDA %s to be built" % (build.name, cuda),
        "%s, and there is %s" % (whose, there or "no toolkit with nvcc"),
        'have CUDA %s installed first (cuda_toolkit with versions: ["%s"])%s' % (cuda, cuda, instead),
    )


def _minor(kit: Kit) -> str:
    return ".".join(kit.version.split(".")[:2])


def _wrong(kit: Kit, cuda: str) -> Optional[Blocker]:
    """What a toolkit was broken by; mending it is not for an environment to do."""
    if not kit.lib64:
        return Blocker(
            "The toolkit has no lib64, where builds look for CUDA's libraries",
            "CUDA %s in %s" % (kit.version, kit.path),
            "make it: ln -s lib %s/lib64" % kit.path,
        )
    if kit.runtime and not within(kit.runtime, cuda):
        return Blocker(
            "libcudart.so of the toolkit leads to another CUDA",
            "%s has CUDA %s, and the link leads to %s" % (kit.path, kit.version, kit.runtime),
            "have the link made anew: ldconfig -n %s/lib64, or reinstall the toolkit" % kit.path,
        )
    return None


def _compiler(
    state: CondaState, cuda: str, lines: Iterable[str]
) -> Union[Tuple[Tuple[str, str], ...], Blocker]:
    """Variables for a compiler that nvcc takes; none where the default is one."""
    limit = gcc_max(cuda)
    own = [line.split("=")[1] for line in lines if line.startswith("gxx_linux-")]
    if own and (limit is None or numbers(own[0])[0] <= limit):
        stem = "%s/bin/%s-conda-linux-gnu-" % (state.prefix, state.host.machine)
        return _variables(stem + "cc", stem + "c++")
    there = state.tools.compilers
    fitting = [each for each in there if limit is None or each <= limit]
    if there and fitting and fitting[0] == there[0]:
        return ()
    if fitting:
        return _variables("/usr/bin/gcc-%d" % fitting[0], "/usr/bin/g++-%d" % fitting[0])
    package = host_compiler(cuda, state.host.distribution, state.host.release)
    said = ", ".join("g++ %d" % each for each in there)
    return Blocker(
        "No C++ compiler here fits CUDA %s" % cuda,
        "%s, and nvcc takes GCC up to %s" % (said or "there is none", limit or "its own year's"),
        "install g++-%d" % package
        if package
        else "install one that fits, or gxx_linux-64 in the environment",
    )


def _variables(c: str, cxx: str) -> Tuple[Tuple[str, str], ...]:
    """For setuptools and torch (CC, CXX), nvcc itself, CMake."""
    return (("CC", c), ("CXX", cxx), ("NVCC_CCBIN", cxx), ("CUDAHOSTCXX", cxx))


def _architectures(state: CondaState, wish: CondaWish) -> Tuple[Tuple[str, str], ...]:
    """For the GPUs of the node. Without it torch builds for all that it knows, which takes far longer."""
    found: List[str] = []
    for device in wish.gpus or state.host.gpus:
        capability = capability_of(device.device)
        found += [capability] if capability else []
    listed = ";".join(sorted(set(found), key=numbers))
    return (("TORCH_CUDA_ARCH_LIST", listed),) if listed else ()
