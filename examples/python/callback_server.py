"""Receives the gateway's callbacks and records the state of each attempt to pay.

    python callback_server.py [PORT]

The settings are those of pay.py and mobile.py. A callback proves nothing: anyone can post one. So
each is verified: the order is checked with the gateway, and the reply is compared with the entry of
the journal. It prints one line for each callback; "deliver order ..." only once for an order.

It listens only on this machine. In a shop, it runs behind the web server, which has the TLS
certificate. The web server must forward the query string: it contains the signature of the callback
secret.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from shop import deliver, open_shop

from flexpay import CallbackError, Client, FlexPayError, InvalidError, MismatchError

MAX_BODY_BYTES = 64 * 1024


def receive(client: Client, body: bytes, query: str) -> tuple[int, str]:
    """Processes one callback. `query` is the query string of its request.

    Returns the HTTP status for the gateway, and a message for the log.
    """
    try:
        # Each request has its own thread, and so its own connection.
        with open_shop() as shop:
            settlement = shop.store.settle_callback(client, body, query=query)
            return 200, deliver(shop, settlement).message
    except (CallbackError, MismatchError) as error:
        return 400, f"refused: {error}"
    except FlexPayError as error:
        if isinstance(error, InvalidError) and error.field == "reference":
            return 404, f"not of this shop: {error}"
        # The state is not known yet. 503 asks the gateway to post it again, but the gateway does
        # not document that it does. sweep.py asks about every open attempt.
        return 503, f"not verified: {error.code.name}: {error}"


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
