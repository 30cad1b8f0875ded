# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which build of a framework fits a node: CUDA, Python, driver and GPUs against frameworks_table.py."""

from __future__ import annotations

from typing import Iterable, List, NamedTuple, Optional, Tuple, Union

from .cuda import MINOR, TOO_OLD, driver_fit, minimum_driver
from .frameworks_table import (
    CONDA,
    FLAWS,
    JAX,
    LACKING,
    PYTORCH,
    TENSORFLOW,
    X86_64,
    Build,
    Release,
    conda_cudnn,
    oldest_python,
    releases,
)
from .versions import at_least, major, minor, numbers, within

NAMES = (PYTORCH, TENSORFLOW, JAX)
#: The place that PyTorch's makers name for the wheels of each CUDA, in a folder called as their label. Of
#: another CUDA than the default's none are anywhere else. Source: installation pages of PyTorch. Up to 1.13
#: this index is asked besides the default one. The option framework.index_url names a mirror of it.
WHEEL_INDEX = "https://download.pytorch.org/whl/"
_ONLY_INDEX_FROM = "2.0"
#: Wheels do not bring cuda-compat, so forward compatibility is of no use to them, whatever the board.
NO_COMPAT = False


class Node(NamedTuple):
    """What a framework must get along with. Nothing is required by a driver that is None, or by no GPU."""

    driver: Optional[str] = None
    #: Compute capabilities of the GPUs.
    capabilities: Tuple[str, ...] = ()
    #: As uname -m has it.
    machine: str = X86_64


NO_NODE = Node()


class Choice(NamedTuple):
    """A build that fits. ``conda`` are match specs, ``pip`` requirements.

    ``index_url`` is where its wheels are, "" for the default index, which is not asked with ``only_index``.
    """

    framework: str
    version: str
    cuda: str
    cudnn: str
    conda: Tuple[str, ...]
    pip: Tuple[str, ...]
    index_url: str
    only_index: bool
    warnings: Tuple[str, ...]


class Refusal(NamedTuple):
    """Why nothing fits: what is wrong, which thing it concerns, what would work."""

    what: str
    which: str
    next: str


def choose(
    framework: str, version: str, cuda: str = "", python: str = "", node: Node = NO_NODE
) -> Union[Choice, Refusal]:
    """The newest build within a version ("2", "2.1", "2.1.2", "" for any) that fits, or why there is none.

    ``cuda`` is a minor or major, ``python`` a minor; "" leaves them open.
    """
    candidates = _candidates(framework, version, python)
    if not candidates:
        return _unknown(framework, version)
    refusals: List[Refusal] = []
    for release, exact in candidates:
        found = _of_release(release, exact, cuda, python, node)
        if isinstance(found, Choice):
            return found
        refusals.append(found)
    return refusals[0]


def cuda_of_torch(version: str) -> str:
    """The CUDA of a wheel of torch: "2.1.2+cu118" gives "11.8", "2.1.2" the default's; "" if not known."""
    number, _plus, label = version.partition("+")
    if label:
        digits = label[len("cu") :]
        known = label.startswith("cu") and digits.isdigit() and len(digits) > 2
        return "%s.%s" % (digits[:2], digits[2:]) if known else ""
    for release in releases(PYTORCH):
        if number in release.versions:
            return release.builds[0].cuda
    return ""


def _candidates(framework: str, version: str, python: str) -> List[Tuple[Release, str]]:
    """Of each release, newest first, the newest version wished for, one for this Python if there is."""
    found = []
    for release in reversed(releases(framework)):
        wished = [each for each in reversed(release.versions) if not version or within(each, version)]
        fitting = [each for each in wished if not python or _python_fits(release, each, python)]
        if wished:
            found.append((release, (fitting or wished)[0]))
    return found


def _of_release(release: Release, version: str, cuda: str, python: str, node: Node) -> Union[Choice, Refusal]:
    which = "%s %s" % (release.framework, version)
    another = _another(release.framework, cuda, python, node)
    there = release.on(node.machine)
    if not there:
        return Refusal(
            "%s has no known build with CUDA for this machine" % which, node.machine, _either(another)
        )
    if (release.framework, version) in LACKING:
        why, instead = LACKING[release.framework, version]
        return Refusal("%s %s" % (which, why), "framework", _either("%s %s" % (release.framework, instead)))
    if python and not _python_fits(release, version, python):
        advice = _either(_python_words(release, version), another)
        return Refusal("%s has no build for Python %s" % (which, python), "python", advice)
    builds = [build for build in there if not cuda or within(build.cuda, cuda)]
    if not builds:
        advice = _either(_cudas(there), another)
        machine = "" if node.machine == X86_64 else " on " + node.machine
        return Refusal("%s has no build for CUDA %s%s" % (which, cuda, machine), "cuda", advice)
    wrong: List[Refusal] = []
    for build in builds:
        refusal = _refused(which, build, node)
        if refusal is None:
            return _choice(release, version, build, node)
        wrong.append(refusal)
    others = [build for build in there if build not in builds and not _refused(which, build, node)]
    return wrong[0]._replace(next=_either(wrong[0].next, _cudas(others), another))


