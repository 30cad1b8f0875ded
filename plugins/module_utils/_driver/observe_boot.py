# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which kernel the next boot takes, as far as files tell. Reads only."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._host import Files

_PREFIX = "vmlinuz-"


def bootable_kernels(files: Files) -> Tuple[str, ...]:
    """The kernels in /boot."""
    return tuple(name[len(_PREFIX) :] for name in files.names("/boot") if name.startswith(_PREFIX))


def boot_kernel(files: Files, bootable: Sequence[str]) -> Optional[str]:
    """The kernel that the boot loader takes by default; None where nothing tells, as in a container.

    GRUB's configuration says it where there is GRUB, else the link that the kernel's packages keep, else it
    is taken to be the newest kernel.
    """
    ordered = sorted(bootable, key=version_key, reverse=True)
    if not ordered:
        return None
    configured, default = files.text("/boot/grub/grub.cfg"), _default(files)
    if configured is not None or default is not None:
        found = _by_grub(files, configured, default or "0", ordered)
        if found in bootable:
            return found
    for link in ("/boot/vmlinuz", "/vmlinuz"):
        name = os.path.basename(files.link(link) or "")
        if name[len(_PREFIX) :] in bootable:
            return name[len(_PREFIX) :]
    return ordered[0]


def version_key(version: str) -> List[Tuple[Tuple[int, ...], int]]:
    """Sorts as dpkg compares versions (deb-version(7)): words and numbers in turn, "~" before anything."""
    return [(_word_key(word), int(number or 0)) for word, number in re.findall(r"(\D*)(\d*)", version)]


def _word_key(word: str) -> Tuple[int, ...]:
    order = [-1 if sign == "~" else ord(sign) + (0 if sign.isalpha() else 256) for sign in word]
    return (*order, 0)


# GRUB


class Entry(NamedTuple):
    """A line of GRUB's menu: title, id and kernel, or for a submenu its entries."""

    title: str
    id: str
    kernel: Optional[str]
    entries: Tuple[Any, ...] = ()


def _default(files: Files) -> Optional[str]:
    """GRUB_DEFAULT, the last that is set; None where there is no such file."""
    paths = ["/etc/default/grub"]
    paths += [
        "/etc/default/grub.d/" + name for name in files.names("/etc/default/grub.d") if name.endswith(".cfg")
    ]
    default = None
    for path in paths:
        text = files.text(path)
        if text is not None:
            found = re.findall(r"^\s*GRUB_DEFAULT=(.*)$", text, re.MULTILINE)
            default = found[-1].strip().strip("\"'") if found else default or "0"
    return default


def _by_grub(files: Files, configured: Optional[str], default: str, ordered: Sequence[str]) -> Optional[str]:
    saved = _environment(files)
    if saved.get("next_entry"):
        choice = saved["next_entry"]
    else:
        # What grub.cfg was made with counts, not what GRUB_DEFAULT says since.
        made_with = re.findall(r'^\s*set default="(.*)"\s*$', configured or "", re.MULTILINE)
        choice = made_with[-1] if made_with else default
        if choice in ("saved", "${saved_entry}"):
            choice = saved.get("saved_entry") or "0"
    menu = parse_menu(configured or "")
    if not menu:
        menu = _usual_menu(ordered)
        named = [kernel for kernel in ordered if kernel in choice]
        if named:
            return max(named, key=len)
    return _chosen(menu, choice.split(">")) or _chosen(menu, ["0"])


def _environment(files: Files) -> Dict[str, str]:
    lines = (files.text("/boot/grub/grubenv") or "").splitlines()
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}


def _chosen(menu: Sequence[Entry], path: Sequence[str]) -> Optional[str]:
    """The kernel of the entry that a path such as 1>2 leads to: each part is a place, a title or an id."""
    entry: Optional[Entry] = None
    for part in path:
        part = part.strip()
        if part.isdigit():
            entry = menu[int(part)] if int(part) < len(menu) else None
        else:
            entry = next((each for each in menu if part in (each.id, each.title)), None)
        if entry is None:
            return None
        menu = entry.entries
    while entry and entry.entries:
        entry = entry.entries[0]
    return entry.kernel if entry else None


def _usual_menu(ordered: Sequence[str]) -> Tuple[Entry, ...]:
    """The menu that grub-mkconfig makes: the newest kernel, then below all of them with recovery modes."""
    advanced: List[Entry] = []
    for kernel in ordered:
        advanced.append(Entry("with Linux " + kernel, kernel, kernel))
        advanced.append(Entry("with Linux %s (recovery mode)" % kernel, "", kernel))
    return (Entry("", "", ordered[0]), Entry("", "", None, tuple(advanced)))


def parse_menu(text: str) -> Tuple[Entry, ...]:
    """The menu in a grub.cfg of grub-mkconfig's making, which begins a line with each of these words."""
    levels: List[List[Entry]] = [[]]
    opened: List[Tuple[str, str, str]] = []
    kernel: Optional[str] = None
    for line in text.splitlines():
        line = line.strip()
        if line.startswith(("menuentry ", "submenu ")) and line.endswith("{"):
            kind, _space, rest = line.partition(" ")
            title, rest = _quoted(rest.lstrip())
            opened.append((kind, title, _quoted(rest.partition("$menuentry_id_option ")[2])[0]))
            levels.append([])
            kernel = None
        elif line.startswith("linux") and "/" + _PREFIX in line:
            kernel = line.partition("/" + _PREFIX)[2].split()[0]
        elif line == "}" and opened:
            kind, title, name = opened.pop()
            entries = tuple(levels.pop())
            levels[-1].append(Entry(title, name, None if kind == "submenu" else kernel, entries))
    return tuple(levels[0])


def _quoted(text: str) -> Tuple[str, str]:
    """The word in quotes at the beginning of a text, and what comes after it."""
    word, _quote, rest = text[1:].partition(text[:1]) if text else ("", "", "")
    return word, rest
