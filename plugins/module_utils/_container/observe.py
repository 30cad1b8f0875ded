# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads the container toolkit off a node: dpkg, engines with their files, specifications, NVML. No effect."""

from __future__ import annotations

import json
import os
import re
import stat
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._asked import Ask
from .._asked import ask as ask_alone
from .._catalog.container import PACKAGES
from .._command import Commands
from .._host import Files, Host
from .._lost import lost_files
from .._packages import Package, dpkg_interrupted, observe_packages, unsettled
from .._sources import observe_sources
from . import ask, containerd, toml
from .spec import DIRECTORIES, OWN, GpuDevice, Spec, parsed
from .state import CHECKED, OWED, OWN_FILES, RECORD, REFRESH, Conf, ContainerState, Engine
from .wish import CONTAINERD, DOCKER, PODMAN

_PROGRAMS = {DOCKER: "dockerd", CONTAINERD: "containerd", PODMAN: "podman"}
_PACKAGES = {
    DOCKER: ("docker-ce", "docker.io", "moby-engine"),
    CONTAINERD: ("containerd.io", "containerd", "moby-containerd"),
    PODMAN: ("podman",),
}
_BINARIES = ("/usr/bin", "/usr/sbin", "/usr/local/bin")
_UNITS = ("/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system")
_DAEMON_JSON = "/etc/docker/daemon.json"
_SNAPS = ("/snap/docker", "/var/snap/docker")
#: What the toolkit container of NVIDIA's GPU operator leaves while it runs (cmd/nvidia-ctk-installer, the
#: operator's validator).
_OPERATOR = ("/run/nvidia/toolkit/toolkit.pid", "/run/nvidia/validations/toolkit-ready")
_RUNTIME_CONFIG = "/etc/nvidia-container-runtime/config.toml"
_MINOR = re.compile(r"^gpu(\d+)/gi(\d+)(?:/ci(\d+))?/access (\d+)$", re.MULTILINE)
_NUMBERS = re.compile(r"\d+(?:\.\d+)+")


def observe(commands: Commands, files: Files, host: Host, asked: Ask = ask_alone) -> ContainerState:
    """Read the node: one dpkg-query, systemctl where there is an engine, one NVML session. No network."""
    admindir = files.path("/var/lib/dpkg")
    everything = observe_packages(commands, admindir, host.machine)
    asking, told = asked(files, host, ask.node)
    engines = _engines(commands, files, everything)
    main = _toml(conf_at(files, containerd.CONFIG))
    set_there = [each.name for each in everything if each.name in PACKAGES and each.installed]
    return ContainerState(
        host=host,
        packages=tuple(each for each in everything if each.name in PACKAGES),
        unsettled=unsettled(everything) or (("dpkg",) if dpkg_interrupted(admindir) else ()),
        sources=observe_sources(files),
        own_files={path: files.text(path) for path in OWN_FILES},
        engines=engines,
        docker=_json(conf_at(files, _docker_file(engines))),
        containerd=main,
        imported=_imported(files, main),
        drop_in=conf_at(files, containerd.DROP_IN),
        specification=conf_at(files, OWN),
        kubelet=_program(files, "kubelet") is not None,
        operator=next((path for path in _OPERATOR if files.exists(path)), ""),
        specs=tuple(_specs(files)),
        refreshes=any(files.exists(directory, REFRESH) for directory in _UNITS),
        devices=_devices(files, told) if told else None,
        unlinked=_unlinked(files),
        record=_note(files, RECORD),
        owed=tuple((files.text(OWED) or "").split()),
        checked=_note(files, CHECKED),
        no_cgroups=_no_cgroups(files),
        lost=lost_files(files, set_there, host.machine),
        **asking,
    )


def conf_at(files: Files, path: str) -> Conf:
    """The file behind a link, if it is one: a new version must not take the link's place."""
    real = os.path.realpath(files.path(path))
    inside = "/" + os.path.relpath(real, os.path.realpath(files.root))
    text = files.text(inside)
    if text is None:
        return Conf(inside, data={})
    seen = os.stat(real)
    return Conf(inside, text, mode=stat.S_IMODE(seen.st_mode), owner=(seen.st_uid, seen.st_gid))


