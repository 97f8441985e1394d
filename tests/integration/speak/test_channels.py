"""Which channel a message leaves by, when the choice has only just been made."""

from datetime import UTC, datetime

import psycopg
from msgspec.structs import replace

from dangol.settings import Settings
from dangol.speak.channel.config import SmtpConfig, choose_config, save_config
from dangol.speak.dispatch.clock import DatabaseClock
from dangol.speak.dispatch.rendering import renderers_for
from dangol.speak.dispatch.taking import Taker
from dangol.store.brand import read_brand, save_brand
from dangol.store.keyring import Keyring
from dangol.testing.mailing import add_people, launch_to
from tests.acceptance.conftest import wait_until


def test_a_campaign_leaves_by_the_channel_that_was_chosen_with_it(
    mailing: Settings, conn: psycopg.Connection, keyring: Keyring
) -> None:
    """A dispatcher that just looked at the settings must not send by what it saw then."""
    now = datetime.now(UTC)
    taker = Taker(mailing, keyring, "one", DatabaseClock(), renderers_for(mailing, keyring, {}))
    has_due, conditions = taker.survey()
    assert not has_due
    assert conditions.channel.is_practice
    server = SmtpConfig(host="127.0.0.1", port=9, tls="none")
    chosen = save_config(conn, keyring, server, None, by="test", now=now)
    choose_config(conn, chosen, by="test", now=now)
    brand = replace(
        read_brand(conn), public_url="https://news.coffee.test", public_url_verified_at=now
    )
    save_brand(conn, brand, by="test", now=now)
    add_people(conn, keyring, [11, 12], now, domain="coffee.test")
    launch_to(conn, mailing, [11, 12], now)
    wait_until(lambda: taker.survey()[0], timeout=10, why=lambda: "nothing is due")
    assert not taker.survey()[1].channel.is_practice
    assert len(taker.take(10)[0].batch) == 2
    taker.close()
