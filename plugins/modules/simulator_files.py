#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: simulator_files
short_description: Hold the files of the simulated GPU node
version_added: 0.1.0
description:
  - Holds many small files in one call, where M(ansible.builtin.copy) needs two or three for each.
  - It is made for the role P(labfleet.gpu.gpu_simulator#role) and has no more options than that needs.
  - Files belong to the user that the module runs as, and are replaced in one move each.
  - On the controller a source is looked for where M(ansible.builtin.copy) looks. What lies in a
    C(__pycache__) is left out.
author:
  - The labfleet.gpu authors (@labfleet)
options:
  directories:
    description:
      - The directories of the node that hold these files and nothing else, each with its source or a list of
        sources. A source is a directory, whose content is meant, or a file.
      - Directories have mode C(0755), the files in them C(0644). Anything else in them is removed.
    type: dict
    default: {}
  files:
    description: Single files of mode C(0644), each with its source.
    type: dict
    default: {}
  programs:
    description: Single files of mode C(0755), each with its source.
    type: dict
    default: {}
  texts:
    description: Single files of mode C(0644), each with its content.
    type: dict
    default: {}
  validate:
    description:
      - Commands that must succeed before a file is replaced, by the path of that file. C(%s) in a command
        stands for the path of a copy.
      - These files come last, so that the command may be one of the others. In check mode it is asked where
        nothing else would change.
    type: dict
    default: {}
  absent:
    description: Files and directories that are removed, with everything in them.
    type: list
    elements: str
    default: []
  packed:
    description: What the controller made of the other options. It is never given by hand.
    type: str
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode).
    support: full
  platform:
    description: Target OS the module supports.
    platforms: posix
    support: full
seealso:
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
- name: A program with its library, and nothing else in the library
  labfleet.gpu.simulator_files:
    directories:
      /usr/lib/gpu-simulator/gpu_simulator: gpu_simulator
    programs:
      /usr/sbin/gpu-simulator: gpu-simulator
    texts:
      /etc/gpu-simulator/boards: |
        t4*2
    validate:
      /etc/gpu-simulator/boards: /usr/sbin/gpu-simulator boards --check %s

- name: Neither
  labfleet.gpu.simulator_files:
    absent:
      - /usr/lib/gpu-simulator
      - /usr/sbin/gpu-simulator
"""

RETURN = r"""
changes:
  description:
    - What was changed, or in check mode would be, in order.
    - C(what) is C(create), C(replace), C(remove), or C(correct) where a directory had a wrong mode or owner.
  returned: success
  type: list
  elements: dict
  sample:
    - path: /usr/sbin/gpu-simulator
      what: replace
"""

import shlex
import tempfile
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._simulator_files import (
    File,
    FilesError,
    apply,
    changes,
    described,
    difference,
    unpack,
)

_DICTIONARY = {"type": "dict", "default": {}}
ARGUMENTS: Dict[str, Any] = {
    "directories": _DICTIONARY,
    "files": _DICTIONARY,
    "programs": _DICTIONARY,
    "texts": _DICTIONARY,
    "validate": _DICTIONARY,
    "absent": {"type": "list", "elements": "str", "default": []},
    # Not a secret, and too long for the journal and for what -vvv shows.
    "packed": {"type": "str", "no_log": True},
}


def validate(module: AnsibleModule, command: str, path: str, file: File) -> None:
    """Have a command look at what is to become of a file; raises CommandError where it does not like it."""
    with tempfile.NamedTemporaryFile() as draft:
        draft.write(file.content)
        draft.flush()
        argv = [draft.name if word == "%s" else word for word in shlex.split(command)]
        Commands(module).attempt(f"validate {path}", argv)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.params["packed"] is None:
        module.fail_json(msg="There are no files in this call: run simulator_files as a task of a play.")
    wish, commands = unpack(module.params["packed"]), module.params["validate"]
    done = []
    try:
        wanted = sorted(changes(wish), key=lambda change: change.path in commands)
        result: Dict[str, Any] = {"changed": bool(wanted), "changes": described(wanted)}
        if module._diff:
            result["diff"] = [part for change in wanted for part in difference(wish, change)]
        for change in wanted:
            # A program that is to be replaced first cannot be asked in check mode.
            if change.path in commands and not (module.check_mode and wanted[0].path not in commands):
                validate(module, commands[change.path], change.path, wish.files[change.path])
            if not module.check_mode:
                apply(wish, change)
                done.append(change)
    except (FilesError, CommandError) as exc:
        module.fail_json(msg=str(exc), changed=bool(done), changes=described(done))
    except OSError as exc:
        said = f"{exc.filename}: {exc.strerror}. Mend that and run again."
        module.fail_json(msg=said, changed=bool(done), changes=described(done))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
