"""One file that holds an installation: database, history, keys and journal, as of one instant."""
