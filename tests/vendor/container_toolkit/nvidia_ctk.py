# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-ctk of the simulated container toolkit: what it prints and writes, over the simulated NVML.

Sources, in NVIDIA/nvidia-container-toolkit@d34b304: cmd/nvidia-ctk (commands and options), generate_test.go
there (form of the specification), pkg/nvcdi/namer.go (device names), pkg/config/engine/docker (daemon.json),
CHANGELOG.md. Stricter than the real one: an option that is not simulated is an error, and so is a device file
that is missing, which the real one warns of and leaves out.
"""

from __future__ import annotations

import ctypes
import glob
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from typing import Any

VERSION = "@VERSION@"
NEW = tuple(int(part) for part in VERSION.split(".")[:2]) >= (1, 18) if "@" not in VERSION else True
LIBRARY = "libnvidia-ml.so.1"
DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
CONTROL = ("/dev/nvidia-modeset", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidiactl")
CONFIG = """#accept-nvidia-visible-devices-as-volume-mounts = false
disable-require = false
supported-driver-capabilities = "compat32,compute,display,graphics,ngx,utility,video"

[nvidia-container-cli]
environment = []
ldconfig = "@/sbin/ldconfig"
load-kmods = true
#no-cgroups = false

[nvidia-container-runtime]
log-level = "info"
mode = "auto"
runtimes = ["runc", "crun"]
"""


class Refused(Exception):
    """What the command ends with."""


class Nvml:
    """The few calls of NVML that the specification takes."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError:
            raise Refused("failed to initialize NVML: ERROR_LIBRARY_NOT_FOUND") from None
        code = self._library.nvmlInit_v2()
        if code:
            raise Refused("failed to initialize NVML: error %d" % code)

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            raise Refused("%s: error %d" % (name, code))

    def number(self, name: str, *arguments: Any) -> int:
        found = ctypes.c_uint()
        self._call(name, *arguments, ctypes.byref(found))
        return int(found.value)

    def text(self, name: str, *arguments: Any) -> str:
        found = ctypes.create_string_buffer(96)
        self._call(name, *arguments, found, 96)
        return found.value.decode()

    def handle(self, name: str, *arguments: Any) -> Any:
        found = ctypes.c_void_p()
        code = getattr(self._library, name)(*arguments, ctypes.byref(found))
        return None if code else found

    def divided(self, gpu: Any) -> bool:
        now, next_mode = ctypes.c_uint(), ctypes.c_uint()
        code = self._library.nvmlDeviceGetMigMode(gpu, ctypes.byref(now), ctypes.byref(next_mode))
        return bool(code == 0 and now.value == 1)

    def gpus(self) -> Iterator[tuple[int, Any]]:
        for index in range(self.number("nvmlDeviceGetCount_v2")):
            gpu = self.handle("nvmlDeviceGetHandleByIndex_v2", index)
            if gpu is None:
                raise Refused("failed to get GPU %d" % index)
            yield index, gpu


def options(words: list[str], known: dict[str, bool]) -> dict[str, list[str]]:
    """The options among the words: --name=value or --name value; those in ``known`` with True take none."""
    found: dict[str, list[str]] = {}
    words = list(words)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name not in known:
            raise Refused("flag provided but not defined: %s" % name)
        if known[name] and not equals:
            found.setdefault(name, []).append("true")
        elif equals:
            found.setdefault(name, []).append(value)
        elif words:
            found.setdefault(name, []).append(words.pop(0))
        else:
            raise Refused("flag needs an argument: %s" % name)
    return found


