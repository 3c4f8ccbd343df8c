"""Logs the calls that have a trace."""

from __future__ import annotations

from typing import Union

from ._codes import Outcome
from ._errors import FlexPayError
from ._models import Payment, Transaction


def log_call(result: Union[Payment, Transaction, FlexPayError]) -> None:
    """Logs a call that has ended, if its result has a trace.

    Never raises: a handler or a filter that raises must neither hide a payment that the gateway
    accepted, nor replace the error that says whether it may be repeated. Its exception is printed.
    """
    if result.trace is None:
        return
    try:
        # Not at the top: they are slow to import, and most programs have no trace.
        import json
        import logging

        trace = json.loads(result.trace)
        extra = {"trace": trace, "correlation_id": trace["correlation_id"]}
        level = getattr(logging, _level(result))
        logging.getLogger("flexpay").log(level, "%s %s", trace["call"], _text(result), extra=extra)
    except BaseException:
        print_exception()


def _level(result: Union[Payment, Transaction, FlexPayError]) -> str:
    """The name of the level."""
    if not isinstance(result, FlexPayError):
        return "DEBUG"
    return "ERROR" if result.outcome is Outcome.UNKNOWN else "WARNING"


def _text(result: Union[Payment, Transaction, FlexPayError]) -> str:
    if isinstance(result, FlexPayError):
        return f"failed: {result} ({result.code.name}, outcome {result.outcome.name})"
    if isinstance(result, Transaction):
        return f"succeeded: order {result.order_number!r} is {result.state.name}"
    number = "" if result.order_number is None else f", order number {result.order_number!r}"
    return f"succeeded: the gateway accepted the request{number}"


def print_exception() -> None:
    """Prints the exception of a handler, as `logging` does if `emit` raises it."""
    try:
        import logging
        import sys
        import traceback

        if logging.raiseExceptions and sys.stderr is not None:
            traceback.print_exc()
    except BaseException:
        # Standard error cannot be written: the exception is lost.
        pass
