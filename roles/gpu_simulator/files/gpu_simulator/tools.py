# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""modprobe, rmmod, insmod and lsmod inside the node, for the modules that are simulated.

The real kmod decides everything that it can decide without the kernel: modprobe resolves names, aliases,
options, blacklists, install and remove commands and dependencies in a dry run, and what it would then ask
of the kernel is asked of kernel.py. What concerns no simulated module goes to the real program unchanged.
Messages and exit statuses of rmmod, insmod and of refused loads are those of kmod 30 (tools/rmmod.c,
insmod.c, modprobe.c).
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import sys
from typing import List, NamedTuple, Optional

from . import kernel, kmod
from .tree import SimulatorError, Tree, read

COMMANDS = ("modprobe", "rmmod", "insmod", "lsmod")
# Options of modprobe that take a word of their own, and those that only ask something.
WITH_WORD = ("-C", "--config", "-d", "--dirname", "-S", "--set-version", "-w", "--wait")
ONLY_ASK = re.compile(
    r"^(-[A-Za-z]*[nDcRVh][A-Za-z]*|--(dry-run|show|show-depends|showconfig|resolve-alias|version|help|"
    r"show-modversions|dump-modversions|show-exports)(=.*)?)$"
)
MESSAGES = {
    errno.EEXIST: "Module already in kernel",
    errno.ENOENT: "Unknown symbol in module, or unknown parameter (see dmesg)",
}
INSMOD_MESSAGES = {
    errno.ENOEXEC: "Invalid module format",
    errno.ENOENT: "Unknown symbol in module",
    errno.EINVAL: "Invalid parameters",
}


class Call(NamedTuple):
    """A command line of modprobe, taken apart."""

    options: List[str]
    names: List[str]

    def has(self, short: str, long: str) -> bool:
        return any(
            word == long or (re.match(r"^-[A-Za-z]+$", word) and short in word) for word in self.options
        )


def run(tree: Tree, name: str, arguments: List[str]) -> int:
    """Carry out one of the commands.

    :returns: its exit status; does not return where the real program takes over
    """
    if os.geteuid() != 0 and name != "lsmod":
        _hand_over(name, arguments)
    if not (tree.sys / "module").is_dir():
        return _switched_off(name, arguments)
    if name == "lsmod" and not arguments:
        return _lsmod(tree)
    if name == "rmmod":
        return _rmmod(tree, arguments)
    if name == "insmod":
        return _insmod(tree, arguments)
    if name == "modprobe":
        return _modprobe(tree, arguments)
    return _hand_over(name, arguments)


def _switched_off(name: str, arguments: List[str]) -> int:
    """Before gpu-simulator.service has run: the host is never asked for a module that is simulated."""
    asked = sorted({_name(word) for word in arguments if _simulated(word)})
    if not asked or name == "modprobe" and any(ONLY_ASK.match(word) for word in arguments):
        return _hand_over(name, arguments)
    raise SimulatorError(
        "The simulated hardware is switched off, and {0} is of nothing else: see 'systemctl status "
        "gpu-simulator', then start it.".format(" ".join(asked))
    )


def _hand_over(name: str, arguments: List[str]) -> int:
    program = os.path.join(kmod.REAL, name)
    try:
        os.execv(program, [program, *arguments])
    except FileNotFoundError:
        raise SimulatorError(
            "{0} is missing: run 'gpu-simulator boot', which puts it there.".format(program)
        ) from None


def _say(program: str, level: str, text: str) -> None:
    print("{0}: {1}: {2}".format(program, level, text), file=sys.stderr)


def _lsmod(tree: Tree) -> int:
    """tools/lsmod.c: from newest to oldest, as /proc/modules has them."""
    print("Module                  Size  Used by")
    states = list((tree.sys / "module").glob("*/initstate"))
    for path in [state.parent for state in sorted(states, key=os.path.getmtime, reverse=True)]:
        if path.name in kernel.SIMULATED and os.geteuid() == 0:
            kernel.refresh(tree, path.name)
        users = ",".join(sorted(entry.name for entry in (path / "holders").glob("*")))
        numbers = [read(path / name) or "0" for name in ("coresize", "refcnt")]
        print("{0:<19} {1:>8}  {2}{3}".format(path.name, *numbers, " " + users if users else ""))
    return 0


