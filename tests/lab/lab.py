# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of simulated GPU nodes on one machine. See docs/lab.md, or `lab.py --help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from types import FrameType
from typing import Sequence

import cgroups
import changes
import client
import copies
import fleet
import host
import layers
import nodes
import roots
from settings import MAX_LAB, MAX_NODES, Lab, LabError, lab_from_environment
from shell import say

# One chassis per node, given out in turn.
DEFAULT_BOARDS = (
    "a100-sxm4-40gb*8",
    "h100-sxm5-80gb*8",
    "l40s*4",
    "h200-sxm-141gb*8",
    "t4*2",
    "a30-24gb*4",
    "v100-sxm2-16gb*4",
    "a100-pcie-80gb*2,t4",
    "b200-180gb*8",
    "rtx-pro-6000-server*4",
)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lab.py", description=__doc__)
    parser.add_argument(
        "--lab",
        type=int,
        choices=range(MAX_LAB + 1),
        default=lab_from_environment(),
        metavar="N",
        help="number of the fleet, 0 to 9; each is independent (default: $LABFLEET_GPU_LAB or 0)",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="boot nodes, adding those that are missing")
    up.add_argument("--nodes", type=int, default=3, help="how many (default 3)")
    up.add_argument("--kinds", default=",".join(roots.KINDS), help="node kinds in turn (default %(default)s)")
    up.add_argument(
        "--boards",
        nargs="+",
        default=list(DEFAULT_BOARDS),
        metavar="BOARD[*COUNT][,...]",
        help="what is in each chassis, in turn (default %(default)s)",
    )
    up.add_argument("--name-prefix", default="node", help="names are this and a number (default node)")
    up.add_argument("--no-prepare", action="store_true", help="bare nodes, without the role gpu_simulator")
    up.add_argument(
        "--ansible-playbook", metavar="PATH", help="program that prepares nodes (default: on PATH)"
    )

    copy = commands.add_parser("copy", help="add nodes that are as those that are there, files and all")
    copy.add_argument("--nodes", type=int, required=True, help="how many there are to be then")

    down = commands.add_parser("down", help="remove the fleet and every trace of it; safe to repeat")
    down.add_argument("nodes", nargs="*", metavar="NODE", help="only these nodes")
    commands.add_parser("status", help="table of the nodes")
    commands.add_parser("inventory", help="print the path of the Ansible inventory")
    for name, text in (
        ("reset", "empty the overlay and boot again"),
        ("reboot", "power off in good order and on"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("nodes", nargs="*", metavar="NODE")
        command.add_argument("--all", action="store_true")
        if name == "reset":
            command.add_argument("--boards", metavar="BOARD[*COUNT][,...]", help="with another chassis")
    execute = commands.add_parser("exec", help="run a command in a node, without SSH: exec NODE -- cmd ...")
    execute.add_argument("node")
    execute.add_argument("argv", nargs=argparse.REMAINDER)
    mark = commands.add_parser("mark", help="remember a node's files")
    mark.add_argument("node")
    mark.add_argument("name")
    diff = commands.add_parser("diff", help="files that changed; exit status 1 when there are any")
    diff.add_argument("node")
    diff.add_argument("--since", metavar="MARK", help="since that mark (default: since made or reset)")
    diff.add_argument("--everything", action="store_true", help="also what may always change, such as logs")
    return parser.parse_args(argv)


def _boards(texts: Sequence[str]) -> list[list[str]]:
    """``t4*2,l40s`` -> [t4, t4, l40s], for each chassis."""
    known = sorted(path.stem for path in (layers.ROLE / "files" / "boards").glob("*.json"))
    chassis = []
    for text in texts:
        slots: list[str] = []
        for part in filter(None, text.split(",")):
            name, _rest, count = part.partition("*")
            if not name or (count and not (count.isdigit() and 1 <= int(count) <= 16)):
                raise LabError(f"'{part}' is no board: write NAME or NAME*COUNT with a count from 1 to 16.")
            if known and name not in known:
                raise LabError(f"There is no board '{name}'; choose from {', '.join(known)}.")
            slots += [name] * int(count or 1)
        chassis.append(slots)
    return chassis


def _chosen(lab: Lab, options: argparse.Namespace) -> list[nodes.Node]:
    if options.all == bool(options.nodes):
        raise LabError(f"Say which: 'lab.py {options.command} NODE...' or 'lab.py {options.command} --all'.")
    return nodes.load_all(lab) if options.all else [nodes.load(lab, name) for name in options.nodes]


def _up(lab: Lab, options: argparse.Namespace) -> int:
    if not 1 <= options.nodes <= MAX_NODES:
        raise LabError(f"--nodes takes a number from 1 to {MAX_NODES}, not {options.nodes}.")
    if not options.name_prefix.isalnum() or not options.name_prefix.isascii():
        raise LabError(
            f"--name-prefix '{options.name_prefix}' cannot begin a host name: use letters and digits."
        )
    wish = fleet.Wish(
        count=options.nodes,
        prefix=options.name_prefix,
        kinds=[roots.kind(name).name for name in options.kinds.split(",")],
        boards=_boards(options.boards),
        prepare=not options.no_prepare,
        playbook=options.ansible_playbook,
    )
    host.check()
    if wish.prepare and not layers.available():
        raise LabError("The role gpu_simulator is not in this checkout: boot bare nodes with --no-prepare.")
    with fleet.lab_lock(lab):
        everyone = fleet.up(lab, wish)
    say(f"{len(everyone)} nodes; inventory {lab.inventory}")
    return 0


def _down(lab: Lab, options: argparse.Namespace) -> int:
    with fleet.lab_lock(lab):
        if options.nodes:
            fleet.remove(lab, [nodes.load(lab, name) for name in options.nodes])
        else:
            fleet.down(lab)
    return 0


def _status(lab: Lab) -> int:
    everyone = nodes.load_all(lab)
    if not everyone:
        print("No lab is up.")
        return 1
    machines = client.order(lab, "status")
    form = "{:<12} {:<11} {:<8} {:<15} {:>5} {:>7}  {}"
    print(form.format("NODE", "KIND", "USERLAND", "ADDRESS", "BOOTS", "MEMORY", "STATE"))
    for node in everyone:
        machine = machines.get(node.name, {"state": "off", "boots": 0})
        state = machine["state"]
        if state == "running":
            state = "up" if nodes.answers_ssh(lab, node) else "booting"
        memory = cgroups.memory_bytes(lab, node.name)
        print(
            form.format(
                node.name,
                node.kind,
                node.userland,
                lab.node_address(node.index),
                machine["boots"],
                "?" if memory is None else f"{memory >> 20} MiB",
                state,
            )
        )
    return 0


def _run(lab: Lab, options: argparse.Namespace) -> int:
    host.require_root()
    if options.command == "up":
        return _up(lab, options)
    if options.command == "copy":
        with fleet.lab_lock(lab):
            everyone = copies.up_to(lab, options.nodes)
        say(f"{len(everyone)} nodes; inventory {lab.inventory}")
        return 0
    if options.command == "down":
        return _down(lab, options)
    if options.command == "status":
        return _status(lab)
    if options.command == "inventory":
        print(lab.inventory)
        return 0
    if options.command == "reset":
        boards = _boards([options.boards])[0] if options.boards else None
        with fleet.lab_lock(lab):
            fleet.reset(lab, _chosen(lab, options), boards)
        return 0
    if options.command == "reboot":
        with fleet.lab_lock(lab):
            fleet.reboot(lab, _chosen(lab, options))
        return 0
    node = nodes.load(lab, options.node)
    if options.command == "exec":
        command = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
        if not command:
            raise LabError(f"Say what to run: lab.py exec {node.name} -- COMMAND...")
        return nodes.enter(lab, node, command)
    if options.command == "mark":
        changes.mark(lab, node, options.name)
        return 0
    lines = changes.difference(lab, node, options.since, options.everything)
    print("\n".join(lines), end="\n" if lines else "")
    return 1 if lines else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """The first signal unwinds (and cleans up); further ones must not cut the cleaning short."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    os.umask(0o022)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        options = _arguments(sys.argv[1:])
        return _run(Lab(options.lab), options)
    except LabError as e:
        print(f"lab.py: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lab.py: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