def _refused(which: str, build: Build, node: Node) -> Optional[Refusal]:
    """Why a build does not run on a node, and what else but another build would help; None if it runs."""
    what = "%s for CUDA %s " % (which, build.cuda)
    older = "no longer supports this GPU" if node.machine == X86_64 else "does not support this GPU"
    for capability in sorted(set(node.capabilities), key=numbers):
        gpu = "GPU of compute capability " + capability
        if not at_least(capability, build.first):
            return Refusal(what + older, gpu, "")
        if _is_late(capability, build) and not build.ptx:
            return Refusal(what + "does not support this GPU yet", gpu, "")
    if node.driver and driver_fit(build.cuda, node.driver, NO_COMPAT) == TOO_OLD:
        needed = minimum_driver(build.cuda)
        return Refusal(what + "needs driver %s" % needed, "driver " + node.driver, "driver %s" % needed)
    return None


def _is_late(capability: str, build: Build) -> bool:
    """Is this GPU of a later generation than those that a build has code for?"""
    return int(major(capability)) > int(major(build.last))


def _cudas(builds: Iterable[Build]) -> str:
    return " or ".join("CUDA " + build.cuda for build in builds)


def _either(*choices: str) -> str:
    """What to do next: use one of these."""
    given = [choice for choice in choices if choice]
    return "use " + ", or ".join(given) if given else "name packages instead, if you know some that work"


def _choice(release: Release, version: str, build: Build, node: Node) -> Choice:
    conda = [_python_spec(release, version), "pip"]
    if release.numpy_below:
        conda.append("numpy <" + release.numpy_below)
    if build.brings == CONDA:
        conda += ["cudatoolkit=" + build.cuda, conda_cudnn(build)]
    index_url, only_index = "", False
    if release.framework == PYTORCH:
        requirement, index_url = "torch==%s+%s" % (version, build.label), WHEEL_INDEX + build.label
        only_index = at_least(release.minor, _ONLY_INDEX_FROM)
    else:
        extra = "[%s]" % build.label if build.label else ""
        requirement = "%s%s==%s" % (release.framework, extra, version)
    return Choice(
        framework=release.framework,
        version=version,
        cuda=build.cuda,
        cudnn=build.cudnn,
        conda=tuple(conda),
        pip=(requirement,),
        index_url=index_url,
        only_index=only_index,
        warnings=tuple(_warnings(release, version, build, node)),
    )


def _warnings(release: Release, version: str, build: Build, node: Node) -> List[str]:
    found = []
    if build.brings == CONDA:
        found.append(
            "%s %s looks for CUDA in LD_LIBRARY_PATH, which is set where its environment is activated: start "
            "programs after conda activate." % (release.framework, version)
        )
    flaw = FLAWS.get((release.framework, version))
    if flaw:
        found.append("%s %s: %s." % (release.framework, version, flaw))
    late = [each for each in node.capabilities if _is_late(each, build)]
    if late:
        found.append(
            "%s %s has no code for GPUs of compute capability %s: it compiles when a program starts, which "
            "takes minutes." % (release.framework, version, ", ".join(sorted(set(late), key=numbers)))
        )
        if node.driver and driver_fit(build.cuda, node.driver, NO_COMPAT) == MINOR:
            found.append(
                "Driver %s is older than CUDA %s and may not compile it." % (node.driver, build.cuda)
            )
    return found


def _python_fits(release: Release, version: str, python: str) -> bool:
    """Is a version built for a Python ("3.11" or "3.11.4", or "3" for any of it)?"""
    oldest = oldest_python(release, version)
    if len(numbers(python)) < 2:
        return within(oldest, python)
    last = release.python_last
    return at_least(python, oldest) and (not last or at_least(last, minor(python)))


def _python_spec(release: Release, version: str) -> str:
    """The Pythons of a version as a conda match spec."""
    spec = "python >=" + oldest_python(release, version)
    if not release.python_last:
        return spec
    first, last = numbers(release.python_last)
    return "%s,<%d.%d" % (spec, first, last + 1)


def _python_words(release: Release, version: str) -> str:
    oldest = oldest_python(release, version)
    if not release.python_last:
        return "Python %s or later" % oldest
    return "Python %s to %s" % (oldest, release.python_last)


def _another(framework: str, cuda: str, python: str, node: Node) -> str:
    """The newest version that fits all that is wished for besides, in words; "" if there is none."""
    for release, version in _candidates(framework, "", python):
        if python and not _python_fits(release, version, python):
            continue
        for build in release.on(node.machine):
            if (not cuda or within(build.cuda, cuda)) and _refused("", build, node) is None:
                return "%s %s with CUDA %s" % (framework, version, build.cuda)
    return ""


def _unknown(framework: str, version: str) -> Refusal:
    if framework not in NAMES:
        return Refusal("no such framework is known", framework, "use %s, or name packages" % ", ".join(NAMES))
    known = releases(framework)
    # Of a minor that is known its versions; else from the first to the last of all.
    near = [
        each for release in known for each in release.versions if numbers(each)[:2] == numbers(version)[:2]
    ]
    told = "one of %s" % ", ".join(near) if near else ""
    return Refusal(
        "%s %s is not known" % (framework, version),
        "framework",
        "use %s, or name packages" % (told or "%s to %s" % (known[0].versions[0], known[-1].versions[-1])),
    )