def _rmmod(tree: Tree, arguments: List[str]) -> int:
    names = [word for word in arguments if not word.startswith("-")]
    if not names or not all(kernel.is_loaded(tree, _name(word)) for word in names if _simulated(word)):
        # kmod finds out what is wrong, from /sys/module.
        return _hand_over("rmmod", arguments)
    if not any(_simulated(word) for word in names):
        return _hand_over("rmmod", arguments)
    return max([_remove(tree, _name(word)) for word in names])


def _remove(tree: Tree, name: str) -> int:
    holders = kernel.holders(tree, name)
    if holders:
        _say("rmmod", "ERROR", "Module {0} is in use by: {1}".format(name, " ".join(holders)))
    elif kernel.refresh(tree, name):
        _say("rmmod", "ERROR", "Module {0} is in use".format(name))
    else:
        try:
            kernel.delete(tree, name)
            return 0
        except kernel.KernelError as refusal:
            reason = os.strerror(refusal.number)
            _say("rmmod", "ERROR", "could not remove module {0}: {1}".format(name, reason))
    return 1


def _name(word: str) -> str:
    return kmod.same(os.path.basename(word).partition(".ko")[0])


def _simulated(word: str) -> bool:
    return _name(word) in kernel.SIMULATED


def _insmod(tree: Tree, arguments: List[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    module = kmod.describe(tree, words[0]) if words and os.path.isfile(words[0]) else None
    if not module or module.name not in kernel.SIMULATED:
        return _hand_over("insmod", arguments)
    try:
        kernel.insert(tree, module, kernel.option_words(words[1:]))
    except kernel.KernelError as refusal:
        reason = INSMOD_MESSAGES.get(refusal.number, os.strerror(refusal.number))
        _say("insmod", "ERROR", "could not insert module {0}: {1}".format(words[0], reason))
        return 1
    return 0


def _modprobe(tree: Tree, arguments: List[str]) -> int:
    call = _parse(arguments)
    if not call.names or any(ONLY_ASK.match(word) for word in call.options):
        return _hand_over("modprobe", arguments)
    if call.has("r", "--remove"):
        return max([_probe_remove(tree, call, name) for name in call.names])
    if call.has("a", "--all"):
        return max([_probe_insert(tree, call, [name]) for name in call.names])
    return _probe_insert(tree, call, call.names)


def _parse(arguments: List[str]) -> Call:
    options: List[str] = []
    names: List[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--":
            names += words
            break
        if not word.startswith("-"):
            names.append(word)
            continue
        options.append(word)
        if word in WITH_WORD and words:
            options.append(words.pop(0))
    return Call(options, names)


def _rehearse(call: Call, names: List[str]) -> "subprocess.CompletedProcess[str]":
    """What the real modprobe would do, one action a line; its complaints go to our standard error."""
    options = [re.sub("[qv]", "", word) if re.match(r"^-[A-Za-z]+$", word) else word for word in call.options]
    options = [word for word in options if word not in ("-", "--quiet", "--verbose")]
    return subprocess.run(
        [os.path.join(kmod.REAL, "modprobe"), "--dry-run", "--verbose", *options, *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if call.has("q", "--quiet") else None,
        universal_newlines=True,
        check=False,
    )


def _really(call: Call, names: List[str]) -> int:
    """The real modprobe with these names; its exit status."""
    return subprocess.run(
        [os.path.join(kmod.REAL, "modprobe"), *call.options, *names], check=False
    ).returncode


def _probe_insert(tree: Tree, call: Call, names: List[str]) -> int:
    """Load the first name; further words are its parameters."""
    rehearsal = _rehearse(call, names)
    if rehearsal.returncode != 0:
        return rehearsal.returncode
    actions = rehearsal.stdout.splitlines()
    modules = [_module_of(tree, action) for action in actions]
    found = zip(actions, modules)
    unreadable = [action for action, module in found if not module and _simulated_file(action)]
    if unreadable:
        raise SimulatorError("modinfo cannot read the module of '{0}'.".format(unreadable[0].strip()))
    if not any(module and module.name in kernel.SIMULATED for module in modules):
        # Install commands, which call modprobe again, modules of the real kernel, or nothing left to do.
        return _really(call, names) if actions else 0
    asked = [_name(module.path) for module in modules if module][-1]
    for action, module in zip(actions, modules):
        if call.has("v", "--verbose"):
            print(action, flush=True)
        status = 0
        if not module:
            status = _command(tree, action)
        elif module.name in kernel.SIMULATED:
            # Others are the host kernel's: built in, or beyond the reach of a container.
            status = _probe_file(tree, module, shlex.split(action)[2:], asked, call)
        if status != 0:
            return status
    return 0


def _module_of(tree: Tree, action: str) -> Optional[kmod.Module]:
    words = action.split()
    return kmod.describe(tree, words[1]) if words[:1] == ["insmod"] and len(words) > 1 else None


def _simulated_file(action: str) -> bool:
    words = action.split()
    return words[:1] == ["insmod"] and len(words) > 1 and _simulated(words[1])


def _probe_file(tree: Tree, module: kmod.Module, words: List[str], asked: str, call: Call) -> int:
    """Insert one file; a refusal is reported under the name that was asked for, as kmod does."""
    try:
        kernel.insert(tree, module, kernel.option_words(words))
    except kernel.KernelError as refusal:
        if refusal.number == errno.EEXIST and not call.has("-", "--first-time"):
            return 0
        reason = MESSAGES.get(refusal.number, os.strerror(refusal.number))
        _say("modprobe", "ERROR", "could not insert '{0}': {1}".format(asked, reason))
        return 1
    return 0


def _command(tree: Tree, action: str) -> int:
    """Run an install or remove command as modprobe does: by the shell, with $CMDLINE_OPTS filled in."""
    kind, _space, text = action.partition(" ")
    if kind not in ("install", "remove"):
        return 0
    if kind == "install":
        known = kmod.configuration(tree).install.values()
        command = max((word for word in known if text.startswith(word)), key=len, default=text)
        text = command.replace("$CMDLINE_OPTS", text[len(command) :].strip())
    return subprocess.run(["/bin/sh", "-c", text], check=False).returncode


def _probe_remove(tree: Tree, call: Call, name: str) -> int:
    for loaded in kernel.loaded(tree):
        kernel.refresh(tree, loaded)
    rehearsal = _rehearse(call, [name])
    if rehearsal.returncode != 0:
        return rehearsal.returncode
    actions = rehearsal.stdout.splitlines()
    if not any(
        action.startswith("remove ") or _simulated(action.partition(" ")[2].strip()) for action in actions
    ):
        return _really(call, [name])
    verbose = call.has("v", "--verbose")
    for action in actions:
        if not action.startswith("remove "):
            status = _unload(tree, action.partition(" ")[2].strip(), verbose)
        else:
            if verbose:
                print(action, flush=True)
            status = _command(tree, action)
        if status != 0:
            return status
    return 0


def _unload(tree: Tree, name: str, verbose: bool) -> int:
    """Unload a module and what nobody needs any more then."""
    if not _simulated(name) or not kernel.is_loaded(tree, name):
        return 0
    needed = kernel.needs(tree, name)
    if verbose:
        print("rmmod {0}".format(name), flush=True)
    try:
        kernel.delete(tree, name)
    except kernel.KernelError as refusal:
        reason = os.strerror(refusal.number)
        _say("modprobe", "ERROR", "could not remove '{0}': {1}".format(name, reason))
        return 1
    for other in needed:
        if kernel.is_loaded(tree, other) and kernel.refresh(tree, other) == 0:
            _unload(tree, other, verbose)
    return 0
