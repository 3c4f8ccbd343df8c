"""Finds what is wrong with a setup: `python -m flexpay doctor`.

The connections are made by Python, not by the library, so that each step can be reported and timed.
Then the doctor sends two requests that change nothing. The library checks an order that cannot
exist: the reply shows whether the token is valid. And the pay URL receives an empty request without
the token: the reply shows whether it is a payment service. Such a request is not a payment: it has
no amount and no reference. The services for mobile money and payouts receive no such request; only
their host is examined, if it is not that of the check service.
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

# The hosts from include/flexpay.h (card payments; the rest), used if no URL is set.
HOSTS: Dict[str, Tuple[str, str]] = {
    "live": ("cardpayment.flexpay.cd", "backend.flexpay.cd"),
    "test": ("beta-cardpayment.flexpay.cd", "beta-backend.flexpay.cd"),
}
# The paths of the pay URLs of each API; the first is the default.
PAY_PATHS: Dict[str, Tuple[str, ...]] = {"v1": ("/v1/pay", "/v2/pay"), "v1.1": ("/v1.1/pay",)}
# An empty request for each API.
EMPTY_REQUESTS: Dict[str, Tuple[str, bytes]] = {
    "v1": ("application/x-www-form-urlencoded", b""),
    "v1.1": ("application/json", b"{}"),
}
SKIPPED = "skipped (--no-ask)"
# It cannot exist: the gateway's order numbers contain only letters and digits.
UNKNOWN_ORDER = "flexpay-doctor"

CONNECT_TIMEOUT_S = 10.0
# OpenSSL's error numbers for an issuer that is not trusted: self-signed (18), self-signed in the
# chain (19), issuer not found (20, 21).
UNKNOWN_ISSUER_CODES = (18, 19, 20, 21)
CLOCK_TOLERANCE = timedelta(minutes=2)

# What to do when a step of a connection fails.
ADVICE = {
    "URL": "Write it as https://host/path",
    "DNS": "Check the host name, and whether this machine is online and has a DNS server",
    "connection": "Check the URL, whether the service is running (the sandbox must be started too),"
    " and whether a firewall or FLEXPAY_PROXY blocks the connection",
    "TLS": "Check the URL and this machine's clock. For a private certificate (the sandbox, a"
    " company proxy) set FLEXPAY_CA_FILE to the PEM file of its certificate authority",
    "HTTP": "Check the URL: the server there does not reply with valid HTTP",
}


@dataclass(frozen=True)
class Finding:
    """The result of one examination."""

    name: str
    #: None: not examined, or no verdict.
    ok: Optional[bool]
    detail: str
    duration_ms: Optional[float] = None


def examine(send_requests: bool = True) -> List[Finding]:
    """Examines everything; continues after a failure. `send_requests` includes the two requests
    that test the token and the URLs."""
    return list(_examine(send_requests))


def _examine(send_requests: bool) -> Iterator[Finding]:
    library = _library()
    yield library
    settings = _settings()
    yield settings
    yield _token()
    if not settings.ok:
        # Their URLs are unknown without valid settings.
        yield Finding("services", None, "not examined: the settings are not known to be valid")
        return
    clock_ahead_s = None
    services = _services()
    for name, url in services.items():
        if name in ("mobile", "payout") and _same_host(url, services["check"]):
            continue
        findings, measured_s = _service(name, url)
        yield from findings
        clock_ahead_s = clock_ahead_s if measured_s is None else measured_s
        if name in ("mobile", "payout"):
            continue
        request = "pay API" if name == "pay" else "check token"
        if any(finding.ok is False for finding in findings):
            yield Finding(request, None, "skipped: see above")
        elif name == "pay":
            yield _pay_api(url, send_requests)
        else:
            yield _check_token(send_requests)
    yield _clock(clock_ahead_s)
    yield Finding(
        "not examined",
        None,
        "the merchant code (only a payment shows whether it is correct), and whether the gateway"
        " can reach your callback URL",
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
        return Finding("settings", None, "not examined: the library validates them, see above")
    except FlexPayError as error:
        # The variable of a setting has the setting's name.
        variable = "FLEXPAY_" + (error.field or "…").replace("FLEXPAY_", "").upper()
        return Finding(
            "settings",
            False,
            f"{error}. Correct {variable} in the environment of this program (`python -m pydoc"
            " flexpay.Client` explains each setting)",
        )
    services = _services()
    payouts = f"payouts to {services['payout']}" if "payout" in services else "no payouts"
    note = "" if _api() == "v1.1" else " (its payments have no order number; those of v1.1 do)"
    return Finding(
        "settings",
        True,
        f"merchant {_env('FLEXPAY_MERCHANT')}, api {_api()}{note},"
        f" payments to {services['pay']}, mobile payments to {services['mobile']}, {payouts},"
        f" checks to {services['check']}",
    )


def _token() -> Finding:
    token = _env("FLEXPAY_TOKEN")
    if not token:
        return Finding(
            "token", False, "FLEXPAY_TOKEN is not set. Set it to the token that FlexPay gave you"
        )
    expiry = _expiry(token)
    if expiry is None:
        return Finding("token", True, "set; it does not contain an expiry date")
    left = expiry - datetime.now(timezone.utc)
    date = expiry.strftime("%Y-%m-%d %H:%M UTC")
    if left <= timedelta(0):
        return Finding("token", False, f"expired on {date}. Ask FlexPay for a new one")
    return Finding("token", True, f"set, expires on {date}, in {left.days} days")


def _expiry(token: str) -> Optional[datetime]:
    """The `exp` claim of a JWT, whose signature is not verified; None if there is none."""
    parts = token.split(" ")[-1].split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], timezone.utc)
    except (binascii.Error, ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def _services() -> Dict[str, str]:
    """The services' URLs, as the library determines them in src/config.rs. The payout service only
    if payouts are allowed."""
    pay, backend = HOSTS[_env("FLEXPAY_ENVIRONMENT") or "live"]
    base = f"https://{backend}/api/rest/v1"
    services = {
        "pay": _env("FLEXPAY_PAY_URL") or f"https://{pay}{PAY_PATHS[_api()][0]}",
        "check": _env("FLEXPAY_CHECK_URL") or f"{base}/check",
        "mobile": _env("FLEXPAY_MOBILE_URL") or f"{base}/paymentService",
    }
    if _env("FLEXPAY_ALLOW_PAYOUT") == "1":
        services["payout"] = _env("FLEXPAY_PAYOUT_URL") or f"{base}/merchantPayOutService"
    return services


def _same_host(url: str, other: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(other)[:2]


class _Target:
    """The host of a URL, and the peer to connect to: the host or the proxy."""

    def __init__(self, name: str, url: str) -> None:
        scheme, self.host, port, parts = _split_url(url, f"FLEXPAY_{name.upper()}_URL")
        self.is_tls = scheme == "https"
        self.port = port or (443 if self.is_tls else 80)
        self.path = parts.path or "/"
        self.proxy = _proxy()
        self.peer = (
            (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)
        )

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is not open yet."""
        connection = http.client.HTTPConnection(*self.peer, timeout=CONNECT_TIMEOUT_S)
        if self.proxy is not None:
            connection.set_tunnel(self.host, self.port, self.proxy.headers)
        return connection

    def secure(self, connection: http.client.HTTPConnection) -> Optional[str]:
        """Starts TLS on the connection and returns the TLS version."""
        context = ssl.create_default_context(cafile=_env("FLEXPAY_CA_FILE"))
        secured = context.wrap_socket(connection.sock, server_hostname=self.host)
        connection.sock = secured
        return secured.version()


