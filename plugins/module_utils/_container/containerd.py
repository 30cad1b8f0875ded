# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVIDIA's runtime for containerd's CRI: a file of our own, and one entry of "imports" that names it. Pure.

Source: pkg/config/engine/containerd of NVIDIA/nvidia-container-toolkit@d34b304: the name of the file, the
options of the runtime, which are those of the default one, and that before containerd 2.0 the file has all
that the rest of the configuration has of the plugin: the last file with a plugin decides (containerd#5837).
There a file that names any runtime takes containerd's own one away as well (go-toml 1.9 decodes a table into
a new map), and CRI does not load without its default runtime (pkg/cri/config/config.go, release/1.7).
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Callable, Dict, List, Mapping, Optional

from .._catalog.container import CONTAINERD_FINDS, CONTAINERD_MERGES, cri_plugins
from .._catalog.versions import at_least, within
from . import toml

CONFIG, DROP_IN = "/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"
MARK = "# Held by labfleet.gpu: what is in this file is written anew."
RUNTIME, BINARY = "nvidia", "/usr/bin/nvidia-container-runtime"
#: The same as nvidia-ctk and people write it: by its path, or for PATH to find.
BINARIES = (BINARY, "nvidia-container-runtime")
_TYPE = "io.containerd.runc.v2"
#: Where a file has both, below the table "containerd" of the plugin.
_KEY, _DEFAULT = "runtimes." + RUNTIME, "default_runtime_name"
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


