"""Moments: something outside, in a place, for a while, that concerns whoever is there."""
