"""The locals of an exception's frames, which error trackers show, contain no secret."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from conftest import ORDER, PACKAGE, WALLET, Sandbox

import flexpay
from flexpay import AsyncClient, Client

# Values that no log may show. The distinctive part is short, because trackers truncate long texts.
TOKEN, SECRET, PREVIOUS, PROXY = (f"{name}-5d41402abc4b2a76" for name in "tspq")
SECRETS = [TOKEN, SECRET, PREVIOUS, PROXY]
SETTINGS: Dict[str, Any] = {
    "merchant": "M",
    "token": TOKEN,
    "callback_secret": SECRET,
    "callback_secret_previous": PREVIOUS,
    "proxy": f"http://user:{PROXY}@127.0.0.1:1",
    "pay_url": "http://127.0.0.1:1/v1.1/pay",
    "check_url": "http://127.0.0.1:1/check",
    "mobile_url": "http://127.0.0.1:1/paymentService",
    "payout_url": "http://127.0.0.1:1/merchantPayOutService",
    "allow_payout": True,
    "trace": True,
    "api": 1,
    "timeout_ms": 2000,
    "allow_plain_http": True,
}
BODY = b'{"code":"0","reference":"R-1","orderNumber":"O-1"}'


def errors_of(error: Optional[BaseException]) -> Iterator[BaseException]:
    """An error, its causes and its contexts."""
    if error is not None:
        yield error
        yield from errors_of(error.__cause__)
        yield from errors_of(error.__context__)


def frames_of(error: BaseException) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """The name and the locals of each frame of this package."""
    traceback: Optional[TracebackType] = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename.startswith(str(PACKAGE / "flexpay")):
            yield code.co_name, traceback.tb_frame.f_locals
        traceback = traceback.tb_next


def shown(value: object) -> Iterator[str]:
    """A value and its items or fields, as trackers show them."""
    yield repr(value)
    if isinstance(value, dict):
        yield from map(repr, value.values())
    elif isinstance(value, (list, tuple, set)):
        yield from map(repr, value)
    elif hasattr(value, "_fields_"):
        yield from (repr(getattr(value, name)) for name, _ in value._fields_)
    # A ctypes reference contains its struct.
    if hasattr(value, "_obj"):
        yield from shown(value._obj)
    yield from map(repr, getattr(value, "__dict__", {}).values())


def checked_frames(call: Callable[[], object]) -> List[str]:
    """Asserts that a call raises an error whose frames show no secret, and returns their names."""
    with pytest.raises((flexpay.FlexPayError, TypeError)) as caught:
        call()
    names = []
    for error in errors_of(caught.value):
        assert not any(secret in repr(error) for secret in SECRETS)
        for name, variables in frames_of(error):
            names.append(name)
            for variable, value in variables.items():
                for text in shown(value):
                    found = [secret for secret in SECRETS if secret in text]
                    assert not found, f"{variable} in {name} shows {found}"
    return names


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "invalid",
    [
        *(
            {name: SETTINGS[name] + bad}
            for name in ("token", "callback_secret")
            for bad in "\0\ud800"
        ),
        *({name: SETTINGS[name] + "\0"} for name in ("proxy", "callback_secret_previous")),
        *({name: SETTINGS[name].encode()} for name in ("token", "proxy", "callback_secret")),
        {"token": [TOKEN]},
        # A line ending in a header; an invalid URL; a secret that is too short.
        {"token": TOKEN + "\r\nX: y"},
        {"proxy": f"nonsense://user:{PROXY}@"},
        {"callback_secret": "short"},
        {"merchant": ""},
        {"merchant": None},
        {"timeout_ms": -1},
        {"timeout_ms": "1"},
        {"check_once": 1},
        {"ca_file": "/nowhere/ca.pem"},
    ],
)
def test_an_error_of_a_new_client(kind: Any, invalid: Dict[str, Any]) -> None:
    assert "__init__" in checked_frames(lambda: kind(**{**SETTINGS, **invalid}))


def test_an_error_of_a_client_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXPAY_MERCHANT", "M")
    monkeypatch.setenv("FLEXPAY_TOKEN", TOKEN)
    monkeypatch.setenv("FLEXPAY_TIMEOUT_MS", "soon")
    assert "from_env" in checked_frames(Client.from_env)
    assert "from_env" in checked_frames(AsyncClient.from_env)


CALLS: Dict[str, Callable[[Any], Any]] = {
    "pay": lambda client: client.pay(reference="R-1", **ORDER),
    "pay_mobile": lambda client: client.pay_mobile(reference="R-1", **WALLET),
    "payout": lambda client: client.payout(reference="R-1", **WALLET),
    "check": lambda client: client.check("O-1"),
    "wait": lambda client: client.wait("O-1", timeout_ms=300),
    "verify_callback": lambda client: client.verify_callback(
        BODY, reference="R-1", amount=1, currency="USD"
    ),
    "pay, invalid": lambda client: client.pay(reference="R-1", **{**ORDER, "amount": 0.5}),
}


@pytest.mark.parametrize("name", list(CALLS))
def test_an_error_of_a_call(name: str) -> None:
    async def main() -> None:
        async with AsyncClient(**SETTINGS) as client:
            await CALLS[name](client)

    with Client(**SETTINGS) as client:
        assert checked_frames(lambda: CALLS[name](client))
    assert checked_frames(lambda: asyncio.run(main()))


def test_an_error_of_the_gateway(sandbox: Sandbox) -> None:
    with sandbox.client(token=TOKEN) as client:
        assert "pay" in checked_frames(lambda: client.pay(reference="R-1", **ORDER))
        assert "check" in checked_frames(lambda: client.check("O-1"))
