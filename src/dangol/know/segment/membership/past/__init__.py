"""Stays in segments that are over: they leave the database for the lake, and are still found there.

All changes of a person in a segment up to an exit that was found out long ago go together, so what
is left in the table begins with an entry, and who is in a segment needs no file. `moving` moves,
`reading` finds; the view `memberships` of a snapshot has both.
"""
