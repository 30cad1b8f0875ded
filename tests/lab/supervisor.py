# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor of one lab: a single process that keeps the lab's machines and services running.

It starts systemd-nspawn for each node. nspawn ends with status 133 when the machine asked for a
reboot, and is then started again; a machine that powered off stays down. Services (proxy, web server)
are restarted when they end. Orders come as one JSON object per line over a Unix socket, see `client.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import signal
import sys
import time
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cgroups
import network
import nodes
import services
from settings import Lab, LabError

REBOOT_STATUS = 133  # systemd-nspawn --keep-unit on reboot (EXIT_FORCE_RESTART)
RESTART_PAUSE = 1.0  # seconds before a service that ended is started again
STOP_TIMEOUT = 20.0  # seconds for an orderly power-off


@dataclass
class Machine:
    """``state``: running, off (powered off or stopped), failed (nspawn ended with ``status``)."""

    state: str = "off"
    boots: int = 0
    status: int = 0
    process: Process | None = None
    task: asyncio.Task[None] | None = None


class Supervisor:
    """All machines and services of one lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.machines: dict[str, Machine] = {}
        self.services: list[asyncio.Task[None]] = []
        self.children: set[Process] = set()
        self.done = asyncio.Event()

    def log(self, text: str) -> None:
        print(time.strftime("%Y-%m-%dT%H:%M:%S"), text, flush=True)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.done.set)
        self.lab.socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self.serve, str(self.lab.socket))
        self.lab.socket.chmod(0o600)
        for service in services.all_services(self.lab):
            self.services.append(asyncio.create_task(self.keep(service)))
        self.log(f"supervisor of {self.lab.tag} started")
        await self.done.wait()
        server.close()
        for task in [*self.services, *(m.task for m in self.machines.values() if m.task)]:
            task.cancel()
        await asyncio.to_thread(cgroups.kill, self.lab)  # everything in the lab's groups but ourselves
        endings = [asyncio.create_task(process.wait()) for process in self.children]
        if endings:
            await asyncio.wait(endings, timeout=10)
        self.lab.socket.unlink(missing_ok=True)
        self.log("supervisor ended")

    async def spawn(self, argv: list[str], log: str, group: str, user: str | None = None) -> Process:
        """Start a program in the lab's control group ``group`` with its output in ``log``."""
        with (self.lab.log / f"{log}.log").open("ab") as out:
            joined = cgroups.create(self.lab, group)
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=lambda: _become(joined, user),
            )
        self.children.add(process)
        return process

    async def keep(self, service: services.Service) -> None:
        while True:
            process = await self.spawn(service.argv, service.name, "services", service.user)
            status = await process.wait()
            self.children.discard(process)
            self.log(f"{service.name} ended with status {status}; starting it again")
            await asyncio.sleep(RESTART_PAUSE)

    async def live(self, node: nodes.Node, machine: Machine) -> None:
        """One machine from power-on to power-off, over all its reboots."""
        argv = [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            f"--directory={node.folder(self.lab)}/root",
            f"--machine={self.lab.tag}-{node.name}",
            f"--hostname={node.name}",
            "--register=no",
            "--keep-unit",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=pipe",
            f"--network-namespace-path=/run/netns/{network.netns(self.lab, node.index)}",
        ]
        try:
            while await self.one_boot(argv, node, machine) == REBOOT_STATUS:
                self.log(f"{node.name} reboots")
        except (OSError, LabError) as e:
            machine.state = "failed"
            self.log(f"{node.name}: {e}")
            raise
        machine.state = "off" if machine.status == 0 else "failed"
        self.log(f"{node.name} ended with status {machine.status}: {machine.state}")

    async def one_boot(self, argv: list[str], node: nodes.Node, machine: Machine) -> int:
        """From one power-on to nspawn's end; its exit status."""
        machine.boots += 1
        process = machine.process = await self.spawn(argv, node.name, node.name)
        machine.state = "running"
        machine.status = await process.wait()
        machine.process = None
        self.children.discard(process)
        # what entered the node from outside must not outlive it
        await asyncio.to_thread(cgroups.kill, self.lab, node.name)
        return machine.status

    async def start(self, name: str) -> None:
        machine = self.machines.setdefault(name, Machine())
        if machine.task is None or machine.task.done():
            node = nodes.load(self.lab, name)
            machine.task = asyncio.create_task(self.live(node, machine))
            while machine.state != "running" and not machine.task.done():
                await asyncio.sleep(0.01)
            if machine.task.done():
                machine.task.result()  # raises what kept it from starting

    async def stop(self, name: str, orderly: bool) -> None:
        machine = self.machines.get(name)
        if machine is None or machine.task is None:
            return
        if orderly and machine.process is not None:
            machine.process.terminate()  # nspawn asks the machine to power off
            await asyncio.wait([machine.task], timeout=STOP_TIMEOUT)
        machine.task.cancel()
        await asyncio.wait([machine.task])
        await asyncio.to_thread(cgroups.kill, self.lab, name)
        machine.state, machine.process, machine.task = "off", None, None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            answer = await self.obey(json.loads(line))
        except Exception as error:  # an order must never end the supervisor: the caller gets the reason
            answer = {"error": f"{type(error).__name__}: {error}"}
        try:
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            writer.close()
        except ConnectionError:
            self.log("the caller went away before the answer")

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        names = order.get("nodes", [])
        if order["do"] == "start":
            await asyncio.gather(*(self.start(name) for name in names))
        elif order["do"] == "stop":
            await asyncio.gather(*(self.stop(name, bool(order.get("orderly"))) for name in names))
        elif order["do"] == "forget":
            for name in names:
                self.machines.pop(name, None)
        elif order["do"] == "quit":
            self.done.set()
        elif order["do"] != "status":
            raise ValueError(f"unknown order {order['do']}")
        return {
            name: {"state": m.state, "boots": m.boots, "status": m.status}
            for name, m in self.machines.items()
        }


def _become(groups: list[Path], user: str | None) -> None:
    """Between fork and exec: join the control groups, then give up root for the program's own user."""
    cgroups.join(groups)
    if user is not None:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def main() -> None:
    lab = Lab(int(sys.argv[1]))
    cgroups.join(cgroups.create(lab, "supervisor"))
    os.chdir("/")
    os.umask(0o022)
    asyncio.run(Supervisor(lab).run())


if __name__ == "__main__":
    main()