def _service(name: str, url: str) -> Tuple[List[Finding], Optional[float]]:
    """Examines the steps of a connection to a service, up to the first that fails. Also returns by
    how many seconds this machine's clock is ahead of the service's clock, if that is known."""
    findings: List[Finding] = []
    step = "URL"
    started = time.monotonic()

    def passed(detail: str) -> None:
        duration_ms = (time.monotonic() - started) * 1000
        findings.append(Finding(f"{name} {step}", True, detail, duration_ms))

    def failed(reason: str) -> None:
        duration_ms = (time.monotonic() - started) * 1000
        detail = f"{reason}. {ADVICE[step]}"
        findings.append(Finding(f"{name} {step}", False, detail, duration_ms))

    try:
        target = _Target(name, url)

        step, started = "DNS", time.monotonic()
        addresses = {
            info[4][0] for info in socket.getaddrinfo(*target.peer, type=socket.SOCK_STREAM)
        }
        passed(f"{target.peer[0]} is {', '.join(sorted(map(str, addresses)))}")

        step, started = "connection", time.monotonic()
        with closing(target.connection()) as connection:
            connection.connect()
            proxy = "" if target.proxy is None else " through the proxy"
            passed(f"{target.host}:{target.port}{proxy}")

            if target.is_tls:
                step, started = "TLS", time.monotonic()
                version = target.secure(connection)
                trust = (
                    _env("FLEXPAY_CA_FILE")
                    or "this Python's certificate list (not the library's list)"
                )
                passed(f"{version}, certificate trusted by {trust}")
            else:
                findings.append(Finding(name + " TLS", None, "not used: the URL is plain http"))

            step, started = "HTTP", time.monotonic()
            connection.request("HEAD", "/")
            response = connection.getresponse()
            if response.status == 403:
                refused = (
                    "HTTP 403: this machine's IP address may not be allowed. Ask FlexPay about its"
                    " IP filter, and check for a firewall on the path"
                )
                findings.append(Finding(f"{name} {step}", False, refused))
            else:
                passed(f"HTTP {response.status}")
            date = _date(response.getheader("Date"))
            now = datetime.now(timezone.utc)
            return findings, None if date is None else (now - date).total_seconds()
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in UNKNOWN_ISSUER_CODES and _library_trusts(url):
            passed(
                "certificate trusted by the library, although its issuer is not on this Python's"
                " list"
            )
        else:
            failed(f"(according to this Python) {error}")
        return findings, None
    except (OSError, ValueError, http.client.HTTPException) as error:
        failed(f"{target.peer[0]}: {_reason(error)}" if step == "DNS" else _reason(error))
        return findings, None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _library_trusts(url: str) -> bool:
    """Whether the library can connect to this service: any reply proves it."""
    try:
        _check_unknown_order(url)
    except FlexPayError as error:
        return isinstance(
            error, (GatewayError, NotFoundError, RefusedError, ReplyError, UnauthorizedError)
        )
    return True


