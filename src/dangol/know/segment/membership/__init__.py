"""Who is in a segment, kept: sets per bucket, every entry and exit, and what may change them."""
