"""Every error that a person may meet speaks both languages, with the same values."""

import ast
import string
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from dangol import errors
from dangol.errors import InputError
from dangol.know.segment import parse
from dangol.know.segment.problem import ConditionProblem
from dangol.web import words

SOURCE = Path(str(files("dangol")))
OWN_CIRCLE = (
    "cli/",  # the command line speaks English
    "doors.py",
    "supervisor.py",
    "settings.py",
    "store/server.py",
    "store/binaries.py",
    "store/rights.py",
    "store/swap.py",
    "store/upgrade/",
    "store/migrate.py",
    "store/keyring.py",
    "store/backup/",
    "listen/request.py",  # answers to programs, in the words of the tracking protocol
    "listen/track.py",
    "speak/channel/email/session.py",  # kept beside the mail server's own words
)
KINDS = (ast.ClassDef, ast.Call, ast.Constant)
MAKERS = {"bad", "crossed", "too_large", "_bad", "_too_large", "_failed"}
"""Functions that make an error of the sentence they are given."""


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@cache
def sources() -> list[tuple[str, ast.AST]]:
    """Every class, call and constant, with the file it stands in."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if not name.startswith(OWN_CIRCLE):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [(name, node) for node in ast.walk(tree) if isinstance(node, KINDS)]
    return found


@cache
def error_classes() -> dict[str, str]:
    """Every class of the error tree in reach, with the sentence it stands for."""
    found = {"DangolError": errors.DangolError.__doc__}
    classes = [node for _, node in sources() if isinstance(node, ast.ClassDef)]
    for _ in range(3):  # a class may be derived from one that a later file holds
        for node in classes:
            if any(isinstance(base, ast.Name) and base.id in found for base in node.bases):
                found[node.name] = (ast.get_docstring(node) or "").split("\n\n")[0]
    return found


def raised() -> Iterator[tuple[str, ast.Call, ast.expr]]:
    """Where an error is made, and what it says."""
    kinds = error_classes().keys() | MAKERS
    for name, node in sources():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            position = 1 if node.func.id in ("ConditionProblem", "_failed") else 0
            if node.func.id in kinds and len(node.args) > position:
                yield f"{name}:{node.lineno}", node, node.args[position]


def test_sentences_are_written_out_so_that_they_can_be_translated():
    mixed = [place for place, _, said in raised() if isinstance(said, ast.JoinedStr | ast.BinOp)]
    assert not mixed


def test_every_sentence_has_its_korean():
    said = {said.value for _, _, said in raised() if isinstance(said, ast.Constant)}
    assert len(said) > 100
    missing = (said | set(error_classes().values())) - words.errors("ko").keys()
    assert not missing


def test_nothing_is_translated_that_nobody_says():
    source = " ".join(
        node.value
        for _, node in sources()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert not [sentence for sentence in words.errors("ko") if sentence not in source]


def test_values_are_the_same_in_every_language_and_given_where_the_error_is_raised():
    for english, korean in words.errors("ko").items():
        assert names_in(english) == names_in(korean), english
    for place, call, said in raised():
        if isinstance(said, ast.Constant):
            given = {one.arg for one in call.keywords}
            assert names_in(said.value) == given or not given, place


@pytest.mark.parametrize("locale", words.LOCALES)
def test_a_sentence_is_filled_in(locale):
    error = InputError("{file} is empty.", file="주문서")
    shown = words.sentence(locale, error.sentence, error.values)
    assert shown == {"en": "주문서 is empty.", "ko": "주문서는 빈 파일입니다."}[locale]
    assert str(error) == "주문서 is empty."


def test_a_sentence_without_values_is_taken_as_it_stands():
    error = InputError("손님이 쓴 {글}")
    assert words.sentence("ko", error.sentence, error.values) == str(error) == "손님이 쓴 {글}"


def test_problems_of_conditions_speak_korean():
    with pytest.raises(ConditionProblem) as caught:
        parse({"kind": "trait", "name": "city", "op": "in", "value": "Seoul"})
    shown = words.sentence("ko", caught.value.sentence, caught.value.values)
    assert shown == "`in`에는 값의 목록이 있어야 합니다."
