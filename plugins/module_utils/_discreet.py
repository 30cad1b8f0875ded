# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A module whose options may have addresses with passwords and tokens in them."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._redact import secrets_in


class DiscreetModule(AnsibleModule):
    """Neither the result nor the node's log shows them, also where the options are refused."""

    def __init__(self, **given: Any) -> None:
        super().__init__(supports_check_mode=True, no_log=True, **given)
        self._mask()

    def fail_json(self, msg: str, **told: Any) -> None:
        self._mask()
        super().fail_json(msg, **told)

    def _mask(self) -> None:
        # Options of the wrong type are refused before there is a module.
        self.no_log_values.update(secrets_in(getattr(self, "params", None) or {}))
