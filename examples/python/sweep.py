"""Asks the gateway about every attempt that is still open: its callback may never come. For cron:

    */5 * * * * cd /srv/shop && . ./env && python3 sweep.py
    17 3 * * * cd /srv/shop && . ./env && python3 sweep.py --failed

"env" is a file with the settings, `export FLEXPAY_MERCHANT='...'` a line; see pay.py. With --failed
it asks about the failed and cancelled attempts, too: the gateway has been seen to say "failed" of a
payment that was made after all.

It prints what changed, and what a person must look at; cron sends that by mail. The exit status is
0 when nothing is left to do for a person, and 1 otherwise.

An attempt without an order number cannot be asked about. A person looks for its reference in
FlexPay's merchant console. If it is there, write its order number down, and the next sweep does the
rest; if it is not, close the attempt, and the customer can pay again:

    sqlite3 orders.db "UPDATE attempts SET order_number = 'NUMBER' WHERE reference = 'REFERENCE'"
    sqlite3 orders.db "UPDATE attempts SET state = 'FAILED' WHERE reference = 'REFERENCE'"
"""

from __future__ import annotations

import sys
from contextlib import closing

import shop

from flexpay import Client, FlexPayError, LibraryError, NotFoundError, UnauthorizedError


def main(with_failed: bool) -> int:
    states = "'PENDING', 'UNKNOWN'" + (", 'FAILED', 'CANCELLED'" if with_failed else "")
    is_well = True
    try:
        with Client.from_env() as client, closing(shop.open_books()) as books:
            for attempt in shop.attempts(books, f"state IN ({states})"):
                if attempt.order_number is None:
                    if attempt.state != "FAILED":
                        print(
                            f"{attempt.reference} has no order number: look for this reference in"
                            " FlexPay's merchant console (how to go on: see sweep.py)"
                        )
                        is_well = False
                    continue
                try:
                    recorded = shop.verify(books, client, attempt)
                except (LibraryError, UnauthorizedError):
                    # Nor will any other be answered.
                    raise
                except NotFoundError:
                    # For a moment after a payment request, that is normal.
                    print(f"{attempt.reference} is not known to the gateway (yet)")
                except FlexPayError as error:
                    print(f"{attempt.reference}: {error.code.name}: {error}")
                    is_well = False
                else:
                    if recorded.is_news:
                        print(recorded.word)
                    is_well = is_well and not recorded.is_trouble
    except FlexPayError as error:
        print(f"{error.code.name}: {error}")
        return 1
    return 0 if is_well else 1


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--failed"]):
        sys.exit(__doc__)
    sys.exit(main(with_failed=len(sys.argv) > 1))
