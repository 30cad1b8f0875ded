# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of our roles: those that would do nothing are refused, and advice names them as playbooks do."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Dict

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.labfleet.gpu.plugins.module_utils._redact import redacted

_ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "roles")
#: Roles whose variables another role reads.
_READS = {
    "gpu_node": (
        "nvidia_driver",
        "cuda_toolkit",
        "cudnn",
        "conda_gpu_env",
        "gpu_settings",
        "mig_layout",
        "container_toolkit",
    )
}
#: Roles that it includes: misspelt variables of theirs are found before anything changes.
_INCLUDES = {"gpu_node": ("gpu_check",)}
#: Variables of those roles that it has no use for, and what to do instead.
_UNREAD = {
    "gpu_node": {
        "cudnn_archive_from": "have the archive on the node, named in cudnn_archive, or use the role cudnn",
        **{
            "conda_gpu_env_miniforge" + rest: "use the role conda_gpu_env, which installs it"
            for rest in ("", "_prefix", "_url", "_sha256", "_shell_initialisation")
        },
    }
}
#: The role of each component of gpu_stack.
ROLE_OF = {
    "driver": "nvidia_driver",
    "cuda": "cuda_toolkit",
    "cudnn": "cudnn",
    "environments": "conda_gpu_env",
    "settings": "gpu_settings",
    "mig": "mig_layout",
    "container": "container_toolkit",
}


#: Gives a dictionary of variables without templates; what is omitted goes.
Resolve = Callable[[Dict[str, Any]], Mapping[str, Any]]
#: The safe loader, in C where there is one.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.lru_cache(maxsize=None)
def _read(role: str, *path: str) -> Mapping[str, Any]:
    with open(os.path.join(_ROLES, role, *path), encoding="utf-8") as handle:
        return yaml.load(handle, Loader=_LOADER) or {}


def _defaults(role: str) -> Mapping[str, Any]:
    return _read(role, "defaults", "main.yml")


def _specification(role: str) -> Mapping[str, Any]:
    return _read(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]


def known_variables(role: str) -> frozenset[str]:
    """The variables in the role's defaults."""
    return frozenset(_defaults(role))


def _suffixes(role: str) -> frozenset[str]:
    return frozenset(name[len(role) + 1 :] for name in known_variables(role))


def handed_on(role: str | None, owner: str) -> frozenset[str]:
    """The variables of ``owner``, without its prefix, that ``role`` hands on; None: all that it has."""
    if role is None:
        return _suffixes(owner)
    return frozenset(
        suffix
        for suffix in _suffixes(owner) - _suffixes(role)
        if f"{owner}_{suffix}" not in _UNREAD.get(role, {})
    )


def value_of(raw: Any, resolve: Resolve) -> Any:
    """What a variable says; a template that says "omit" was not set."""
    return resolve({"value": raw}).get("value")


def ill_typed_variables(role: str, variables: Mapping[str, Any], resolve: Resolve) -> Iterator[str]:
    """One sentence for each variable whose value is not of the type, or no choice, that the role documents.

    It is the check that Ansible makes in a task of its own before a role, where nobody leaves that out
    (rolespec_validate).
    """
    specification = _specification(role)
    given = resolve({name: variables[name] for name in specification if name in variables})
    yield from _ill_typed(role, specification, given)


def ill_typed_options(component: str, options: Any) -> Iterator[str]:
    """The same for what the variables of a component's role ask for, without templates."""
    role = ROLE_OF[component]
    if component == "environments":
        # Not a word of what is in it: the options that all environments share are, with their addresses.
        is_list = isinstance(options, list)
        kinds = [type(each).__name__ for each in options if not isinstance(each, Mapping)] if is_list else []
        if kinds or not is_list:
            found = f"has a {kinds[0]} in it" if is_list else f"is of type {type(options).__name__}"
            yield (
                f"{role}_environments {found}: write a list of dictionaries, such as "
                "[{name: train, framework: {name: pytorch}}]."
            )
        return
    given = {f"{role}_{name}": value for name, value in options.items()}
    specification = {name: each for name, each in _specification(role).items() if name in given}
    yield from _ill_typed(role, specification, given)


