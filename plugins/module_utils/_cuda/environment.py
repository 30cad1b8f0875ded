# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Files of ours by which shells, the linker and module systems find the toolkits. Pure."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from .._plan import Step
from .._step_data import RemoveFile, WriteFile
from .satisfied import needs_compat
from .state import (
    DEFAULT_PATH,
    LIBRARIES_PATH,
    MODULE_FILES,
    PROFILE_PATH,
    CudaState,
    Toolkit,
)
from .wish import CudaWish

_MARK = "Written by labfleet.gpu: changes are lost."


def profile(library_path: bool) -> str:
    """What every login shell reads."""
    lines = [
        "# %s" % _MARK,
        "if [ -d %s/bin ]; then" % DEFAULT_PATH,
        '    case ":$PATH:" in',
        "        *:%s/bin:*) ;;" % DEFAULT_PATH,
        '        *) export PATH="%s/bin:$PATH" ;;' % DEFAULT_PATH,
        "    esac",
        "    export CUDA_HOME=%s" % DEFAULT_PATH,
        "    export CUDADIR=%s" % DEFAULT_PATH,
    ]
    if library_path:
        value = "%s/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" % DEFAULT_PATH
        lines.append('    export LD_LIBRARY_PATH="%s"' % value)
    return "\n".join([*lines, "fi"]) + "\n"


def libraries(compat: bool) -> str:
    """Where the linker looks; a compatibility library must come before the driver's own."""
    lines = ["# %s" % _MARK, *([DEFAULT_PATH + "/compat"] if compat else []), DEFAULT_PATH + "/lib64"]
    return "\n".join(lines) + "\n"


def module_file(toolkit: Toolkit, compat: bool = False) -> str:
    """A module file in Tcl, which Environment Modules and Lmod both read. What is prepended last is first."""
    path = toolkit.path
    return "\n".join(
        [
            "#%Module1.0",
            "# %s" % _MARK,
            'module-whatis "CUDA %s"' % toolkit.minor,
            "conflict cuda",
            "setenv CUDA_HOME %s" % path,
            "setenv CUDADIR %s" % path,
            "prepend-path PATH %s/bin" % path,
            "prepend-path LD_LIBRARY_PATH %s/lib64" % path,
            *(["prepend-path LD_LIBRARY_PATH %s/compat" % path] if compat else []),
            "",
        ]
    )


def files(
    state: CudaState, wish: CudaWish, after: Sequence[Toolkit], default: Optional[Toolkit]
) -> Dict[str, Optional[str]]:
    """Path to content of each file of ours that this wish decides about; None: it is not to be there."""
    usable = [toolkit for toolkit in after if toolkit.selectable]
    wanted: Dict[str, Optional[str]] = {}
    if not usable or (wish.state == "present" and not wish.environment):
        wanted.update({PROFILE_PATH: None, LIBRARIES_PATH: None})
    elif wish.state == "present":
        present = state.own_files.get(PROFILE_PATH) or ""
        global_path = "LD_LIBRARY_PATH" in present if wish.library_path is None else wish.library_path
        compat = default is not None and needs_compat(state, wish, default.minor)
        wanted.update({PROFILE_PATH: profile(global_path), LIBRARIES_PATH: libraries(compat)})
    minors = {toolkit.minor: toolkit for toolkit in usable}
    unwished = wish.module_files == "none"
    for path in state.module_files:
        if unwished or path.rpartition("/")[2] not in minors:
            wanted[path] = None
    if wish.module_files in MODULE_FILES:
        directory = MODULE_FILES[wish.module_files]
        for name, each in minors.items():
            content = module_file(each, needs_compat(state, wish, each.minor))
            wanted["%s/%s" % (directory, name)] = content
    return wanted


def steps(
    state: CudaState,
    wish: CudaWish,
    after: Sequence[Toolkit],
    default: Optional[Toolkit],
    switched: bool,
) -> Tuple[Step, ...]:
    """Write and remove what differs; renew the linker's cache where what it is to find changes."""
    found: List[Step] = []
    linked = False
    wanted = files(state, wish, after, default)
    for path, content in sorted(wanted.items()):
        now = state.own_files.get(path, state.module_files.get(path))
        if now == content:
            continue
        linked = linked or path == LIBRARIES_PATH
        if content is None:
            why = "it is not wished" if after else "no toolkit is left"
            found.append(Step("environment", "remove-file", "remove %s" % path, why, RemoveFile(path)))
        else:
            why = "shells, the linker or module systems are to find the toolkits"
            found.append(Step("environment", "write-file", "write %s" % path, why, WriteFile(path, content)))
    known = wanted.get(LIBRARIES_PATH, state.own_files.get(LIBRARIES_PATH)) is not None
    if linked or (known and (switched or state.cache_stale)):
        why = "the libraries behind %s changed" % DEFAULT_PATH
        found.append(Step("environment", "renew-linker-cache", "renew the linker's cache", why))
    return tuple(found)
