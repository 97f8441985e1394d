"""Providers and clocks to test against: they check what they receive as the real ones would."""