def _ill_typed(role: str, specification: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    found = ArgumentSpecValidator(specification).validate(given, validate_role_argument_spec=True)
    for message in found.error_messages:
        yield redacted(f"The role {role} cannot take what it was given: {message.rstrip('.')}.")


def overruled_variables(role: str, variables: Mapping[str, Any], resolve: Resolve) -> Iterator[str]:
    """One sentence for each consent that was given to a component where the role takes its own word alone."""
    value = functools.partial(value_of, resolve=resolve)

    for name, advice in _UNREAD.get(role, {}).items():
        if value(variables.get(name)):
            yield f"The role {role} does not read {name}: {advice}."
    for owner in _READS.get(role, ()):
        for suffix in sorted(_suffixes(role) & _suffixes(owner)):
            theirs, ours = f"{owner}_{suffix}", f"{role}_{suffix}"
            if theirs not in variables:
                continue
            own = value(variables.get(ours, _defaults(role)[ours]))
            accepted = {str(value).lower() for value in (_defaults(owner)[theirs], own)}
            if value(variables[theirs]) is not None and str(value(variables[theirs])).lower() not in accepted:
                yield f"The role {role} does not read {theirs}: set {ours}, which counts for the whole node."


#: What stands before an option that somebody is to set, as in "set hold: true".
_ADVICE = (
    r"(?:\b(?:[Ss]et|write|use|take|add|give|hold|leave|has|with|without|from|in|or|and|example|for|alone) "
    r"|\b(?:out|have): |\()"
)
#: What is in quotes is a value, or a part of one.
_QUOTED = re.compile(r"""(?<!\w)('[^']*'|"[^"]*")(?!\w)""")


def in_role_words(role: str, text: str, component: str | None = None) -> str:
    """A sentence that names module options, as in "set hold: true", with the role's variables instead.

    ``component`` of gpu_stack says whose options they are where several have the same. Values stay as they
    are: what is in quotes, paths and addresses.
    """
    kind = _kind(component)
    owners = (ROLE_OF[kind],) if kind else _READS.get(role, ())[::-1]
    words = {suffix: f"{owner}_{suffix}" for owner in (*owners, role) for suffix in _suffixes(owner)}
    options = "|".join(sorted(words, key=len, reverse=True))

    def said(part: str) -> str:
        part = re.sub(
            rf"({_ADVICE})({options})(?=: )", lambda match: match.group(1) + words[match.group(2)], part
        )
        return re.sub(
            r"(?<![\w./:-])(%s)\.([a-z_]+)(?![\w./-]\w)" % "|".join(ROLE_OF),
            lambda match: _as_variable(match.group(1), match.group(2)) or match.group(),
            part,
        )

    # Every second piece is a quoted one.
    return "".join(part if number % 2 else said(part) for number, part in enumerate(_QUOTED.split(text)))


def _as_variable(component: str, option: str) -> str | None:
    """The variable of an option of gpu_stack, as "driver.gpus" calls it."""
    owner = ROLE_OF[component]
    return f"{owner}_{option}" if option in _suffixes(owner) else None


def message_in_role_words(role: str, text: str) -> str:
    """The same for a message about the options themselves, such as "branch is 'banana'"."""
    component, colon, rest = text.partition(": ")
    if role in _READS and colon and _kind(component) in ROLE_OF:
        return f"{component}: {_about_option(role, rest, component)}"
    return _about_option(role, text, None)


def _about_option(role: str, text: str, component: str | None) -> str:
    kind = _kind(component)
    owner = ROLE_OF[kind] if kind else role
    option, space, rest = text.partition(" ")
    if rest.startswith(("is ", "has ", "are ")) and option in _suffixes(owner):
        return f"{owner}_{option}{space}{in_role_words(role, rest, component)}"
    return in_role_words(role, text, component)


def _kind(component: str | None) -> str | None:
    """Each environment is a component of its own, under its name."""
    return "environments" if (component or "").startswith("environment ") else component


def unknown_variables(role: str, names: Iterable[str]) -> Iterator[str]:
    """One sentence for each name that has a role's prefix and is no variable of it."""
    if not os.path.isdir(os.path.join(_ROLES, role)):
        return
    for owner in (role, *_READS.get(role, ()), *_INCLUDES.get(role, ())):
        known = known_variables(owner)
        for name in names:
            if name.startswith(owner + "_") and name not in known:
                nearest = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {nearest[0]}?" if nearest else "see the role's README for those it has."
                yield f"The role {owner} has no variable {name}: {hint}"


# Action plugins are loaded once, before a process is forked for each host: what is read here is read once.
for _role in ("gpu_node", *_READS["gpu_node"]):
    _defaults(_role)
    _specification(_role)
_defaults("gpu_check")
