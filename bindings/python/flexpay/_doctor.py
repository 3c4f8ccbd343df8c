"""What is wrong with a set-up: `python -m flexpay doctor`.

The connections are Python's own, not the library's, so that each step can be told and timed. Then
come two questions that change nothing. The library checks an order that cannot exist: the answer
shows whether the token is good. And the pay address gets an empty request without the token: the
answer shows whether it is one. Such a request is no payment, it names no amount and no reference.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import platform
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import SplitResult, unquote, urlsplit

from ._client import Client
from ._errors import (
    FlexPayError,
    GatewayError,
    LibraryError,
    NotFoundError,
    RefusedError,
    ReplyError,
    UnauthorizedError,
)
from ._library import library

# The hosts of include/flexpay.h, for an environment without addresses of its own.
HOSTS: Dict[str, Tuple[str, str]] = {
    "live": ("cardpayment.flexpay.cd", "backend.flexpay.cd"),
    "test": ("beta-cardpayment.flexpay.cd", "beta-backend.flexpay.cd"),
}
# How the pay addresses of each form end: what is set where nothing is, first.
ENDINGS: Dict[str, Tuple[str, ...]] = {"v1": ("/v1/pay", "/v2/pay"), "v1.1": ("/v1.1/pay",)}
# An empty request in each form.
EMPTY: Dict[str, Tuple[str, bytes]] = {
    "v1": ("application/x-www-form-urlencoded", b""),
    "v1.1": ("application/json", b"{}"),
}
NOT_ASKED = "not asked, as you wished"
# The gateway's numbers are letters and digits alone.
NO_ORDER = "flexpay-doctor"

CONNECT_TIMEOUT_S = 10.0
# OpenSSL's numbers: an issuer that is not on the list, the chain's own root, the server's own.
UNKNOWN_ISSUER = (18, 19, 20, 21)
CLOCK_TOLERANCE = timedelta(minutes=2)

# What to do when a step of a connection fails.
REMEDIES = {
    "address": "Write it as https://host/path",
    "name": "Check the host's name, and whether this machine is online and has a name server",
    "connection": "Check the address, whether the service runs (the sandbox, too, must be started),"
    " and whether a firewall or FLEXPAY_PROXY stands in between",
    "TLS": "Check the address and this machine's clock; for a certificate of your own (the sandbox,"
    " a company's proxy) set FLEXPAY_CA_FILE to the PEM file of its authority",
    "answer": "Check the address: what answers there does not speak HTTP as a gateway does",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    #: None: nothing to be judged.
    ok: Optional[bool]
    detail: str
    duration_ms: Optional[float] = None


def examine(ask: bool = True) -> List[Finding]:
    """Looks at everything, and goes on after what is wrong. With `ask` the gateway is asked about
    the token and the addresses."""
    return list(_examine(ask))


def _examine(ask: bool) -> Iterator[Finding]:
    library = _library()
    yield library
    settings = _settings()
    yield settings
    yield _token()
    if not settings.ok:
        # Which services they mean is not known then.
        yield Finding("services", None, "not looked at: the settings are not known to be good")
        return
    ahead = None
    for name, url in _targets():
        findings, seen = _service(name, url)
        yield from findings
        ahead = ahead if seen is None else seen
        question = "pay form" if name == "pay" else "check token"
        if any(finding.ok is False for finding in findings):
            yield Finding(question, None, "not asked: see above")
        elif name == "pay":
            yield _pay_form(url, ask)
        else:
            yield _check_token(ask)
    yield _clock(ahead)
    yield Finding(
        "not looked at",
        None,
        "the merchant code (only a payment shows whether it is right), and whether the gateway can"
        " reach your callback address",
    )


def _library() -> Finding:
    from . import __version__

    try:
        loaded = library()
    except FlexPayError as error:
        return Finding("library", False, str(error))
    version = loaded.functions.flexpay_version().decode()
    abi_version = loaded.functions.flexpay_abi_version()
    detail = f"{loaded.path}, version {version}, ABI {abi_version}"
    return Finding(
        "library", True, f"{detail}; package {__version__}, Python {platform.python_version()}"
    )


def _settings() -> Finding:
    try:
        Client.from_env().close()
    except LibraryError:
        return Finding("settings", None, "not looked at: the library judges them, see above")
    except FlexPayError as error:
        # A setting has a variable of its name.
        variable = "FLEXPAY_" + (error.field or "…").replace("FLEXPAY_", "").upper()
        return Finding(
            "settings",
            False,
            f"{error}. Mend {variable} in the environment of this program (`python -m pydoc"
            " flexpay.Client` explains each setting)",
        )
    (_, pay), (_, check) = _targets()
    order_number = "" if _api() == "v1.1" else " (whose payments have no order number; v1.1's have)"
    return Finding(
        "settings",
        True,
        f"merchant {_variable('FLEXPAY_MERCHANT')}, api {_api()}{order_number},"
        f" payments to {pay}, checks to {check}",
    )


def _token() -> Finding:
    token = _variable("FLEXPAY_TOKEN")
    if not token:
        return Finding(
            "token", False, "FLEXPAY_TOKEN is not set. Set it to the token FlexPay gave you"
        )
    expiry = _expiry(token)
    if expiry is None:
        return Finding("token", True, "present; when it expires cannot be read from it")
    left = expiry - datetime.now(timezone.utc)
    when = expiry.strftime("%Y-%m-%d %H:%M UTC")
    if left <= timedelta(0):
        return Finding("token", False, f"expired on {when}. Ask FlexPay for a new one")
    return Finding("token", True, f"present, expires on {when}, in {left.days} days")


def _expiry(token: str) -> Optional[datetime]:
    """The `exp` of a JWT, which is not checked in any other way; None where there is none."""
    parts = token.split(" ")[-1].split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], timezone.utc)
    except (binascii.Error, ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def _targets() -> List[Tuple[str, str]]:
    """The addresses that the library would use: its own words are in src/config.rs."""
    pay, check = HOSTS[_variable("FLEXPAY_ENVIRONMENT") or "live"]
    return [
        ("pay", _variable("FLEXPAY_PAY_URL") or f"https://{pay}{ENDINGS[_api()][0]}"),
        ("check", _variable("FLEXPAY_CHECK_URL") or f"https://{check}/api/rest/v1/check"),
    ]


class _Target:
    """Where an address leads, and by which way."""

    def __init__(self, name: str, url: str) -> None:
        scheme, self.host, port, parts = _parts(url, f"FLEXPAY_{name.upper()}_URL")
        self.is_tls = scheme == "https"
        self.port = port or (443 if self.is_tls else 80)
        self.path = parts.path or "/"
        self.proxy = _proxy()
        self.peer = (
            (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)
        )

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is not made yet."""
        connection = http.client.HTTPConnection(*self.peer, timeout=CONNECT_TIMEOUT_S)
        if self.proxy is not None:
            connection.set_tunnel(self.host, self.port, self.proxy.headers)
        return connection

    def secure(self, connection: http.client.HTTPConnection) -> Optional[str]:
        """Puts TLS over it, and gives its version."""
        context = ssl.create_default_context(cafile=_variable("FLEXPAY_CA_FILE"))
        secured = context.wrap_socket(connection.sock, server_hostname=self.host)
        connection.sock = secured
        return secured.version()


