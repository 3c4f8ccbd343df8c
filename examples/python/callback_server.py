"""Receives the gateway's callbacks and records what became of each attempt to pay.

    python callback_server.py [PORT]

Settings as in pay.py. A callback proves nothing: anyone can post one. So each is verified: the
gateway is asked about the order, and its answer held against what the shop asked for. What came of
each is printed, a line each; "deliver order ..." is said once for an order.

It listens on this machine alone. In a shop it stands behind the web server, which has the
certificate, and which must pass the query string on: the signature of the callback secret is there.
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

MOST_BYTES = 64 * 1024


def receive(client: Client, body: bytes, query: str) -> tuple[int, str]:
    """Deals with one callback, which came to an address with this query string.

    Gives the HTTP status for the gateway, and a word for the log.
    """
    try:
        # What it says about itself serves to find the attempt, and for nothing else.
        notice = parse_callback(body)
    except CallbackError as error:
        return 400, f"unreadable: {error}"
    with closing(shop.open_books()) as books:
        attempt = shop.attempt_of(books, notice)
        if attempt is None:
            return 404, f"no attempt {notice.reference!r}"
        try:
            transaction = client.verify_callback(
                body,
                reference=attempt.reference,
                amount=attempt.amount,
                currency=attempt.currency,
                order_number=attempt.order_number,
                query=query,
            )
        except (CallbackError, MismatchError) as error:
            return 400, f"not about {attempt.reference}: {error}"
        except FlexPayError as error:
            # Nothing is known yet. 503 asks the gateway to post it again, but it promises nowhere
            # that it does: sweep.py asks about every open attempt until the shop knows.
            return 503, f"{attempt.reference} not verified: {error.code.name}: {error}"
        try:
            return 200, shop.record(books, attempt.reference, transaction).word
        except sqlite3.IntegrityError:
            # The attempt had no order number, and this one is known to be another's.
            return 400, f"not about {attempt.reference}: {transaction.order_number} is another's"


class Handler(BaseHTTPRequestHandler):
    """One callback."""

    client: Client
    # Seconds, for whoever connects and says nothing.
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.answer(413)
            return
        status, word = receive(self.client, self.rfile.read(int(length)), urlsplit(self.path).query)
        print(word, flush=True)
        self.answer(status)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing: what there is to say was said above."""


def main(port: int) -> None:
    with Client.from_env() as client:
        Handler.client = client
        with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
            print(f"http://127.0.0.1:{server.server_port}/callback", flush=True)
            with suppress(KeyboardInterrupt):
                server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
