# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a directory of environments: held by one process, freed by its end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import lock
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files

MOUNTS = """22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:45 / /srv/envs rw,relatime shared:9 - nfs4 filer:/envs rw,vers=4.2,hard,local_lock=none
41 22 0:46 / /srv/old rw,relatime shared:9 - nfs filer:/old rw,vers=3,nolock,local_lock=all
42 22 0:47 / /srv/old/my\\040envs rw - xfs /dev/vdb rw
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    files, root = Files("/"), str(tmp_path)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        lock.take(files, root)
        os.write(writing, b"held")
        time.sleep(60)
        os._exit(0)
    try:
        assert os.read(reading, 4) == b"held"
        with pytest.raises(EffectError, match="process %d on " % pid):
            lock.take(files, root, 0.3)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    lock.take(files, root, 5)
    lock.take(files, root, 0)
    lock.release(root)
    lock.release(root)


@pytest.mark.parametrize(
    "path, mount",
    [
        ("/srv/envs", None),
        ("/srv/envs/lab", None),
        ("/srv/old/lab", "/srv/old"),
        ("/srv/older", None),
        ("/srv/old/my envs/lab", None),
        ("/opt/conda/envs", None),
    ],
)
def test_mounts_that_keep_their_locks_to_themselves(path: str, mount: "str | None") -> None:
    assert lock.unlockable(MOUNTS, path) == mount
