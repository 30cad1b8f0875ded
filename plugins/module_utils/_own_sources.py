# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Our own apt sources: where they are, and how they keep out of the way of another's. Small and pure."""

from __future__ import annotations

import re
from typing import Mapping, Optional, Protocol, Tuple

from ._host import Host
from ._plan import Step
from ._sources import Source
from ._step_data import RemoveFile

#: The names sort after those of the vendors' packages.
KEY_PATH = "/etc/apt/keyrings/labfleet-gpu-nvidia.asc"
SOURCE_PATH = "/etc/apt/sources.list.d/labfleet-gpu-nvidia.sources"
DEBIAN_SOURCE_PATH = "/etc/apt/sources.list.d/labfleet-gpu-non-free.sources"
UBUNTU_SOURCE_PATH = "/etc/apt/sources.list.d/labfleet-gpu-restricted.sources"
SOURCE_FILES = (KEY_PATH, SOURCE_PATH, DEBIAN_SOURCE_PATH, UBUNTU_SOURCE_PATH)

#: What comes from the same sources as the driver and has its updates from there: toolkits, cuDNN, DCGM.
_SHARING = re.compile(
    r"cuda-(?!drivers|keyring|repo-)|libcublas-|(?:lib)?cudnn|nvidia-cu(?:da-toolkit|dnn)|datacenter-gpu-manager"
)


def shares_source(name: str) -> bool:
    """Does a package of this name need the driver's source too, so that the source outlives the driver?"""
    return _SHARING.match(name) is not None


class SeesSources(Protocol):
    """The part of a component's state that tells where its packages may come from."""

    @property
    def host(self) -> Host: ...

    @property
    def sources(self) -> Tuple[Source, ...]: ...

    @property
    def own_files(self) -> Mapping[str, Optional[str]]:
        """Text of our own files by path, None where there is none."""

    @property
    def source_files(self) -> Mapping[str, str]:
        """Text of the files that configure flat repositories (suite "/"), as NVIDIA's is."""


class AsksForSources(Protocol):
    """The part of a wish that says which repository to use."""

    @property
    def repository_url(self) -> Optional[str]: ...

    @property
    def repository_key_url(self) -> Optional[str]: ...

    @property
    def repository_key_fingerprint(self) -> Optional[str]: ...

    @property
    def take_over(self) -> bool: ...


def doubled_source_steps(state: SeesSources) -> Tuple[Step, ...]:
    """Take our source away where somebody else configured the same one since: apt refuses two keys for it."""
    ours = {source.uri for source in state.sources if source.path == SOURCE_PATH}
    others = {source.uri: source.path for source in state.sources if source.path != SOURCE_PATH}
    doubled = sorted(ours & set(others))
    if not doubled:
        return ()
    why = "%s configures the same repository" % others[doubled[0]]
    return (Step("source", "remove-file", "remove %s" % SOURCE_PATH, why, RemoveFile(SOURCE_PATH)),)
