# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built repositories against what was seen of the real ones (attested/), field by field."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from indexes import Paragraph, load
from labvendor.expand import kernel_variables
from served import Served

#: Of our own programs; the real packages have them too, from their own binaries.
OF_PROGRAMS = re.compile(r"libc6( .*)?$|adduser$")
KERNEL = kernel_variables(os.uname().release)
#: Debian's and Ubuntu's own packages that driver packages depend on.
DISTRIBUTION = {"adduser", "binutils", "dkms", "kmod", "libc6"}

Index = dict[tuple[str, str], Paragraph]


def _rows(kind: str) -> list[Any]:
    """(where, row) for each row of that kind, with its name as pytest shows it."""
    found = []
    for path in sorted(Path(__file__).with_name("attested").glob("*.json")):
        table = json.loads(
            path.read_text().replace("<kernel>", KERNEL["k"]).replace("<lrm>", f"{KERNEL['kv']}+1")
        )
        for row in table[kind]:
            for where in row.get("where", table["where"]):
                name = f"{where}-{row['package']}={row.get('version')}-{row.get('field', '')}".rstrip("-")
                found.append(pytest.param(where, row, id=name))
    return found


@pytest.fixture(scope="module")
def index(served: Served) -> Callable[[str], Index]:
    """The index of a directory or suite, read once."""
    read: dict[str, Index] = {}

    def get(where: str) -> Index:
        if where not in read:
            read[where] = load(served.path, where)
        return read[where]

    return get


@pytest.mark.parametrize(("where", "row"), _rows("packages"))
def test_package_is_there(where: str, row: dict[str, str], index: Callable[[str], Index]) -> None:
    found = index(where)[row["package"], row["version"]]
    assert found["Architecture"] == row["architecture"]
    assert found["Filename"].endswith(f"/{row['package']}_{row['version']}_{row['architecture']}.deb")


@pytest.mark.parametrize(("where", "row"), _rows("absent"))
def test_package_is_not_there(where: str, row: dict[str, str], index: Callable[[str], Index]) -> None:
    versions = [version for name, version in index(where) if name == row["package"]]
    assert row["version"] not in versions if row["version"] else not versions


@pytest.mark.parametrize(("where", "row"), _rows("relations"))
def test_relation(where: str, row: dict[str, Any], index: Callable[[str], Index]) -> None:
    """Where no version is given, all versions of the package are alike."""
    found = [
        item
        for (name, version), item in index(where).items()
        if name == row["package"] and row["version"] in (None, version)
    ]
    assert found
    for item in found:
        clauses = set(item[row["field"]].split(", "))
        assert set(row["clauses"]) <= clauses
        if row["whole"]:
            assert {clause for clause in clauses if not OF_PROGRAMS.match(clause)} == set(row["clauses"])


@pytest.mark.parametrize("branch", ["570", "580"])
def test_every_name_of_the_branch(branch: str, index: Callable[[str], Index]) -> None:
    names = {name for name, version in index("ubuntu2204") if version.startswith(branch)}
    table = json.loads(Path(__file__).with_name("attested").joinpath("nvidia_suffixed.json").read_text())
    assert set(table["names"][branch]) <= names


REPOSITORIES = [
    *([name] for name in ("ubuntu2204", "ubuntu2404", "ubuntu2604", "debian12", "debian13")),
    *([name, f"{name}-security", f"{name}-updates"] for name in ("jammy", "noble", "resolute")),
]


@pytest.mark.parametrize("together", REPOSITORIES, ids=lambda names: names[0])
def test_every_dependency_can_be_met(together: list[str], index: Callable[[str], Index]) -> None:
    """One alternative of each dependency is there, or is one of the distribution's few."""
    items = [item for where in together for item in index(where).values()]
    known = {item["Package"] for item in items} | DISTRIBUTION
    for item in items:
        known |= {re.sub(r" .*", "", name) for name in item.get("Provides", "").split(", ")}
    unmet = {
        clause
        for item in items
        for clause in item.get("Depends", "").split(", ")
        if clause and not {re.sub(r" .*", "", name) for name in clause.split(" | ")} & known
    }
    assert unmet == set()


def test_modaliases(index: Callable[[str], Index]) -> None:
    """Which packages ubuntu-drivers finds for a chip."""

    def drivers(chip: str) -> set[str]:
        alias = f"pci:v000010DEd0000{chip.upper()}sv*sd*bc03sc*i*"
        return {
            name
            for (name, _version), item in index("noble-updates").items()
            if alias in item.get("Modaliases", "")
        }

    def both(*series: str) -> set[str]:
        return {f"nvidia-driver-{name}{flavour}" for name in series for flavour in ("", "-open")}

    everything = both("535", "535-server", "550-server", "580", "580-server", "595", "595-server")
    assert drivers("2330") == drivers("1eb8") == everything  # H100, T4
    assert drivers("1db1") == {  # V100: no open modules, and none after 580
        "nvidia-driver-535",
        "nvidia-driver-535-server",
        "nvidia-driver-550-server",
        "nvidia-driver-580",
        "nvidia-driver-580-server",
    }
    assert drivers("2901") == {  # B200: open modules alone, since 570
        "nvidia-driver-580-open",
        "nvidia-driver-580-server-open",
        "nvidia-driver-595-open",
        "nvidia-driver-595-server-open",
    }


def test_modaliases_cover_the_simulated_boards(index: Callable[[str], Index]) -> None:
    boards = Path(__file__).resolve().parents[2] / "roles/gpu_simulator/files/boards"
    known = " ".join(item.get("Modaliases", "") for item in index("noble-updates").values())
    for path in boards.glob("*.json"):
        chips = re.findall(r'"pci_device_id": \{\s*"value": "10de:([0-9a-f]{4})"', path.read_text())
        assert chips, path.name
        assert f"d0000{chips[0].upper()}sv*" in known, path.name
