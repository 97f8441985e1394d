"""What compaction does next: files and partitions in, files to write again out; pure."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from dangol.store.lake.manifest import LakeFile

SPREAD_AT = 8
"""So many level-0 files are spread over the partitions."""
GATHER_AT = 4
"""So many files of one partition and of about one size are made into one."""
LARGE_ROWS = 8_000_000
"""Files this large are left alone."""
MOST_FILES = 32
"""So many are read in one step at most."""

Range = tuple[int, int]


class Why(StrEnum):
    """What a compaction step is for."""

    MASK = "mask"
    """Files still hold customers who were merged or erased."""
    SPREAD = "spread"
    """Files hold several partitions."""
    GATHER = "gather"
    """A partition has many small files."""


class Plan(msgspec.Struct, frozen=True):
    """Files to write again, and why."""

    why: Why
    files: tuple[LakeFile, ...]


def plan_step(
    files: Sequence[LakeFile], partitions: Sequence[Range], dirty: Collection[UUID]
) -> Plan | None:
    """The most urgent step, or None when everything is as it should be.

    `dirty` are the files that hold masked customers whose time has come.
    """
    masked = [file for file in files if file.id in dirty]
    if masked:
        return Plan(Why.MASK, tuple(masked[:MOST_FILES]))
    young = [file for file in files if file.level == 0]
    astray = [file for file in files if file.level > 0 and not _fits(file, partitions)]
    if len(young) >= SPREAD_AT or astray:
        return Plan(Why.SPREAD, tuple([*astray, *young][:MOST_FILES]))
    for span in partitions:
        inside = [file for file in files if file.level > 0 and _is_inside(file, span)]
        if chosen := find_peers(inside):
            return Plan(Why.GATHER, tuple(chosen))
    return None


def find_peers(files: Sequence[LakeFile]) -> list[LakeFile]:
    """Enough files of about one size (within a factor of four), the smallest such; or none."""
    sizes: dict[int, list[LakeFile]] = {}
    for file in files:
        if file.rows < LARGE_ROWS:
            sizes.setdefault(file.rows.bit_length() // 2, []).append(file)
    full = [size for size, peers in sizes.items() if len(peers) >= GATHER_AT]
    return sizes[min(full)][:MOST_FILES] if full else []


def _fits(file: LakeFile, partitions: Sequence[Range]) -> bool:
    return any(_is_inside(file, span) for span in partitions)


def _is_inside(file: LakeFile, span: Range) -> bool:
    return span[0] <= file.bucket_lo and file.bucket_hi <= span[1]