def without_cri(config: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """The file that switches CRI off, as that of Docker's own package of containerd does; "" if none does.

    The lists of all files are put together (mergeConfig).
    """
    for path, said in reads(config, files).items():
        off = [str(name).split(".") for name in said.get("disabled_plugins") or []]
        if any("cri" in parts for parts in off):
            return path
    return ""


def merges(containerd: str) -> bool:
    """Does this version put together what several files have of a plugin? Else the last one has it alone."""
    return bool(containerd) and at_least(containerd, CONTAINERD_MERGES)


def patterns(config: Mapping[str, Any], parent: str = CONFIG) -> List[str]:
    """What a file imports, in its order; a relative path counts from its directory."""
    found = [each for each in config.get("imports") or [] if isinstance(each, str)]
    return [_clean(each if each.startswith("/") else "%s/../%s" % (parent, each)) for each in found]


def strays(config: Mapping[str, Any], files: Mapping[str, str], containerd: str) -> List[str]:
    """Entries of imports that this version looks for elsewhere than where their file is."""
    first, later = CONTAINERD_FINDS
    known = bool(containerd)
    if known and (at_least(containerd, later) or (within(containerd, "1.6") and at_least(containerd, first))):
        return []
    listed = (
        (path, str(each)) for path, said in reads(config, files).items() for each in said.get("imports") or []
    )
    return ["%s in %s" % (each, path) for path, each in listed if "*" in each and each[0] != "/"]


def _clean(path: str) -> str:
    """As Go's filepath.Clean makes a whole path."""
    parts: List[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def matches(path: str, pattern: str) -> bool:
    """As Go's filepath.Glob, where a star stands for no slash."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(comparing(pattern), parts, wanted))


def comparing(pattern: str) -> Callable[[str, str], bool]:
    """How each part of a path is compared with that of the pattern: a pattern without a star is a path."""
    return fnmatch.fnmatchcase if "*" in pattern else str.__eq__


def reads(config: Mapping[str, Any], files: Mapping[str, str]) -> Dict[str, Mapping[str, Any]]:
    """What each file says, in the order in which containerd reads them: the main one is the first.

    What a file imports comes after all that was named before. Each is read once, where it is first named.
    Source: LoadConfig and resolveImports in services/server/config (v1.6.20, v1.7.24) and
    cmd/containerd/server/config (v2.0.0, v2.1.0) of containerd.
    """
    found: Dict[str, Mapping[str, Any]] = {}
    pending = [CONFIG]
    for path in pending:
        if path in found:
            continue
        found[path] = config if path == CONFIG else read(files[path])
        for pattern in patterns(found[path], path):
            pending += sorted((each for each in files if matches(each, pattern)), key=_parts)
    return found


def _parts(path: str) -> List[str]:
    return path.split("/")


def in_effect(config: Mapping[str, Any], files: Mapping[str, str], merged: bool) -> Dict[str, Any]:
    """What all files together say of the runtimes.

    Source: mergeConfig beside LoadConfig, where a loop over from.Plugins replaces them up to v1.7.
    """
    plugin: Dict[str, Any] = {}
    for found in _with_plugin(config, files).values():
        plugin = _merged(plugin, found) if merged else found
    return _under(plugin, "containerd")


def others_with_plugin(config: Mapping[str, Any], files: Mapping[str, str]) -> List[str]:
    """Imported files but ours that have something of the plugin."""
    return [path for path in _with_plugin(config, files) if path not in (CONFIG, DROP_IN)]


def _with_plugin(config: Mapping[str, Any], files: Mapping[str, str]) -> Dict[str, Dict[str, Any]]:
    """What each file that has the plugin says of it. One without a version is of that of the main file."""
    main = version_of(config)
    found: Dict[str, Dict[str, Any]] = {}
    for path, said in reads(config, files).items():
        table = _under(said, "plugins").get(_name(version_of({"version": main, **said})))
        if isinstance(table, dict):
            found[path] = table
    return found


def _name(version: int) -> str:
    return (cri_plugins(version) or ("cri",))[0]


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        mine = found.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            value = _merged(mine, value)
        found[key] = value
    return found


def wrong(engine: Mapping[str, Any], default: Optional[bool]) -> str:
    """The key of what is in effect that is not as it should be, "" if all is.

    ``default``: it is the default runtime, or is not; None: that is left to others.
    """
    right = _under(engine, "runtimes", RUNTIME).get("runtime_type") == _TYPE
    if not right or runtime_in(engine) not in BINARIES:
        return _KEY
    return "" if default in (None, default_in(engine) == RUNTIME) else _DEFAULT


def overruling(config: Mapping[str, Any], files: Mapping[str, str], key: str) -> List[str]:
    """Files that are read after ours and have this key."""
    found = _with_plugin(config, files)
    after = list(found)[list(found).index(DROP_IN) + 1 :] if DROP_IN in found else []
    *path, last = ("containerd", *key.split("."))
    return [each for each in after if last in _under(found[each], *path)]


def drop_in(
    config: Mapping[str, Any], engine: Mapping[str, Any], default: Optional[bool], merged: bool
) -> str:
    """The text of our file for a configuration of version 2 or 3.

    ``engine``: what the other files say of the runtimes. ``default``: as in ``wrong``.
    """
    version = version_of(config)
    usual = (default_in(engine) or _USUAL, _USUAL)
    like = (_under(engine, "runtimes", name) for name in usual)
    runtime = _copy(next((each for each in like if each and each.get("runtime_type", _TYPE) == _TYPE), {}))
    runtime["runtime_type"] = _TYPE
    runtime.setdefault("options", {})["BinaryName"] = BINARY
    plugin = {} if merged else _copy(_under(config, "plugins", _name(version)))
    inner = plugin.setdefault("containerd", {})
    if default:
        inner[_DEFAULT] = RUNTIME
    if default is False and default_in(engine) == RUNTIME:
        inner[_DEFAULT] = _USUAL
    runtimes = inner.setdefault("runtimes", {})
    if not merged and (not runtimes or inner.get(_DEFAULT, _USUAL) == _USUAL):
        runtimes.setdefault(_USUAL, {"runtime_type": _TYPE})
    runtimes[RUNTIME] = runtime
    return "%s\n%s" % (MARK, toml.dumped({"version": version, "plugins": {_name(version): plugin}}))


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
    # What stands below a table's name is that table's.
    version = re.search(r"^[ \t]*version[ \t]*=[^\n]*\n", text[: _head(text)], re.MULTILINE)
    at = version.end() if version else 0
    return text[:at] + line + text[at:]


def _head(text: str) -> int:
    """Where the first table begins."""
    table = re.search(r"^[ \t]*\[", text, re.MULTILINE)
    return table.start() if table else len(text)


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
            after = re.match(r",\s*", text[token.end() :])
            if before:
                return text[: before.start()] + text[token.end() :]
            return text[: token.start()] + text[token.end() + (after.end() if after else 0) :]
    return text


def last_import(text: str) -> str:
    """The main file with our entry as the last of its list; as it is where it has none."""
    without = without_import(text, listed=True)
    config = read(without)
    return with_import(without, config) if config and without != text else text


def read(text: str) -> Mapping[str, Any]:
    """What a text says, nothing where it cannot be read."""
    try:
        return toml.parsed(text)
    except toml.BadToml:
        return {}


def runtime_in(engine: Mapping[str, Any]) -> Optional[str]:
    """The program of the runtime "nvidia", None where there is none, "" for runc."""
    runtime = _under(engine, "runtimes", RUNTIME)
    return str(_under(runtime, "options").get("BinaryName") or "") if runtime else None


def default_in(engine: Mapping[str, Any]) -> Optional[str]:
    """The name of the default runtime, None where nothing says it."""
    return str(engine.get(_DEFAULT) or "") or None
