# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A framework alone is a whole wish: driver, CUDA and cuDNN come from the tables, what was asked stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import ARGUMENTS as CUDA
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.wish import ARGUMENTS as CUDNN
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host, PciDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._stack import OPTIONS, parts
from ansible_collections.labfleet.gpu.plugins.module_utils._stack_framework import completed
from ansible_collections.labfleet.gpu.plugins.module_utils._validated import validated
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

A100, H100, V100, B200 = 0x20B0, 0x2330, 0x1DB1, 0x2901


def host(*devices: int, release: str = "22.04") -> Host:
    pci = tuple(PciDevice("0000:%02x:00.0" % n, each, 0x0302) for n, each in enumerate(devices, 7))
    return Host("ubuntu", release, "", "Ubuntu " + release, "x86_64", "6.8.0-85-generic", pci)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def ask(tree: Tree, node: Host, **options: Any) -> Dict[str, Any]:
    """The completed options, with the catalogue's answer under "answer"."""
    found, answer = completed(validated(OPTIONS, options), tree.files, node)
    # Whatever was chosen, gpu_stack must be able to read it.
    asked = [part.component.name for part in parts(found)]
    return dict(found, answer=answer, asked=asked)


def install(tree: Tree, version: str) -> None:
    tree.write("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so." + version)
    tree.link("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "libnvidia-ml.so." + version)


def test_without_a_framework_nothing_is_added(tree: Tree) -> None:
    found = ask(tree, host(A100), driver={"branch": 580})
    assert found["answer"] is None and found["cuda"] is None and found["asked"] == ["driver"]


def test_a_bare_node_gets_what_the_tables_say(tree: Tree) -> None:
    found = ask(tree, host(A100, H100), framework={"name": "pytorch", "version": "2.8"})
    answer = found["answer"]
    assert answer["framework"]["version"].startswith("2.8") and answer["possible"]
    assert found["driver"]["branch"] == answer["driver"]["branch"] >= 570
    assert found["cuda"]["versions"] == [answer["cuda"]] and found["cuda"]["source"] == "auto"
    assert found["cudnn"]["version"] == "9" and found["cudnn"]["cuda"] == answer["cuda"].split(".")[0]
    assert found["asked"] == ["driver", "cuda", "cudnn"]
    assert any("drives all of these GPUs" in each for each in answer["reasons"])


@pytest.mark.parametrize(
    ("torch", "version", "stays"),
    [
        ("2.1.2", "570.133.20", True),
        ("2.1.2", "535.183.01", True),
        ("2.1.2", "470.256.02", True),
        ("2.8", "470.256.02", False),
    ],
)
def test_an_installed_driver_stays_if_it_will_do(tree: Tree, torch: str, version: str, stays: bool) -> None:
    install(tree, version)
    found = ask(tree, host(A100), framework={"name": "pytorch", "version": torch})
    assert (found["driver"]["branch"] == int(version[:3])) is stays
    said = "Driver %s is there, and drives all of these GPUs." % version
    assert (said in found["answer"]["reasons"]) is stays


def test_debians_archive_has_one_branch_only(tree: Tree) -> None:
    node = replace(host(A100, release="12"), distribution="debian")
    found = ask(tree, node, framework={"name": "pytorch", "version": "2.8"})
    assert found["driver"]["source"] == "nvidia" and found["driver"]["branch"] > 550
    install(tree, "535.261.03")
    kept = ask(tree, node, framework={"name": "pytorch", "version": "2.8"})
    assert kept["driver"]["source"] == "auto" and kept["driver"]["branch"] == 535


def test_the_machine_of_the_node_counts(tree: Tree) -> None:
    node = replace(host(H100), machine="aarch64")
    assert ask(tree, node, framework={"name": "pytorch", "version": "2.9"})["answer"]["cuda"] == "12.8"
    with pytest.raises(BadWish, match="pytorch 2.1.2 has no known build with CUDA for this machine"):
        ask(tree, node, framework={"name": "pytorch", "version": "2.1.2"})


def test_an_update_asks_for_the_newest(tree: Tree) -> None:
    install(tree, "535.183.01")
    found = ask(tree, host(A100), framework={"name": "pytorch", "version": "2.1.2"}, driver={"update": True})
    assert found["driver"]["branch"] > 535


def test_what_was_asked_for_stays(tree: Tree) -> None:
    found = ask(
        tree,
        host(A100),
        framework={"name": "pytorch", "version": "2.8"},
        driver={"branch": 570},
        cuda={"versions": ["12.4"]},
        cudnn={"version": "9.5"},
    )
    assert found["driver"]["branch"] == 570 and found["answer"]["asked_driver"] == {}
    assert found["cuda"]["versions"] == ["12.4"] and found["cudnn"]["version"] == "9.5"


def test_what_was_asked_for_besides_the_version_stays_too(tree: Tree) -> None:
    url = "http://mirror.example/own/"
    cuda = {"repository_url": url, "exclusive": True, "default": "12.8", "gpus": ["2330"]}
    cudnn = {"repository_url": url, "components": "runtime"}
    found = ask(
        tree,
        host(A100),
        framework={"name": "pytorch", "version": "2.8"},
        driver={"repository_url": "http://mirror.example/driver/", "repository_key_fingerprint": "AB" * 20},
        cuda=validated(CUDA, cuda),
        cudnn=validated(CUDNN, cudnn),
    )
    assert {name: found["cuda"][name] for name in cuda} == cuda and found["cuda"]["versions"] == ["12.8"]
    assert {name: found["cudnn"][name] for name in cudnn} == cudnn and found["cudnn"]["version"] == "9"
    assert found["cuda"]["repository_key_fingerprint"] is None, "the key of the driver's mirror is another"


def test_from_where_the_admin_says(tree: Tree) -> None:
    framework = {"name": "tensorflow", "version": "2.10"}
    assert ask(tree, host(A100), framework=framework)["cuda"] is None, "it has no packages"
    given = validated(CUDA, {"source": "runfile"})
    found = ask(tree, host(A100), framework=framework, cuda=given)
    assert (found["cuda"]["source"], found["cuda"]["versions"]) == ("runfile", ["11.2"])
    for source in ({"source": "archive"}, {"toolkit": "all"}):
        cudnn = ask(
            tree,
            host(A100),
            framework={"name": "pytorch", "version": "2.1.2"},
            cudnn=validated(CUDNN, source),
        )["cudnn"]
        assert (cudnn["version"], cudnn["cuda"]) == ("8.9.2.26", "12")


@pytest.mark.parametrize(
    ("node", "options", "message"),
    [
        (A100, {"cudnn": {"archive": "/srv/cudnn.tar.xz"}}, "cudnn has an archive and no version: write"),
        (A100, {"cuda": {"runfile": "/srv/cuda.run"}}, "runfile is for source: runfile"),
        (A100, {"framework": {"name": "pytorch", "version": "latest"}}, "framework.version is 'latest': "),
        (A100, {"framework": {"name": "pytorch", "version": "2.8.0+cu128"}}, "framework.version is '2.8.0"),
        (A100, {"framework": {"name": "pytorch", "cuda": "cu128"}}, "framework.cuda is 'cu128': write one"),
        (A100, {"driver": {"branch": "580-open"}}, "branch is '580-open'"),
        (A100, {"driver": {"version": "580.x"}}, "580.x"),
        (A100, {"cuda": {"versions": [""]}}, "versions"),
        (
            B200,
            {"framework": {"name": "tensorflow", "version": "2.16"}, "cudnn": {"source": "archive"}},
            "write version for cudnn",
        ),
    ],
)
def test_what_is_set_beside_a_framework_is_used_or_refused(
    tree: Tree, node: int, options: Dict[str, Any], message: str
) -> None:
    arguments = {"cuda": CUDA, "cudnn": CUDNN}
    given = {
        name: validated(arguments[name], each) if name in arguments else each
        for name, each in options.items()
    }
    with pytest.raises(BadWish) as refused:
        ask(tree, host(node), **{"framework": {"name": "pytorch", "version": "2.8"}, **given})
    assert message in str(refused.value)


def test_where_no_toolkit_compiles_for_the_gpus_none_is_spoken_of_twice(tree: Tree) -> None:
    found = ask(tree, host(B200), framework={"name": "tensorflow", "version": "2.4"})
    reasons = [each for each in found["answer"]["reasons"] if "toolkit" in each or "packages" in each]
    assert found["cuda"] is None and len(reasons) == 1 and "No toolkit of CUDA 11" in reasons[0]


def test_a_toolkit_for_the_gpus_that_are_there(tree: Tree) -> None:
    node = host(B200, release="24.04")
    found = ask(tree, node, framework={"name": "tensorflow", "version": "2.19"})
    assert (found["cuda"]["versions"], found["cudnn"]["version"]) == (["12.8"], "9")


@pytest.mark.parametrize(
    ("cuda", "there"),
    [
        ({"versions": ["12.8.1", "11.8"]}, True),
        ({"versions": ["11.8"]}, False),
        ({"state": "absent"}, False),
        ({"versions": ["12.8"], "source": "runfile"}, False),
    ],
    ids=str,
)
def test_cudnn_comes_with_a_toolkit_of_its_cuda_only(tree: Tree, cuda: Dict[str, Any], there: bool) -> None:
    found = ask(tree, host(A100), framework={"name": "pytorch", "version": "2.8"}, cuda=validated(CUDA, cuda))
    assert (found["cudnn"] is not None) is there


def test_what_is_recommended_is_what_runs_the_framework(tree: Tree) -> None:
    install(tree, "470.256.02")
    wish = {"branch": "recommended", "branch_offset": 1}
    found = ask(tree, host(A100), framework={"name": "pytorch", "version": "2.8"}, driver=wish)
    assert found["driver"]["branch"] == found["answer"]["driver"]["branch"] > 470
    assert found["answer"]["asked_driver"] == {"branch": found["driver"]["branch"]}


@pytest.mark.parametrize(
    ("node", "options", "message"),
    [
        (host(A100), {"driver": {"branch": 470}}, "framework: pytorch 2.8"),
        (host(A100), {"driver": {"state": "absent"}}, "driver has state: absent: leave one of them out"),
        (host(), {}, "declare them with driver.gpus"),
        (host(0xFFFF), {}, "no table of this collection has 0000:07:00.0 [10de:ffff]"),
        (host(V100, B200), {}, "No flavour of the kernel module drives all of these GPUs"),
    ],
    ids=["old driver", "absent", "no GPU", "unknown GPU", "no common flavour"],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    tree: Tree, node: Host, options: Dict[str, Any], message: str
) -> None:
    with pytest.raises(BadWish) as refused:
        ask(tree, node, framework={"name": "pytorch", "version": "2.8"}, **options)
    assert message in str(refused.value)


def test_the_drivers_mirror_serves_what_was_chosen(tree: Tree) -> None:
    mirror = {"repository_url": "https://mirror.example/x/", "repository_key_fingerprint": "AB" * 20}
    found = ask(tree, host(A100), framework={"name": "pytorch", "version": "2.8"}, driver=mirror)
    for component in ("cuda", "cudnn"):
        assert {name: found[component][name] for name in mirror} == mirror


def test_declared_gpus_are_those_that_count(tree: Tree) -> None:
    found = ask(tree, host(), framework={"name": "jax"}, driver={"gpus": ["hopper"]})
    assert found["answer"]["kernel_module"] == "open"


def test_a_cuda_without_packages_is_left_to_the_framework(tree: Tree) -> None:
    node = host(A100, release="24.04")
    found = ask(tree, node, framework={"name": "pytorch", "version": "2.1.2"})
    assert found["answer"]["sources"]["cuda"] == "runfile" and found["cuda"] is None
    assert found["cudnn"] is None and found["asked"] == ["driver"]
    assert any("has no packages here" in each for each in found["answer"]["reasons"])
    assert any("comes with the framework" in each for each in found["answer"]["reasons"])


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (
            "environments",
            [{"name": "a", "packages": ["x"], "framwork": 1}],
            "environments: a: there is no option framwork: did you mean framework?",
        ),
        ("environments", [{"name": "a", "packages": ["x"]}] * 2, "environment a is asked for twice"),
        ("environments", [{"packages": ["x"]}], "environments: without a name:"),
        ("container", {"versoin": "1.17"}, "container: there is no option versoin: did you mean version?"),
    ],
)
def test_options_that_are_handed_on_are_checked(tree: Tree, option: str, value: Any, message: str) -> None:
    with pytest.raises(BadWish) as refused:
        ask(tree, host(A100), **{option: value})
    assert message in str(refused.value)


def test_each_environment_is_a_component(tree: Tree) -> None:
    wish = [{"name": "a", "packages": ["x"]}, {"prefix": "/srv/b", "packages": ["y"]}]
    found = ask(tree, host(A100), environments=wish, driver={"branch": 580}, container={})
    assert found["asked"] == ["driver", "environment a", "environment /srv/b", "container"]