def devices(nvml: Nvml) -> Iterator[tuple[list[str], list[str]]]:
    """(names, device files) of each GPU that is not divided and of each MIG device."""
    try:
        with open("/proc/driver/nvidia-caps/mig-minors", encoding="ascii") as stream:
            minors = dict(re.findall(r"^(\S+)/access (\d+)$", stream.read(), re.MULTILINE))
    except OSError:
        minors = {}
    for index, gpu in nvml.gpus():
        minor = nvml.number("nvmlDeviceGetMinorNumber", gpu)
        file = "/dev/nvidia%d" % minor
        if not nvml.divided(gpu):
            yield [str(index), nvml.text("nvmlDeviceGetUUID", gpu)], [file]
            continue
        for place in range(nvml.number("nvmlDeviceGetMaxMigDeviceCount", gpu)):
            device = nvml.handle("nvmlDeviceGetMigDeviceHandleByIndex", gpu, place)
            if device is None:
                continue
            gi = "gpu%d/gi%d" % (minor, nvml.number("nvmlDeviceGetGpuInstanceId", device))
            ci = "%s/ci%d" % (gi, nvml.number("nvmlDeviceGetComputeInstanceId", device))
            caps = ["/dev/nvidia-caps/nvidia-cap%s" % minors.get(each, "?") for each in (gi, ci)]
            names = ["%d:%d" % (index, place), nvml.text("nvmlDeviceGetUUID", device)]
            yield names, [file, *caps]


def there(path: str) -> str:
    """The path of a character device; NVIDIA's own leaves out what it does not find."""
    try:
        if stat.S_ISCHR(os.stat(path).st_mode):
            return path
    except OSError:
        pass
    raise Refused("failed to locate the device node %s" % path)


def libraries(version: str) -> Iterator[str]:
    for pattern in ("/usr/lib/*-linux-gnu/lib*.so.%s" % version, "/usr/lib/lib*.so.%s" % version):
        yield from sorted(glob.glob(pattern))


