# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description:
      - The environment, by its name below O(root). Either this or O(prefix) is needed.
    type: raw
  prefix:
    description:
      - The environment, by its whole path.
    type: path
  root:
    description:
      - The directory of the environments that have a name.
    type: path
    default: /opt/conda/envs
"""

    WISH = r"""
options:
  state:
    description:
      - V(present) holds the environment, V(absent) removes it with all that is in it.
    type: str
    choices: [present, absent]
    default: present
  python:
    description:
      - The Python, quoted, as in V("3.11").
    type: raw
  packages:
    description:
      - Conda packages, each a match spec, for example V(numpy) or V("cudnn >=8,<9").
    type: list
    elements: raw
  framework:
    description:
      - A framework with what it needs. CUDA, Python, driver and GPUs are checked against what the framework
        was built for, and its wheels come from the index for its CUDA.
      - TensorFlow before 2.14 looks for CUDA in C(LD_LIBRARY_PATH), which C(conda activate)
        sets. Programs that are started without it see no GPU.
    type: dict
    suboptions:
      name:
        description: The framework.
        type: str
        choices: [pytorch, tensorflow, jax]
        required: true
      version:
        description: Quoted, as in V("2.1.2"). Without it, the newest that fits the node.
        type: raw
      cuda:
        description: The CUDA that it is built for, as in V("12.1"). Without it, one that fits the node.
        type: raw
      index_url:
        description:
          - A mirror of the index of PyTorch's wheels, an address below which there is a folder for each CUDA,
            such as C(cu121). Without it, the index that PyTorch's installation page names.
        type: str
  file:
    description:
      - A file on the node that says what is to be there. It is an C(environment.yml), or an explicit list
        with hashes as M(labfleet.gpu.conda_gpu_env_export) and C(conda list --explicit --sha256) write it.
      - Of an explicit list, exactly these packages are to be there, as with O(exclusive).
    type: path
  clone:
    description:
      - Another environment, by name or path, of which this is to be a copy. It is copied once and does not
        follow.
    type: raw
  revision:
    description:
      - Back to the conda packages of this revision, as C(conda list --revisions) numbers them, from the
        channels that they came from. Packages of pip stay.
    type: raw
  channels:
    description:
      - Where packages come from, the preferred one first. Each is a name, a name with a label, such as
        V(nvidia/label/cuda-12.1.1), an address, or a path on the node.
      - Without it, V(conda-forge), or with O(engine=conda) those of its C(.condarc).
      - With O(engine=conda), channels that are given here are the only ones (C(--override-channels)), and
        must not have a token or password in them, since everybody sees the arguments of a program.
      - With O(file) or O(clone), packages come from where the list or the other environment has them from. An
        address here that has the token or password of such a channel is taken instead of it.
    type: list
    elements: str
  engine:
    description:
      - What solves and installs. V(rattler) is the library py-rattler, which needs no conda on the node.
      - V(conda) is a conda (4.3 or later), mamba or micromamba (1.0 or later) that is there. What is shown
        is its dry run, and what is done goes to it as an explicit list. It runs as the owner of the
        environment, whose C(.condarc), credentials, proxies and cache of packages count. Where the
        environment is as wished, it is not run.
    type: str
    choices: [rattler, conda]
    default: rattler
  conda_executable:
    description:
      - The path of the program, with O(engine=conda). The step that installs says which was taken.
      - Without it, conda, mamba and micromamba are looked for in C(PATH), in C(/opt/conda),
        C(/opt/miniforge3), C(/opt/mambaforge), C(/opt/miniconda3) and C(/opt/anaconda3), and for an
        environment of a user in the like folders of its home directory. For an environment of root's, only
        one counts that nobody else owns or may write; one that is named here is run, with a warning.
    type: path
  pip:
    description:
      - What the environment's own pip installs on top, each a requirement. One may end with
        C(--hash=sha256:) and its hash; then pip takes hashes for all that are installed with it.
      - A dictionary is a package that pip builds on the node, after all others and in this order. Its
        C(requirement) has a name, as in V(apex @ git+https://github.com/NVIDIA/apex@24.04.01), and no login;
        netrc or a credential helper has that. It may have C(no_build_isolation), a yes or no;
        C(config_settings), values (or lists of them) for the build backend by their key, for which pip 23.1
        is needed; C(environment), variables for the build, which are noted in the environment and in locks;
        and C(cuda).
      - It is built with the node's toolkit of the CUDA that the framework is built for, or with the
        environment's own C(cuda-nvcc). C(CUDA_HOME), a compiler that this CUDA takes, and
        C(TORCH_CUDA_ARCH_LIST) for the GPUs of the node are set. C(cuda) names another minor of the same
        major, or is V(none) for a package that takes no toolkit. Where none fits, the run is refused.
      - Without C(no_build_isolation), what takes a toolkit is built with what the environment has, if a
        framework is there, so add what the build needs (such as C(setuptools)). An isolated build that needs
        the framework gets the version that is there.
      - A source tree on the node is built from a copy, without C(build) at its top. Where root builds, nobody
        else may own or write any of it.
      - It is built anew when its entry, the framework or the minor of Python changes.
    type: list
    elements: raw
  pip_index_url:
    description:
      - Where pip looks instead of what the node's pip is configured for, an address or a path. With V(none)
        it asks no index, not that of a framework either, and takes what O(pip_find_links) has.
      - A user and password in it, or in the other places, are kept out of all arguments of programs. There
        can be one login for a host.
    type: str
  pip_extra_index_urls:
    description:
      - Where pip looks besides.
    type: list
    elements: str
  pip_find_links:
    description:
      - Directories on the node, or pages, with files that pip may take.
    type: list
    elements: str
  exclusive:
    description:
      - Packages that are neither wished for nor needed go. Without it, what people added stays.
      - Of pip, what goes is what was not there when the wish was last fulfilled.
    type: bool
    default: false
  update:
    description:
      - Go to the newest conda packages within the wish. Without it, packages that fit stay as they are.
      - What O(pip) asks for and is there stays as it is. For another version, ask for that.
    type: bool
    default: false
  owner:
    description:
      - The user to whom all of it belongs, a name or number. Packages are then installed with no more rights
        than this user has. Without it, a new environment is root's, and another stays whosever it is.
    type: raw
  group:
    description:
      - The group to which all of it belongs. Without it, that of O(owner).
    type: raw
  mode:
    description:
      - The mode of the environment's directory, quoted, as in V("2775").
    type: raw
  keep_cache:
    description:
      - What was downloaded and unpacked stays below O(root), for other environments, which share its files.
        With V(false), it is removed. The cache that a conda has, with O(engine=conda), is left alone.
    type: bool
    default: true
  cuda:
    description:
      - The CUDA that the node will have, quoted, for images and build nodes without a driver. Conda calls it
        C(__cuda). Without it, the newest that the node's driver has.
    type: raw
  gpus:
    description:
      - GPUs to plan for instead of those on the PCI bus, for images and build nodes. Each is an architecture,
        such as V(hopper), or a PCI device id, such as V("2330").
    type: list
    elements: raw
  driver_version:
    description:
      - The driver to plan for instead of that of the host, quoted, for images and build nodes.
    type: raw
  disrupt_running_work:
    description:
      - Consent to change or remove an environment from which programs run.
    type: bool
    default: false
  engine_wheel:
    description:
      - A wheel of py-rattler, the library that solves and installs, for nodes that lack it. It is a path on
        the node, or an http, https or file address.
      - Without it, a node gets the one that is installed beside Ansible on the controller, else what its own
        pip can fetch. Checksums of known versions are verified.
    type: str
"""
