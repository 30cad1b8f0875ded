# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of gpu-simulator."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import List, Optional

from . import (
    boards,
    control,
    device_maker,
    distribution,
    firmware,
    kernel,
    limits,
    loading,
    power,
    runfile,
    status,
    tools,
)
from .tree import SimulatorError, Tree


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="gpu-simulator", description="Simulated NVIDIA GPUs for testing: see docs/simulator.md."
    )
    top.add_argument(
        "--root",
        default=os.environ.get("GPU_SIMULATOR_ROOT", "/"),
        help="work below this directory, without mounts (default: $GPU_SIMULATOR_ROOT or /)",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    commands.add_parser("boot", help="power cycle: put the listed boards in, show them, load the driver")
    load = commands.add_parser("load", help="load the kernel module as a boot does; modprobe loads by name")
    load.add_argument("module", nargs="?", choices=tuple(kernel.SIMULATED), default="nvidia")
    commands.add_parser("unload", help="unload nvidia with its companions; refused while a GPU is in use")
    commands.add_parser("remove", help="take the simulation off this node")
    commands.add_parser("is-on", help="exit status 0 if this machine was switched on since it started")
    commands.add_parser("limits", help="what the simulation lacks in this container, one sentence a line")
    catalogue = commands.add_parser("boards", help="list the board ids")
    catalogue.add_argument(
        "--check", metavar="FILE", help="see whether a board list can be understood instead"
    )
    show = commands.add_parser("status", help="show driver, GPUs and faults")
    show.add_argument("--json", action="store_true", help="as JSON")

    for name, text in (
        ("get", "print an attribute"),
        ("set", "set an attribute"),
        ("unset", "take an attribute away (NOT_SUPPORTED)"),
        ("lose", "let a GPU fall off the bus"),
        ("xid", "let the kernel log tell of an Xid"),
        ("restore", "bring a lost GPU back"),
        ("reset", "what nvidia-smi --gpu-reset does: pending modes take effect, MIG instances end"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("gpu", help="number, PCI address, UUID or 'all'")
        if name in ("get", "set", "unset"):
            command.add_argument("attribute")
        if name == "set":
            command.add_argument("value")
        if name == "xid":
            command.add_argument("number", type=int)
            command.add_argument("text", nargs="?", default="", help="what the driver says besides")

    fault = commands.add_parser("fault", help="make an NVML function fail, hang or crash")
    fault.add_argument("function", help="for example nvmlInit_v2")
    fault.add_argument("specification", nargs="*", help="return N | hang [seconds] | crash")
    fault.add_argument("--clear", action="store_true", help="behave again")
    fault.add_argument("--persist", action="store_true", help="keep it across reboots")

    process = commands.add_parser("process", help="let a living process use a GPU")
    process.add_argument("action", choices=("add", "remove"))
    process.add_argument("gpu", help="number, PCI address, UUID or 'all'")
    process.add_argument("--pid", type=int, required=True)
    process.add_argument("--memory", type=int, default=0, help="MiB")
    process.add_argument("--type", default="C", help="C, G, C+G or M")
    process.add_argument(
        "--instance", type=int, nargs=2, default=(), metavar=("GI", "CI"), help="ids, in MIG mode"
    )

    fabric = commands.add_parser("fabric", help="what Fabric Manager does to the GPUs")
    fabric.add_argument("action", choices=("start", "stop"))
    fabric.add_argument("--version", default="", help="version of the Fabric Manager")

    secure = commands.add_parser("secure-boot", help="turn the firmware's switch, for the next boot")
    secure.add_argument("switch", choices=("on", "off"))

    other = commands.add_parser("nouveau", help="let the kernel have nouveau, and the initramfs carry it")
    other.add_argument("action", choices=("install", "remove"))

    without = commands.add_parser("runfile", help="what NVIDIA's .run installer leaves on a node")
    without.add_argument("action", choices=("install",))
    without.add_argument("driver", metavar="VERSION")
    without.add_argument("--flavour", choices=("open", "proprietary"), default="open")
    without.add_argument(
        "--dkms", action="store_true", help="let dkms build the modules, as the installer can"
    )

    owner = commands.add_parser("mok", help="machine owner keys, as at the screen of MokManager")
    owner.add_argument("action", choices=("enroll", "forget"))
    owner.add_argument("certificate", help="file in DER form; effective after a boot")
    return top


def main(arguments: Optional[List[str]] = None) -> int:
    """Run one command.

    :returns: exit status: 0 done, 1 refused (one sentence on stderr), 2 wrong usage
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words[:1] and words[0] in tools.COMMANDS:
            return tools.run(Tree(), words[0], words[1:])
        if words[:1] == ["nvidia-modprobe"]:
            return device_maker.main(words[1:])
        if words[:1] == ["nvidia-installer"]:
            return runfile.main(Tree(), words[1:])
        options = parser().parse_args(words)
        if options.command == "is-on":
            return 0 if power.is_on(Tree(options.root)) else 1
        output = run(Tree(options.root), options)
    except SimulatorError as problem:
        print("gpu-simulator: {0}".format(problem), file=sys.stderr)
        return 1
    except PermissionError as problem:
        print("gpu-simulator: {0}: run it as root.".format(problem), file=sys.stderr)
        return 1
    if output:
        print(output)
    return 0


def run(tree: Tree, options: argparse.Namespace) -> str:
    """Carry out a parsed command and return what it prints."""
    simple = {
        "boot": power.boot,
        "unload": loading.unload,
        "remove": power.remove_all,
    }
    if options.command in simple:
        return str(simple[options.command](tree))
    if options.command == "limits":
        return "\n".join(limits.found(tree))
    if options.command == "load":
        return loading.load_one(tree, options.module)
    if options.command == "secure-boot":
        return firmware.set_secure_boot(tree, options.switch == "on")
    if options.command == "nouveau":
        install = options.action == "install"
        return distribution.add_nouveau(tree) if install else distribution.remove_nouveau(tree)
    if options.command == "runfile":
        return runfile.install(tree, options.driver, options.flavour, options.dkms)
    if options.command == "mok":
        change = firmware.enroll if options.action == "enroll" else firmware.forget
        return change(tree, options.certificate)
    if options.command == "boards":
        return _boards(tree, options)
    if options.command == "status":
        data = status.collect(tree)
        return json.dumps(data, indent=2) if options.json else status.table(data)
    if options.command == "fault":
        return _fault(tree, options)
    if options.command == "fabric":
        return (
            control.start_fabric(tree, options.version)
            if options.action == "start"
            else control.stop_fabric(tree)
        )
    return "\n".join(
        filter(None, (_on_gpu(tree, slot, options) for slot in control.select(tree, options.gpu)))
    )


def _boards(tree: Tree, options: argparse.Namespace) -> str:
    if not options.check:
        return "\n".join(boards.names(tree))
    with open(options.check, encoding="utf-8") as stream:
        boards.parse(tree, stream.read())
    return ""


def _fault(tree: Tree, options: argparse.Namespace) -> str:
    if options.clear:
        control.clear_fault(tree, options.function)
    else:
        control.fault(tree, options.function, " ".join(options.specification), options.persist)
    return ""


def _on_gpu(tree: Tree, slot: int, options: argparse.Namespace) -> str:
    if options.command == "get":
        return control.get(tree, slot, options.attribute)
    if options.command == "set":
        control.put(tree, slot, options.attribute, options.value)
    elif options.command == "unset":
        control.unset(tree, slot, options.attribute)
    elif options.command == "lose":
        control.lose(tree, slot)
    elif options.command == "xid":
        control.xid(tree, slot, options.number, options.text)
    elif options.command == "restore":
        control.restore(tree, slot)
    elif options.command == "reset":
        control.reset(tree, slot)
    elif options.action == "add":
        control.add_process(tree, slot, options.pid, options.memory, options.type, options.instance)
    else:
        control.remove_process(tree, slot, options.pid)
    return ""
