"""E-mail over SMTP: a small client of our own, made for many personal messages in a short time.

`session` is the protocol as a pure state machine, `connection` puts it on a socket, `pool` keeps as
many connections as the server's answer time asks for.
"""
