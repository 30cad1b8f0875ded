# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a planner may ask before it decides, and the answers. Plain data: no effects, no network here."""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from ._dataclass import dataclass


@dataclass(frozen=True)
class Trouble:
    """The answer could not be had; ``what`` is one sentence with the cause."""

    what: str


@dataclass(frozen=True)
class ConfigFile:
    """A file of ours under /etc/apt as it is now or would be after the plan."""

    path: str
    content: str


@dataclass(frozen=True)
class AskKey:
    """The signing key of a repository: ``url``, and the fingerprint that it must have."""

    url: str
    fingerprint: str


@dataclass(frozen=True)
class Key:
    content: str


@dataclass(frozen=True)
class AskIndex:
    """Which versions of the packages matching ``pattern`` the sources offer.

    ``files`` are laid over the node's own /etc/apt in a private directory, nothing on the node changes.
    ``required`` are source URIs whose index must be readable and properly signed.
    """

    files: Tuple[ConfigFile, ...]
    pattern: str
    required: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """One version of one package, and the URI of the source that has it."""

    version: str
    uri: str


@dataclass(frozen=True)
class Index:
    """Offers by package name, newest first as apt orders them."""

    offers: Mapping[str, Tuple[Offer, ...]]
    warnings: Tuple[str, ...] = ()


@dataclass(frozen=True)
class AskRecords:
    """What the sources say of the packages matching ``pattern``: every version with its fields.

    ``files`` and ``required`` as for AskIndex.
    """

    files: Tuple[ConfigFile, ...]
    pattern: str
    required: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One version of one package: ``fields`` of its stanza with their names in lower case."""

    name: str
    version: str
    uri: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Records:
    found: Tuple[Record, ...]


@dataclass(frozen=True)
class AskTransaction:
    """What apt would do for these ``name=version`` targets under the given configuration files.

    ``reinstall``: also for those that are installed at that version.
    """

    files: Tuple[ConfigFile, ...]
    install: Tuple[str, ...]
    downgrade: bool = False
    unhold: Tuple[str, ...] = ()
    reinstall: bool = False


@dataclass(frozen=True)
class AskPurge:
    """What apt would remove with these packages; the answer is a Transaction."""

    names: Tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One package of a transaction; ``old`` or ``new`` is empty for an install or a removal."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Transaction:
    installs: Tuple[Change, ...]
    removals: Tuple[Change, ...]
    download_bytes: int
    installed_bytes: int

    def passed_over(self, targets: Tuple[str, ...]) -> Tuple[str, ...]:
        """The targets that apt would leave as they are: what no source has, it does not install again."""
        moved = {"%s=%s" % (change.name, change.new) for change in self.installs}
        return tuple(target for target in targets if target not in moved)


@dataclass(frozen=True)
class AskSpace:
    """Free bytes on the file systems that hold these paths."""

    paths: Tuple[str, ...]


@dataclass(frozen=True)
class Space:
    """For each path the mount it is on and the bytes that root may still write there."""

    free: Mapping[str, Tuple[str, int]]


@dataclass(frozen=True)
class AskFile:
    """Is there a file at this place, an absolute path on the node or an http, https or file URL?"""

    place: str


@dataclass(frozen=True)
class FileThere:
    """There is, of so many bytes; None where its server does not say."""

    size: Optional[int]


@dataclass(frozen=True)
class AskDigest:
    """The digest of a file on the node, of the kind of another one: ``like`` is "sha256:HEX" or "md5:HEX"."""

    path: str
    like: str


@dataclass(frozen=True)
class Digest:
    """As in ``like``, and the bytes that the file has."""

    value: str
    size: int


@dataclass(frozen=True)
class AskClients:
    """Who has a GPU open."""


@dataclass(frozen=True)
class Client:
    pid: int
    user: str
    command: str

    def __str__(self) -> str:
        return "%d (%s, %s)" % (self.pid, self.user, self.command)


@dataclass(frozen=True)
class Clients:
    found: Tuple[Client, ...]


@dataclass(frozen=True)
class AskHolders:
    """What keeps the driver's kernel modules in use."""


@dataclass(frozen=True)
class Holders:
    """``units`` are system services that hold a GPU, and those that depend on them: they can be stopped and
    started again. ``loose`` are processes that belong to no such service. ``modules`` are kernel modules
    of somebody else that use the driver's.
    """

    units: Tuple[str, ...] = ()
    loose: Tuple[Client, ...] = ()
    modules: Tuple[str, ...] = ()


@dataclass(frozen=True)
class AskVolatile:
    """What the GPUs lose with their kernel modules: loaded modules, and settings made since boot."""


@dataclass(frozen=True)
class Volatile:
    """``note`` is JSON for the one who restores it; ``trouble`` says why settings are not in it, or "".

    ``mig`` names the GPUs in MIG mode, which the note has not; ``at_boot`` those of them whose instances
    the next boot makes again, as they are stored.
    """

    note: str
    trouble: str = ""
    mig: Tuple[str, ...] = ()
    at_boot: Tuple[str, ...] = ()


@dataclass(frozen=True)
class AskFormer:
    """Can these packages (``name=version``) be had again: from apt's cache, or from a configured source?

    ``files`` as in AskIndex.
    """

    files: Tuple[ConfigFile, ...]
    packages: Tuple[str, ...]


@dataclass(frozen=True)
class Former:
    """The packages that can be had nowhere, and the bytes that all others take."""

    lost: Tuple[str, ...]
    size: int
