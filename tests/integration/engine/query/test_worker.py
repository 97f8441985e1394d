"""The query worker as a process: started on demand, once, ended when its starter is gone."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dangol.decide.campaign.model import Draft
from dangol.decide.campaign.service import create_campaign
from dangol.engine.query.frame import socket_path
from dangol.settings import Settings
from dangol.store.lake.mover import move_once
from dangol.web import query
from dangol.web.query import QueryFailed, ask
from tests.integration.know.crowd import add_customer
from tests.integration.store.lake.history import append, fact

EVERYONE = {"kind": "all", "of": []}


@pytest.fixture
def settings(tmp_path: Path, dsn: str) -> Iterator[Settings]:
    yield Settings(data=tmp_path / "data", database_url=dsn, engine_memory_mb=256)
    query.stop_started()


@pytest.fixture
def crowd(conn: psycopg.Connection) -> None:
    for number in range(1, 8):
        add_customer(
            conn, number, {"name": f"손님 {number}"}, stage="loyal" if number > 5 else None
        )
    conn.commit()


def test_questions_about_people(settings: Settings, crowd: None) -> None:
    found = ask(settings, "preview", {"condition": EVERYONE, "sample": 3})
    assert (found["people"], found["of"]) == (7, 7)
    assert [one["name"] for one in found["sample"]] == ["손님 1", "손님 3", "손님 5"]
    assert found["words"]["ko"] == "모든 손님"
    page = ask(settings, "people", {"condition": EVERYONE, "after": 2, "limit": 2})
    assert (page["people"], [one["customer_id"] for one in page["page"]]) == (7, [3, 4])
    after_last = ask(settings, "people", {"condition": EVERYONE, "after": 99})
    assert (after_last["people"], after_last["page"]) == (7, [])
    shares = ask(settings, "count_by", {"condition": EVERYONE})
    assert shares == [{"value": "unknown", "people": 5}, {"value": "loyal", "people": 2}]
    by_name = ask(settings, "count_by", {"condition": EVERYONE, "by": "trait", "trait": "name"})
    assert sum(share["people"] for share in by_name) == 7


def test_a_campaign_is_counted_before_its_launch(
    settings: Settings, crowd: None, conn: psycopg.Connection
) -> None:
    campaign = create_campaign(conn, Draft(name="Spring"), by="test", now=datetime.now(UTC))
    conn.commit()
    found = ask(settings, "campaign_audience", {"campaign_id": str(campaign.id)})
    assert (found["people"], found["reached"]) == (7, 0)
    assert sum(found["left_out"].values()) == 7
    with pytest.raises(QueryFailed, match="There is no") as caught:
        ask(settings, "campaign_audience", {"campaign_id": str(uuid4())})
    assert caught.value.code == "not_found"


def test_a_damaged_history_is_named(
    settings: Settings, crowd: None, conn: psycopg.Connection, dsn: str
) -> None:
    append(conn, [fact(1)])
    conn.commit()
    moved = move_once(dsn, settings, datetime.now(UTC))
    buyers = {"kind": "did", "name": "Order Completed"}
    path = settings.lake_dir / moved.path
    good = path.read_bytes()
    path.write_bytes(good[:100])
    with pytest.raises(QueryFailed, match=path.name) as caught:
        ask(settings, "people", {"condition": buyers})
    assert caught.value.code == "unavailable"
    path.write_bytes(good)
    assert ask(settings, "people", {"condition": buyers})["people"] == 1


def test_wrong_questions_are_told_what_is_wrong(settings: Settings) -> None:
    for kind, values, code, path in [
        ("nonsense", {}, "invalid", None),
        ("preview", {}, "invalid", None),
        ("preview", {"condition": {"kind": "x"}}, "bad_shape", "$.kind"),
    ]:
        with pytest.raises(QueryFailed) as caught:
            ask(settings, kind, values)
        assert (caught.value.code, caught.value.path) == (code, path)
    assert ask(settings, "preview", {"condition": EVERYONE})["people"] == 0


def test_many_who_ask_at_once_share_one_worker(settings: Settings, crowd: None) -> None:
    found: list[int] = []

    def question(number: int) -> None:
        values = {"condition": EVERYONE}
        found.append(ask(settings, "preview", values, is_batch=number % 2 == 0)["people"])

    threads = [threading.Thread(target=question, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [7] * 8
    assert len(query._started) == 1


def test_a_killed_worker_is_replaced(settings: Settings, crowd: None) -> None:
    ask(settings, "preview", {"condition": EVERYONE})
    worker = query._started[0]
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert socket_path(settings.temp_dir).exists()
    assert ask(settings, "preview", {"condition": EVERYONE})["people"] == 7


def test_it_ends_with_the_process_that_started_it(settings: Settings, crowd: None) -> None:
    code = (
        "import sys, time, json, msgspec; from dangol.settings import load_settings;"
        "from dangol.web import query;"
        "query.ask(load_settings(), 'preview', {'condition': {'kind': 'all', 'of': []}});"
        "print(query._started[0].pid, flush=True); time.sleep(60)"
    )
    environment = os.environ | {
        "DANGOL_DATA": str(settings.data),
        "DANGOL_DATABASE_URL": settings.database_url or "",
    }
    starter = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    starter.stdout.close()
    finder = os.pidfd_open(pid)
    assert select.select([finder], [], [], 15)[0], "the worker goes on alone"
    os.close(finder)


def test_the_asking_side_loads_nothing_heavy() -> None:
    code = (
        "import sys, dangol.web.query, dangol.web.api;"
        "print(sorted({'duckdb', 'pyarrow', 'scipy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert json.loads(found.stdout.replace("'", '"')) == [], found.stderr