def _json(conf: Conf) -> Conf:
    if not (conf.text or "").strip():
        return _with(conf, {})
    try:
        found = json.loads(conf.text or "", parse_constant=_no_constant)
    except ValueError as exc:
        return _with(conf, None, "no valid JSON: %s" % exc)
    runtimes = found.get("runtimes") or {} if isinstance(found, dict) else None
    if not isinstance(runtimes, dict):
        return _with(conf, None, "no object" if runtimes is None else 'no object in its "runtimes"')
    return _with(conf, found)


def _no_constant(name: str) -> Any:
    raise ValueError("%s is no number of JSON" % name)


def _toml(conf: Conf) -> Conf:
    try:
        return _with(conf, toml.parsed(conf.text or ""))
    except toml.BadToml as exc:
        return _with(conf, None, "not read: %s" % exc)


def _with(conf: Conf, data: Optional[Mapping[str, Any]], trouble: str = "") -> Conf:
    return Conf(conf.path, conf.text, data, trouble, conf.mode, conf.owner)


def _imported(files: Files, main: Conf) -> Dict[str, str]:
    """Ours, what the main file imports, and what that imports in turn."""
    found: Dict[str, str] = {}
    pending = [containerd.DROP_IN, *_matching(files, containerd.patterns(main.data or {}))]
    for path in pending:
        text = None if path in found else files.text(path)
        if text is not None:
            found[path] = text
            pending += _matching(files, containerd.patterns(containerd.read(text), path))
    return found


