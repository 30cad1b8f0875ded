# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-cdi-hook of the simulated container toolkit @VERSION@: runs ldconfig in a container's root.

Called as a createContainer hook with the container's state on its standard input (OCI runtime specification).
Source of the option: NVIDIA/nvidia-container-toolkit@d34b304 cmd/nvidia-cdi-hook/update-ldcache.
"""

import json
import os
import subprocess
import sys


def main() -> int:
    """The exit status; anything but update-ldcache --folder is refused."""
    words = sys.argv[1:]
    if words[:1] != ["update-ldcache"] or words[1::2] != ["--folder"] * len(words[2::2]):
        sys.stderr.write("nvidia-cdi-hook: this is not simulated: %s\n" % " ".join(words))
        return 1
    bundle = json.load(sys.stdin)["bundle"]
    with open(os.path.join(bundle, "config.json"), encoding="utf-8") as stream:
        root = os.path.join(bundle, json.load(stream)["root"]["path"])
    return subprocess.call(["/sbin/ldconfig", "-r", root, *words[2::2]])


if __name__ == "__main__":
    sys.exit(main())
