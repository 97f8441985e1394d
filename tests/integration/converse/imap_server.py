"""A small IMAP4rev1 server for tests: one account, one folder, the commands that a poller needs.

It checks what it is asked as a real one would: login first, folder selected before UID commands.
"""

import re
import socketserver
import ssl
import threading
from contextlib import contextmanager


class Mailbox:
    """The folder's content; tests change it while the server runs."""

    def __init__(self):
        self.validity = 7
        self.mails = {}
        self.next_uid = 1
        self.commands = []

    def add(self, raw):
        self.mails[self.next_uid] = raw
        self.next_uid += 1


def _handler(mailbox):
    class Handler(socketserver.StreamRequestHandler):
        selected = False

        def say(self, text):
            self.wfile.write(text if isinstance(text, bytes) else text.encode() + b"\r\n")

        def handle(self):
            self.say("* OK ready")
            for line in self.rfile:
                tag, _, command = line.decode().strip().partition(" ")
                mailbox.commands.append(command)
                if not self.act(tag, command):
                    return

        def act(self, tag, command):
            verb = command.split(" ")[0].upper()
            if verb == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1")
            elif verb == "LOGIN" and command.replace('"', "").split(" ")[1:] != ["kim", "secret"]:
                self.say(f"{tag} NO [AUTHENTICATIONFAILED] wrong")
                return True
            elif verb == "SELECT":
                self.selected = True
                self.say(f"* {len(mailbox.mails)} EXISTS\r\n* OK [UIDVALIDITY {mailbox.validity}]")
            elif verb == "STATUS":
                numbers = f"UIDVALIDITY {mailbox.validity} UIDNEXT {mailbox.next_uid}"
                self.say(f'* STATUS "INBOX" ({numbers})')
            elif verb == "UID" and self.selected:
                self.uid(command)
            elif verb == "LOGOUT":
                self.say(f"* BYE bye\r\n{tag} OK bye")
                return False
            self.say(f"{tag} OK done")
            return True

        def uid(self, command):
            if " SEARCH " in command.upper():
                first = int(re.search(r"UID (\d+):", command).group(1))
                known = sorted(mailbox.mails)
                found = [uid for uid in known if uid >= first] or known[-1:]
                self.say("* SEARCH " + " ".join(map(str, found)))
                return
            assert "BODY.PEEK[]" in command
            uid = int(command.split(" ")[2])
            raw = mailbox.mails.get(uid)
            if raw is not None:
                self.say(
                    f"* 1 FETCH (UID {uid} BODY[] {{{len(raw)}}}".encode()
                    + b"\r\n"
                    + raw
                    + b")\r\n"
                )

    return Handler


@contextmanager
def serving(mailbox, context: ssl.SSLContext | None = None):
    """Serve `mailbox` on a free port of the loopback, with TLS when a context is given."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def get_request(self):
            wire, address = super().get_request()
            return (context.wrap_socket(wire, server_side=True) if context else wire), address

    with Server(("127.0.0.1", 0), _handler(mailbox)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
