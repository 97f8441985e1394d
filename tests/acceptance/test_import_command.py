"""`dangol import` on a running installation, as a user types it."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import psycopg

SAMPLE = Path(find_spec("lifetimes").origin or "").parent / "datasets/CDNOW_sample.txt"


def test_a_file_becomes_history_once_and_refusals_come_back(up, tmp_path: Path) -> None:
    running = up()
    path = tmp_path / "orders.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["customer_id", "date", "quantity", "revenue"])
        rows = [line.split() for line in SAMPLE.read_text().splitlines()]
        writer.writerows([row[0], row[2], row[3], row[4]] for row in rows)
        writer.writerow(["99999", "tomorrow", "1", "5"])
    mapping = [
        *("--map", "customer_id=user_id", "--map", "date=time"),
        *("--map", "quantity=quantity", "--map", "revenue=revenue:USD"),
    ]
    rejects = tmp_path / "rejects.csv"
    command = ["import", "events", str(path), *mapping, "--rejects", str(rejects), "--json"]
    first = running.run(*command)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert {name: told[name] for name in ("read", "new", "known", "rejected")} == {
        "read": 6_920,
        "new": 6_919,
        "known": 0,
        "rejected": 1,
    }
    [refused] = csv.DictReader(rejects.read_text(encoding="utf-8-sig").splitlines())
    assert (refused["line"], refused["value"], refused["reason"]) == (
        "6921",
        "tomorrow",
        "bad_time",
    )
    again = json.loads(running.run(*command).stdout)
    assert (again["new"], again["known"]) == (0, 6_919)
    with psycopg.connect(running.dsn) as conn:
        people = conn.execute("select count(*), sum(events) from relationship_day").fetchone()
        stages = conn.execute("select count(*) from stage where stage <> 'unknown'").fetchone()
    assert people[1] == 6_919
    assert stages[0] == 2_357


def test_what_cannot_be_imported_says_what_to_do(up, tmp_path: Path) -> None:
    running = up()
    path = tmp_path / "a.csv"
    path.write_text("colour,size\nred,4\n")
    wrong = [
        (["import", "customers", str(path)], "who a row is about"),
        (["import", "events", str(path), "--map", "nope=user_id"], "no column 'nope'"),
        (["import", "customers", str(path), "--map", "colour"], "COLUMN=FIELD"),
        (["import", "customers", str(tmp_path / "none.csv")], "cannot be read"),
        (["import", "customers", str(path), "--map", "colour=email", "--consent", "sure"], "none"),
    ]
    for command, words in wrong:
        done = running.run(*command, "--json")
        assert done.returncode == 1, command
        assert words in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
