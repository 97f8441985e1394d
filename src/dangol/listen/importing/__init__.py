"""Imports: files of customers or events become facts of the past.

source (rows out of a file) → fields (which column means what) → shaping (set-based checks and
conversion) → batches (what Route hears). Nothing here decides who a row belongs to.
"""
