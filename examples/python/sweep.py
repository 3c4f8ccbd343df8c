"""Asks the gateway about every attempt that is still open: its callback may never come. For cron:

    */5 * * * * cd /srv/shop && . ./env && python3 sweep.py

"env" is a file with the settings, `export FLEXPAY_MERCHANT='...'` a line; see pay.py. What failed
or was cancelled in the last day is asked about, too: the gateway has been seen to say "failed" of a
payment that was made after all.

It prints what changed, and what a person must look at; cron sends that by mail. The exit status is
0 when nothing is left to do for a person, and 1 otherwise. In the first ten minutes it is normal
that the gateway does not know an attempt yet, or that its order number is still to come.

An attempt without an order number cannot be asked about. A person looks for its reference in
FlexPay's merchant console. If it is there, write its order number down, and the next sweep does the
rest; if it is not, close the attempt, and the customer can pay again:

    sqlite3 orders.db "UPDATE attempts SET order_number = 'NUMBER' WHERE reference = 'REFERENCE'"
    sqlite3 orders.db "UPDATE attempts SET state = 'FAILED' WHERE reference = 'REFERENCE'"
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

import shop

from flexpay import Client, FlexPayError, LibraryError, NotFoundError, UnauthorizedError

SECONDS_TO_BE_KNOWN = 600


def main() -> int:
    is_well = True
    try:
        with Client.from_env() as client, closing(shop.open_books()) as books:
            for attempt in shop.attempts(
                books,
                "state IN ('UNKNOWN', 'PENDING') OR state IN ('FAILED', 'CANCELLED')"
                " AND order_number IS NOT NULL AND asked_at > datetime('now', '-1 day')",
            ):
                is_well = look(client, books, attempt) and is_well
    except FlexPayError as error:
        # Nothing could be asked: the library, a setting or the token is at fault.
        print(f"{error.code.name}: {error}")
        return 1
    return 0 if is_well else 1


def look(client: Client, books: sqlite3.Connection, attempt: shop.Attempt) -> bool:
    """Looks at an attempt, and says whether nothing is left to do for a person."""
    is_old = attempt.age >= SECONDS_TO_BE_KNOWN
    if attempt.order_number is None:
        if is_old:
            print(
                f"{attempt.reference} has no order number: look for this reference in FlexPay's"
                " merchant console (how to go on: see sweep.py)"
            )
        return not is_old
    try:
        recorded = shop.verify(books, client, attempt)
    except (LibraryError, UnauthorizedError):
        # Nor will any other be answered.
        raise
    except NotFoundError as error:
        if is_old:
            print(f"{attempt.reference} is not known to the gateway: {error}")
        return not is_old
    except FlexPayError as error:
        print(f"{attempt.reference}: {error.code.name}: {error}")
        return False
    if recorded.is_news:
        print(recorded.word)
    return not recorded.is_trouble


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    sys.exit(main())
