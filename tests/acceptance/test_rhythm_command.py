"""`dangol rhythm` as a user runs it: a file in, numbers out, no server anywhere."""

import csv
import io
import json
import subprocess
import sys

import pytest
import typer

from dangol.cli import rhythm as command
from tests.unit.know.rhythm import cdnow


def _run(*args):
    command = [sys.executable, "-m", "dangol.cli", "rhythm", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return cdnow.write_csv("sample", tmp_path_factory.mktemp("cdnow") / "orders.csv")


@pytest.mark.parametrize(
    ("model", "r", "value"), [("bg", 0.242595, -9582.4292), ("mbg", 0.524843, -9582.1357)]
)
def test_fit_prints_the_published_numbers(sample, model, r, value):
    done = _run("fit", sample, "--until", "1997-09-30", "--model", model, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["params"]["r"] == pytest.approx(r, abs=1e-6)
    assert told["log_likelihood"] == pytest.approx(value, abs=1e-4)
    assert (told["customers"], told["repeaters"], told["unit"]) == (2357, 946, "week")
    words = _run("fit", sample, "--until", "1997-09-30", "--model", model)
    assert f"{r:.6f}" in words.stdout


def test_score_names_everyone_once(sample):
    done = _run("score", sample, "--until", "1997-09-30")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len({row["customer_id"] for row in rows}) == len(rows) == 2357
    assert {row["stage"] for row in rows} >= {"active", "loyal", "lapsing", "inactive"}


def test_score_says_what_is_to_be_expected(sample, capsys):
    command.score([sample], until="1997-09-30", closed=["sun"], as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2357
    assert {"p", "horizon_days", "expected_orders_365"} < rows[0].keys()
    assert sum(row["expected_orders_365"] for row in rows) > 1000


def test_score_of_a_small_file_says_what_is_missing(tmp_path, capsys):
    file = tmp_path / "orders.csv"
    file.write_text("customer_id,date\na,2026-01-01\na,2026-02-01\n")
    command.score([file])
    said = capsys.readouterr()
    assert said.out == "customer_id,stage\na,unknown\n"
    assert "29 more customers have to come back and 59 more days" in said.err


def test_backtest_prints_the_comparison(sample, capsys):
    command.backtest([sample], days=90, cut=["1997-12-31"], as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["methods"]["MBG/NBD"]["log_loss"] < told["methods"]["90 days"]["log_loss"]
    assert told["is_rule_as_good"] is False
    command.backtest([sample], days=90, cut=["1997-12-31"])
    words = capsys.readouterr().out
    assert "ladder 30/60/90" in words
    assert "forecasts better than the best fixed rule" in words


@pytest.mark.parametrize(
    "closed", [["KR:Thanksgiving"], ["someday"], ["KR:Chuseok", "US:Christmas Day"]]
)
def test_closed_days_that_cannot_be_read_are_refused(sample, closed):
    with pytest.raises(typer.BadParameter):
        command.fit([sample], closed=closed)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["{sample}", "--until", "1990-01-01"], "later --until"),
        (["{sample}", "--until", "soon"], "1997-09-30"),
        (["{sample}", "--model", "arima"], "mbg or bg"),
    ],
)
def test_wrong_input_is_answered_with_what_to_do(sample, args, words):
    done = _run("fit", *[arg.format(sample=sample) for arg in args])
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
