"""The desk: what the team sees. Each module holds the handlers of one area."""
