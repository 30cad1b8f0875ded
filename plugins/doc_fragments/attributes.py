# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: partial
    details:
      - "Nothing is brought to the node then: nvidia-ml-py where NVML is asked, py-rattler where there are
        environments."
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
    details:
      - The steps that check mode predicts are the steps that a run executes. Package indexes are fetched into
        a private directory when packages would change.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode).
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
    details:
      - Where the newest version is asked for, a second run changes something if a newer one was published.
  platform:
    description: Target OS the module supports.
    platforms: Ubuntu, Debian
    support: full
"""
