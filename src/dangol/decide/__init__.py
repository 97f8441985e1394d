"""Deciding: what to say to whom and when, and what better not."""
