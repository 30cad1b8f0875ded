# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Secure Boot: will the kernel load the module that is to come, or the one that is there? Pure.

A signature tells who issued the key's certificate, and that certificate's serial number (modinfo's signer and
sig_key, libkmod-signature.c). The kernel lists its keys by the subject's name and the key's id. A certificate
alone has both numbers, so for the key that DKMS signs with they are compared, for others the names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Tuple

from .._plan import Blocker
from .state import DriverState, Module, Signature, Trust

if TYPE_CHECKING:
    from .target import Target

#: Who signs the modules that a distribution builds: the beginning of the key's name.
_DISTRIBUTION_KEYS = {"ubuntu": "Canonical Ltd."}
_REFUSES = "This kernel loads only modules that are signed with a key it trusts"


def blockers(state: DriverState, target: Target) -> Tuple[Blocker, ...]:
    """Why no module of this source could be loaded under enforced signatures.

    A driver that is as wished and loaded is never refused: the kernel has shown that it takes it.
    """
    if not _decides(state):
        return ()
    installed = state.installed
    if installed and installed.family is target.family and target.accepts(installed.version):
        wished = Module(installed.version, target.flavour)
        if state.loaded == wished:
            return ()
        if state.on_disk.get(state.host.kernel) == wished:
            return refused_module(state, state.host.kernel)
    if target.family.prebuilt.get(target.flavour) and _trusts_distribution(state):
        return ()
    return dkms_blockers(state)


def dkms_blockers(state: DriverState) -> Tuple[Blocker, ...]:
    """Why the kernel would not load what DKMS builds here."""
    trust = state.trust
    if not _decides(state) or _enrolled(trust):
        return ()
    if trust.own_key:
        what = "%s, and the key that DKMS signs with is not among them" % _REFUSES
        which = "%s; %s, %s" % (_why(trust), trust.own_key.name or "no name", trust.own_path)
    else:
        lacks = "DKMS has no key to sign with yet" if trust.own_path else "this DKMS signs nothing"
        what, which = "%s, and %s" % (_REFUSES, lacks), _why(trust)
    return (Blocker(what, which, _ways(state)),)


def refused_module(state: DriverState, kernel: str) -> Tuple[Blocker, ...]:
    """Why this kernel would not load the module file that it has."""
    if state.on_disk.get(kernel) is None or would_load(state, kernel):
        return ()
    signature = state.signatures.get(kernel)
    signer = "signed by %s" % signature.signer if signature else "not signed"
    module = state.on_disk[kernel]
    version = module.version if module else ""
    if _enrolled(state.trust):
        ways = (
            "have DKMS build and sign it anew with the key that is enrolled: 'dkms unbuild', then 'dkms "
            "install', both with the name that 'dkms status' shows and '-v %s -k %s'" % (version, kernel)
        )
    else:
        ways = _ways(state)
    return (
        Blocker(
            "%s, and the installed kernel module is not" % _REFUSES,
            "%s; driver %s for kernel %s is %s" % (_why(state.trust), version, kernel, signer),
            ways,
        ),
    )


def would_load(state: DriverState, kernel: str) -> bool:
    """Would the kernel accept the signature of this module file? True where that cannot be told."""
    return not _decides(state) or _accepts(state.trust, state.signatures.get(kernel))


def _decides(state: DriverState) -> bool:
    """Are signatures enforced, can the keys be seen (root alone sees them), is there a GPU at all?"""
    return bool(state.trust.enforced and state.trust.keys and state.host.gpus)


def _accepts(trust: Trust, signature: Optional[Signature]) -> bool:
    if signature is None:
        return False
    own = trust.own_key
    if own and _same(signature.key, own.serial):
        return _enrolled(trust)
    # A modinfo without OpenSSL tells that there is a signature, and not whose.
    return not signature.signer or any(_is_key(key, signature.signer, signature.key) for key in trust.keys)


def _is_key(key: str, name: str, number: str) -> bool:
    """Is this key of that name? The kernel may have put the organisation before it. Or is it of that id?"""
    found, _colon, identifier = key.rpartition(": ")
    return found == name or found.endswith(": " + name) or _same(identifier, number)


def _enrolled(trust: Trust) -> bool:
    """Does the kernel trust the key that DKMS signs with? By its id, or serial number if it has none."""
    own = trust.own_key
    if own is None:
        return False
    return any(_same(key.rpartition(": ")[2], own.key or own.serial) for key in trust.keys)


def _same(one: str, other: str) -> bool:
    """Equal hex numbers, as modinfo (88:F7:...) and the kernel (88f7...) write them."""
    left, right = (text.replace(":", "").lower().lstrip("0") for text in (one, other))
    return bool(left) and left == right


def _trusts_distribution(state: DriverState) -> bool:
    name = _DISTRIBUTION_KEYS.get(state.host.distribution)
    return bool(name) and any((": " + key).find(": " + str(name)) >= 0 for key in state.trust.keys)


def _why(trust: Trust) -> str:
    return trust.enforced or ""


def _ways(state: DriverState) -> str:
    """What the admin can do about it."""
    trust, host = state.trust, state.host
    if not trust.own_path:
        ways = "use a later release, whose DKMS signs its builds, or switch Secure Boot off in the firmware"
    else:
        enrol = "enrol %s with 'mokutil --import %s', reboot, confirm it at the console, then run this again"
        enrol %= ("it" if trust.own_key is None else "the key", trust.own_path)
        ways = enrol if trust.own_key else "make one with '%s', %s" % (_make(state), enrol)
    if host.distribution == "ubuntu" and _trusts_distribution(state):
        ways += "; or use source: ubuntu, whose modules Canonical signed"
    return ways


def _make(state: DriverState) -> str:
    """The command that makes a key where DKMS looks for it. ``dkms generate_mok`` came with dkms 3.1."""
    if state.host.distribution == "ubuntu":
        return "update-secureboot-policy --new-key"
    if state.host.release == "12":
        return (
            "openssl req -new -x509 -nodes -days 36500 -subj '/CN=DKMS module signing key' -newkey rsa:2048 "
            "-keyout /var/lib/dkms/mok.key -outform DER -out %s" % state.trust.own_path
        )
    return "dkms generate_mok"
