# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""containerd's restart: it must load CRI with the new files, or it gets the former ones back.

A containerd whose CRI does not load is up all the same, and kubelet has no runtime then. What its files were
is on record before the first of them changes, so that a run after one that was cut off has it too.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional

from .._effects import (
    Context,
    EffectError,
    RemoveFile,
    UndoneError,
    WriteFile,
    remove_file,
    write_bytes,
    write_file,
)
from .containerd import CONFIG, read
from .json_text import dumped
from .observe import conf_at
from .state import RECORD, conf_kept
from .steps import EngineFile
from .wish import CONTAINERD

#: containerd's files as they were when it last read them (JSON, with what passwords they have). Of this boot.
FORMER = "/run/labfleet-gpu/containerd-former"
_UNIT = "containerd.service"
#: An entry of the list of plugins, and in it why a plugin did not load.
_CRI = re.compile(r"^Type:\s+io\.containerd\.grpc\.v1\s*\nID:\s+cri\s*$", re.MULTILINE)
_MESSAGE = re.compile(r"^Error:.*\n(?:.*\n)*?\s+Message:\s*(.*)", re.MULTILINE)
#: A line of the journal that says why containerd itself did not start.
_FATAL = re.compile(r"^(?:containerd: .*|.*level=fatal.*)$", re.MULTILINE)


def remember(context: Context, data: EngineFile, anew: bool) -> None:
    """Keep the file as it is before it becomes ``data``. ``anew``: containerd has read all of before."""
    note = {} if anew else _note(context)
    if not note:
        record = _json(context, RECORD).get(CONTAINERD)
        note = {"cri": cri(context), "record": record, "files": {}}
    known = note["files"].get(data.path)
    if known is None or known["ours"] != (context.files.text(data.path) or ""):
        known = {"former": conf_at(context.files, data.path).kept()}
    note["files"][data.path] = {**known, "ours": data.content}
    write_file(context, WriteFile(FORMER, json.dumps(note) + "\n", 0o600))


def restart(context: Context) -> None:
    """Restart containerd, and with the former files where CRI does not load.

    Raises UndoneError then, and EffectError where somebody has changed the files since.
    """
    note = _note(context)
    trouble = _restarted(context)
    reason = trouble if trouble is not None else cri(context)
    if reason is None:
        said = "ctr does not answer, so nobody knows whether containerd has loaded CRI: ask 'crictl info'"
        context.warnings.append(said)
    elif reason and trouble is None and note.get("cri"):
        context.warnings.append("containerd does not load CRI, nor did it before: %s" % reason)
    elif reason:
        what = "containerd does not %s: %s." % ("stay up" if trouble is not None else "load CRI", reason)
        _back(context, note, what)
    remove_file(context, RemoveFile(FORMER))


def cri(context: Context) -> Optional[str]:
    """Why CRI did not load, "" if it did or is switched off; None where containerd does not tell."""
    address = (read(context.files.text(CONFIG) or "").get("grpc") or {}).get("address")
    where = ["--address", str(address)] if address else []
    listed = context.commands.try_run(["timeout", "30", "ctr", *where, "plugins", "ls", "--detailed"])
    if listed.rc != 0:
        return None
    for entry in re.split(r"\n[ \t]*\n", listed.out):
        message = _MESSAGE.search(entry)
        if _CRI.search(entry) and message:
            return message.group(1).strip() or "it does not say why"
    return ""


def _restarted(context: Context) -> Optional[str]:
    """Why containerd is not up, None if it is."""
    context.commands.try_run(["systemctl", "restart", "--", _UNIT])
    if context.commands.try_run(["systemctl", "is-active", "--quiet", "--", _UNIT]).rc == 0:
        return None
    argv = ["journalctl", "--no-pager", "--output=cat", "--lines=40", "--unit=" + _UNIT]
    said = _FATAL.findall(context.commands.try_run(argv).out)
    return str(said[-1]) if said else "'journalctl -u containerd' tells why"


def _back(context: Context, note: Dict[str, Any], what: str) -> None:
    """The former files, unless somebody has changed them since."""
    files = note.get("files") or {}
    others = [path for path, each in files.items() if (context.files.text(path) or "") != each["ours"]]
    if others or not files:
        raise EffectError("%s Mend %s, and run this again" % (what, ", ".join(others) or CONFIG))
    for path, each in files.items():
        former = conf_kept(path, each["former"])
        if former.text is None:
            remove_file(context, RemoveFile(path))
        else:
            content = former.text.encode("utf-8", "surrogateescape")
            write_bytes(context, path, content, former.mode, former.owner)
    _record(context, note["record"])
    again = _restarted(context)
    remove_file(context, RemoveFile(FORMER))
    if again is None and (note["cri"] or not cri(context)):
        stands = "It runs with its former files again: mend %s, or leave containerd out of engines" % CONFIG
    else:
        stands = "Its former files are back, which does not help: 'journalctl -u containerd' tells more"
    raise UndoneError("%s %s" % (what, stands))


def _record(context: Context, former: Optional[Dict[str, Any]]) -> None:
    """What we have put into containerd's files is what it was before."""
    record = _json(context, RECORD)
    record.pop(CONTAINERD, None)
    if former is not None:
        record[CONTAINERD] = former
    if record:
        write_file(context, WriteFile(RECORD, dumped(record, " "), 0o600))
    else:
        remove_file(context, RemoveFile(RECORD))


def _note(context: Context) -> Dict[str, Any]:
    return _json(context, FORMER)


def _json(context: Context, path: str) -> Dict[str, Any]:
    try:
        found = json.loads(context.files.text(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
