"""The shared nouns of the loop: frozen values without I/O. This package is the glossary in code."""
