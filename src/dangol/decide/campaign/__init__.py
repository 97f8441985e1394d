"""A letter to many people at once: who gets it, when, and what became of it."""
