# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the node's kernels have of the driver: module files, DKMS, nouveau, what is loaded. Reads only."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._catalog.gpus import OPEN, PROPRIETARY
from .._command import Commands
from .._host import Files
from .observe_around import modprobe_files
from .state import Module, Nouveau, Signature

MODULES = "/lib/modules"
DKMS = "/var/lib/dkms"

#: Modules that the driver's work has to do with, as /sys/module names them.
_OF_INTEREST = ("gdrdrv", "ib_umad", "nouveau", "nvidia")


class KernelModules(NamedTuple):
    """The file of NVIDIA's module that one kernel would load, if any, and whether it has nouveau."""

    nvidia: Optional[str] = None
    nouveau: bool = False


# files of modprobe


def modprobe_lines(files: Files) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
    """Each line of modprobe's configuration as its file and its words."""
    found = []
    for path, text in modprobe_files(files):
        if "nouveau" in text or "nvidia" in text:
            lines = (line.split() for line in text.replace("\\\n", " ").splitlines())
            found += [(path, tuple(words)) for words in lines if words and not words[0].startswith("#")]
    return tuple(found)


Lines = Sequence[Tuple[str, Tuple[str, ...]]]


def nouveau_blacklist(files: Files, lines: Lines) -> Optional[str]:
    """What keeps nouveau out: a file of modprobe's, or the kernel command line."""
    for path, words in lines:
        if words[1:2] != ("nouveau",):
            continue
        if words[0] == "blacklist" or (words[0] == "install" and words[2:3] in _NOTHING):
            return path
    for word in (files.text("/proc/cmdline") or "").split():
        name, _equals, value = word.partition("=")
        if name in ("modprobe.blacklist", "module_blacklist") and "nouveau" in value.split(","):
            return "the kernel command line"
    return None


_NOTHING = (("/bin/false",), ("/bin/true",), ("/usr/bin/false",), ("/usr/bin/true",), ("false",), ("true",))


# module files

#: What the packages call NVIDIA's module. Debian's rename it and have modprobe load it by an install line.
_NAMES = ("nvidia", "nvidia-current-open", "nvidia-current")
#: Where modules are put that depmod has not listed (yet): DKMS, the .run installer, Canonical's signed ones.
_DIRECTORIES = ("updates/dkms", "updates", "extra", "weak-updates", "kernel/drivers/video")
_COMPRESSED = ("", ".zst", ".xz", ".gz")


def module_names(lines: Lines) -> Tuple[str, ...]:
    """Names under which ``modprobe nvidia`` may find its file, the one that its configuration says first."""
    configured = []
    for _path, words in lines:
        if words[:2] == ("install", "nvidia"):
            configured += [word for word in words[2:] if word in _NAMES and word != "nvidia"]
        elif words[:2] == ("alias", "nvidia"):
            configured += [word for word in words[2:3] if word in _NAMES]
    return tuple(dict.fromkeys((*configured, *_NAMES)))


def find_modules(files: Files, kernel: str, names: Sequence[str]) -> KernelModules:
    """The files that modprobe would take for this kernel: depmod's choice, else by where they are put."""
    listed = content(files, MODULES, kernel, "modules.dep")
    for name in names:
        path = _listed(listed, name)
        if path and files.exists(MODULES, kernel, path):
            return KernelModules(files.path(MODULES, kernel, path), _listed(listed, "nouveau") is not None)
    return KernelModules(_searched(files, kernel, names), _listed(listed, "nouveau") is not None)


def _listed(listed: bytes, name: str) -> Optional[str]:
    """The file of a module in modules.dep, which has one for each name. Its size forbids to parse it."""
    at = listed.find(b"/%s.ko" % name.encode())
    if at < 0:
        return None
    start = max(listed.rfind(b" ", 0, at), listed.rfind(b"\n", 0, at)) + 1
    return listed[start : at + 64].split(None, 1)[0].decode().rstrip(":")


def content(files: Files, *parts: str) -> bytes:
    """A file as it is, empty if it is not there."""
    try:
        with open(files.path(*parts), "rb") as handle:
            return handle.read()
    except OSError:
        return b""


def _searched(files: Files, kernel: str, names: Sequence[str]) -> Optional[str]:
    signed = [
        "kernel/%s" % name for name in files.names(MODULES, kernel, "kernel") if name.startswith("nvidia-")
    ]
    for directory in (*_DIRECTORIES, *signed):
        there = files.names(MODULES, kernel, directory)
        for name in names:
            for suffix in _COMPRESSED:
                if "%s.ko%s" % (name, suffix) in there:
                    return files.path(MODULES, kernel, directory, "%s.ko%s" % (name, suffix))
    return None


def read_module(commands: Commands, path: str) -> Tuple[Optional[Module], Optional[Signature]]:
    """Version, flavour and signature of a module file: one run of modinfo, which knows every compression."""
    text = commands.try_run(["modinfo", path]).out
    return parse_modinfo(text), parse_signature(text)