def _check_unknown_order(check_url: Optional[str]) -> None:
    """Checks an order that cannot exist. Sends one request, with all the other settings."""
    with Client(
        merchant=_env("FLEXPAY_MERCHANT") or "",
        token=_env("FLEXPAY_TOKEN") or "",
        environment=_env("FLEXPAY_ENVIRONMENT"),
        check_url=check_url,
        timeout_ms=_milliseconds("FLEXPAY_TIMEOUT_MS"),
        connect_timeout_ms=_milliseconds("FLEXPAY_CONNECT_TIMEOUT_MS"),
        ca_file=_env("FLEXPAY_CA_FILE"),
        proxy=_env("FLEXPAY_PROXY"),
        app_name=_env("FLEXPAY_APP_NAME"),
        allow_plain_http=_env("FLEXPAY_ALLOW_PLAIN_HTTP") == "1",
        system_roots=_env("FLEXPAY_SYSTEM_ROOTS") == "1",
        check_once=True,
    ) as client:
        client.check(UNKNOWN_ORDER)


def _check_token(send_request: bool = True) -> Finding:
    """Whether the gateway accepts the token, and whether the URL is a check service."""
    if not send_request:
        return Finding("check token", None, SKIPPED)
    started = time.monotonic()

    def finding(ok: bool, detail: str) -> Finding:
        duration_ms = (time.monotonic() - started) * 1000
        return Finding("check token", ok, detail, duration_ms)

    try:
        _check_unknown_order(_env("FLEXPAY_CHECK_URL"))
    except NotFoundError:
        return finding(
            True, "accepted: the gateway replied that the order of this test does not exist"
        )
    except UnauthorizedError as error:
        if error.http_status == 403:
            return finding(
                False,
                f"{error}. Ask FlexPay about its IP filter, and whether the token is yours",
            )
        return finding(
            False,
            f"{error}. Set FLEXPAY_TOKEN to the token that FlexPay gave you for this environment,"
            " complete and on one line",
        )
    except RefusedError as error:
        if error.http_status in (404, 405):
            return finding(
                False,
                f"HTTP {error.http_status}: this URL is not a check service. Set FLEXPAY_CHECK_URL"
                " to the URL without the order number, which ends in /api/rest/v1/check (or unset"
                " it to use FlexPay's own)",
            )
        return finding(False, f"{error}. Report this message to FlexPay")
    except ReplyError as error:
        return finding(
            False,
            f"{error}. Check FLEXPAY_CHECK_URL: FlexPay's ends in /api/rest/v1/check",
        )
    except GatewayError as error:
        return finding(
            False,
            f"{error}. Run this again in a few minutes; if it still fails, report this message to"
            " FlexPay",
        )
    except FlexPayError as error:
        return finding(
            False,
            f"{error.code.name}: {error}. This is the library's own connection; see above for the"
            " result of Python's",
        )
    return finding(True, f"accepted: the gateway even knows an order {UNKNOWN_ORDER!r}")


