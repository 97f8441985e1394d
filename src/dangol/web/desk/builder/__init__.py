"""The segment builder: conditions as rows of fields, and rows as conditions again.

`fields`, `clauses` and `compare` are the kinds of fields; `leaves` says which of them each question
has; `sheet` is the tree of rows as the form carries it; `writing` makes the condition of it and
says what is wrong where; `offers` is what the lists of the fields hold. Nothing is said twice: what
is read, filled and drawn follows from `leaves` alone.
"""
