# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What gpu_stack is asked for where only a framework is named: driver, CUDA and cuDNN by the catalogue.

What somebody asks for explicitly stays as it was asked for, and a driver has to fit. An installed driver that
drives the GPUs and runs the framework stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ._catalog.versions import major, minor
from ._driver.wish import ARGUMENTS as DRIVER
from ._driver.wish import wish_from as driver_wish
from ._driver_seen import driver_version
from ._host import Files, Host
from ._scalar import BadWish, scalar, version_of
from ._wishes import gpus as declared

#: The option framework.
FRAMEWORK: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True, "choices": ["pytorch", "tensorflow", "jax"]},
    "version": {"type": "raw"},
    "cuda": {"type": "raw"},
    "python": {"type": "raw"},
}
#: Where NVIDIA's repository is, where it is a mirror.
MIRROR = ("repository_url", "repository_key_url", "repository_key_fingerprint")
_Options = Mapping[str, Any]


def completed(options: _Options, files: Files, host: Host) -> Tuple[_Options, Optional[Dict[str, Any]]]:
    """The options with what the framework takes, and the catalogue's answer; None without a framework.

    Raises BadWish where it can not be, with what would work.
    """
    wish = options.get("framework")
    if not wish:
        return options, None
    driver = dict(options.get("driver") or _defaults(DRIVER))
    if driver["state"] == "absent":
        raise BadWish("framework needs a driver, and driver has state: absent: leave one of them out.")
    if str(driver.get("branch") or "").strip() == "recommended":
        # What is recommended here is what runs the framework.
        driver.update(branch=None, branch_offset=DRIVER["branch_offset"].get("default"))
    answer = _answer(wish, driver, files, host)
    if not answer["possible"]:
        raise BadWish("framework: %s" % " ".join(answer["reasons"]))
    asked_driver: Dict[str, Any] = {}
    if not (driver.get("branch") or driver.get("version")):
        asked_driver = {"branch": answer["driver"]["branch"]}
        if driver["source"] == "auto" and not driver_version(files, host):
            asked_driver["source"] = answer["sources"]["driver"]
    driver.update(asked_driver)
    found = dict(options, driver=driver)
    reasons: List[str] = answer["reasons"]
    if _left_open(found.get("cuda"), "versions"):
        found["cuda"] = _from(driver, _cuda(answer, found.get("cuda"), reasons))
    if _left_open(found.get("cudnn"), "version"):
        found["cudnn"] = _from(driver, _cudnn(answer, found["cuda"], found.get("cudnn"), reasons))
    return found, dict(answer, asked_driver=asked_driver)


def _answer(wish: _Options, driver: _Options, files: Files, host: Host) -> Dict[str, Any]:
    from ._resolve import Framework, Place, resolve

    given = [key for key in ("version", "cuda", "python") if wish.get(key)]
    named = {key: version_of("framework." + key, wish[key]) for key in given}
    framework = Framework(wish["name"], **named)
    devices = declared(driver.get("gpus") or ()) or host.gpus
    if not devices:
        raise BadWish(
            "framework is judged by the GPUs of the node, and its PCI bus shows none: declare them with "
            "driver.gpus."
        )
    unknown = [str(each) for each in devices if each.architecture is None]
    if unknown:
        raise BadWish(
            "framework is judged by the GPUs of the node, and no table of this collection has %s: ask for "
            "driver, cuda and cudnn themselves." % unknown[0]
        )
    place = Place(tuple(each.device for each in devices), host.distribution, host.release, host.machine)
    asked = driver.get("version") or driver.get("branch")
    if asked:
        driver_wish(driver)  # it refuses what is neither
        return resolve(framework, replace(place, driver=scalar("driver", asked)))
    installed = driver_version(files, host)
    if installed and not driver.get("update"):
        kept = resolve(framework, replace(place, driver=installed, there=True))
        if kept["possible"]:
            return kept
    return resolve(framework, place)


def _left_open(given: Optional[_Options], version: str) -> bool:
    """Is a component to be chosen here? Its other options are the admin's, as they were given."""
    return given is None or (given["state"] == "present" and given.get(version) in (None, "", []))


def _cuda(answer: _Options, given: Optional[_Options], reasons: List[str]) -> Optional[Dict[str, Any]]:
    """The toolkit for these GPUs, where there are packages: what the framework runs with it brings itself.

    Or from where the admin says that toolkits are to come.
    """
    from ._cuda.wish import ARGUMENTS

    found = dict(given or _defaults(ARGUMENTS), versions=[minor(answer["cuda"])])
    source = answer["sources"]["cuda"]
    if found["source"] != "auto" or found.get("runfile") or found.get("runfile_mirror"):
        return found
    if source == "runfile":
        reasons.append(
            "CUDA %s has no packages here, so no toolkit is installed, which only programs that are compiled "
            "on the node would need: ask for one with cuda." % answer["cuda"]
        )
    if source in (None, "runfile"):
        return None
    return dict(found, source=source) if source != "nvidia" else found


def _cudnn(
    answer: _Options, cuda: Optional[_Options], given: Optional[_Options], reasons: List[str]
) -> Optional[Dict[str, Any]]:
    """The cuDNN for programs beside the framework, where there are packages of it.

    Or from where the admin says that it is to come.
    """
    from ._cudnn.wish import ARGUMENTS

    version = answer["cudnn"]
    found = dict(given or _defaults(ARGUMENTS))
    found["cuda"] = found.get("cuda") or major(answer["cuda"])
    if found.get("archive"):
        raise BadWish("cudnn has an archive and no version: write version, as the archive's name has it.")
    if found["source"] == "archive" or found.get("toolkit"):
        if not version:
            raise BadWish("no cuDNN is known that goes with framework here: write version for cudnn.")
        return dict(found, version=version)
    packaged = answer["sources"]["cudnn"] == "nvidia" and version and int(major(version)) >= 9
    if not packaged or not _comes(cuda, answer["cuda"]):
        if version:
            reasons.append(
                "cuDNN %s comes with the framework; none is installed for other programs: ask for one with "
                "cudnn." % version
            )
        return None
    return dict(found, version=major(version))


def _comes(cuda: Optional[_Options], wanted: str) -> bool:
    """Is a toolkit of this CUDA asked for, as packages of NVIDIA's?"""
    if cuda is None or cuda["state"] != "present" or cuda["source"] not in ("auto", "nvidia"):
        return False
    asked = [scalar("cuda.versions", each) for each in cuda.get("versions") or ()]
    return any((each + ".").startswith(minor(wanted) + ".") for each in asked)


def _from(driver: _Options, options: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """The options, with the driver's mirror of NVIDIA's repository: it has toolkits and cuDNN too."""
    if options is None:
        return None
    if options.get("repository_url"):
        return options  # which has a key of its own
    return dict(options, **{name: driver.get(name) for name in MIRROR if options.get(name) is None})


def _defaults(arguments: Mapping[str, Mapping[str, Any]]) -> Dict[str, Any]:
    return {name: spec.get("default") for name, spec in arguments.items()}
