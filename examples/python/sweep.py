"""Checks every open attempt with the gateway, because its callback may never come. For cron:

    */5 * * * * cd /srv/shop && . ./env && python3 sweep.py

"env" is a file with the settings, one `export FLEXPAY_MERCHANT='...'` per line; see pay.py.
Attempts that failed or were cancelled in the last day are checked too: the gateway has been seen to
report "failed" for a payment that was paid later.

It prints what changed, and what a person must do; cron sends that by mail. The exit status is 0 if
a person has nothing to do, and 1 otherwise. In the first ten minutes it is normal that the gateway
does not know an attempt yet, or that the attempt has no order number yet.

An attempt without an order number cannot be checked. Look for its reference in FlexPay's merchant
console. If it is there, record its order number, and the next sweep does the rest. If it is not,
close the attempt, and the customer can pay again:

    sqlite3 orders.db "UPDATE attempts SET order_number = 'NUMBER' WHERE reference = 'REFERENCE'"
    sqlite3 orders.db "UPDATE attempts SET state = 'FAILED' WHERE reference = 'REFERENCE'"
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

import shop

from flexpay import Client, FlexPayError, LibraryError, NotFoundError, UnauthorizedError

SECONDS_TO_APPEAR = 600


def main() -> int:
    ok = True
    try:
        with Client.from_env() as client, closing(shop.open_database()) as db:
            for attempt in shop.attempts(
                db,
                "state IN ('UNKNOWN', 'PENDING') OR state IN ('FAILED', 'CANCELLED')"
                " AND order_number IS NOT NULL AND created_at > datetime('now', '-1 day')",
            ):
                ok = sweep_attempt(client, db, attempt) and ok
    except FlexPayError as error:
        # No check is possible: the library cannot be used, or a setting or the token is invalid.
        print(f"{error.code.name}: {error}")
        return 1
    return 0 if ok else 1


def sweep_attempt(client: Client, db: sqlite3.Connection, attempt: shop.Attempt) -> bool:
    """Checks an attempt, and returns whether a person has nothing to do."""
    is_old = attempt.age_s >= SECONDS_TO_APPEAR
    if attempt.order_number is None:
        if is_old:
            print(
                f"{attempt.reference} has no order number: look for this reference in FlexPay's"
                " merchant console (see sweep.py for what to do next)"
            )
        return not is_old
    try:
        result = shop.verify(db, client, attempt)
    except (LibraryError, UnauthorizedError):
        # Every other check would fail too.
        raise
    except NotFoundError as error:
        if is_old:
            print(f"{attempt.reference} is not known to the gateway: {error}")
        return not is_old
    except FlexPayError as error:
        print(f"{attempt.reference}: {error.code.name}: {error}")
        return False
    if result.has_changed:
        print(result.message)
    return not result.needs_person


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    sys.exit(main())
