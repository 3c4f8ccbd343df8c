"""Fixtures: the sandbox, which runs once for all tests and is cleared before each."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

import flexpay

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "python"

# A shell starts background jobs with SIGINT ignored, and all their children inherit that. A handler
# is not inherited: with this one, the processes that the tests start can be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Long enough for a slow machine. A test only waits this long if something is broken.
TIMEOUT_S = 60.0

URLS = {
    "callback_url": "https://shop.example/callback",
    "approve_url": "https://shop.example/ok",
    "cancel_url": "https://shop.example/cancel",
    "decline_url": "https://shop.example/no",
}
ORDER: Dict[str, Any] = {"amount": "25.50", "currency": "USD", **URLS}
# For `pay_mobile` and `payout`. The sandbox decides about this number only on request.
WALLET: Dict[str, Any] = {
    "amount": "575",
    "currency": "CDF",
    "phone": "081 234 56 78",
    "callback_url": URLS["callback_url"],
}


def wait_until(condition: Callable[[], Any]) -> Any:
    """Calls `condition` until its result is true, and returns that result."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"the condition was not true within {TIMEOUT_S} s")


def read_env_file(file: Path) -> Dict[str, str]:
    """The variables of a shell file with lines `export NAME='value'` or `NAME=value`."""
    settings = {}
    for line in shlex.split(file.read_text(), comments=True):
        if line != "export":
            name, value = line.split("=", 1)
            settings[name] = value
    return settings


class Sandbox:
    """A running sandbox and its control API."""

    def __init__(self, env_file: Path) -> None:
        self.env_file = env_file
        self.settings = settings = read_env_file(env_file)
        self.url = settings["SANDBOX_URL"]
        self.https_url = settings["SANDBOX_HTTPS_URL"]
        self.ca_file = settings["FLEXPAY_CA_FILE"]
        self.merchant = settings["FLEXPAY_MERCHANT"]
        self.token = settings["FLEXPAY_TOKEN"]

    def control(self, method: str, path: str, value: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/sandbox/api/{path}",
            method=method,
            data=None if value is None else json.dumps(value).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            text = response.read()
        return json.loads(text) if text else None

    def inject(self, on: str, kind: str, *, times: Optional[int] = 1, **action: Any) -> None:
        """Injects a fault into the next requests; `times=None`: into all."""
        self.control(
            "POST", "faults", {"on": on, "times": times, "action": {"kind": kind, **action}}
        )

    def decide(self, order: str, decision: str, *, callback: bool = False) -> None:
        value = {"decision": decision, "callback": callback}
        self.control("POST", f"payments/{order}/decide", value)

    def requests(self, endpoint: str) -> List[Dict[str, Any]]:
        return [one for one in self.control("GET", "requests") if one["endpoint"] == endpoint]

    def wait_for_request(self, endpoint: str) -> None:
        wait_until(lambda: [one for one in self.requests(endpoint) if one["complete"]])

    def arguments(self, *, tls: bool = False, **others: Any) -> Dict[str, Any]:
        base = self.https_url if tls else self.url
        arguments: Dict[str, Any] = {
            "merchant": self.merchant,
            "token": self.token,
            "api": flexpay.Api.V1_1,
            "pay_url": base + "/v1.1/pay",
            "check_url": base + "/api/rest/v1/check",
            "mobile_url": base + "/api/rest/v1/paymentService",
            "payout_url": base + "/api/rest/v1/merchantPayOutService",
        }
        if tls:
            arguments["ca_file"] = self.ca_file
        return {**arguments, **others}

    def client(self, **arguments: Any) -> flexpay.Client:
        return flexpay.Client(**self.arguments(**arguments))

    def environment(self, **others: str) -> Dict[str, str]:
        """The environment of a program that uses this sandbox."""
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("FLEXPAY_", "SANDBOX_"))
        }
        return {
            **inherited,
            **self.settings,
            "FLEXPAY_LIBRARY": os.environ["FLEXPAY_LIBRARY"],
            "FLEXPAY_PROGRAM": os.environ["FLEXPAY_PROGRAM"],
            "PYTHONPATH": str(PACKAGE),
            "PYTHONIOENCODING": "utf-8",
            # The program speaks the user's language.
            "LC_ALL": "C.UTF-8",
            **others,
        }


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    env_file = tmp_path_factory.mktemp("sandbox") / "env"
    vectors = ["--vectors", str(ROOT / "tests" / "vectors")]
    addresses = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    process = subprocess.Popen(
        [os.environ["SANDBOX_BIN"], "serve", *addresses, "--env-file", str(env_file), *vectors],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(env_file.exists)
        yield Sandbox(env_file)
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.control("POST", "clear")
    running_sandbox.control("DELETE", "faults")
    return running_sandbox


class Servers:
    """The database servers, which are started when they are first used."""

    def __init__(self) -> None:
        self.running: Dict[str, Any] = {}

    def of(self, driver: str) -> Any:
        """The server that this driver connects to; None for SQLite."""
        import databases

        kind = {"pymysql": databases.Mariadb, "sqlite3": None}.get(driver, databases.Postgresql)
        if kind is None:
            return None
        if kind.driver not in self.running:
            self.running[kind.driver] = kind()
        return self.running[kind.driver]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    for server in servers.running.values():
        server.stop()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[flexpay.Client]:
    with sandbox.client() as new_client:
        yield new_client


def new_payment(client: flexpay.Client, reference: str = "R-1") -> str:
    """Creates a payment and returns its order number."""
    order = client.pay(reference=reference, **ORDER).order_number
    assert order is not None
    return order


def python(script: str, environment: Dict[str, str], **options: Any) -> subprocess.Popen[str]:
    """A new Python process that runs `script`."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **options,
    )
