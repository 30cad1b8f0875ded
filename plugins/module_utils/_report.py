# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The result of a run in words and lines that people read."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence


def result_of(
    reports: Mapping[str, Mapping[str, Any]],
    single: bool,
    check_mode: bool,
    diffs: Sequence[Dict[str, str]] = (),
) -> Dict[str, Any]:
    """The result of a run from what its components report; ``diffs``: those of files."""
    result: Dict[str, Any] = {
        "changed": any(report["changed"] for report in reports.values()),
        "reboot_required": any(report["reboot_required"] for report in reports.values()),
        "reboot_reasons": [reason for report in reports.values() for reason in report["reboot_reasons"]],
        "diff": [*state_diffs(reports), *diffs],
    }
    steps = [dict(step, component=name) for name, report in reports.items() for step in report["steps"]]
    result["msg"] = in_words(result, len(steps), check_mode)
    if single:
        return dict(next(iter(reports.values())), **result)
    return dict(result, components=dict(reports), steps=steps)


def in_words(result: Mapping[str, Any], steps: int, check_mode: bool) -> str:
    """The result in one line, for the admin who reads nothing else."""
    if not steps:
        text = "Nothing to change."
    else:
        text = "%d step%s %s." % (steps, "" if steps == 1 else "s", "to do" if check_mode else "done")
    if result["reboot_required"]:
        text += " Reboot required: " + " ".join(result["reboot_reasons"])
    return text


def state_diffs(reports: Mapping[str, Mapping[str, Any]]) -> List[Dict[str, str]]:
    """One diff for each component whose state changes."""
    return [
        {
            "before_header": name,
            "after_header": name,
            "before": as_lines(report["before"]),
            "after": as_lines(report["after"]),
        }
        for name, report in reports.items()
        if report["before"] != report["after"]
    ]


def as_lines(value: Any, indent: str = "") -> str:
    """Plain data as sorted "key: value" lines, for diffs that people read."""
    lines = []
    for key, entry in sorted(value.items()):
        if isinstance(entry, dict):
            lines.append("%s%s:\n%s" % (indent, key, as_lines(entry, indent + "  ")))
        elif isinstance(entry, (list, tuple)):
            items = "".join("%s  - %s\n" % (indent, item) for item in entry)
            lines.append("%s%s:%s" % (indent, key, "\n" + items if items else " []\n"))
        else:
            lines.append("%s%s: %s\n" % (indent, key, _plain(entry)))
    return "".join(lines)


def _plain(entry: Optional[Any]) -> str:
    if entry is None:
        return "none"
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    return str(entry)
