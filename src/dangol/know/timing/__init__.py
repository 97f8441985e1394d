"""Everyone's best hour: when a person comes of their own accord, and how sure that is.

Learned from the customer's own acts, never from opens alone: those mostly repeat the hours at
which we chose to send.
"""