def _matching(files: Files, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        same, paths = containerd.comparing(pattern), [""]
        for part in pattern.split("/")[1:]:
            names = ((each, name) for each in paths for name in files.names(each))
            paths = ["%s/%s" % pair for pair in names if same(pair[1], part)]
        yield from paths


# the engines


def _program(files: Files, name: str) -> Optional[str]:
    return next((each for each in ("%s/%s" % (b, name) for b in _BINARIES) if files.exists(each)), None)


def _engines(commands: Commands, files: Files, packages: Sequence[Package]) -> Dict[str, Engine]:
    found = {}
    installed = {each.name: each.version for each in packages if each.installed}
    there = [name for name, program in _PROGRAMS.items() if _program(files, program)]
    services = _services(commands, files) if DOCKER in there or CONTAINERD in there else {}
    for name in there:
        version = next((installed[each] for each in _PACKAGES[name] if each in installed), "")
        if not version and name != DOCKER:
            version = commands.try_run([_PROGRAMS[name], "--version"]).out
        number = _NUMBERS.search(version.rpartition(":")[2])
        found[name] = Engine(number.group() if number else "", **services.get(name, {}))
    if DOCKER not in found and any(files.exists(path) for path in _SNAPS):
        found[DOCKER] = Engine(unfit="it is a snap, which has its files and its NVIDIA support of its own")
    return found


def _services(commands: Commands, files: Files) -> Dict[str, Dict[str, Any]]:
    """What systemd says of the two services: one call, an empty line between them."""
    shown = commands.try_run(
        [
            "systemctl",
            "show",
            "--property=ActiveState,ExecStart,Requires,BindsTo,PartOf",
            "--",
            "docker.service",
            "containerd.service",
        ]
    )
    found = {}
    for name, text in zip((DOCKER, CONTAINERD), shown.out.split("\n\n")):
        values = dict(line.partition("=")[::2] for line in text.splitlines())
        ties = " ".join(values.get(key, "") for key in ("Requires", "BindsTo", "PartOf"))
        command = re.search(r"argv\[\]=(.*?) ; ", values.get("ExecStart", ""))
        found[name] = {
            "active": values.get("ActiveState") == "active",
            "command": _words(files, command.group(1)) if command else "",
            "tied": name == DOCKER and "containerd.service" in ties.split(),
        }
    return found


def _words(files: Files, command: str) -> str:
    """The command line, with what Debian's service takes from its file of defaults."""
    if "$DOCKER_OPTS" not in command:
        return command
    found = re.findall(
        r"^\s*DOCKER_OPTS=[\"']?([^\"'\n]*)", files.text("/etc/default/docker") or "", re.MULTILINE
    )
    return command.replace("$DOCKER_OPTS", found[-1] if found else "").strip()


def _docker_file(engines: Mapping[str, Engine]) -> str:
    """Docker's file, which its command line may name."""
    command = engines[DOCKER].command if DOCKER in engines else ""
    found = re.search(r"--config-file[= ](\S+)", command)
    return found.group(1) if found else _DAEMON_JSON


# CDI and devices


def _specs(files: Files) -> Iterator[Spec]:
    for directory in DIRECTORIES:
        for name in files.names(directory):
            if name.endswith((".yaml", ".json")):
                path = "%s/%s" % (directory, name)
                text = files.text(path) or ""
                spec = parsed(path, _as_yaml(text) if name.endswith(".json") else text)
                if spec:
                    yield spec


def _as_yaml(text: str) -> str:
    """The few lines of a specification in JSON that are read of one in YAML."""
    try:
        data = json.loads(text)
        lines = ["kind: %s" % data["kind"], "# %s" % json.dumps(data["containerEdits"]), "devices:"]
        for device in data["devices"]:
            lines.append("- name: %s" % device["name"])
            lines += ["  - path: %s" % node["path"] for node in device["containerEdits"]["deviceNodes"]]
    except (ValueError, KeyError, TypeError):
        return ""
    return "\n".join(lines)


def _devices(files: Files, told: Mapping[str, Any]) -> Tuple[GpuDevice, ...]:
    """A MIG device takes its GPU's file and those of its two instances (MIG User Guide, device nodes)."""
    caps = {
        (int(gpu), int(gi), int(ci) if ci else None): "/dev/nvidia-caps/nvidia-cap" + number
        for gpu, gi, ci, number in _MINOR.findall(files.text("/proc/driver/nvidia-caps/mig-minors") or "")
    }
    found: List[GpuDevice] = []
    for gpu in told["gpus"]:
        file = "/dev/nvidia%s" % gpu["minor"]
        if gpu["devices"] is None:
            found.append(GpuDevice(str(gpu["index"]), gpu["uuid"], _there(files, (file,))))
        for each in gpu["devices"] or ():
            ids = ((gpu["minor"], each["gi"], part) for part in (None, each["ci"]))
            paths = (file, *(caps.get(key, "") for key in ids))
            place = "%d:%d" % (gpu["index"], each["place"])
            found.append(GpuDevice(place, each["uuid"], _there(files, paths)))
    return tuple(found)


def _there(files: Files, paths: Sequence[str]) -> Tuple[str, ...]:
    return tuple(path for path in paths if path and files.exists(path))


def _unlinked(files: Files) -> Tuple[str, ...]:
    """NVIDIA's device files that /dev/char does not have."""
    places = [("/dev", each) for each in files.names("/dev") if each.startswith("nvidia")]
    places += [("/dev/nvidia-caps", each) for each in files.names("/dev/nvidia-caps")]
    found = []
    for directory, name in places:
        path = files.path(directory, name)
        try:
            seen = os.stat(path)
        except OSError:
            continue
        link = "%d:%d" % (os.major(seen.st_rdev), os.minor(seen.st_rdev))
        if stat.S_ISCHR(seen.st_mode) and not os.path.lexists(files.path("/dev/char", link)):
            found.append("%s/%s" % (directory, name))
    return tuple(sorted(found))


def _no_cgroups(files: Files) -> bool:
    try:
        config = toml.parsed(files.text(_RUNTIME_CONFIG) or "")
    except toml.BadToml:
        return False
    section = config.get("nvidia-container-cli")
    return isinstance(section, dict) and section.get("no-cgroups") is True


def _note(files: Files, path: str) -> Dict[str, Any]:
    try:
        found = json.loads(files.text(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