def parse_modinfo(text: str) -> Optional[Module]:
    """Version and flavour from modinfo's fields: the licence tells the flavour (NVIDIA's README)."""
    fields = _fields(text)
    if not fields.get("version"):
        return None
    return Module(fields["version"], PROPRIETARY if fields.get("license") == "NVIDIA" else OPEN)


def parse_signature(text: str) -> Optional[Signature]:
    """The signature that modinfo tells of, None for an unsigned file."""
    fields = _fields(text)
    if "sig_id" not in fields and "signer" not in fields:
        return None
    return Signature(fields.get("signer", ""), fields.get("sig_key", ""))


def _fields(text: str) -> Dict[str, str]:
    pairs = (line.partition(":")[::2] for line in text.splitlines() if not line.startswith(("\t", " ")))
    return {name: value.strip() for name, value in pairs}


# what is loaded


def modules_loaded(files: Files) -> Tuple[str, ...]:
    names = files.names("/sys/module")
    return tuple(name for name in names if name in _OF_INTEREST or name.startswith("nvidia_"))


def parameters(files: Files) -> Dict[str, str]:
    """The parameters in effect, by the names that /proc/driver/nvidia/params has for them."""
    lines = (files.text("/proc/driver/nvidia/params") or "").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip().strip('"') for name, colon, value in pairs if colon}


def observe_nouveau(files: Files, lines: Lines, loaded: Sequence[str], present: bool) -> Nouveau:
    return Nouveau("nouveau" in loaded, present, nouveau_blacklist(files, lines))


# DKMS

#: DKMS's names of the driver; nvidia-fs and others of the vendor are not it.
_DKMS_NAME = re.compile(r"^nvidia(?:-(?:current|legacy|open|server|srv|tesla)[\w.-]*)?$")
#: Its log: for which kernel, that it failed, and why. Compiled where there is one: most hosts have none.
_MAKE_LOG = r"make\.log for \S+ for kernel (\S+) \("
_FAILED = r"(?m)^(?:make(?:\[\d+\])?: \*\*\* .*|# exit code: [1-9]\d*)$"
_CAUSE = r"(?mi)^.*\berror: .*$"
#: A build log may be long; what failed is at its end.
_LOG_END = 65536


def observe_dkms(files: Files) -> Tuple[Mapping[str, str], Mapping[str, str]]:
    """The states of DKMS's modules, and the last error of builds that failed.

    Read off DKMS's tree as ``dkms status`` does, which is a shell script that takes a second: a module is
    added when its source link is there and broken when that leads nowhere; a kernel's directory makes it
    built; a link of that kernel to it makes it installed (dkms 2.8.4 to 3.4.3, is_module_added and others).
    """
    states: Dict[str, str] = {}
    errors: Dict[str, str] = {}
    for name in files.names(DKMS):
        if not _DKMS_NAME.match(name):
            continue
        for version in files.names(DKMS, name):
            source = files.path(DKMS, name, version, "source")
            if not os.path.lexists(source):
                continue
            module = "%s/%s" % (name, version)
            built = dict(_built(files, name, version))
            failed = _failed_build(files, name, version)
            for kernel, state in built.items():
                states["%s, %s" % (module, kernel)] = state
            if failed and failed[0] not in built:
                states["%s, %s" % (module, failed[0])] = "failed"
                errors["%s, %s" % (module, failed[0])] = failed[1]
            elif not built:
                states[module] = "added" if os.path.isdir(source) else "broken"
    return states, errors


def _built(files: Files, name: str, version: str) -> Iterator[Tuple[str, str]]:
    for kernel in files.names(DKMS, name, version):
        if not kernel[:1].isdigit():
            continue
        for machine in files.names(DKMS, name, version, kernel):
            if not files.names(DKMS, name, version, kernel, machine, "module"):
                continue
            link = files.link(DKMS, name, "kernel-%s-%s" % (kernel, machine)) or ""
            installed = link.endswith("%s/%s/%s" % (version, kernel, machine))
            yield kernel, "installed" if installed else "built"


def _failed_build(files: Files, name: str, version: str) -> Optional[Tuple[str, str]]:
    """The kernel of the build that failed last, and its last error.

    DKMS leaves the log of a build among the sources until it succeeds. A build that was killed left one
    without an error, and may just be tried again.
    """
    log = _end_of(files.path(build_log(name, version)))
    kernel = re.search(_MAKE_LOG, log[0])
    failures = re.findall(_FAILED, log[1]) if kernel else []
    if not kernel or not failures:
        return None
    causes: List[str] = re.findall(_CAUSE, log[1])
    return kernel.group(1), (causes or failures)[-1].strip()[:200]


def build_log(name: str, version: str) -> str:
    """Where DKMS writes while it builds a module."""
    return "%s/%s/%s/build/make.log" % (DKMS, name, version)


def _end_of(path: str) -> Tuple[str, str]:
    """The beginning and the end of a file, empty if it is not there."""
    try:
        with open(path, "rb") as handle:
            head = handle.read(1024)
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - _LOG_END))
            return head.decode("utf-8", "replace"), handle.read().decode("utf-8", "replace")
    except OSError:
        return "", ""
