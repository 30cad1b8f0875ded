# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda's history file: what conda writes is read, and what is written says what conda expects."""

from __future__ import annotations

from ansible_collections.labfleet.gpu.plugins.module_utils._conda.history import (
    name_of,
    revisions,
    with_revision,
)

#: In the form of conda 24: a create, an install and an update.
WRITTEN = """==> 2024-05-01 10:00:00 <==
# cmd: /opt/conda/bin/conda create -n x python=3.11
# conda version: 24.3.0
+conda-forge/linux-64::python-3.11.9-hb806964_0_cpython
+conda-forge/noarch::tzdata-2024a-h0c530f3_0
# update specs: ['python=3.11']
==> 2024-05-02 11:00:00 <==
# cmd: /opt/conda/bin/conda install numpy
+conda-forge/linux-64::numpy-1.26.4-py311h64a7726_0

==> 2024-05-03 12:00:00 <==
-conda-forge/linux-64::numpy-1.26.4-py311h64a7726_0
+conda-forge/linux-64::numpy-2.0.0-py311h1461c94_0
"""
PYTHON = "conda-forge/linux-64::python-3.11.9-hb806964_0_cpython"
TZDATA = "conda-forge/noarch::tzdata-2024a-h0c530f3_0"
NUMPY_2 = "conda-forge/linux-64::numpy-2.0.0-py311h1461c94_0"


def test_revisions() -> None:
    first, second, third = revisions(WRITTEN)
    assert (first.when, first.packages) == ("2024-05-01 10:00:00", (PYTHON, TZDATA))
    assert len(second.packages) == 3 and NUMPY_2 not in second.packages
    assert third.packages == tuple(sorted((NUMPY_2, PYTHON, TZDATA)))


def test_a_revision_without_signs_lists_everything() -> None:
    (only,) = revisions("==> 2014-01-01 00:00:00 <==\npython-2.7-0\nzlib-1.2-1\n")
    assert only.packages == ("python-2.7-0", "zlib-1.2-1")
    assert revisions("") == () and revisions("# nothing\nstray-1-0\n") == ()


def test_a_revision_is_added() -> None:
    text = with_revision(WRITTEN, "2024-06-01 00:00:00", [PYTHON, TZDATA], ["python=3.11", "a <2"], "me")
    assert text.startswith(WRITTEN)
    assert text[len(WRITTEN) :].splitlines() == [
        "==> 2024-06-01 00:00:00 <==",
        "# cmd: me",
        "-" + NUMPY_2,
        "# update specs: ['a <2', 'python=3.11']",
    ]
    assert revisions(text)[3].packages == (PYTHON, TZDATA)


def test_the_first_revision_of_an_empty_history() -> None:
    text = with_revision("", "2024-06-01 00:00:00", [TZDATA, PYTHON])
    assert text == "==> 2024-06-01 00:00:00 <==\n+%s\n+%s\n" % (PYTHON, TZDATA)


def test_where_nothing_changed_there_is_no_revision() -> None:
    assert with_revision(WRITTEN, "2024-06-01 00:00:00", revisions(WRITTEN)[2].packages) == WRITTEN
    empty = WRITTEN + "==> 2024-06-01 00:00:00 <==\n# cmd: conda install numpy\n"
    assert revisions(empty)[3].packages == revisions(WRITTEN)[2].packages


def test_names() -> None:
    assert name_of(NUMPY_2) == "numpy"
    assert name_of("file:///srv/c/linux-64::cuda-nvcc-12.4.131-0") == "cuda-nvcc"
