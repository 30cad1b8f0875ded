# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that the table is written in."""

from __future__ import annotations

from dataclasses import dataclass

#: How the driver packages are laid out; each release has one of these.
FIRST = ("split-revision",)  # 535, 550: the metapackages have a revision of their own
OLD = (*FIRST, "versioned-firmware")
UP_TO_570 = (*OLD, "plain-firmware")
NEW = ("persistenced",)
FROM_570_172 = ("plain-firmware", *NEW)
FROM_570 = ("versioned-firmware", *FROM_570_172)
SUFFIXED = (*FIRST, *FROM_570)
BARE = ("bare",)  # from 590 on: no branch in the names
DEBIAN = ("debian",)
ARCHIVE = ("archive",)  # Ubuntu's own archive
LAYOUTS = (*SUFFIXED, *BARE, *DEBIAN, *ARCHIVE)


@dataclass(frozen=True)
class Release:
    """One driver release as a repository carries it."""

    branch: int
    version: str
    revision: str  # Debian revision of the driver packages
    fabric_revision: str  # the same of fabric manager, NSCQ and IMEX
    layout: str  # one of LAYOUTS
    source: str
    pinning: str = ""  # source that names nvidia-driver-pinning-<version>; none = no such package
    only: tuple[str, ...] = ()  # directories that carry it; none = all of the family
    open_only: bool = False  # the proprietary kernel modules are gone

    @property
    def full(self) -> str:
        """Version of the driver packages."""
        return f"{self.version}-{self.revision}"

    @property
    def fabric(self) -> str:
        """Version of the fabric packages."""
        return f"{self.version}-{self.fabric_revision}"


@dataclass(frozen=True)
class Row:
    """One package of the table; {placeholders} are filled per release, branch or kernel.

    {b} branch, {v} driver version, {full} package version, {fab} fabric package version,
    {x} "" or "-open", {k} kernel release.
    """

    name: str
    source: str
    summary: str
    scope: str = "release"  # release | branch | pinned | calendar | kernel | newest | archive
    version: str = "{full}"
    architecture: str = "amd64"
    section: str = "non-free/libs"
    layouts: tuple[str, ...] = SUFFIXED
    branches: tuple[int, ...] = ()  # only of these branches; none = all of the layouts
    flavours: bool = False  # one package for each kernel module flavour
    flavour: str = ""  # kernel module flavour where the name does not tell: "" or "-open"
    proprietary: bool = False  # not in a release that is open only
    pre_depends: str = ""
    depends: str = ""
    open_depends: str = ""  # instead of depends, in a release that is open only
    recommends: str = ""
    suggests: str = ""
    breaks: str = ""
    conflicts: str = ""
    replaces: str = ""
    provides: str = ""
    exclusive: str = ""  # virtual names with one provider at a time: in provides, conflicts and replaces
    multi_arch: str = ""
    extra: tuple[tuple[str, str], ...] = ()  # further fields
    payload: str = ""  # a function of labvendor.payload; empty: a package without content
    left_out: str = ""  # what the real package has and this one has not, and why


@dataclass(frozen=True)
class Family:
    """Packages that go by one way of naming, and the releases that have them."""

    name: str
    rows: tuple[Row, ...]
    releases: tuple[Release, ...]


@dataclass(frozen=True)
class Package:
    """One package, ready to be written."""

    name: str
    version: str
    architecture: str
    fields: tuple[tuple[str, str], ...]  # further control fields, in order
    payload: str
    variables: tuple[tuple[str, str], ...]  # what the placeholders stood for

    @property
    def filename(self) -> str:
        """File name; an epoch is not part of it."""
        return f"{self.name}_{self.version.split(':')[-1]}_{self.architecture}.deb"