def _service(name: str, url: str) -> Tuple[List[Finding], Optional[float]]:
    """Goes through a service's steps up to the first that fails; and by how many seconds this
    machine's clock is ahead of what it told, if it told."""
    findings: List[Finding] = []
    step = "address"
    started = time.monotonic()

    def found(detail: str) -> None:
        took = (time.monotonic() - started) * 1000
        findings.append(Finding(f"{name} {step}", True, detail, took))

    def failed(reason: str) -> None:
        took = (time.monotonic() - started) * 1000
        detail = f"{reason}. {REMEDIES[step]}"
        findings.append(Finding(f"{name} {step}", False, detail, took))

    try:
        target = _Target(name, url)

        step, started = "name", time.monotonic()
        addresses = {
            info[4][0] for info in socket.getaddrinfo(*target.peer, type=socket.SOCK_STREAM)
        }
        found(f"{target.peer[0]} is {', '.join(sorted(map(str, addresses)))}")

        step, started = "connection", time.monotonic()
        with closing(target.connection()) as connection:
            connection.connect()
            way = "" if target.proxy is None else " through the proxy"
            found(f"{target.host}:{target.port}{way}")

            if target.is_tls:
                step, started = "TLS", time.monotonic()
                version = target.secure(connection)
                trust = (
                    _variable("FLEXPAY_CA_FILE") or "this Python's list (the library's is other)"
                )
                found(f"{version}, certificate trusted by {trust}")
            else:
                findings.append(Finding(name + " TLS", None, "plain http, by its address"))

            step, started = "answer", time.monotonic()
            connection.request("HEAD", "/")
            answer = connection.getresponse()
            if answer.status == 403:
                refused = (
                    "HTTP 403: the address of this machine may not be allowed. Ask FlexPay about"
                    " its address filter, and look for a firewall in between"
                )
                findings.append(Finding(f"{name} {step}", False, refused))
            else:
                found(f"HTTP {answer.status}")
            date = _date(answer.getheader("Date"))
            now = datetime.now(timezone.utc)
            return findings, None if date is None else (now - date).total_seconds()
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in UNKNOWN_ISSUER and _library_trusts(url):
            found(
                "certificate trusted by the library, though its issuer is not on this Python's list"
            )
        else:
            failed(f"(this Python's verdict) {error}")
        return findings, None
    except (OSError, ValueError, http.client.HTTPException) as error:
        failed(f"{target.peer[0]}: {_why(error)}" if step == "name" else _why(error))
        return findings, None


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _library_trusts(url: str) -> bool:
    """Whether the library's own connection reaches this service: any answer at all proves it."""
    try:
        _ask_about_no_order(url)
    except FlexPayError as error:
        return isinstance(
            error, (GatewayError, NotFoundError, RefusedError, ReplyError, UnauthorizedError)
        )
    return True


