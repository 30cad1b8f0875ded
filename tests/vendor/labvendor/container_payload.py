# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the packages of the container toolkit install.

Files: packaging/debian/*.install in NVIDIA/nvidia-container-toolkit@d34b304; units: deployments/systemd,
from 1.18 on. The package enables them and starts them at once (pull request 1229 there).
"""

from __future__ import annotations

from collections.abc import Callable

from labvendor.compile import Compiler
from labvendor.deb import Content, Entry
from labvendor.files import Variables, file, script, text

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
TRIGGER = (("triggers", "activate-noawait ldconfig\n"),)
SERVICE, PATH = "nvidia-cdi-refresh.service", "nvidia-cdi-refresh.path"


def _program(name: str, var: Variables) -> Entry:
    """A program of container_toolkit/, which needs python3 on the node as the simulated nvidia-smi does."""
    content = file("container_toolkit", name.replace("-", "_") + ".py", VERSION=var["v"])
    return text(f"/usr/bin/{name}", f"#!/usr/bin/python3\n{content}", mode=0o755)


def container_library(_var: Variables, compiler: Compiler) -> Content:
    """The library under its soname."""
    soname = "libnvidia-container.so.1"
    return Content((Entry(f"{LIBRARIES}/{soname}", compiler.library(soname)),), TRIGGER)


def container_cli(var: Variables, _compiler: Compiler) -> Content:
    """nvidia-container-cli tells its version, which must be that of the toolkit."""
    version = f"echo 'cli-version: {var['v']}'; echo 'lib-version: {var['v']}'"
    shell = (
        f'#!/bin/sh\n[ "$*" = --version ] && {{ {version}; exit; }}\n'
        "echo 'nvidia-container-cli: only --version is simulated' >&2\nexit 1\n"
    )
    return Content((text("/usr/bin/nvidia-container-cli", shell, mode=0o755),))


def container_hook(_var: Variables, _compiler: Compiler) -> Content:
    """The hook of the runtime, which nothing simulated calls, and its link."""
    shell = "#!/bin/sh\necho 'nvidia-container-runtime-hook is not simulated' >&2\nexit 1\n"
    hook = "/usr/bin/nvidia-container-runtime-hook"
    link = Entry("/usr/bin/nvidia-container-toolkit", link=hook)
    return Content((text(hook, shell, mode=0o755), link))


def container_base(var: Variables, _compiler: Compiler) -> Content:
    """nvidia-ctk, the hook of CDI, the runtime, and from 1.18 on the units that refresh the specification."""
    runtime = '#!/bin/sh\n# Simulated: a container is what runc makes of it.\nexec runc "$@"\n'
    files = [
        _program("nvidia-ctk", var),
        _program("nvidia-cdi-hook", var),
        text("/usr/bin/nvidia-container-runtime", runtime, mode=0o755),
    ]
    scripts = [("postinst", script("container-base.postinst", REFRESH=var["refresh"]))]
    if var["refresh"]:
        files += [
            text(f"/lib/systemd/system/{name}", file("container_toolkit", name)) for name in (SERVICE, PATH)
        ]
        setting = "NVIDIA_CTK_CDI_OUTPUT_FILE_PATH=/var/run/cdi/nvidia.yaml"
        env = f"# Settings of nvidia-ctk cdi generate, as in\n# {setting}\n"
        files.append(text("/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env", env))
        units = f"{PATH} {SERVICE}"
        scripts += [
            ("prerm", script("service.prerm", UNIT=units)),
            ("postrm", script("service.postrm", UNIT=units)),
        ]
    return Content(tuple(files), tuple(scripts))


PAYLOADS: dict[str, Callable[[Variables, Compiler], Content]] = {
    function.__name__: function
    for function in (container_library, container_cli, container_hook, container_base)
}
