# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that the table is written in."""

from __future__ import annotations

from dataclasses import dataclass

#: How NVIDIA laid out the driver packages; each release has one.
LAYOUTS = ("versioned-firmware", "plain-firmware", "persistenced")


@dataclass(frozen=True)
class Release:
    """One driver release as NVIDIA's Ubuntu repositories carry it."""

    branch: int
    version: str
    revision: str  # Debian revision of the driver packages
    fabric_revision: str  # the same of fabric manager, NSCQ and IMEX
    layout: str  # one of LAYOUTS
    source: str
    pinning: str = ""  # source that names nvidia-driver-pinning-<version>; none = no such package

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
    scope: str = "release"  # release | branch | kernel | archive
    version: str = "{full}"
    architecture: str = "amd64"
    section: str = "non-free/libs"
    layouts: tuple[str, ...] = LAYOUTS
    flavours: bool = False  # one package for each kernel module flavour
    pre_depends: str = ""
    depends: str = ""
    recommends: str = ""
    suggests: str = ""
    breaks: str = ""
    conflicts: str = ""
    replaces: str = ""
    provides: str = ""
    exclusive: str = ""  # virtual names with one provider at a time: in provides, conflicts and replaces
    multi_arch: str = ""
    payload: str = ""  # a function of labvendor.payload; empty: a package without content
    left_out: str = ""  # what the real package has and this one has not, and why


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
