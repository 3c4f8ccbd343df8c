"""Receives the gateway's callbacks and marks orders paid, each once.

    python callback_server.py [PORT]

Settings as in pay.py, which writes the orders down. A callback proves nothing: anyone can post one.
So each is verified: the gateway is asked about the order, and its answer held against what the shop
asked for.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from flexpay import CallbackError, Client, FlexPayError, MismatchError, State, parse_callback

ORDERS = os.environ.get("ORDERS", "orders.db")
MOST_BYTES = 64 * 1024


def receive(client: Client, body: bytes, query: str) -> tuple[int, str]:
    """Deals with one callback, which came to an address with this query string.

    Gives the HTTP status for the gateway, and a word for the log.
    """
    try:
        # What it says about itself serves to find the order, and for nothing else.
        notice = parse_callback(body)
    except CallbackError as error:
        return 400, f"unreadable: {error}"
    with closing(sqlite3.connect(ORDERS)) as orders:
        order = None
        # By the gateway's number first: it has been seen to write that where the reference belongs.
        for column, value in (
            ("order_number", notice.order_number),
            ("order_number", notice.reference),
            ("reference", notice.reference),
        ):
            if order is None and value is not None:
                order = orders.execute(
                    "SELECT reference, amount, currency, order_number FROM orders "
                    f"WHERE {column} = ?",
                    (value,),
                ).fetchone()
        if order is None:
            return 404, f"no order {notice.reference!r}"
        reference, amount, currency, order_number = order
        try:
            transaction = client.verify_callback(
                body,
                reference=reference,
                amount=amount,
                currency=currency,
                order_number=order_number,
                query=query,
            )
        except (CallbackError, MismatchError) as error:
            return 400, f"not about order {reference!r}: {error}"
        except FlexPayError as error:
            # Nothing is known yet. 503 asks the gateway to post it again, but it promises nowhere
            # that it does: what got a 503, a shop also asks about by itself, with verify_order(),
            # until it knows.
            return 503, f"order {reference!r} not verified: {error.code.name}: {error}"
        return record(orders, reference, transaction.state)


def record(orders: sqlite3.Connection, reference: str, state: State) -> tuple[int, str]:
    """Writes down what the gateway said, unless more is known already.

    The same callback comes twice, and two at once: only one of them changes the row. Whoever was
    overtaken looks again at what is recorded now. This may be the only notice that it was paid.
    """
    while True:
        (recorded,) = orders.execute(
            "SELECT state FROM orders WHERE reference = ?", (reference,)
        ).fetchone()
        if not state.may_replace(State[recorded]):
            return 200, f"order {reference!r} stays {recorded}"
        with orders:
            changed = orders.execute(
                "UPDATE orders SET state = ? WHERE reference = ? AND state = ?",
                (state.name, reference, recorded),
            )
        if changed.rowcount == 1:
            delivery = ": deliver it" if state is State.PAID else ""
            return 200, f"order {reference!r} is {state.name}{delivery}"


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
