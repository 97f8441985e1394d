"""A call written into the address of an image, for pages without scripts and for mail."""

from typing import Any

import msgspec

_TOP = ("userId", "anonymousId", "messageId", "event", "name", "category", "timestamp", "sentAt")
_NESTED = ("properties", "context")


def body_of(parameters: dict[str, str]) -> bytes:
    """The JSON body that the query stands for; `properties.a.b=1` nests.

    >>> body_of({"userId": "u1", "properties.plan": "pro", "writeKey": "k"})
    b'{"userId":"u1","properties":{"plan":"pro"}}'
    """
    call: dict[str, Any] = {name: parameters[name] for name in _TOP if name in parameters}
    for name, value in parameters.items():
        first, *rest = name.split(".")
        if first in _NESTED and 0 < len(rest) <= 5:
            _put(call.setdefault(first, {}), rest, value)
    return msgspec.json.encode(call)


def _put(target: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        inner = target.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        target = inner
    target[path[-1]] = value
