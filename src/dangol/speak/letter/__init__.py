"""Letters: what the team wrote, checked, laid out, and made into one message per person.

`content` is the document that is stored; `check` lists what keeps it from being sent; `layout`
and `plain` draw it; `press` turns it, once per send, into something that renders a complete
message in microseconds; `plain_press` is the same in slow and obvious (the oracle of the tests).
"""
