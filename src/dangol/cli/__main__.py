"""`python -m dangol.cli` is the `dangol` command."""

from dangol.cli import main

main()
