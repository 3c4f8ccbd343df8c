"""What an error tracker would show: the locals of every frame of an exception."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from conftest import ORDER, PACKAGE, Sandbox

import flexpay
from flexpay import AsyncClient, Client

# What no log may show, each recognised by its middle: trackers cut long texts.
TOKEN, SECRET, PREVIOUS, PROXY = (f"{name}-5d41402abc4b2a76" for name in "tspq")
HIDDEN = [TOKEN, SECRET, PREVIOUS, PROXY]
SETTINGS: Dict[str, Any] = {
    "merchant": "M",
    "token": TOKEN,
    "callback_secret": SECRET,
    "callback_secret_previous": PREVIOUS,
    "proxy": f"http://user:{PROXY}@127.0.0.1:1",
    "pay_url": "http://127.0.0.1:1/v1.1/pay",
    "check_url": "http://127.0.0.1:1/check",
    "api": 1,
    "timeout_ms": 2000,
    "allow_plain_http": True,
}
BODY = b'{"code":"0","reference":"R-1","orderNumber":"O-1"}'


def errors_of(error: Optional[BaseException]) -> Iterator[BaseException]:
    """An error, and those it came of."""
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
    """A value as trackers show it, and what is in it."""
    yield repr(value)
    if isinstance(value, dict):
        yield from map(repr, value.values())
    elif isinstance(value, (list, tuple, set)):
        yield from map(repr, value)
    elif hasattr(value, "_fields_"):
        yield from (repr(getattr(value, name)) for name, _ in value._fields_)
    # A ctypes reference leads on to its struct.
    if hasattr(value, "_obj"):
        yield from shown(value._obj)
    yield from map(repr, getattr(value, "__dict__", {}).values())


def look(call: Callable[[], object]) -> List[str]:
    """The frames of the error that a call ends with. None shows what is hidden."""
    with pytest.raises((flexpay.FlexPayError, TypeError)) as caught:
        call()
    looked_at = []
    for error in errors_of(caught.value):
        assert not any(hidden in repr(error) for hidden in HIDDEN)
        for name, variables in frames_of(error):
            looked_at.append(name)
            for variable, value in variables.items():
                for text in shown(value):
                    found = [hidden for hidden in HIDDEN if hidden in text]
                    assert not found, f"{variable} in {name} shows {found}"
    return looked_at


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {name: SETTINGS[name] + bad}
            for name in ("token", "callback_secret")
            for bad in "\0\ud800"
        ),
        *({name: SETTINGS[name] + "\0"} for name in ("proxy", "callback_secret_previous")),
        *({name: SETTINGS[name].encode()} for name in ("token", "proxy", "callback_secret")),
        {"token": [TOKEN]},
        # A line end in a header; an address that is none; too short a secret.
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
def test_an_error_of_a_new_client(kind: Any, wrong: Dict[str, Any]) -> None:
    assert "__init__" in look(lambda: kind(**{**SETTINGS, **wrong}))


def test_an_error_of_a_client_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXPAY_MERCHANT", "M")
    monkeypatch.setenv("FLEXPAY_TOKEN", TOKEN)
    monkeypatch.setenv("FLEXPAY_TIMEOUT_MS", "soon")
    assert "from_env" in look(Client.from_env)
    assert "from_env" in look(AsyncClient.from_env)


CALLS: Dict[str, Callable[[Any], Any]] = {
    "pay": lambda client: client.pay(reference="R-1", **ORDER),
    "check": lambda client: client.check("O-1"),
    "wait": lambda client: client.wait("O-1", timeout_ms=300),
    "verify_callback": lambda client: client.verify_callback(
        BODY, reference="R-1", amount=1, currency="USD"
    ),
    "wrong": lambda client: client.pay(reference="R-1", **{**ORDER, "amount": 0.5}),
}


@pytest.mark.parametrize("name", list(CALLS))
def test_an_error_of_a_call(name: str) -> None:
    async def main() -> None:
        async with AsyncClient(**SETTINGS) as client:
            await CALLS[name](client)

    with Client(**SETTINGS) as client:
        assert look(lambda: CALLS[name](client))
    assert look(lambda: asyncio.run(main()))


def test_an_error_of_the_gateway(sandbox: Sandbox) -> None:
    with sandbox.client(token=TOKEN) as client:
        assert "pay" in look(lambda: client.pay(reference="R-1", **ORDER))
        assert "check" in look(lambda: client.check("O-1"))
