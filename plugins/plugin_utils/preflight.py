# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gpu_stack would do to the nodes of a fleet, from its results in check mode: a row for each node."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Result = Mapping[str, Any]
HEADER = (
    "node",
    "GPUs",
    "driver",
    "CUDA",
    "cuDNN",
    "environments",
    "settings",
    "MIG",
    "containers",
    "steps",
    "reboot",
)
_ARROW = " -> "
_ASKED_NOTHING = "."
#: The architecture in what the driver's summary says of a GPU.
_ARCHITECTURE = re.compile(r"\[10de:[0-9a-f]{4}\] (.+)$")


def refused(results: Mapping[str, Result]) -> list[str]:
    """The nodes that cannot be converged as they are."""
    return [node for node, result in results.items() if _refusal(result)]


def table(results: Mapping[str, Result]) -> list[str]:
    """Lines of a table, and below it why: refusals, reasons for reboots, and what the tables chose."""
    rows = [HEADER, *(_row(node, result) for node, result in results.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines + _notes(results)


def _refusal(result: Result) -> str:
    """Why a node cannot be converged, "" if it can."""
    if result.get("unreachable") or not result:
        return f"it cannot be reached. {result.get('msg', '')}".strip()
    return "" if "components" in result else str(result.get("msg", "it did not answer."))


def _row(node: str, result: Result) -> tuple[str, ...]:
    if _refusal(result):
        found = "unreachable" if result.get("unreachable") or not result else "refused"
        gpus = _gpus(result.get("before", {}).get("driver", {}))
        return (node, gpus, found, *("" for _column in HEADER[3:]))
    components: Mapping[str, Result] = result["components"]
    return (
        node,
        _gpus(components.get("driver", {}).get("before", {})),
        _move(components.get("driver"), _driver),
        _move(components.get("cuda"), _toolkits),
        _move(components.get("cudnn"), _libraries),
        _environments(components),
        _short(components.get("settings")),
        _short(components.get("mig")),
        _short(components.get("container")),
        str(len(result["steps"])),
        "yes" if result["reboot_required"] else "no",
    )


def _gpus(summary: Mapping[str, Any]) -> str:
    """How many of which architecture: "8 Hopper, 2 Turing"."""
    found = (_ARCHITECTURE.search(each) for each in summary.get("gpus", ()))
    counts = Counter(match.group(1) for match in found if match)
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _move(report: Result | None, shown: Any) -> str:
    """What there is, and what there will be: "570.133.20 -> 580.95.05"."""
    if report is None:
        return _ASKED_NOTHING
    before, after = shown(report["before"]), shown(report["after"])
    if before != after:
        return before + _ARROW + after
    return f"{after} ({_steps(report)})" if report["steps"] else after


def _steps(report: Result) -> str:
    count = len(report["steps"])
    return f"{count} step{'' if count == 1 else 's'}"


def _driver(summary: Mapping[str, Any]) -> str:
    return str(summary.get("version") or summary.get("branch") or "none")


def _toolkits(summary: Mapping[str, Any]) -> str:
    return _sorted(each["version"] for each in summary.get("toolkits", {}).values())


def _libraries(summary: Mapping[str, Any]) -> str:
    return _sorted(each["version"] for each in summary.get("cudnn", {}).values())


def _sorted(versions: Iterable[str]) -> str:
    def key(version: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", version)]

    return ", ".join(sorted(set(map(str, versions)), key=key)) or "none"


def _environments(components: Mapping[str, Result]) -> str:
    """Each by its name: "+train" is to be made, "~train" changed, "-train" removed."""
    found = []
    for name, report in components.items():
        kind, _blank, called = name.partition(" ")
        if kind != "environment":
            continue
        before, after = (bool(report[when].get("exists")) for when in ("before", "after"))
        sign = {(False, True): "+", (True, False): "-"}.get((before, after), "~" if report["steps"] else "")
        found.append(sign + called)
    return ", ".join(found) or _ASKED_NOTHING


def _short(report: Result | None) -> str:
    if report is None:
        return _ASKED_NOTHING
    return _steps(report) if report["steps"] else "ok"


def _notes(results: Mapping[str, Result]) -> list[str]:
    """What a cell has no room for. Nodes with the same words share a line."""
    said: dict[str, list[str]] = {}
    for node, result in results.items():
        for words in _words(result):
            said.setdefault(words, []).append(node)
    return [f"{', '.join(nodes)}: {words}" for words, nodes in said.items()]


def _words(result: Result) -> Iterable[str]:
    if _refusal(result):
        yield _refusal(result)
        return
    framework = result.get("framework")
    if framework:
        named = framework["framework"]
        yield f"{named['name']} {named['version']}: {' '.join(framework['reasons'])}"
    yield from result["reboot_reasons"]
    yield from (str(each) for each in result.get("warnings", ()))
