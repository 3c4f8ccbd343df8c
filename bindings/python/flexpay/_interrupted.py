"""What became of a payment whose caller was interrupted."""

from __future__ import annotations

from typing import Callable, Optional

from ._codes import Outcome
from ._models import Payment


class PaymentInterrupted(Exception):  # noqa: N818 (what is told, not what is raised)
    """What became of a payment whose caller was interrupted while it was under way.

    Never raised by itself: it is the `__cause__` of the KeyboardInterrupt (or of what else a signal
    handler raised, or of asyncio's CancelledError) that `pay` ends with. So it stands in the
    traceback, and a program that wants it finds it:

        except KeyboardInterrupt as interrupt:
            if isinstance(interrupt.__cause__, PaymentInterrupted):
                record(interrupt.__cause__.payment, interrupt.__cause__.error)

    Exactly one of the two is set: `payment` if the gateway took it in, `error` if not.
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


def interrupted(reference: str, result: Callable[[], Payment]) -> PaymentInterrupted:
    """What became of a payment whose caller was interrupted."""
    about = f"interrupted during the payment request for {reference!r}: "
    try:
        payment = result()
    except Exception as error:
        outcome: Outcome = getattr(error, "outcome", Outcome.UNKNOWN)
        return PaymentInterrupted(
            f"{about}it failed: {error} (outcome {outcome.name})", error=error
        )
    return PaymentInterrupted(
        f"{about}the gateway took it in, order number {payment.order_number}", payment=payment
    )
