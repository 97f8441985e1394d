"""What the brand writes about: the setting `topics`, and its names in words."""

import msgspec
import psycopg

from dangol.store.brand import read_setting


class Topic(msgspec.Struct, frozen=True):
    """One entry of the setting."""

    key: str
    names: dict[str, str] = {}
    """By language."""

    def name(self, locale: str) -> str:
        """Its name in a language, in any other, or its key."""
        return self.names.get(locale) or next(iter(self.names.values()), self.key)


def list_topics(conn: psycopg.Connection) -> list[Topic]:
    """All topics in the order of the setting; none where nothing is set."""
    return msgspec.convert(read_setting(conn, "topics") or [], list[Topic])


def topic_name(conn: psycopg.Connection, key: str, locale: str) -> str:
    """How to call a topic on a page, also one that is no longer listed."""
    return next((topic.name(locale) for topic in list_topics(conn) if topic.key == key), key)
