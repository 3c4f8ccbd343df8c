"""Asks the gateway about every open attempt, because its callback may never come. For cron:

    */5 * * * * cd /srv/shop && . ./env && python3 sweep.py

"env" is a file with the settings, one `export FLEXPAY_MERCHANT='...'` per line; see pay.py. An
attempt that failed or was cancelled stays open for some sweeps: the gateway has been seen to report
"failed" for a payment that was paid later.

It prints what changed, and what a person must do; cron sends that by mail. The exit status is 0 if
a person has nothing to do, and 1 otherwise. In the first ten minutes it is normal that the gateway
does not know an attempt yet, or that the attempt has no order number yet.

If it is not known whether the gateway has an attempt, nobody can ask. Look for its reference in
FlexPay's merchant console, and say what you found, who you are and why you say so. If it is there,
give its order number, and the next sweep does the rest. If it is not, the customer can pay again:

    python3 sweep.py --resolve INVOICE-17-1 NUMBER Awa "the merchant console has it"
    python3 sweep.py --resolve INVOICE-17-1 NOT_SENT Awa "the merchant console does not have it"
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone

from shop import Shop, deliver, open_shop

from flexpay import Client, EntryState, FlexPayError, Settlement

TIME_TO_APPEAR = timedelta(minutes=10)


def sweep(client: Client, shop: Shop) -> bool:
    """Settles every open attempt. Returns whether a person has nothing to do."""
    found = shop.store.reconcile(client)
    ok = True
    for settlement in found.settlements:
        if settlement.changed or settlement.to_deliver:
            result = deliver(shop, settlement)
            print(result.message)
            ok = ok and not result.needs_person
        problem = what_a_person_must_do(settlement)
        if problem is not None:
            print(f"{settlement.reference} {problem}")
            ok = False
    if found.stopped is not None:
        print("Not all attempts were checked:", found.stopped)
        ok = False
    return ok


def what_a_person_must_do(settlement: Settlement) -> str | None:
    is_old = datetime.now(timezone.utc) - settlement.created_at >= TIME_TO_APPEAR
    if settlement.other_order_number is not None:
        return f"has a second order, {settlement.other_order_number}: refund it if it is paid"
    if settlement.problem is not None:
        is_normal = settlement.last_answer == "NOT_FOUND" and not is_old
        return None if is_normal else settlement.problem
    if settlement.is_open and settlement.order_number is None and is_old:
        return (
            "has no order number: look for this reference in FlexPay's merchant console (see"
            " sweep.py for what to do next)"
        )
    return None


def resolve(shop: Shop, reference: str, found: str, who: str, why: str) -> None:
    if found in ("NOT_SENT", "FAILED", "CANCELLED"):
        shop.store.resolve(reference, state=EntryState[found], who=who, why=why)
    else:
        shop.store.resolve(reference, order_number=found, who=who, why=why)


def main() -> int:
    try:
        with Client.from_env() as client, open_shop() as shop:
            if sys.argv[1:2] == ["--resolve"]:
                resolve(shop, *sys.argv[2:])
                return 0
            return 0 if sweep(client, shop) else 1
    except FlexPayError as error:
        # The library, a setting or the journal cannot be used, or the journal refuses to resolve.
        print(f"{error.code.name}: {error}")
        return 1


if __name__ == "__main__":
    if len(sys.argv) not in (1, 6):
        sys.exit(__doc__)
    sys.exit(main())
