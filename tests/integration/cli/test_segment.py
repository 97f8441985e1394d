"""`dangol segment count`, as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.integration.know.crowd import add_customer, add_event


def _count(dsn: str, data: Path, condition: str, *options: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"DANGOL_DATABASE_URL": dsn, "DANGOL_DATA": str(data)}
    command = [sys.executable, "-m", "dangol.cli", "segment", "count", "-", *options]
    return subprocess.run(
        command, input=condition, capture_output=True, text=True, env=environment, timeout=60
    )


def test_count_reads_a_condition_and_prints_people(
    conn: psycopg.Connection, dsn: str, tmp_path: Path
) -> None:
    add_customer(conn, 1, {"name": "김하나", "email": "hana@shop.example"})
    add_customer(conn, 2, {"name": "Bo"})
    add_event(conn, 1, "Order Completed", 3)
    conn.commit()
    asked = json.dumps({"kind": "did", "name": "Order Completed", "within": {"days": 7}})
    found = json.loads(_count(dsn, tmp_path, asked, "--json").stdout)
    assert (found["people"], found["of"]) == (1, 2)
    assert found["sample"][0]["name"] == "김하나"
    said = _count(dsn, tmp_path, asked)
    assert said.stdout.splitlines()[0] == (
        "1 of 2: customers who did “Order Completed” in the last 7 days"
    )
    assert "never heard of event “Order Completed”" in said.stderr


def test_a_wrong_condition_is_one_line(dsn: str, tmp_path: Path) -> None:
    for condition in ("{", '{"kind": "vip"}', '{"kind": "stage", "in": []}'):
        refused = _count(dsn, tmp_path, condition)
        assert refused.returncode == 1
        assert refused.stderr.startswith("dangol: ")
        assert refused.stdout == ""
