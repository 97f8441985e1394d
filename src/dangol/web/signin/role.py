"""Roles of the team, each including what the one before it may do."""

from enum import IntEnum


class Role(IntEnum):
    """What a member may do; compare with `>=`."""

    VIEWER = 1
    """Sees everything of the desk, changes nothing."""
    SUPPORT = 2
    """Answers customers and records what they asked for."""
    MARKETER = 3
    """Makes segments, letters and campaigns, and imports."""
    OWNER = 4
    """Settings, keys, members."""

    @property
    def word(self) -> str:
        """The name in the database."""
        return self.name.lower()


def role_named(word: str) -> Role:
    """The role with this name in the database.

    Raises:
        KeyError: there is no such role.
    """
    return Role[word.upper()]
