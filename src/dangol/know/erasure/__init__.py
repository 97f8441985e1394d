"""Forgetting a person on request, completely and provably, while their opt-out is remembered."""
