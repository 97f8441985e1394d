"""Segments kept current: a cache of the events that conditions look at, and who follows Live."""
