"""Measurements. `python -m bench` runs them all; `python -m bench intake` one of them.

Each prints its figure, the budget it stands against, and the ratio to a baseline measured in the
same run, because machines differ and drift and a ratio does not.
"""
