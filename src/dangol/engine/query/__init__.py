"""The query worker: previews and lists over the whole history, in a process of its own.

`worker` is the process, `frame` what travels over its socket, `registry` the questions it can
answer, `people` those about customers, `warm` what it keeps between two questions.
"""