def _ask_about_no_order(check_url: Optional[str]) -> None:
    """Checks an order that cannot exist: once, and with all settings else."""
    with Client(
        merchant=_variable("FLEXPAY_MERCHANT") or "",
        token=_variable("FLEXPAY_TOKEN") or "",
        environment=_variable("FLEXPAY_ENVIRONMENT"),
        check_url=check_url,
        timeout_ms=_milliseconds("FLEXPAY_TIMEOUT_MS"),
        connect_timeout_ms=_milliseconds("FLEXPAY_CONNECT_TIMEOUT_MS"),
        ca_file=_variable("FLEXPAY_CA_FILE"),
        proxy=_variable("FLEXPAY_PROXY"),
        app_name=_variable("FLEXPAY_APP_NAME"),
        allow_plain_http=_variable("FLEXPAY_ALLOW_PLAIN_HTTP") == "1",
        system_roots=_variable("FLEXPAY_SYSTEM_ROOTS") == "1",
        check_once=True,
    ) as client:
        client.check(NO_ORDER)


def _check_token(ask: bool = True) -> Finding:
    """Whether the gateway takes the token, and whether checks are answered at this address."""
    if not ask:
        return Finding("check token", None, NOT_ASKED)
    started = time.monotonic()

    def finding(ok: bool, detail: str) -> Finding:
        took = (time.monotonic() - started) * 1000
        return Finding("check token", ok, detail, took)

    try:
        _ask_about_no_order(_variable("FLEXPAY_CHECK_URL"))
    except NotFoundError:
        return finding(
            True, "accepted: the gateway was asked about an order that cannot exist, and knew none"
        )
    except UnauthorizedError as error:
        if error.http_status == 403:
            return finding(
                False,
                f"{error}. Ask FlexPay about its address filter, and whether the token is yours",
            )
        return finding(
            False,
            f"{error}. Set FLEXPAY_TOKEN to the token that FlexPay gave you for this environment,"
            " whole and on one line",
        )
    except RefusedError as error:
        if error.http_status in (404, 405):
            return finding(
                False,
                f"HTTP {error.http_status}: no checks are answered at this address. Set"
                " FLEXPAY_CHECK_URL to the address up to and without the order number, which ends"
                " in /api/rest/v1/check (or unset it, for FlexPay's own)",
            )
        return finding(False, f"{error}. Show FlexPay these words")
    except ReplyError as error:
        return finding(
            False,
            f"{error}. Check FLEXPAY_CHECK_URL, which ends in /api/rest/v1/check at FlexPay's",
        )
    except GatewayError as error:
        return finding(
            False, f"{error}. Run this again in some minutes, and show FlexPay these words then"
        )
    except FlexPayError as error:
        return finding(
            False,
            f"{error.code.name}: {error}. This is the library's own connection, see above for"
            " what Python's came to",
        )
    return finding(True, f"accepted: the gateway even knows an order {NO_ORDER!r}")


