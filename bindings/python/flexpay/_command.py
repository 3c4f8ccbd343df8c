"""The command line: `python -m flexpay pay|pay-mobile|payout|check|wait|parse-callback|doctor`."""

from __future__ import annotations

import argparse
import dataclasses
import encodings.unicode_escape  # noqa: F401 (`_escaped` needs it; no import after a payment)
import json
import logging
import sys
import tempfile
import unicodedata
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Callable, Dict, List, Optional

from . import __version__, _doctor
from ._arguments import CHOICES
from ._client import Client, Expected, library_path, library_version, parse_callback
from ._codes import Outcome
from ._enums import State
from ._errors import FlexPayError, InvalidError, TimedOutError
from ._interrupted import PaymentInterrupted
from ._models import Payment

# argparse uses 2 for an invalid command line.
OK, FAILED, NOT_PAID, NOT_FINAL, INTERRUPTED = 0, 1, 3, 4, 130
STATUSES = (
    "The exit status is 0 if the order is paid, 3 if its final state is not paid, 4 if the time was"
    " up before the state was final, and 1 after any other error."
)


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs the command line and returns its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal cannot show must not end the program: a payment may have
        # been accepted.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    # The results and their traces are printed; nothing is logged in addition.
    logging.getLogger("flexpay").addHandler(logging.NullHandler())
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
    except FlexPayError as error:
        _print_error(error, options.json)
        return FAILED
    except KeyboardInterrupt as interrupt:
        cause = interrupt.__cause__
        if isinstance(cause, PaymentInterrupted):
            print(_escaped(str(cause)), file=sys.stderr)
            if cause.payment is not None:
                _print_result(cause.payment, options.json)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flexpay",
        description="Payments through FlexPay. The settings come from the environment:"
        " FLEXPAY_MERCHANT, FLEXPAY_TOKEN and the others that Client.from_env documents.",
        add_help=False,
    )
    _add_help(parser)
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        help="Print the versions of the package and of the library and exit.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True

    def command(name: str, run: Callable[[Any], int], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about, add_help=False)
        _add_help(added)
        added.add_argument("--json", action="store_true", help="Print JSON.")
        added.set_defaults(run=run)
        return added

    order = "The order number that the gateway assigned to the payment."
    check = command("check", _check, "Get the state of an order from the gateway.")
    check.add_argument("order", metavar="ORDER_NUMBER", help=order)

    wait = command("wait", _wait, "Wait until the state of an order is final. " + STATUSES)
    wait.add_argument("order", metavar="ORDER_NUMBER", help=order)
    wait.add_argument(
        "--reference",
        help="Your reference of the payment. With --amount and --currency, it is an error if the"
        " order is another payment.",
    )
    wait.add_argument("--amount", help='The amount that you requested, such as "25.50".')
    wait.add_argument("--currency", help="The currency that you requested, CDF or USD.")
    wait.add_argument(
        "--kind",
        choices=list(CHOICES["kind"]),
        help="What was requested. The default is card. Only with --reference.",
    )
    wait.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        help="How long to wait. The default is 600.",
    )
    wait.set_defaults(parser=wait)

    pay = command("pay", _pay, "Send a request for a payment by card to the gateway.")
    mobile = command(
        "pay-mobile",
        _pay_mobile,
        "Send a request for a payment by mobile money to the gateway. The customer confirms it on"
        " the phone.",
    )
    payout = command(
        "payout",
        _payout,
        "Send your money to a mobile money account. Requires FLEXPAY_ALLOW_PAYOUT=1.",
    )
    for parser_of_request in (pay, mobile, payout):
        required = parser_of_request is not pay
        parser_of_request.add_argument(
            "--reference", required=True, help="Your own reference of it. Never use one twice."
        )
        parser_of_request.add_argument(
            "--amount", required=True, help='The amount, such as "25.50".'
        )
        parser_of_request.add_argument(
            "--currency", required=True, help="The currency, CDF or USD."
        )
        parser_of_request.add_argument(
            "--callback-url",
            metavar="URL",
            required=required,
            help="The URL to which the gateway posts its callback.",
        )
    for wallet, owner in ((mobile, "customer"), (payout, "beneficiary")):
        wallet.add_argument(
            "--phone",
            required=True,
            help=f'The phone number of the {owner}, such as "0812345678".',
        )
    for described in (pay, mobile):
        described.add_argument("--description", help="What it is for. The customer sees it.")
    for name, when in (
        ("approve", "after paying"),
        ("cancel", "after cancelling"),
        ("decline", "if the card was declined"),
        ("home", "to return to your home page"),
    ):
        about = f"The URL to which the customer's browser goes {when}."
        pay.add_argument(f"--{name}-url", metavar="URL", help=about)

    parse = command(
        "parse-callback",
        _parse_callback,
        "Parse the body of a callback. It proves nothing: anyone can post one.",
    )
    parse.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help='The file that contains the body. Without it, or with "-", stdin is read.',
    )

    doctor = command(
        "doctor",
        _run_doctor,
        "Report what is wrong with a setup and how to repair it. Sends the gateway two requests"
        " that change nothing. Never prints the token. The exit status is 0 if nothing is wrong,"
        " and 1 otherwise.",
    )
    doctor.add_argument(
        "--no-ask",
        action="store_true",
        help="Open the connections, but do not send the two requests that test the token and the"
        " URLs.",
    )
    return parser


