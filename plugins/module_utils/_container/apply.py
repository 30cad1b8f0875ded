# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of container_toolkit.

What is put into a file of others is on record before the file changes, and so is that its engine has to read
it: a run that was cut off is made up for.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any, Mapping, Tuple

from .._asked import bring_pynvml
from .._effects import (
    Action,
    Context,
    EffectError,
    RemoveFile,
    UndoneError,
    WriteFile,
    remove_file,
    write_bytes,
    write_file,
)
from . import restart, spec
from .docker import RUNTIME
from .state import CHECKED, OWED, RECORD, REFRESH
from .steps import Check, Containers, EngineFile, Refresh, Reload
from .wish import CONTAINERD, DOCKER, PODMAN

#: Seconds that a container has, its image's way here with it.
_PATIENCE = "900"
#: Seconds that Docker has to read its file anew: the reload itself does not wait.
_SETTLING, _PAUSE = 15.0, 0.3


def write_engine_file(context: Context, data: EngineFile) -> None:
    """Put the record in place, then the note, then the file."""
    if data.engine == CONTAINERD:
        restart.remember(context, data, anew=CONTAINERD not in _owed(context))
    _remember(context, data.record)
    if data.engine:
        _owe(context, {*_owed(context), data.engine})
    if data.content:
        content = data.content.encode("utf-8", "surrogateescape")
        write_bytes(context, data.path, content, data.mode, data.owner)
    else:
        remove_file(context, RemoveFile(data.path))


def reload_docker(context: Context, data: Reload) -> None:
    """Docker reads its file, and keeps what it had if that is wrong: so it is asked afterwards."""
    context.commands.attempt("reload Docker", ["systemctl", "reload", "--", "docker.service"])
    end = time.monotonic() + _SETTLING
    while _docker_has_runtime(context) is not data.runtime:
        if time.monotonic() >= end:
            raise EffectError(
                "Docker reloaded and %s the runtime nvidia: 'journalctl -u docker' tells what it made of it"
                % ("does not know" if data.runtime else "still has")
            )
        time.sleep(_PAUSE)
    _owe(context, _owed(context) - {DOCKER})


def _docker_has_runtime(context: Context) -> bool:
    argv = ["timeout", "30", "docker", "info", "--format", "{{json .Runtimes}}"]
    shown = context.commands.attempt("ask Docker for its runtimes", argv)
    try:
        return RUNTIME in json.loads(shown.out)
    except (ValueError, TypeError):
        return False


def restart_containerd(context: Context, _name: str) -> None:
    try:
        restart.restart(context)
    except UndoneError:
        _owe(context, _owed(context) - {CONTAINERD})
        raise
    _owe(context, _owed(context) - {CONTAINERD})


def refresh_cdi(context: Context, data: Refresh) -> None:
    """By the toolkit's service where there is one. It does nothing where its conditions are not met."""
    _remember(context, data.record)
    if data.service:
        context.commands.try_run(["systemctl", "restart", "--", REFRESH])
        if not _stale(context, data):
            return
    output = "/var" + data.path if data.path.startswith("/run/") else data.path
    context.commands.attempt(
        "write the CDI specification", ["nvidia-ctk", "--quiet", "cdi", "generate", "--output=" + output]
    )
    reason = _stale(context, data)
    if reason:
        raise EffectError("the CDI specification is not that of the GPUs: %s" % reason)


def _stale(context: Context, data: Refresh) -> str:
    found = spec.parsed(data.path, context.files.text(data.path) or "")
    return spec.stale([found] if found else [], data.devices, None)


def link_devices(context: Context, paths: Tuple[str, ...]) -> None:
    """A link MAJOR:MINOR for each device file."""
    directory = context.files.path("/dev/char")
    os.makedirs(directory, mode=0o755, exist_ok=True)
    for path in paths:
        number = os.stat(context.files.path(path)).st_rdev
        link = os.path.join(directory, "%d:%d" % (os.major(number), os.minor(number)))
        if not os.path.lexists(link):
            os.symlink("../" + path[len("/dev/") :], link)


def run_container(context: Context, data: Check) -> None:
    """nvidia-smi in it must show every device."""
    words = {
        PODMAN: ["--security-opt=label=disable", "--device", spec.KIND + "=all"],
        DOCKER: [
            "--runtime=nvidia",
            "-e",
            "NVIDIA_VISIBLE_DEVICES=all",
            "-e",
            "NVIDIA_DRIVER_CAPABILITIES=utility",
        ],
    }
    argv = ["timeout", _PATIENCE, data.engine, "run", "--rm", *words[data.engine], data.image]
    done = context.commands.attempt("run a container with the GPUs", [*argv, "nvidia-smi", "-L"])
    seen = re.findall(r"UUID: ([^)\s]+)", done.out)
    missing = [uuid for uuid in data.uuids if uuid not in seen]
    if missing:
        raise EffectError(
            "a container of %s with %s does not see %s; it sees %s"
            % (data.image, data.engine, ", ".join(missing), ", ".join(seen) or "no GPU")
        )
    write_file(context, WriteFile(CHECKED, json.dumps(dict(data.note), sort_keys=True) + "\n"))


def _remember(context: Context, record: str) -> None:
    if record and context.files.text(RECORD) != record:
        # What others had in their files is in it, passwords too.
        write_file(context, WriteFile(RECORD, record, 0o600))


def _owed(context: Context) -> "set[str]":
    return set((context.files.text(OWED) or "").split())


def _owe(context: Context, names: "set[str]") -> None:
    if names:
        write_file(context, WriteFile(OWED, " ".join(sorted(names)) + "\n"))
    else:
        remove_file(context, RemoveFile(OWED))


ACTIONS: Mapping[str, Action] = {
    "bring-pynvml": bring_pynvml,
    "write-engine-file": write_engine_file,
    "reload-docker": reload_docker,
    "restart-containerd": restart_containerd,
    "refresh-cdi": refresh_cdi,
    "link-devices": link_devices,
    "run-container": run_container,
}


def containers(commands: Any, _files: Any, _question: Any) -> Any:
    """Answers AskContainers: what Docker runs now."""
    listed = commands.try_run(["timeout", "30", "docker", "ps", "--format", "{{.Names}} ({{.Image}})"])
    if listed.rc != 0:
        return Containers(("what Docker runs cannot be told: %s" % listed.tail(1),))
    return Containers(tuple(line for line in listed.out.splitlines() if line.strip()))
