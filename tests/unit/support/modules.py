# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real modules with real arguments, as Ansible starts them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args


@contextmanager
def module(**arguments: Any) -> Iterator[AnsibleModule]:
    """A module without options of its own; ``_ansible_check_mode=True`` and the like are passed on."""
    with patch_module_args(arguments):
        yield AnsibleModule(argument_spec={}, supports_check_mode=True)
