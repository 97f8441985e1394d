"""Hear: what arrives becomes facts, or is refused with a reason. Reading is pure; few modules touch the database."""