def specification(strategies: list[str]) -> dict[str, Any]:
    """The whole specification as data."""
    nvml = Nvml()
    version = nvml.text("nvmlSystemGetDriverVersion")
    kinds = {"index": 0, "uuid": 1}
    found: list[dict[str, Any]] = []
    everything: list[dict[str, str]] = []
    for names, files in devices(nvml):
        nodes = [{"path": there(file)} for file in files]
        everything += [node for node in nodes if node not in everything]
        for strategy in strategies:
            found.append({"name": names[kinds[strategy]], "containerEdits": {"deviceNodes": nodes}})
    if not found:
        raise Refused("no NVIDIA device found")
    found.append({"name": "all", "containerEdits": {"deviceNodes": everything}})
    mounts = [*libraries(version), "/usr/bin/nvidia-smi"]
    folders = sorted({os.path.dirname(path) for path in libraries(version)})
    arguments = ["nvidia-cdi-hook", "update-ldcache"]
    for folder in folders:
        arguments += ["--folder", folder]
    hook = {"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": arguments}
    edits = {
        "env": ["NVIDIA_VISIBLE_DEVICES=void"],
        "deviceNodes": [{"path": path} for path in CONTROL if os.path.exists(path)],
        "hooks": [hook],
        "mounts": [
            {"hostPath": path, "containerPath": path, "options": ["ro", "nosuid", "nodev", "bind"]}
            for path in mounts
            if os.path.exists(path)
        ],
    }
    return {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": found, "containerEdits": edits}


def yaml(value: Any, indent: int = 0, ordered: bool = True) -> list[str]:
    """Block style: from 1.18 on in this order with four spaces, before sorted with two (1.18 is inferred)."""
    step = 4 if ordered else 2
    pad = " " * indent
    lines: list[str] = []
    if isinstance(value, dict):
        for key in value if ordered else sorted(value):
            each = value[key]
            if isinstance(each, (dict, list)):
                inner = indent + step if isinstance(each, dict) or ordered else indent
                lines.append("%s%s:" % (pad, key))
                lines += yaml(each, inner, ordered)
            else:
                lines.append("%s%s: %s" % (pad, key, scalar(each)))
    else:
        for each in value:
            if isinstance(each, dict):
                first, *rest = yaml(each, indent + 2, ordered)
                lines += ["%s- %s" % (pad, first.strip()), *rest]
            else:
                lines.append("%s- %s" % (pad, scalar(each)))
    return lines


def scalar(value: str) -> str:
    return json.dumps(value) if re.fullmatch(r"[\d:.]+", value) and value != "0.5.0" else value


def write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def cdi_generate(words: list[str]) -> None:
    known = {"--output": False, "--format": False, "--device-name-strategy": False}
    given = options(words, known)
    if given.get("--format", ["yaml"])[-1] != "yaml":
        raise Refused("only the format yaml is simulated")
    strategies = given.get("--device-name-strategy", ["index", "uuid"])
    for strategy in strategies:
        if strategy not in ("index", "uuid"):
            raise Refused("invalid device name strategy: %s" % strategy)
    try:
        text = "---\n" + "\n".join(yaml(specification(strategies), 0, NEW)) + "\n"
    except Refused as exc:
        raise Refused("failed to generate CDI spec: %s" % exc) from None
    output = given.get("--output", [os.environ.get("NVIDIA_CTK_CDI_OUTPUT_FILE_PATH", "") if NEW else ""])[-1]
    if output:
        write(output, text)
    else:
        sys.stdout.write(text)
    say("Generated CDI spec with version 0.5.0")


def cdi_list(words: list[str]) -> None:
    places = options(words, {"--spec-dir": False}).get("--spec-dir", list(DIRECTORIES))
    names = set()
    for place in places:
        for path in glob.glob(place + "/*.yaml"):
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
            kind = re.search(r"^kind: (\S+)$", text, re.MULTILINE)
            for name in re.findall(r'^(?:  |    - )name: "?([^"\n]+)"?$', text, re.MULTILINE):
                names.add("%s=%s" % (kind.group(1) if kind else "?", name))
    say("Found %d CDI devices" % len(names))
    for name in sorted(names):
        print(name)


def runtime_configure(words: list[str]) -> None:
    known = {"--runtime": False, "--config": False, "--nvidia-set-as-default": True, "--set-as-default": True}
    given = options(words, known)
    if given.get("--runtime", ["docker"])[-1] != "docker":
        raise Refused("only the runtime docker is simulated")
    path = given.get("--config", ["/etc/docker/daemon.json"])[-1]
    settings: dict[str, Any] = {}
    if os.path.exists(path) and os.path.getsize(path):
        with open(path, encoding="utf-8") as stream:
            settings = json.load(stream)
    settings.setdefault("runtimes", {})["nvidia"] = {"args": [], "path": "nvidia-container-runtime"}
    if "--set-as-default" in given or "--nvidia-set-as-default" in given:
        settings["default-runtime"] = "nvidia"
    write(path, json.dumps(settings, indent=4, sort_keys=True))
    say("Wrote updated config to %s" % path)


def create_links(words: list[str]) -> None:
    options(words, {"--create-all": True, "--dev-char-path": False})
    nodes = glob.glob("/dev/nvidia*") + glob.glob("/dev/nvidia-caps/*")
    for path in sorted(nodes):
        seen = os.stat(path)
        if stat.S_ISCHR(seen.st_mode):
            link = "/dev/char/%d:%d" % (os.major(seen.st_rdev), os.minor(seen.st_rdev))
            try:
                os.makedirs("/dev/char", exist_ok=True)
                os.symlink(path, link)
            except FileExistsError as exc:
                say("Could not create symlink: %s" % exc, "warning")


def config(words: list[str]) -> None:
    given = options(words, {"--config-file": False, "--in-place": True})
    path = given.get("--config-file", ["/etc/nvidia-container-runtime/config.toml"])[-1]
    if "--in-place" in given:
        if not os.path.exists(path):
            write(path, CONFIG)
    else:
        sys.stdout.write(CONFIG)


def say(message: object, level: str = "info") -> None:
    if "--quiet" not in sys.argv:
        sys.stderr.write('level=%s msg="%s"\n' % (level, message))


COMMANDS = {
    ("cdi", "generate"): cdi_generate,
    ("cdi", "list"): cdi_list,
    ("runtime", "configure"): runtime_configure,
    ("system", "create-dev-char-symlinks"): create_links,
    ("config",): config,
}


def main(words: list[str]) -> int:
    if words == ["--version"]:
        print("NVIDIA Container Toolkit CLI version %s\ncommit: simulated" % VERSION)
        return 0
    words = [word for word in words if word != "--quiet"]
    for name, command in COMMANDS.items():
        if tuple(words[: len(name)]) == name:
            try:
                command(words[len(name) :])
            except (Refused, ValueError, OSError) as exc:
                say(exc, "error")
                return 1
            return 0
    sys.stderr.write("nvidia-ctk: this is not simulated: %s\n" % " ".join(words))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
