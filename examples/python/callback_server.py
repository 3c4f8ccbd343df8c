"""Receives the gateway's callbacks and records the state of each attempt to pay.

    python callback_server.py [PORT]

The settings are those of pay.py and mobile.py. A callback proves nothing: anyone can post one. So
each is verified: the order is checked with the gateway, and the reply is compared with the shop's
request. It prints one line for each callback; "deliver order ..." only once for an order.

It listens only on this machine. In a shop, it runs behind the web server, which has the TLS
certificate. The web server must forward the query string: it contains the signature of the callback
secret.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import shop

from flexpay import CallbackError, Client, FlexPayError, MismatchError, parse_callback

MAX_BODY_BYTES = 64 * 1024


def receive(client: Client, body: bytes, query: str) -> tuple[int, str]:
    """Processes one callback. `query` is the query string of its request.

    Returns the HTTP status for the gateway, and a message for the log.
    """
    try:
        # Its contents are not verified yet. They are only used to find the attempt.
        callback = parse_callback(body)
    except CallbackError as error:
        return 400, f"unreadable: {error}"
    with closing(shop.open_database()) as db:
        attempt = shop.find_attempt(db, callback)
        if attempt is None:
            return 404, f"no attempt {callback.reference!r}"
        try:
            transaction = client.verify_callback(body, query=query, **attempt.expected())
        except (CallbackError, MismatchError) as error:
            return 400, f"not about {attempt.reference}: {error}"
        except FlexPayError as error:
            # The state is not known yet. 503 asks the gateway to post it again, but the gateway
            # does not document that it does. sweep.py checks every open attempt.
            return 503, f"{attempt.reference} not verified: {error.code.name}: {error}"
        try:
            return 200, shop.record(db, attempt.reference, transaction).message
        except sqlite3.IntegrityError:
            # The attempt had no order number, and this one belongs to another attempt.
            return 400, (
                f"not about {attempt.reference}: {transaction.order_number} is another attempt's"
            )


class Handler(BaseHTTPRequestHandler):
    """Handles one callback request."""

    client: Client
    # In seconds, for a peer that connects and sends nothing.
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.respond(413)
            return
        status, message = receive(
            self.client, self.rfile.read(int(length)), urlsplit(self.path).query
        )
        print(message, flush=True)
        self.respond(status)

    def respond(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Logs nothing: do_POST prints a message."""


def main(port: int) -> None:
    with Client.from_env() as client:
        Handler.client = client
        with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
            print(f"http://127.0.0.1:{server.server_port}/callback", flush=True)
            with suppress(KeyboardInterrupt):
                server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
