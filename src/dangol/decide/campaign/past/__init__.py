"""Messages that are final: they leave the database for the lake, and are still found there.

What enters are messages of campaigns that ended some time ago, each accepted, failed, silent or
held out. Files keep when and why, and the values that decided; never an address, a name or a mail
server's words. The database keeps the counts of each send, and of what arrived just what the
letter's own links need: whose it was, when it was handed over, its language, and the keyed hash of
where it went. `moving` moves, `reading` finds.
"""
