# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own services: a caching proxy for the archive and a web server for repositories."""

from __future__ import annotations

import pwd
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from settings import HTTP_PORT, PROXY_PORT, Lab, LabError
from shell import wait_until


@dataclass(frozen=True)
class Service:
    """A process that the supervisor keeps running; ``user`` None means root."""

    name: str
    argv: list[str]
    port: int
    user: str | None = None


def all_services(lab: Lab) -> list[Service]:
    """The services of a lab, with their folders made."""
    return [_proxy(lab), _web(lab)]


def _proxy(lab: Lab) -> Service:
    """apt-cacher-ng without the host's configuration: no remapping, each archive under its name."""
    config = lab.state / "proxy"
    user = "apt-cacher-ng" if _user_exists("apt-cacher-ng") else None
    logs = lab.log / "proxy"
    for folder in (config, lab.proxy_cache, logs):
        folder.mkdir(parents=True, exist_ok=True)
        if user:
            shutil.chown(folder, user, user)
    (config / "acng.conf").write_text(
        f"CacheDir: {lab.proxy_cache}\nLogDir: {logs}\nSupportDir: /usr/lib/apt-cacher-ng\n"
        f"BindAddress: {lab.host_address}\nPort: {PROXY_PORT}\nForeGround: 1\nReportPage: off\n"
        f"ExThreshold: 30\nNetworkTimeout: 20\n"
    )
    return Service("proxy", ["apt-cacher-ng", "-c", str(config)], PROXY_PORT, user)


def _web(lab: Lab) -> Service:
    lab.www.mkdir(parents=True, exist_ok=True)
    program = Path(__file__).with_name("web.py")
    return Service(
        "web",
        [
            sys.executable,
            str(program),
            lab.host_address,
            str(HTTP_PORT),
            str(lab.www),
            str(lab.log / "requests.log"),
        ],
        HTTP_PORT,
    )


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def wait(lab: Lab, timeout: float = 20) -> None:
    """Until both services accept connections."""
    for service in all_services(lab):

        def open_port(port: int = service.port) -> bool:
            try:
                socket.create_connection((lab.host_address, port), timeout=1).close()
            except OSError:
                return False
            return True

        if not wait_until(open_port, timeout, 0.1):
            raise LabError(
                f"The lab's {service.name} does not listen on {lab.host_address}:{service.port}; "
                f"see {lab.log}/{service.name}.log."
            )
