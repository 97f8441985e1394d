"""Tracked links: which a letter has, their signed addresses, and what a hit on one tells."""