def _add_help(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-h", "--help", action="help", help="Show this help and exit.")


class _Version(argparse.Action):
    """Prints the versions. An action, so that the library is loaded only for this option."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"flexpay {__version__}")
        try:
            print(f"library {library_version()}, {library_path()}")
        except FlexPayError as error:
            print(_escaped(str(error)), file=sys.stderr)
            parser.exit(FAILED)
        parser.exit(OK)


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 4_000_000):
        raise argparse.ArgumentTypeError(
            "it must be a whole number of seconds between 1 and 4000000"
        )
    return int(text)


def _wait(options: Any) -> int:
    payment = (options.reference, options.amount, options.currency)
    if None in payment and payment != (None, None, None):
        options.parser.error("--reference, --amount and --currency go together: give all or none")
    if options.kind is not None and options.reference is None:
        options.parser.error("--kind requires --reference, --amount and --currency")
    expected = None
    if options.reference is not None:
        reference, amount, currency = payment
        expected = Expected(
            reference=reference,
            amount=amount,
            currency=currency,
            order_number=options.order,
            kind=options.kind,
        )
    timeout_ms = None if options.timeout is None else options.timeout * 1000
    with Client.from_env() as client:
        try:
            transaction = client.wait(options.order, timeout_ms=timeout_ms, expected=expected)
        except TimedOutError as error:
            _print_error(error, options.json)
            return NOT_FINAL
    _print_result(transaction, options.json)
    return OK if transaction.state is State.PAID else NOT_PAID


def _check(options: Any) -> int:
    with Client.from_env() as client:
        _print_result(client.check(options.order), options.json)
    return OK


def _pay(options: Any) -> int:
    with Client.from_env() as client:
        payment: Payment = client.pay(
            reference=options.reference,
            amount=options.amount,
            currency=options.currency,
            description=options.description,
            callback_url=options.callback_url,
            approve_url=options.approve_url,
            cancel_url=options.cancel_url,
            decline_url=options.decline_url,
            home_url=options.home_url,
        )
    _print_result(payment, options.json)
    return OK


def _pay_mobile(options: Any) -> int:
    with Client.from_env() as client:
        payment = client.pay_mobile(
            reference=options.reference,
            amount=options.amount,
            currency=options.currency,
            phone=options.phone,
            callback_url=options.callback_url,
            description=options.description,
        )
    _print_result(payment, options.json)
    return OK


def _payout(options: Any) -> int:
    with Client.from_env() as client:
        payment = client.payout(
            reference=options.reference,
            amount=options.amount,
            currency=options.currency,
            phone=options.phone,
            callback_url=options.callback_url,
        )
    _print_result(payment, options.json)
    return OK


def _parse_callback(options: Any) -> int:
    try:
        if options.file == "-":
            body = sys.stdin.buffer.read()
        else:
            with open(options.file, "rb") as file:
                body = file.read()
    except OSError as error:
        raise InvalidError(str(error), field="file", outcome=Outcome.NOT_SENT) from None
    _print_result(parse_callback(body), options.json)
    return OK


def _run_doctor(options: Any) -> int:
    findings = _doctor.examine(send_requests=not options.no_ask)
    ok = all(finding.ok is not False for finding in findings)
    if options.json:
        _print_json({"ok": ok, "findings": [dataclasses.asdict(one) for one in findings]})
    else:
        for finding in findings:
            print(_line(finding))
    return OK if ok else FAILED


def _line(finding: _doctor.Finding) -> str:
    marks = {True: "✓", False: "✗", None: "-"}
    try:
        "✓✗".encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        marks = {True: "ok", False: "FAILED", None: "-"}
    duration = "" if finding.duration_ms is None else f" ({finding.duration_ms:.0f} ms)"
    return f"{marks[finding.ok]} {finding.name}: {_escaped(finding.detail)}{duration}"


def _print_result(result: Any, as_json: bool) -> None:
    fields = {
        field.name: _json_value(getattr(result, field.name)) for field in dataclasses.fields(result)
    }
    if as_json:
        _print_json(fields)
        return
    for name, value in fields.items():
        if name == "page" and value is not None:
            try:
                print(f"page: {_save_page(str(value))} (no redirect_url: open this in the browser)")
            except OSError as error:
                # The payment was accepted, so everything that is known about it must be printed.
                print(f"page, which could not be saved to a file ({error}): {_escaped(str(value))}")
        elif value is not None and name != "raw":
            print(f"{name}: {_escaped(str(value))}")


def _save_page(page: str) -> str:
    """Saves a page to a new file and returns the file's name."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", prefix="flexpay-", suffix=".html", delete=False
    ) as file:
        file.write(page)
    return file.name


def _escaped(text: str) -> str:
    """The text on one line, without characters that control the terminal: anyone can post a
    callback. Escapes line endings, control characters and marks that change the text direction."""
    return "".join(
        character.encode("unicode_escape").decode() if _is_control(character) else character
        for character in text
    )


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _print_error(error: FlexPayError, as_json: bool) -> None:
    fields: Dict[str, object] = {
        "code": error.code.name,
        "outcome": error.outcome.name,
        "message": error.message,
        "field": error.field,
        "http_status": error.http_status,
        "gateway_code": error.gateway_code,
        "gateway_message": error.gateway_message,
        "order_number": error.order_number,
        "trace": error.trace,
    }
    if as_json:
        _print_json({"error": fields})
        return
    text = "{code}: {message} (outcome: {outcome})".format(**fields)
    print(_escaped(text), file=sys.stderr)
    if error.gateway_message is not None:
        print(f"gateway message: {_escaped(error.gateway_message)}", file=sys.stderr)
    if error.order_number is not None:
        print(f"order number: {_escaped(error.order_number)}", file=sys.stderr)
    if error.trace is not None:
        print(f"trace: {_escaped(error.trace)}", file=sys.stderr)


def _json_value(value: object) -> object:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime) else value


def _print_json(value: object) -> None:
    # ASCII only: it is valid in every encoding of the terminal.
    print(json.dumps(value, indent=2))
