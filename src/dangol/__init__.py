"""단골 (dangol): a relationship-marketing engine that listens before it speaks.

The packages are the stages of one loop: `listen` → `know` → `decide` → `speak` →
`converse` → `learn`. `engine.tick` is that loop as code and the place to start reading.
"""

__version__ = "0.1.0"
