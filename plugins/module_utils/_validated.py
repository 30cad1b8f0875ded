# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Options that are handed on inside another option, checked as AnsibleModule checks those of a module."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ._scalar import BadWish


def validated(arguments: Mapping[str, Any], options: Any) -> Dict[str, Any]:
    """The options as a module with these arguments would get them, defaults included. Raises BadWish."""
    if not isinstance(options, Mapping):
        raise BadWish("'%s' is no dictionary of options." % options)
    found = ArgumentSpecValidator(dict(arguments)).validate(dict(options))
    unknown = sorted(
        ".".join(each) if isinstance(each, tuple) else each for each in found.unsupported_parameters
    )
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], arguments, 1)
        raise BadWish(
            "there is no option %s: %s"
            % (unknown[0], "did you mean %s?" % near[0] if near else "leave it out.")
        )
    if found.error_messages:
        raise BadWish("; ".join(each.rstrip(".") for each in found.error_messages) + ".")
    return dict(found.validated_parameters)
