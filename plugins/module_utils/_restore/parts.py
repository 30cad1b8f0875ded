# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What mig_layout and gpu_settings run: their component with what restores it at boot. Raises BadWish."""

from __future__ import annotations

from typing import Any, Mapping

from .._boot.ending import ending, says_nothing_else
from .._boot.kept import KeptWish
from .._component import Part
from .._host import Files
from .._mig.arguments import SAYING as OF_MIG
from .._mig.component import KEPT_MIG, MIG
from .._mig.module_wish import wish_from as mig_wish
from .._settings.component import KEPT_SETTINGS, SETTINGS
from .._settings.wish import SAYING as OF_SETTINGS
from .._settings.wish import wish_from as settings_wish
from .persisting import persist_from


def mig(options: Mapping[str, Any]) -> Part:
    if says_nothing_else(options, OF_MIG):
        return ending(MIG)
    return Part(KEPT_MIG, KeptWish(mig_wish(options, Files()), persist_from(options["persist"])))


def settings(options: Mapping[str, Any]) -> Part:
    if says_nothing_else(options, OF_SETTINGS):
        return ending(SETTINGS)
    return Part(KEPT_SETTINGS, KeptWish(settings_wish(options), persist_from(options["persist"])))