def _pay_form(url: str, ask: bool = True) -> Finding:
    """Whether there is a payment service at this address, of the form that was set."""
    started = time.monotonic()
    api = _api()
    (other,) = set(ENDINGS) - {api}

    def finding(ok: Optional[bool], detail: str) -> Finding:
        took = (time.monotonic() - started) * 1000
        return Finding("pay form", ok, detail, took)

    of_the_other_form = (
        f"this address is for the other form (api). Set FLEXPAY_API={other}, or set FLEXPAY_PAY_URL"
        f" to an address that ends in {ENDINGS[api][0]}"
    )
    path = urlsplit(url).path.rstrip("/")
    if path.endswith(ENDINGS[other]):
        return finding(False, of_the_other_form)
    if not ask:
        return Finding("pay form", None, NOT_ASKED)
    try:
        status = _status_of_nothing(url, api)
        if status in (404, 405, 410):
            return finding(
                False,
                f"HTTP {status}: no payments are taken at this address. Set FLEXPAY_PAY_URL to one"
                f" that ends in {ENDINGS[api][0]} (or unset it, for FlexPay's own)",
            )
        if status in (301, 308):
            return finding(
                False,
                f"HTTP {status}: the service has moved from this address (no redirect is followed)."
                " Set FLEXPAY_PAY_URL to where it is now, with https:// where there is http://",
            )
        if status in (502, 503, 504):
            return finding(
                False, f"HTTP {status}: the gateway is failing. Try again in some minutes"
            )
        if status in (400, 415):
            status_of_other = _status_of_nothing(url, other)
            if status_of_other in (200, 401, 403, 422):
                return finding(False, of_the_other_form)
    except ssl.SSLCertVerificationError:
        return finding(None, "not asked: this Python does not trust the certificate's issuer")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return finding(False, f"{_why(error)}. {REMEDIES['answer']}")
    if status in (200, 401, 403, 422):
        return finding(
            True, f"takes requests of api {api} (HTTP {status} to an empty one, without the token)"
        )
    return finding(
        None,
        f"HTTP {status} to an empty request, without the token: whether payments are taken here"
        " cannot be told from it",
    )


def _status_of_nothing(url: str, api: str) -> int:
    """The HTTP status that an empty request without the token gets."""
    target = _Target("pay", url)
    kind, body = EMPTY[api]
    with closing(target.connection()) as connection:
        connection.connect()
        if target.is_tls:
            target.secure(connection)
        connection.request("POST", target.path, body, {"Content-Type": kind})
        return connection.getresponse().status


def _parts(url: str, variable: str) -> Tuple[str, str, Optional[int], SplitResult]:
    """The scheme, host and port of an address, and the whole of it, split."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in ("http", "https"):
            return parts.scheme, parts.hostname, parts.port, parts
    except ValueError:
        pass
    # The address is not repeated, nor what Python says of it: it may hold a password.
    raise ValueError(f"{variable} is no http or https address")


@dataclass(frozen=True)
class _Proxy:
    host: str
    port: int
    headers: Dict[str, str]


def _proxy() -> Optional[_Proxy]:
    url = _variable("FLEXPAY_PROXY")
    if not url:
        return None
    _, host, port, parts = _parts(url, "FLEXPAY_PROXY")
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    return _Proxy(host, port or 80, headers)


def _clock(ahead: Optional[float]) -> Finding:
    if ahead is None:
        return Finding("clock", None, "no service told the time")
    where = "ahead of" if ahead >= 0 else "behind"
    detail = f"about {abs(ahead):.0f} s {where} the gateway's (approximate: it tells whole seconds)"
    is_right = abs(ahead) <= CLOCK_TOLERANCE.total_seconds()
    return Finding("clock", is_right, detail + ("" if is_right else ". Set this machine's clock"))


def _date(header: Optional[str]) -> Optional[datetime]:
    try:
        date = parsedate_to_datetime(header or "")
    except (TypeError, ValueError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _api() -> str:
    return _variable("FLEXPAY_API") or "v1"


def _milliseconds(name: str) -> Optional[int]:
    # The settings were taken by the library: it is a number. 0 is the usual time there.
    return int(_variable(name) or 0) or None


def _variable(name: str) -> Optional[str]:
    # As the library reads it: without blanks around, and empty is not set.
    return os.environ.get(name, "").strip() or None
