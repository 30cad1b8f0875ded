# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What _lost.py found, in words: reasons, lines of results, a refusal. Pure."""

from __future__ import annotations

from typing import Collection, List, Mapping, Optional, Sequence, Tuple

from ._plan import Blocker

#: Paths of lost files by the name of the installed package that they belong to.
LostFiles = Mapping[str, Tuple[str, ...]]
#: Packages that are not installed, each with the installed one that needs it.
Unmet = Mapping[str, str]


def why_lost(lost: LostFiles, unmet: Unmet) -> Optional[str]:
    """What is gone, a phrase; None where nothing is."""
    phrases = ["%s is missing, which %s needs" % pair for pair in sorted(unmet.items())[:1]]
    if len(unmet) > 1:
        phrases = ["%s are missing, which others need" % ", ".join(sorted(unmet))]
    name = min(lost, default="")
    if len(lost) > 1:
        phrases.append("files of %d packages are gone, such as %s of %s" % (len(lost), lost[name][0], name))
    elif name:
        count, first = len(lost[name]), lost[name][0]
        said = "a file of %s is gone: %s" % (name, first)
        phrases.append(said if count == 1 else "%d files of %s are gone, such as %s" % (count, name, first))
    return "; ".join(phrases) or None


def lost_lines(lost: LostFiles, unmet: Unmet) -> List[str]:
    """What is gone, a line for each package: for results and diffs."""
    found = ["%s: not installed, and %s needs it" % pair for pair in unmet.items()]
    for name, paths in lost.items():
        more = " and %d more" % (len(paths) - 1) if len(paths) > 1 else ""
        found.append("%s: %s%s" % (name, paths[0], more))
    return sorted(found)


def left_lost(lost: LostFiles, unmet: Unmet, there: Collection[str], unpacked: Collection[str]) -> List[str]:
    """The lines once these packages are ``there``, and apt has ``unpacked`` those, again or newly."""
    return lost_lines(
        {name: paths for name, paths in lost.items() if name in there and name not in unpacked},
        {name: by for name, by in unmet.items() if name not in there and by in there},
    )


def not_to_be_had(targets: Sequence[str], place: str, newest: str) -> Blocker:
    """No source has these ``name=version`` any more; ``newest``: what update: true would bring."""
    more = " and %d more" % (len(targets) - 3) if len(targets) > 3 else ""
    return Blocker(
        "Files of installed packages are gone, and no source has those versions any more",
        "%s%s, looked for in %s" % (", ".join(targets[:3]), more, place),
        "set update: true to have the newest %s, give a repository_url that has these, or remove it "
        "(state: absent) and install another one" % newest,
    )
