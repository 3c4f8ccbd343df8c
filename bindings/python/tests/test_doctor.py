"""What the doctor says of set-ups, good and bad."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from typing import Any, Dict, Optional, Tuple

import pytest
from conftest import PATIENCE_S, Sandbox, python

from flexpay import _doctor

RUN = "import sys; from flexpay._command import main; sys.exit(main({!r}))"


def over_tls(sandbox: Sandbox, **others: str) -> Dict[str, str]:
    return sandbox.environment(
        **{
            "FLEXPAY_PAY_URL": sandbox.https_url + "/v1.1/pay",
            "FLEXPAY_CHECK_URL": sandbox.https_url + "/api/rest/v1/check",
            **others,
        }
    )


def examined(environment: Dict[str, str], *options: str) -> Tuple[int, Dict[str, Dict[str, Any]]]:
    """The exit status, and the findings by name."""
    process = python(RUN.format(["doctor", "--json", *options]), environment)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert errors == ""
    told = json.loads(output)
    assert (environment["FLEXPAY_TOKEN"] or "(none)") not in output
    assert told["ok"] is (process.returncode == 0)
    return process.returncode, {one["name"]: one for one in told["findings"]}


def jwt(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2lnbmF0dXJl"


def test_a_good_set_up(sandbox: Sandbox) -> None:
    environment = over_tls(sandbox)
    status, findings = examined(environment)
    assert status == 0
    assert set(findings) == {
        "library",
        "settings",
        "token",
        *(
            f"{service} {step}"
            for service in ("pay", "check")
            for step in ("name", "connection", "TLS", "answer")
        ),
        "pay form",
        "check token",
        "clock",
        "not looked at",
    }
    assert findings.pop("not looked at")["ok"] is None
    assert all(one["ok"] for one in findings.values())
    assert environment["FLEXPAY_LIBRARY"] in findings["library"]["detail"]
    assert "version 0.1.0, ABI 1" in findings["library"]["detail"]
    assert "expires on 2100-01-01" in findings["token"]["detail"]
    assert "TLSv1." in findings["check TLS"]["detail"]
    assert sandbox.ca_file in findings["check TLS"]["detail"]
    assert findings["pay TLS"]["duration_ms"] > 0
    assert "approximate" in findings["clock"]["detail"]
    assert findings["settings"]["detail"] == (
        "merchant ZANDO, api v1.1, payments to "
        f"{environment['FLEXPAY_PAY_URL']}, checks to {environment['FLEXPAY_CHECK_URL']}"
    )
    # Nothing was paid, and one order was asked about, which cannot exist.
    (pay,) = sandbox.requests("pay")
    assert pay["body"] == "{}"
    assert "authorization" not in dict(pay["headers"])
    (check,) = sandbox.requests("check")
    assert check["path"].endswith("/check/flexpay-doctor")
    assert sandbox.control("GET", "payments") == []


def test_nothing_is_asked_where_it_is_not_to_be(sandbox: Sandbox) -> None:
    status, findings = examined(over_tls(sandbox, FLEXPAY_TOKEN="nonsense"), "--no-ask")
    assert status == 0
    for question in ("pay form", "check token"):
        assert findings[question]["ok"] is None
        assert findings[question]["detail"] == "not asked, as you wished"
    assert sandbox.requests("pay") + sandbox.requests("check") == []


def test_an_ending_is_seen_without_a_question(sandbox: Sandbox) -> None:
    status, findings = examined(sandbox.environment(FLEXPAY_API="v1"), "--no-ask")
    assert status == 1
    assert "for the other form (api)" in findings["pay form"]["detail"]
    assert "api v1 (whose payments have no order number" in findings["settings"]["detail"]
    assert sandbox.requests("pay") == []


def test_a_stranger_is_told(sandbox: Sandbox) -> None:
    environment = over_tls(sandbox, FLEXPAY_TOKEN="nonsense", FLEXPAY_MERCHANT="NOBODY")
    status, findings = examined(environment)
    assert status == 1
    assert findings["check token"]["ok"] is False
    assert "did not accept the token (HTTP 401)" in findings["check token"]["detail"]
    assert "Set FLEXPAY_TOKEN to the token that FlexPay gave you" in str(findings)
    assert findings["not looked at"]["detail"].startswith("the merchant code (only a payment ")


@pytest.mark.parametrize("api", ["v1", "v1.1"])
def test_an_address_without_payments(sandbox: Sandbox, api: str) -> None:
    url = sandbox.url + "/nowhere"
    status, findings = examined(
        sandbox.environment(FLEXPAY_API=api, FLEXPAY_PAY_URL=url, FLEXPAY_CHECK_URL=url)
    )
    assert status == 1
    assert findings["pay form"]["ok"] is False
    assert findings["pay form"]["detail"] == (
        "HTTP 404: no payments are taken at this address. Set FLEXPAY_PAY_URL to one that ends in "
        f"/{api}/pay (or unset it, for FlexPay's own)"
    )
    assert findings["check token"]["ok"] is False
    assert findings["check token"]["detail"].startswith("HTTP 404: no checks are answered at this")
    assert "which ends in /api/rest/v1/check" in findings["check token"]["detail"]


@pytest.mark.parametrize(("api", "other"), [("v1", "v1.1"), ("v1.1", "v1")])
def test_an_address_of_the_other_form(
    sandbox: Sandbox, api: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{sandbox.url}/{other}/pay"
    status, findings = examined(sandbox.environment(FLEXPAY_API=api, FLEXPAY_PAY_URL=url))
    words = (
        f"this address is for the other form (api). Set FLEXPAY_API={other}, or set FLEXPAY_PAY_URL"
        f" to an address that ends in /{api}/pay"
    )
    assert status == 1
    assert (findings["pay form"]["ok"], findings["pay form"]["detail"]) == (False, words)
    # By what it answers, where its ending does not say it.
    monkeypatch.setenv("FLEXPAY_API", api)
    monkeypatch.setattr(_doctor, "ENDINGS", {api: (f"/{api}/pay",), other: ("/other/pay",)})
    found = _doctor._pay_form(url)
    assert (found.ok, found.detail) == (False, words)


@pytest.mark.parametrize(
    ("answer", "ok", "word"),
    [
        (301, False, "the service has moved from this address"),
        (302, None, "cannot be told from it"),
        (405, False, "no payments are taken at this address"),
        (422, True, "takes requests of api v1.1"),
        (500, None, "cannot be told from it"),
        (503, False, "the gateway is failing"),
    ],
)
def test_what_the_pay_address_says(
    sandbox: Sandbox, answer: int, ok: Optional[bool], word: str
) -> None:
    sandbox.inject("pay", "reply", status=answer, body="")
    status, findings = examined(sandbox.environment())
    assert status == (1 if ok is False else 0)
    assert findings["pay form"]["ok"] is ok
    assert word in findings["pay form"]["detail"]
    assert sandbox.control("GET", "payments") == []


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"kind": "html", "status": 200}, "Check FLEXPAY_CHECK_URL, which ends in /api/rest/v1"),
        ({"kind": "reply", "status": 503, "body": ""}, "Run this again in some minutes"),
        ({"kind": "reply", "status": 403, "body": "{}"}, "Ask FlexPay about its address filter"),
        ({"kind": "reply", "status": 422, "body": "{}"}, "Show FlexPay these words"),
        ({"kind": "stall_after", "bytes": 0}, "TIMEOUT: "),
    ],
)
def test_what_the_check_address_says(sandbox: Sandbox, fault: Dict[str, Any], word: str) -> None:
    sandbox.inject("check", times=None, **fault)
    status, findings = examined(sandbox.environment(FLEXPAY_TIMEOUT_MS="1000"))
    assert status == 1
    assert findings["check token"]["ok"] is False
    assert word in findings["check token"]["detail"]


def test_in_words(sandbox: Sandbox) -> None:
    process = python(RUN.format(["doctor"]), over_tls(sandbox))
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0].startswith("✓ library: ")
    assert [line for line in lines if not line.startswith("✓ ")] == lines[-1:]
    assert lines[-1].startswith("- not looked at: ")
    assert sandbox.token not in output
    assert "✓ check TLS: TLSv1." in output
    assert " ms)" in output


def test_on_a_terminal_without_marks(sandbox: Sandbox) -> None:
    environment = over_tls(sandbox, PYTHONIOENCODING="ascii", FLEXPAY_MERCHANT="")
    process = python(RUN.format(["doctor"]), environment)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (1, "")
    assert output.startswith("ok library: ")
    assert "FAILED settings: FLEXPAY_MERCHANT" in output


def test_plain_http_is_named(sandbox: Sandbox) -> None:
    status, findings = examined(sandbox.environment())
    assert status == 0
    assert findings["pay TLS"]["ok"] is None
    assert "plain http" in findings["pay TLS"]["detail"]


@pytest.mark.parametrize(
    ("variables", "sick", "word"),
    [
        ({"FLEXPAY_LIBRARY": "/nowhere/libflexpay.so"}, "library", "/nowhere/libflexpay.so"),
        ({"FLEXPAY_MERCHANT": ""}, "settings", "FLEXPAY_MERCHANT"),
        ({"FLEXPAY_TOKEN": ""}, "token", "FLEXPAY_TOKEN is not set"),
        ({"FLEXPAY_TOKEN": jwt({"exp": 1_600_000_000})}, "token", "expired on 2020-09-13"),
        ({"FLEXPAY_PAY_URL": "https://nowhere.invalid/pay"}, "pay name", ""),
        ({"FLEXPAY_CHECK_URL": "http://127.0.0.1:1/check"}, "check connection", "refused"),
        ({"FLEXPAY_CHECK_URL": "nonsense"}, "settings", "check_url"),
        ({"FLEXPAY_ENVIRONMENT": "tset"}, "settings", "FLEXPAY_ENVIRONMENT"),
        ({"FLEXPAY_CA_FILE": ""}, "check TLS", "certificate"),
        ({"FLEXPAY_CA_FILE": "/nowhere/ca.pem"}, "settings", ". Mend FLEXPAY_CA_FILE in "),
        ({"FLEXPAY_API": "v3"}, "settings", ". Mend FLEXPAY_API in "),
        ({"FLEXPAY_PROXY": "http://127.0.0.1:1"}, "pay connection", "refused"),
        ({"FLEXPAY_PROXY": "http://user:canary@:1"}, "settings", "proxy"),
        ({"FLEXPAY_PROXY": "http://user:s3/canary@proxy.local:3128"}, "settings", "proxy"),
        ({"FLEXPAY_PAY_URL": "https://user:s3/canary@host.local/pay"}, "settings", "pay_url"),
    ],
)
def test_what_is_wrong_is_named(
    sandbox: Sandbox, variables: Dict[str, str], sick: str, word: str
) -> None:
    status, findings = examined(over_tls(sandbox, **variables))
    assert status == 1
    assert findings[sick]["ok"] is False
    assert word in findings[sick]["detail"]
    assert "canary" not in str(findings)
    assert "'s3'" not in str(findings)
    # Refused settings are not taken for others: no host is looked for.
    assert ("services" in findings) is (findings["settings"]["ok"] is not True)
    assert ("pay name" in findings) is (findings["settings"]["ok"] is True) or sick == "pay name"


@pytest.mark.parametrize("address", ["http://user:s3/canary@host:1", "http://[canary", "canary"])
def test_an_address_that_is_none_is_not_repeated(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLEXPAY_PROXY", raising=False)
    findings, _ = _doctor._service("pay", address)
    assert findings[-1].detail.startswith("FLEXPAY_PAY_URL is no http or https address. Write")
    monkeypatch.setenv("FLEXPAY_PROXY", address)
    findings, _ = _doctor._service("pay", "https://127.0.0.1:1/")
    assert findings[-1].detail.startswith("FLEXPAY_PROXY is no http or https address. Write")
    assert "canary" not in findings[-1].detail


def test_the_library_has_the_last_word_on_an_issuer(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in over_tls(sandbox).items():
        if name.startswith("FLEXPAY_"):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("FLEXPAY_PROXY", raising=False)
    empty = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile: empty)
    for name in ("pay", "check"):
        url = f"{sandbox.https_url}/{name}"
        findings, ahead = _doctor._service(name, url)
        assert ahead is None
        assert (findings[-1].name, findings[-1].ok) == (name + " TLS", True)
        assert "trusted by the library, though" in findings[-1].detail
    monkeypatch.delenv("FLEXPAY_CA_FILE")
    findings, _ = _doctor._service("check", sandbox.https_url)
    assert findings[-1].ok is False
    assert "this Python's verdict" in findings[-1].detail


@pytest.mark.parametrize(
    "token", ["plain", "a.b.c", jwt([]), jwt({"exp": "x"}), jwt({"exp": 1e99})]
)
def test_a_token_that_does_not_tell_its_end(sandbox: Sandbox, token: str) -> None:
    status, findings = examined(over_tls(sandbox, FLEXPAY_TOKEN=token))
    assert findings["token"]["ok"] is True
    assert findings["token"]["detail"] == "present; when it expires cannot be read from it"
    # But the gateway is asked, and does not take it.
    assert status == 1
    assert findings["check token"]["ok"] is False


def test_a_bearer_token(sandbox: Sandbox) -> None:
    _, findings = examined(over_tls(sandbox, FLEXPAY_TOKEN="Bearer " + sandbox.token))
    assert "expires on 2100-01-01" in findings["token"]["detail"]


def test_a_machine_that_the_gateway_does_not_let_in() -> None:
    class Filter(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(403)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Filter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        findings, _ = _doctor._service("check", f"http://127.0.0.1:{server.server_port}/check")
        server.shutdown()
    (answer,) = [one for one in findings if one.name == "check answer"]
    assert answer.ok is False
    assert "address filter" in answer.detail
