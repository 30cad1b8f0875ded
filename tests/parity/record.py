# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one GPU everything and print the answers in reduced form, as JSON. Nothing is set.

Use: record.py [INDEX]

An answer is {"code": n} where NVML refused, else {"form": ...} and, of questions whose figures are the same
on every board of the kind, {"value": ...}.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pynvml
import questions

MEMBERS = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}
MOST = 40  # entries of a list that are kept


def plain(value: Any) -> Any:
    """The binding's answer in JSON's types."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, (int, float, str)):
        return value
    if hasattr(value, "_fields_"):
        return {field[0]: plain(getattr(value, field[0])) for field in value._fields_}
    if hasattr(value, "__len__"):
        return [plain(one) for one in list(value)[:MOST]]
    return type(value).__name__


def form(value: Any) -> Any:
    """What kind of value it is."""
    if isinstance(value, dict):
        return {name: form(one) for name, one in value.items()}
    if isinstance(value, list):
        kinds = [form(one) for one in value]
        return [kind for place, kind in enumerate(kinds) if kind not in kinds[:place]]
    return "text" if isinstance(value, str) else "nothing" if value is None else "number"


def reduced(question: str, value: Any) -> dict[str, Any]:
    """An answer as it is kept.

    :param value: from plain()
    """
    if question.startswith("field "):
        (field,) = value
        if field["nvmlReturn"]:
            return {"code": field["nvmlReturn"]}
        value = {"type": field["valueType"], "value": field["value"][MEMBERS[field["valueType"]]]}
        kept: dict[str, Any] = {"form": {"type": value["type"]}}
        return kept if questions.varies(question) else {**kept, "value": value["value"]}
    if questions.varies(question):
        # A list can be empty at one time and not at another.
        return {"form": "list" if isinstance(value, list) else form(value)}
    return {"form": form(value), "value": value}


def answers(index: int = 0) -> dict[str, dict[str, Any]]:
    """Everything that the loader's libnvidia-ml.so.1 says of one GPU.

    :raises pynvml.NVMLError: there is no session or no such GPU
    """
    pynvml.nvmlInit()
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    found = {}
    for question, name, arguments in questions.every(pynvml):
        function = getattr(pynvml, name, None)
        if function is None:
            continue
        subject = () if question.startswith("System") else (device,)
        try:
            found[question] = reduced(question, plain(function(*subject, *arguments)))
        except pynvml.NVMLError as error:
            found[question] = {"code": error.value}
        except (TypeError, ValueError, OverflowError, AttributeError):
            continue  # the binding cannot make the call
    pynvml.nvmlShutdown()
    return found


if __name__ == "__main__":
    json.dump(answers(int(sys.argv[1]) if len(sys.argv) > 1 else 0), sys.stdout, indent=1)
    print()
