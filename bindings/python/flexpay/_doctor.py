"""What is wrong with a set-up: `python -m flexpay doctor`.

Nothing is asked of the gateway but the head of its front page, without the token. The connections
are Python's own, not the library's, so that each step can be told and timed. Only where Python does
not know a certificate's issuer is the library asked too, by a check of no order, which carries it.
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

from . import _abi
from ._client import Client
from ._errors import (
    FlexPayError,
    GatewayError,
    NotFoundError,
    RefusedError,
    ReplyError,
    UnauthorizedError,
)

# The hosts of include/flexpay.h, for an environment without addresses of its own.
HOSTS: Dict[str, Tuple[str, str]] = {
    "live": ("cardpayment.flexpay.cd", "backend.flexpay.cd"),
    "test": ("beta-cardpayment.flexpay.cd", "beta-backend.flexpay.cd"),
}

CONNECT_TIMEOUT_S = 10.0
# OpenSSL's numbers: an issuer that is not on the list, the chain's own root, the server's own.
UNKNOWN_ISSUER = (18, 19, 20, 21)
CLOCK_TOLERANCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    #: None: nothing to be judged.
    ok: Optional[bool]
    detail: str
    duration_ms: Optional[float] = None


def examine() -> List[Finding]:
    """Looks at everything, and goes on after what is wrong."""
    return list(_examine())


def _examine() -> Iterator[Finding]:
    yield _library()
    settings = _settings()
    yield settings
    yield _token()
    if not settings.ok:
        # Which services they mean is not known then.
        yield Finding("services", None, "not looked at: the settings are refused")
        return
    ahead = None
    for name, url in _services():
        findings, seen = _service(name, url)
        yield from findings
        ahead = ahead if seen is None else seen
    yield _clock(ahead)


def _library() -> Finding:
    from . import __version__

    try:
        library = _abi.library()
    except FlexPayError as error:
        return Finding("library", False, str(error))
    version = library.functions.flexpay_version().decode()
    abi_version = library.functions.flexpay_abi_version()
    detail = f"{library.path}, version {version}, ABI {abi_version}"
    return Finding(
        "library", True, f"{detail}; package {__version__}, Python {platform.python_version()}"
    )


def _settings() -> Finding:
    try:
        Client.from_env().close()
    except FlexPayError as error:
        return Finding("settings", False, str(error))
    return Finding(
        "settings",
        True,
        f"merchant {_variable('FLEXPAY_MERCHANT')}, environment {_environment()}",
    )


def _token() -> Finding:
    token = _variable("FLEXPAY_TOKEN")
    if not token:
        return Finding("token", False, "FLEXPAY_TOKEN is not set")
    expiry = _expiry(token)
    if expiry is None:
        return Finding("token", True, "present; when it expires cannot be read from it")
    left = expiry - datetime.now(timezone.utc)
    when = expiry.strftime("%Y-%m-%d %H:%M UTC")
    if left <= timedelta(0):
        return Finding("token", False, f"expired on {when}: ask FlexPay for a new one")
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


def _services() -> List[Tuple[str, str]]:
    pay, check = HOSTS[_environment()]
    return [
        ("pay", _variable("FLEXPAY_PAY_URL") or "https://" + pay),
        ("check", _variable("FLEXPAY_CHECK_URL") or "https://" + check),
    ]


def _service(name: str, url: str) -> Tuple[List[Finding], Optional[float]]:
    """Goes through a service's steps up to the first that fails; and by how many seconds this
    machine's clock is ahead of what it told, if it told."""
    findings: List[Finding] = []
    step = "address"
    started = time.monotonic()

    def found(detail: str) -> None:
        took = (time.monotonic() - started) * 1000
        findings.append(Finding(f"{name} {step}", True, detail, took))

    try:
        scheme, host, port, _ = _parts(url, f"FLEXPAY_{name.upper()}_URL")
        is_tls = scheme == "https"
        port = port or (443 if is_tls else 80)
        proxy = _proxy()
        peer = (host, port) if proxy is None else (proxy.host, proxy.port)

        step, started = "name", time.monotonic()
        addresses = {info[4][0] for info in socket.getaddrinfo(*peer, type=socket.SOCK_STREAM)}
        found(f"{peer[0]} is {', '.join(sorted(map(str, addresses)))}")

        step, started = "connection", time.monotonic()
        connection = http.client.HTTPConnection(*peer, timeout=CONNECT_TIMEOUT_S)
        if proxy is not None:
            connection.set_tunnel(host, port, proxy.headers)
        with closing(connection):
            connection.connect()
            found(f"{host}:{port}{'' if proxy is None else ' through the proxy'}")

            if is_tls:
                step, started = "TLS", time.monotonic()
                authorities = _variable("FLEXPAY_CA_FILE")
                context = ssl.create_default_context(cafile=authorities)
                connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
                trust = authorities or "this Python's list (the library has its own)"
                found(f"{connection.sock.version()}, certificate trusted by {trust}")
            else:
                findings.append(Finding(name + " TLS", None, "plain http, by its address"))

            step, started = "answer", time.monotonic()
            connection.request("HEAD", "/")
            answer = connection.getresponse()
            if answer.status == 403:
                refused = (
                    "HTTP 403: the address of this machine may not be allowed; ask FlexPay about"
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
            findings.append(Finding(f"{name} {step}", False, f"(this Python's verdict) {error}"))
        return findings, None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        took = (time.monotonic() - started) * 1000
        findings.append(Finding(f"{name} {step}", False, reason, took))
        return findings, None


def _library_trusts(url: str) -> bool:
    """Whether the library's own connection reaches this service: any answer at all proves it.

    It asks about an order that does not exist.
    """
    try:
        with Client(
            merchant=_variable("FLEXPAY_MERCHANT") or "",
            token=_variable("FLEXPAY_TOKEN") or "",
            check_url=url,
            ca_file=_variable("FLEXPAY_CA_FILE"),
            proxy=_variable("FLEXPAY_PROXY"),
            check_once=True,
        ) as client:
            client.check("flexpay-doctor")
    except FlexPayError as error:
        return isinstance(
            error, (GatewayError, NotFoundError, RefusedError, ReplyError, UnauthorizedError)
        )
    return True


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
    return Finding("clock", abs(ahead) <= CLOCK_TOLERANCE.total_seconds(), detail)


def _date(header: Optional[str]) -> Optional[datetime]:
    try:
        date = parsedate_to_datetime(header or "")
    except (TypeError, ValueError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _environment() -> str:
    return _variable("FLEXPAY_ENVIRONMENT") or "live"


def _variable(name: str) -> Optional[str]:
    return os.environ.get(name) or None
