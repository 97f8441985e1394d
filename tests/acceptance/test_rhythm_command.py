"""`dangol rhythm` as a user runs it: a file in, numbers out, no server anywhere."""

import csv
import io
import json
import subprocess
import sys

import pytest

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
