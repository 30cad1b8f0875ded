# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVIDIA's runtime for containerd's CRI: a file of our own, and one entry of "imports" that names it. Pure.

Source: pkg/config/engine/containerd of NVIDIA/nvidia-container-toolkit@d34b304: the name of the file, the
options of the runtime, which are those of the default one, and that before containerd 2.1 the file has all
that the rest of the configuration has of the plugin: the last file with a plugin decides (containerd#5837).
There a file that names any runtime takes containerd's own one away as well (go-toml 1.9 decodes a table into
a new map), and CRI does not load without its default runtime (pkg/cri/config/config.go, release/1.7).
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Dict, List, Mapping, Optional

from .._catalog.container import CONTAINERD_MERGES, cri_plugins
from .._catalog.versions import at_least
from . import toml

CONFIG, DROP_IN = "/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"
MARK = "# Held by labfleet.gpu: what is in this file is written anew."
RUNTIME, BINARY = "nvidia", "/usr/bin/nvidia-container-runtime"
#: The same as nvidia-ctk and people write it: by its path, or for PATH to find.
BINARIES = (BINARY, "nvidia-container-runtime")
_TYPE = "io.containerd.runc.v2"
#: containerd's own default runtime, the only one that it has where no file names any. It has no options but
#: those of runc itself (pkg/cri/config/config_unix.go, release/1.5 to 1.7: each is false, 0 or "").
_USUAL = "runc"
#: What a configuration that is not there yet says, as nvidia-ctk has it; containerd 2 reads it as well.
_FIRST = 2
#: A string, a comment or the end of a list.
_IN_LIST = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|\]')
_IMPORTS = re.compile(r"^[ \t]*imports[ \t]*=[ \t]*\[", re.MULTILINE)


def version_of(config: Mapping[str, Any]) -> int:
    """The version of a configuration: without the key it is 1, and an empty one can be of any."""
    found = config.get("version", 1 if config else _FIRST)
    return found if isinstance(found, int) else 0


def without_cri(config: Mapping[str, Any]) -> bool:
    """Is CRI switched off, as in the file that Docker's own package of containerd brings?"""
    off = config.get("disabled_plugins") or []
    return any(name == "cri" or "cri" in str(name).split(".") for name in off)


def others_with_plugin(config: Mapping[str, Any], files: Mapping[str, str]) -> List[str]:
    """Imported files but ours that have something of the plugin. Raises BadToml."""
    found = []
    for path, text in files.items():
        if path != DROP_IN and imports(config, path) and _plugin(toml.parsed(text), version_of(config)):
            found.append(path)
    return found


def patterns(config: Mapping[str, Any]) -> List[str]:
    """What the main file imports, in its order; a relative path counts from its directory.

    Source: resolveImports in cmd/containerd/server/config of containerd, release/1.7 and 2.1.
    """
    found = [each for each in config.get("imports") or [] if isinstance(each, str)]
    main = CONFIG.rpartition("/")[0]
    return [
        each if each.startswith("/") else "%s/%s" % (main, re.sub(r"^(\./)+", "", each)) for each in found
    ]


def _matches(path: str, pattern: str) -> bool:
    """As Go's filepath.Glob, where a star stands for no slash."""
    parts, wanted = path.split("/"), pattern.split("/")
    same = fnmatch.fnmatchcase if "*" in pattern else str.__eq__
    return len(parts) == len(wanted) and all(map(same, parts, wanted))


def imports(config: Mapping[str, Any], path: str) -> bool:
    return any(_matches(path, pattern) for pattern in patterns(config))


def _read(config: Mapping[str, Any], files: Mapping[str, str]) -> List[Mapping[str, Any]]:
    """What containerd reads, in its order: the last that says something decides."""
    paths = [path for each in patterns(config) for path in sorted(files) if _matches(path, each)]
    return [config, *(read(files[path]) for path in dict.fromkeys(paths))]