def _pay_api(url: str, send_request: bool = True) -> Finding:
    """Whether the URL is a payment service of the API that is set."""
    started = time.monotonic()
    api = _api()
    (other,) = set(PAY_PATHS) - {api}

    def finding(ok: Optional[bool], detail: str) -> Finding:
        duration_ms = (time.monotonic() - started) * 1000
        return Finding("pay API", ok, detail, duration_ms)

    other_api = (
        f"this URL is for api {other}. Set FLEXPAY_API={other}, or set FLEXPAY_PAY_URL to a URL"
        f" that ends in {PAY_PATHS[api][0]}"
    )
    path = urlsplit(url).path.rstrip("/")
    if path.endswith(PAY_PATHS[other]):
        return finding(False, other_api)
    if not send_request:
        return Finding("pay API", None, SKIPPED)
    try:
        status = _status_of_empty_request(url, api)
        if status in (404, 405, 410):
            return finding(
                False,
                f"HTTP {status}: this URL is not a payment service. Set FLEXPAY_PAY_URL to one that"
                f" ends in {PAY_PATHS[api][0]} (or unset it to use FlexPay's own)",
            )
        if status in (301, 308):
            return finding(
                False,
                f"HTTP {status}: the service has moved (redirects are not followed). Set"
                " FLEXPAY_PAY_URL to its new URL; if it has http://, try https://",
            )
        if status in (502, 503, 504):
            return finding(
                False, f"HTTP {status}: the gateway is failing. Try again in a few minutes"
            )
        if status in (400, 415):
            status_of_other = _status_of_empty_request(url, other)
            if status_of_other in (200, 401, 403, 422):
                return finding(False, other_api)
    except ssl.SSLCertVerificationError:
        return finding(None, "skipped: this Python does not trust the certificate's issuer")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return finding(False, f"{_reason(error)}. {ADVICE['HTTP']}")
    if status in (200, 401, 403, 422):
        return finding(
            True,
            f"accepts requests of api {api} (HTTP {status} to an empty request without the token)",
        )
    return finding(
        None,
        f"HTTP {status} to an empty request without the token: this does not show whether the URL"
        " is a payment service",
    )


def _status_of_empty_request(url: str, api: str) -> int:
    """The HTTP status of the reply to an empty request without the token."""
    target = _Target("pay", url)
    kind, body = EMPTY_REQUESTS[api]
    with closing(target.connection()) as connection:
        connection.connect()
        if target.is_tls:
            target.secure(connection)
        connection.request("POST", target.path, body, {"Content-Type": kind})
        return connection.getresponse().status


def _split_url(url: str, variable: str) -> Tuple[str, str, Optional[int], SplitResult]:
    """The scheme, host and port of a URL, and all its parts."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in ("http", "https"):
            return parts.scheme, parts.hostname, parts.port, parts
    except ValueError:
        pass
    # The message contains neither the URL nor Python's error: both may contain a password.
    raise ValueError(f"{variable} is not an http or https URL")


@dataclass(frozen=True)
class _Proxy:
    host: str
    port: int
    headers: Dict[str, str]


def _proxy() -> Optional[_Proxy]:
    url = _env("FLEXPAY_PROXY")
    if not url:
        return None
    _, host, port, parts = _split_url(url, "FLEXPAY_PROXY")
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    return _Proxy(host, port or 80, headers)


def _clock(ahead_s: Optional[float]) -> Finding:
    if ahead_s is None:
        return Finding("clock", None, "not examined: no service sent a date")
    where = "ahead of" if ahead_s >= 0 else "behind"
    detail = f"about {abs(ahead_s):.0f} s {where} the gateway's (which sends whole seconds only)"
    is_right = abs(ahead_s) <= CLOCK_TOLERANCE.total_seconds()
    return Finding("clock", is_right, detail + ("" if is_right else ". Set this machine's clock"))


def _date(header: Optional[str]) -> Optional[datetime]:
    try:
        date = parsedate_to_datetime(header or "")
    except (TypeError, ValueError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _api() -> str:
    return _env("FLEXPAY_API") or "v1"


def _milliseconds(name: str) -> Optional[int]:
    # The library has accepted the settings, so it is a number. There, 0 means the default.
    return int(_env(name) or 0) or None


def _env(name: str) -> Optional[str]:
    # As the library reads it: surrounding whitespace is removed, and empty means not set.
    return os.environ.get(name, "").strip() or None
