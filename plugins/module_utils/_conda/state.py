# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A conda environment as it is. Plain data."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from .._dataclass import dataclass
from .._host import Host
from .history import Revision
from .pip_wish import Built

#: Below the prefix: conda's records, its history, our note, and the mark of what is not finished.
META = "conda-meta"
HISTORY = META + "/history"
NOTE = META + "/labfleet-gpu"
UNFINISHED = META + "/labfleet-gpu.unfinished"
#: Where each distribution of pip came from (JSON).
ORIGINS = META + "/labfleet-gpu.pip"
#: What pip built from source, how, and against what (JSON).
BUILT = META + "/labfleet-gpu.built"
#: What shells source when it is activated, and when it is left.
ACTIVATION = ("etc/conda/activate.d/labfleet-gpu.sh", "etc/conda/deactivate.d/labfleet-gpu.sh")
#: Beside the environments: what is being made, what is on its way out, the lock.
BESIDE = ".labfleet-gpu"


@dataclass(frozen=True)
class Note:
    """What we wrote into an environment when it was made: the wish, and what fulfilled it."""

    #: As CondaWish.lines() has it.
    wished: Tuple[str, ...]
    #: "name=version=build".
    packages: Tuple[str, ...]
    #: "name==version" of what pip installed.
    pip: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Kit:
    """A toolkit that can compile. ``runtime`` is the version of the library that libcudart.so leads to."""

    path: str
    version: str
    runtime: str = ""
    #: Builds look for libraries in its lib64.
    lib64: bool = True


@dataclass(frozen=True)
class Tools:
    """What packages can be built with; looked for where the wish has such."""

    #: Oldest first.
    kits: Tuple[Kit, ...] = ()
    #: Major versions of GCC that the system has, its default first.
    compilers: Tuple[int, ...] = ()
    #: The CUDA of the environment's torch: "" for none, None where there is no torch.
    torch_cuda: Optional[str] = None


@dataclass(frozen=True)
class Links:
    """Links in an environment that CUDA programs and builds go by."""

    #: libcudart.so and the like in lib: the name, and the version of the file that it leads to, "" for none.
    runtime: Tuple[Tuple[str, str], ...] = ()
    #: Every file of it, as a path below lib with its version.
    files: Tuple[Tuple[str, str], ...] = ()
    lib64: bool = False
    #: What conda's cuDNN needs of CUDA and is not there: names of packages.
    lacking: Tuple[str, ...] = ()


@dataclass(frozen=True)
class CondaState:
    host: Host
    prefix: str
    #: Is it an environment; is something else in its place.
    there: bool
    foreign: bool = False
    #: Is its place a symbolic link; is it on a file system that nobody here can write to.
    link: bool = False
    read_only: bool = False
    #: A creation was cut off.
    unfinished: bool = False
    #: "name=version=build" of each conda package, in order of names.
    packages: Tuple[str, ...] = ()
    #: "name==version" of what pip installed.
    pip: Tuple[str, ...] = ()
    note: Optional[Note] = None
    revisions: Tuple[Revision, ...] = ()
    #: What a run that was cut off left beside the environments.
    leftovers: Tuple[str, ...] = ()
    driver: Optional[str] = None
    #: User and group, by number and as "user:group", and mode of its directory, where it is there.
    ids: Tuple[int, int] = (0, 0)
    owner: str = ""
    mode: int = 0o755
    #: Those whom the wish names, None where it names nobody; a name that the node does not know.
    wished_ids: Optional[Tuple[int, int]] = None
    wished_owner: str = ""
    nobody: str = ""
    #: What is in the file that the wish names, None where that cannot be read.
    file_text: Optional[str] = None
    #: Is there a cache of packages beside the environments.
    cached: bool = False
    built: Tuple[Built, ...] = ()
    tools: Tools = Tools()
    links: Links = Links()
    #: What is in the files ACTIVATION, "" for none.
    activation: Tuple[str, str] = ("", "")

    @property
    def usable(self) -> bool:
        return self.there and not self.unfinished

    @property
    def displaced(self) -> bool:
        """Nothing is in its place, but its former content and the next one are beside it."""
        return not self.there and {staging_of(self.prefix), leaving_of(self.prefix)} <= set(self.leftovers)

    def by_name(self) -> Dict[str, str]:
        """The line of each conda package by its name."""
        return {line.partition("=")[0]: line for line in self.packages}


def root_of(prefix: str) -> str:
    """The directory that a prefix is in."""
    return prefix.rpartition("/")[0] or "/"


def staging_of(prefix: str) -> str:
    """Where the next content of an environment is made ready, and where the former is after the exchange."""
    return "%s/%s/%s.new" % (root_of(prefix).rstrip("/"), BESIDE, prefix.rpartition("/")[2])


def leaving_of(prefix: str) -> str:
    """Where an environment goes before it is removed."""
    return staging_of(prefix)[: -len(".new")] + ".old"


def cache_of(prefix: str, uid: int) -> str:
    """Where packages are unpacked for environments of one user: their files are shared by links."""
    own = "" if uid == 0 else "-%d" % uid
    return "%s/%s/packages%s" % (root_of(prefix).rstrip("/"), BESIDE, own)


def summary(state: CondaState) -> Dict[str, Any]:
    """The state in the words of the result and the diff."""
    there = state.usable
    return {
        "prefix": state.prefix,
        "exists": there,
        "packages": list(state.packages) if there else [],
        "pip": list(state.pip) if there else [],
        "owner": state.owner if there else None,
        "mode": "%04o" % state.mode if there else None,
    }
