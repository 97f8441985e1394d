"""The questions that the query worker answers, by name; other modules add theirs."""

from collections.abc import Callable
from typing import Any

import msgspec

from dangol.engine.query.warm import Warm
from dangol.errors import InputError

Answerer = Callable[[Warm, Any], Any]
"""Takes what is warm and the question's values, gives back something that is JSON."""


class _Entry(msgspec.Struct, frozen=True):
    values: type[msgspec.Struct]
    answer: Answerer


_ANSWERERS: dict[str, _Entry] = {}


def answers(kind: str, values: type[msgspec.Struct]) -> Callable[[Answerer], Answerer]:
    """Register the function below as what answers `kind`; its values are read as `values`."""

    def register(function: Answerer) -> Answerer:
        if kind in _ANSWERERS:
            raise ValueError(f"two functions answer {kind!r}")
        _ANSWERERS[kind] = _Entry(values, function)
        return function

    return register


def answer(warm: Warm, kind: str, values: dict[str, Any]) -> Any:
    """What the function registered for `kind` says.

    Raises:
        InputError: nobody answers that, or the values do not fit.
    """
    entry = _ANSWERERS.get(kind)
    if entry is None:
        raise InputError("The query worker knows no question {kind!r}.", kind=kind)
    try:
        given = msgspec.convert(values, entry.values)
    except msgspec.ValidationError as error:
        raise InputError("{error}.", error=error) from None
    return entry.answer(warm, given)
