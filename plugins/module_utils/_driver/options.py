# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Module options: the file of modprobe, and what is in effect. Pure."""

from __future__ import annotations

import re
from typing import List, Mapping, Optional, Tuple

from .._catalog.gpus import OPEN
from .._plan import Step
from . import initramfs
from .state import OPTIONS_PATH, DriverState
from .target import Target

_HEADER = "# Options of the NVIDIA kernel module, from module_options (labfleet.gpu).\n"
#: What the module, the file modprobe options and NVIDIA's README call "NVreg_X" is "X" in params.
_PREFIX = "NVreg_"
#: What modprobe reads last (libkmod-config.c, kmod_config_new).
COMMAND_LINE = "the kernel command line"
#: The module's numbers have 32 bits: -1 is shown as 4294967295.
_RANGE = 2**32


def module_name(target: Target) -> str:
    """What the kernel module is called for modprobe: Debian's packages rename it, all others do not.

    Source: nvidia-modprobe.conf and nvidia-options.conf of Debian's nvidia-kernel-support and
    nvidia-open-kernel-support, 535.261.03-1.
    """
    if target.family.source != "debian":
        return "nvidia"
    return "nvidia-current-open" if target.flavour == OPEN else "nvidia-current"


def content(target: Target) -> Optional[str]:
    """Our file as the wish has it, None where there is to be none."""
    if not target.wish.module_options:
        return None
    lines = [
        "options %s %s=%s\n" % (module_name(target), name, '"%s"' % value if " " in value else value)
        for name, value in target.wish.module_options
    ]
    return _HEADER + "".join(lines)


_OPTION = re.compile(r'(\w+)=("[^"]*"|\S+)')


def parse(text: str) -> Tuple[Tuple[str, str], ...]:
    """Names and values that a file of modprobe gives the kernel module nvidia, in order (modprobe.d(5))."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split(None, 2)
        if len(words) == 3 and words[0] == "options" and _is_nvidia(words[1]):
            found += [(name, value.strip('"')) for name, value in _OPTION.findall(words[2])]
    return tuple(found)


def _is_nvidia(module: str) -> bool:
    return module.replace("_", "-") in ("nvidia", "nvidia-current", "nvidia-current-open")


def steps(state: DriverState, target: Target) -> Tuple[Step, ...]:
    """Write or remove our file of options; a wish that does not name them leaves it alone."""
    if target.wish.module_options is None:
        return ()
    wanted = content(target)
    if wanted is None:
        what, why = "remove %s" % OPTIONS_PATH, "no module_options are wished"
    else:
        what = "set options of the kernel module: %s" % ", ".join(
            "%s=%s" % pair for pair in target.wish.module_options
        )
        why = "module_options are wished"
    return initramfs.file_steps(state, "options", OPTIONS_PATH, wanted, what, why)


def changed(state: DriverState, target: Target) -> Tuple[Tuple[str, str, str], ...]:
    """Wished options that loading the module anew puts in effect: name, value in effect, value wished.

    Not those that another place decides, and not those that the loaded module was given and did not take.
    """
    if _given(state, target):
        return ()
    return tuple(each for each in _different(state, target) if not _overruled(state, each[0], each[2]))


def _different(state: DriverState, target: Target) -> Tuple[Tuple[str, str, str], ...]:
    """Wished options that the loaded module has with another value: name, value in effect, value wished.

    Only parameters that the kernel shows can be compared (/proc/driver/nvidia/params).
    """
    found = []
    for name, value in target.wish.module_options or ():
        effective = _effective(state.parameters, name)
        if effective is not None and not same(effective, value):
            found.append((name, effective, value))
    return tuple(found)


def _given(state: DriverState, target: Target) -> bool:
    """Was our file as it is to be when the loaded module was loaded: at the boot, or by a run since then?"""
    loaded = max(state.booted, state.module_loaded)
    return state.own_files.get(OPTIONS_PATH) == content(target) and 0 < state.options_since < loaded


def _overruled(state: DriverState, name: str, wished: str) -> Optional[Tuple[str, str]]:
    """The place that is read after our file and decides otherwise, and its value: the last one wins."""
    later = [
        (path, value)
        for path, other, value in state.other_options
        if other == name
        and (path == COMMAND_LINE or path.rpartition("/")[2] > OPTIONS_PATH.rpartition("/")[2])
    ]
    return later[-1] if later and not same(later[-1][1], wished) else None


def reasons(state: DriverState, target: Target) -> Tuple[str, ...]:
    """Why the loaded module must be loaded anew: it has other options than are wished."""
    if state.loaded is None or not state.host.gpus:
        return ()
    return tuple(
        "Module option %s is %s in the loaded kernel module and %s is wished: it takes effect when the "
        "module is loaded anew." % each
        for each in changed(state, target)
    )


def warnings(state: DriverState, target: Target) -> Tuple[str, ...]:
    """Options that another place decides, that the driver does not take, that go but stay for now."""
    wished = target.wish.module_options
    if wished is None:
        return ()
    found = []
    for name, wish in wished:
        overruled = _overruled(state, name, wish)
        if overruled:
            found.append(
                "%s sets the module option %s to %s, and %s is wished: the last of several wins "
                "(modprobe.d(5)), so take it out there." % (overruled[0], name, overruled[1], wish)
            )
    found += _not_taken(state, target)
    names = [name for name, _value in wished]
    for name, value in parse(state.own_files.get(OPTIONS_PATH) or ""):
        effective = _effective(state.parameters, name)
        if state.loaded and name not in names and effective is not None and same(effective, value):
            found.append(
                "Module option %s is no longer wished and stays %s until the kernel module is loaded anew."
                % (name, effective)
            )
    return tuple(found)


def _not_taken(state: DriverState, target: Target) -> List[str]:
    if state.loaded is None or not state.host.gpus or not _given(state, target):
        return []
    return [
        "The driver does not take the module option %s=%s: %s was there when the kernel module was loaded, "
        "and %s is in effect, so a reboot would not help. Take it out of module_options, or look at "
        "'modprobe --showconfig | grep %s'." % (name, wish, OPTIONS_PATH, effective, name)
        for name, effective, wish in _different(state, target)
        if not _overruled(state, name, wish)
    ]


def _effective(parameters: Mapping[str, str], name: str) -> Optional[str]:
    return parameters.get(name[len(_PREFIX) :] if name.startswith(_PREFIX) else name)


def same(one: str, other: str) -> bool:
    """Are these the same value? Numbers as the kernel has them (0x.., 0.. octal, 32 bits), else text."""
    left, right = _number(one), _number(other)
    if left is not None and right is not None:
        return left % _RANGE == right % _RANGE
    return one.strip('"') == other.strip('"')


def _number(text: str) -> Optional[int]:
    text = text.strip('"')
    octal = re.match(r"^0[0-7]+$", text)
    try:
        return int(text, 8) if octal else int(text, 0)
    except ValueError:
        return None
