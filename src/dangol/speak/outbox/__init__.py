"""The hand-off: from a queued row to bytes that may leave, at most once.

`handoff` claims, asks the guard once more, counts the caps and commits; `results` writes what
became of it; `sweep` settles what a dead dispatcher left behind and closes what is finished.
"""
