"""DuckDB and the plain-Python oracle give the same answer, whatever is asked about whomever."""

import json
from collections import Counter
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dangol.know.segment import compile, evaluate
from dangol.know.segment.compile import Column, compile_questions
from dangol.know.segment.plan import plan
from dangol.know.segment.value import (
    as_number,
    as_time,
    fold,
    fold_sql,
    millionths,
    millionths_sql,
    time_sql,
)
from tests.unit.know.segment.conditions import LEAVES, conditions
from tests.unit.know.segment.duck import as_person, fill, open_lake, resolved
from tests.unit.know.segment.world import NOWS, NUMBERS, TEXTS, ZONE, people, texts

HISTORY = ("did", "measure", "first", "last", "followed", "not_followed", "regularly", "on its way")
_SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_lake()
    yield connection
    connection.close()


def _scenes(questions: st.SearchStrategy[dict], most: int) -> st.SearchStrategy[tuple]:
    return st.sampled_from(NOWS).flatmap(
        lambda now: st.tuples(
            st.just(now),
            st.lists(people(now), min_size=3, max_size=6),
            st.lists(questions, min_size=1, max_size=most),
        )
    )


def _compare(lake: duckdb.DuckDBPyConnection, scene: tuple, answers: Counter[bool]) -> None:
    now, crowd, questions = scene
    fill(lake, crowd, now)
    for question in questions:
        condition = resolved(question)
        sql, parameters = compile(condition, now, ZONE)
        found = {row[1] for row in lake.execute(sql, parameters).fetchall()}
        wanted = {
            number
            for number, one in enumerate(crowd)
            if evaluate(condition, *as_person(number, one, now), now, ZONE)
        }
        assert found == wanted, (question, now, sql, parameters)
        answers[True] += len(wanted)
        answers[False] += len(crowd) - len(wanted)


@pytest.mark.parametrize("kind", LEAVES)
def test_every_leaf_agrees_and_is_true_of_some(lake: duckdb.DuckDBPyConnection, kind: str) -> None:
    answers: Counter[bool] = Counter()

    @settings(max_examples=15, derandomize=True, **_SETTINGS)
    @given(_scenes(LEAVES[kind], most=4))
    def agree(scene: tuple) -> None:
        _compare(lake, scene, answers)

    agree()
    # the generator is of use only while both answers occur
    assert min(answers[True], answers[False]) >= 0.02 * answers.total(), answers


@settings(max_examples=80, **_SETTINGS)
@given(_scenes(conditions, most=5))
def test_whole_conditions_agree(lake: duckdb.DuckDBPyConnection, scene: tuple) -> None:
    _compare(lake, scene, Counter())


@settings(max_examples=30, **_SETTINGS)
@given(_scenes(st.one_of(*(LEAVES[kind] for kind in HISTORY)), most=3))
def test_what_was_counted_before_gives_the_same_answer(
    lake: duckdb.DuckDBPyConnection, scene: tuple
) -> None:
    now, crowd, questions = scene
    fill(lake, crowd, now)
    condition = resolved({"kind": "any", "of": questions})
    counted: dict = {}
    passes = compile_questions(plan(condition, now).questions, now, ZONE)
    for number, (asked, sql, values) in enumerate(passes):
        lake.execute(f"create or replace table kept{number} as {sql}", values)
        counted |= {one: Column(f"kept{number}", f"n{i}") for i, one in enumerate(asked)}
    at_once, kept = (
        lake.execute(*compile(condition, now, ZONE, counted=known)).fetchall()
        for known in (None, counted)
    )
    assert sorted(at_once) == sorted(kept)


def test_both_fold_every_code_point_alike(lake: duckdb.DuckDBPyConnection) -> None:
    rows = lake.execute(
        f"select i, {fold_sql('chr(i::int)')} from range(1, 1114112) t(i) "
        "where not i between 55296 and 57343"
    ).fetchall()
    assert [chr(i) for i, folded in rows if folded != fold(chr(i))] == []


@pytest.mark.parametrize("wanted", [["s", "k"], ["원", ";", "é"], ["7", "-"]])
def test_folding_towards_some_texts_finds_the_same_letters(
    lake: duckdb.DuckDBPyConnection, wanted: list[str]
) -> None:
    rows = lake.execute(
        f"select i from range(1, 1114112) t(i) where not i between 55296 and 57343"
        f" and list_contains($1, {fold_sql('chr(i::int)', wanted)})",
        [wanted],
    ).fetchall()
    letters = (chr(i) for i in range(1, 1114112) if not 0xD800 <= i < 0xE000)
    assert [chr(i) for (i,) in rows] == [one for one in letters if fold(one) in wanted]


@settings(max_examples=100, **_SETTINGS)
@given(st.sampled_from(TEXTS) | texts, st.lists(st.sampled_from(TEXTS) | texts, min_size=1))
def test_folding_towards_some_texts_finds_the_same_texts(
    lake: duckdb.DuckDBPyConnection, wanted: str, others: list[str]
) -> None:
    folded = fold(wanted)
    sql = f"select {fold_sql('x', [folded])} = $2 from (select unnest($1::varchar[]) as x)"
    rows = lake.execute(sql, [[wanted, *others], folded]).fetchall()
    assert [row[0] for row in rows] == [fold(one) == folded for one in (wanted, *others)]


def test_both_read_times_alike(lake: duckdb.DuckDBPyConnection) -> None:
    sql = time_sql("x", "'/t'", "=", "$2::bigint", "$3::bigint")
    for text in TEXTS:
        for shown in (text, text + "Z", text + "+14:00", text + "T24:00", text + ".5"):
            micros, is_wall = as_time(shown) or (0, False)
            utc, wall = (None, micros) if is_wall else (micros, None)
            got = lake.execute(
                f"select {sql} from (select $1::varchar as x)", [_quoted(shown), utc, wall]
            ).fetchone()
            assert bool(got and got[0]) == (as_time(shown) is not None), shown


def _quoted(text: str) -> str:
    return json.dumps({"t": text}, ensure_ascii=False)


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(NUMBERS))
def test_both_round_alike(lake: duckdb.DuckDBPyConnection, number: float) -> None:
    read = as_number(number)
    if read is None:
        return
    for shown in (read, read * 1e-6, round(read % 1e7, 7)):
        row = lake.execute(f"select {millionths_sql('$1::double')}", [shown]).fetchone()
        assert row == (millionths(shown),), shown


def test_numbers_are_doubles_and_never_booleans() -> None:
    assert as_number(10**400) is None
    assert as_number(True) is None
    assert as_number("12") is None
