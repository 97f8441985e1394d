"""The process that sends: takes due messages by the hand-off, carries them, writes what became of
them. Any number of dispatchers may run on any number of machines."""

from dangol.speak.dispatch.process import run_dispatch

__all__ = ["run_dispatch"]
