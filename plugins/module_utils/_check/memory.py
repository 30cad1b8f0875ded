# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Rows of memory: uncorrected errors, remapped rows, retired pages. Pure."""

from __future__ import annotations

from typing import List

from .._catalog.xids import RESET
from .driver import of_gpus
from .node import CheckState, Gpu
from .row import FAILED, OK, SKIPPED, WARNED, Row, many
from .wish import CheckWish

_REPLACE = "have the GPU replaced"
#: A GPU is to be replaced from so many retired pages on, of 64 (NVIDIA Dynamic Page Retirement, RMA).
_TOO_MANY_PAGES = 60


def ecc_errors(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Uncorrected errors since the driver was loaded, and in the GPU's life."""
    name = "ecc_errors"

    def judge(gpu: Gpu) -> Row:
        if gpu.ecc_mode is None:
            return Row(name, str(gpu), SKIPPED, "it has no ECC")
        if not gpu.ecc_mode[0]:
            return Row(
                name, str(gpu), SKIPPED, "ECC is off, so errors go unseen", "switch it on (gpu_settings)"
            )
        if gpu.ecc_volatile is None:
            return Row(name, str(gpu), SKIPPED, "it does not count errors")
        if gpu.ecc_volatile:
            reason = "%s since the driver was loaded" % many(gpu.ecc_volatile, "uncorrected memory error")
            what = "%s; if they come back, %s" % (RESET, _REPLACE)
            return Row(name, str(gpu), FAILED, reason, what)
        if gpu.ecc_aggregate:
            reason = (
                "%d uncorrected memory errors in its life, none since the driver was loaded"
                % gpu.ecc_aggregate
            )
            return Row(name, str(gpu), WARNED, reason, "watch it")
        return Row(name, str(gpu), OK, "no uncorrected memory error")

    return of_gpus(name, state, judge, "ecc_mode", "ecc_volatile", "ecc_aggregate")


def remapped_rows(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Bad rows of memory, which spare ones stand in for from the next reset on (Ampere and later)."""
    name = "remapped_rows"

    def judge(gpu: Gpu) -> Row:
        if gpu.remapped is None:
            return Row(name, str(gpu), SKIPPED, "it does not remap rows")
        corrected, uncorrected, waiting, failure = gpu.remapped
        if failure:
            return Row(name, str(gpu), FAILED, "a bad row of memory could not be remapped", _REPLACE)
        if waiting:
            reason = "a bad row of memory is in use until a reset remaps it"
            return Row(name, str(gpu), FAILED, reason, RESET)
        done = (
            "%d rows remapped" % (corrected + uncorrected) if corrected + uncorrected else "no row remapped"
        )
        if gpu.banks_without_spare:
            reason = "%s, and %d banks of memory have no spare row left" % (done, gpu.banks_without_spare)
            return Row(name, str(gpu), WARNED, reason, "plan to " + _REPLACE)
        return Row(name, str(gpu), OK, done)

    return of_gpus(name, state, judge, "remapped", "banks_without_spare")


def retired_pages(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Bad pages of memory that are not used any more (before Ampere)."""
    name = "retired_pages"

    def judge(gpu: Gpu) -> Row:
        if gpu.retired is None:
            return Row(name, str(gpu), SKIPPED, "it does not retire pages")
        pages, waiting = gpu.retired
        if pages >= _TOO_MANY_PAGES:
            return Row(name, str(gpu), FAILED, "%d pages of memory are retired" % pages, _REPLACE)
        if waiting:
            reason = "a bad page of memory is in use until it is retired"
            return Row(name, str(gpu), FAILED, reason, RESET)
        return Row(
            name, str(gpu), OK, "%d pages of memory are retired" % pages if pages else "no page is retired"
        )

    return of_gpus(name, state, judge, "retired")
