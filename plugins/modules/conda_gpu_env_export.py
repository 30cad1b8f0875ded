#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_gpu_env_export
short_description: Write down every package of a conda environment
version_added: 0.1.0
description:
  - Tells every package of an environment by its address and hash, in conda's explicit format, with what pip
    installed in comments of the form C(# pip NAME @ ADDRESS --hash=sha256:HEX). What pip built from source
    is in comments C(# build) with all that it was built with, also variables.
  - M(labfleet.gpu.conda_gpu_env) makes the same environment of it on another node. Conda, mamba and
    micromamba read it too, without the part of pip.
  - It reads the environment's own records, and needs no network.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.conda
  - labfleet.gpu.attributes
options:
  path:
    description:
      - A file on the node that is to have the lock. Without it, the lock is only returned.
    type: path
seealso:
  - module: labfleet.gpu.conda_gpu_env
"""

EXAMPLES = r"""
- name: Into a file on the node
  labfleet.gpu.conda_gpu_env_export:
    name: train
    path: /srv/locks/train.lock

- name: Onto the controller
  labfleet.gpu.conda_gpu_env_export:
    name: train
  register: exported

- name: Keep it there
  ansible.builtin.copy:
    content: "{{ exported.lock }}"
    dest: locks/train.lock
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
lock:
  description: The lock.
  returned: success
  type: str
  sample: |
    # platform: linux-64
    @EXPLICIT
    https://conda.anaconda.org/conda-forge/noarch/six-1.16.0-pyh6c4a22f_0.tar.bz2#a85c38f0
prefix:
  description: The environment.
  returned: success
  type: str
  sample: /opt/conda/envs/train
unknown:
  description:
    - What pip installed from an address that nobody knows any more, before this collection or a pip that
      reports it was there. The lock has it by its version alone.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
    from ansible_collections.labfleet.gpu.plugins.module_utils._conda.export import NoLock, export
    from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import PLACE, prefix_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, WriteFile, write_file
    from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
    from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

    module = AnsibleModule(argument_spec=dict(PLACE, path={"type": "path"}), supports_check_mode=True)
    files = Files()
    path = module.params["path"]
    try:
        prefix = prefix_from(module.params)
        if path and not path.startswith("/"):
            raise BadWish("path is '%s': write a whole path on the node." % path)
        found = export(files, prefix)
    except (BadWish, NoLock) as exc:
        module.fail_json(msg=str(exc))
    before = (files.text(path) or "") if path else found.lock
    changed = before != found.lock
    if changed and not module.check_mode:
        try:
            write_file(Context(Commands(module), files, []), WriteFile(path, found.lock))
        except OSError as exc:
            module.fail_json(msg="%s cannot be written: %s." % (path, exc.strerror))
    diff = [{"before_header": path, "after_header": path, "before": before, "after": found.lock}]
    module.exit_json(
        changed=changed,
        diff=diff if changed else [],
        lock=found.lock,
        prefix=prefix,
        unknown=list(found.unknown),
    )


if __name__ == "__main__":
    main()
