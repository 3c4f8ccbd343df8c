"""The result of a payment or a payout whose caller was interrupted."""

from __future__ import annotations

from typing import Callable, Optional

from ._codes import Outcome
from ._models import Payment


class PaymentInterrupted(Exception):  # noqa: N818 (only used as a cause, never raised itself)
    """The result of a payment or a payout whose caller was interrupted during the call.

    It is never raised. It is the `__cause__` of the exception that `pay`, `pay_mobile` or `payout`
    raises: KeyboardInterrupt, another exception of a signal handler, or asyncio's CancelledError.
    So the traceback shows it, and a program can read it:

        except KeyboardInterrupt as interrupt:
            if isinstance(interrupt.__cause__, PaymentInterrupted):
                record(interrupt.__cause__.payment, interrupt.__cause__.error)

    Exactly one of the two is set: `payment` if the gateway accepted the request, `error` if not.
    """

    def __init__(
        self,
        message: str,
        payment: Optional[Payment] = None,
        error: Optional[BaseException] = None,
    ) -> None:
        super().__init__(message)
        self.payment = payment
        self.error = error


def payment_interrupted(
    request: str, reference: str, result: Callable[[], Payment]
) -> PaymentInterrupted:
    """The PaymentInterrupted for a call that has ended; `result` returns or raises its result.

    request: what was sent: "payment request" or "payout request".
    """
    prefix = f"interrupted during the {request} for {reference!r}: "
    try:
        payment = result()
    except Exception as error:
        outcome: Outcome = getattr(error, "outcome", Outcome.UNKNOWN)
        return PaymentInterrupted(
            f"{prefix}it failed: {error} (outcome {outcome.name})", error=error
        )
    return PaymentInterrupted(
        f"{prefix}the gateway accepted it, order number {payment.order_number}", payment=payment
    )