def drop_in(config: Mapping[str, Any], default: Optional[bool], containerd: str) -> str:
    """The text of our file for a configuration of version 2 or 3.

    ``default``: it is the default runtime, or is not; None: that is left to the main file.
    """
    version = version_of(config)
    (name,) = cri_plugins(version)
    plugin = _copy(_plugin(config, version))
    engine = _under(plugin, "containerd")
    runtime = _copy(_under(engine, "runtimes", str(engine.get("default_runtime_name") or _USUAL)))
    runtime.setdefault("runtime_type", _TYPE)
    runtime.setdefault("options", {})["BinaryName"] = BINARY
    merges = bool(containerd) and at_least(containerd, CONTAINERD_MERGES)
    if merges:
        plugin = {}
    inner = plugin.setdefault("containerd", {})
    if default:
        inner["default_runtime_name"] = RUNTIME
    if default is False and engine.get("default_runtime_name") == RUNTIME:
        inner["default_runtime_name"] = _USUAL
    runtimes = inner.setdefault("runtimes", {})
    if not merges and (not runtimes or inner.get("default_runtime_name", _USUAL) == _USUAL):
        runtimes.setdefault(_USUAL, {"runtime_type": _TYPE})
    runtimes[RUNTIME] = runtime
    return "%s\n%s" % (MARK, toml.dumped({"version": version, "plugins": {name: plugin}}))


def _plugin(config: Mapping[str, Any], version: int) -> Dict[str, Any]:
    return _under(config, "plugins", (cri_plugins(version) or ("cri",))[0])


def _under(table: Any, *path: str) -> Dict[str, Any]:
    """The table at this path, {} where there is none."""
    for part in path:
        table = table.get(part) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _copy(value: Any) -> Any:
    return {key: _copy(each) for key, each in value.items()} if isinstance(value, dict) else value


def can_import(text: Optional[str], config: Mapping[str, Any]) -> bool:
    """Is the list of imports, if there is one, written so that an entry can be put into it?"""
    return "imports" not in config or _IMPORTS.search(text or "") is not None


def with_import(text: Optional[str], config: Mapping[str, Any]) -> str:
    """The main file with an entry for ours; nothing else of it changes."""
    if not config:
        return 'version = %d\nimports = ["%s"]\n%s' % (_FIRST, DROP_IN, text or "")
    text = text or ""
    there = _IMPORTS.search(text)
    if there and "imports" in config:
        # The last one decides, so ours comes after the others.
        at = there.end()
        for token in _IN_LIST.finditer(text, there.end()):
            if token.group() == "]":
                break
            at = at if token.group().startswith("#") else token.end()
        return '%s%s"%s"%s' % (text[:at], ", " if config["imports"] else "", DROP_IN, text[at:])
    line = 'imports = ["%s"]\n' % DROP_IN
    version = re.search(r"^[ \t]*version[ \t]*=[^\n]*\n", text, re.MULTILINE)
    at = version.end() if version else 0
    return text[:at] + line + text[at:]


def without_import(text: str, listed: bool) -> str:
    """The main file without our entry. Without the list too, unless that was there before: ``listed``."""
    if not listed:
        without = re.sub(r'^imports = \["%s"\]\n' % re.escape(DROP_IN), "", text, flags=re.MULTILINE)
        if without != text:
            return without
    there = _IMPORTS.search(text)
    for token in _IN_LIST.finditer(text, there.end()) if there else ():
        if token.group() == "]":
            break
        if token.group()[1:-1] == DROP_IN and not token.group().startswith("#"):
            before = re.search(r",\s*\Z", text[: token.start()])
            after = re.match(r",[ \t]*", text[token.end() :])
            if before:
                return text[: before.start()] + text[token.end() :]
            return text[: token.start()] + text[token.end() + (after.end() if after else 0) :]
    return text


def runtime_in(config: Mapping[str, Any], files: Mapping[str, str]) -> Optional[str]:
    """The program of the runtime "nvidia" that containerd finds, None where it finds none, "" for runc."""
    for found in reversed(_read(config, files)):
        runtime = _under(_plugin(found, version_of(config)), "containerd", "runtimes", RUNTIME)
        if runtime:
            return str(_under(runtime, "options").get("BinaryName") or "")
    return None


def read(text: str) -> Mapping[str, Any]:
    """What a text says, nothing where it cannot be read."""
    try:
        return toml.parsed(text)
    except toml.BadToml:
        return {}


def default_in(config: Mapping[str, Any], files: Mapping[str, str]) -> Optional[str]:
    """The name of the default runtime, None where nothing says it."""
    for found in reversed(_read(config, files)):
        name = _under(_plugin(found, version_of(config)), "containerd").get("default_runtime_name")
        if name:
            return str(name)
    return None
