"""`flexpay doctor` with valid and invalid setups."""

from __future__ import annotations

import base64
import http.server
import json
import os
import ssl
import threading
from typing import Any, Dict, Optional, Tuple

import pytest
from conftest import ROOT, TIMEOUT_S, Sandbox, python

from flexpay import _doctor

RUN = "import sys; from flexpay._command import main; sys.exit(main({!r}))"


def over_tls(sandbox: Sandbox, **others: str) -> Dict[str, str]:
    return sandbox.environment(
        **{
            "FLEXPAY_PAY_URL": sandbox.https_url + "/v1.1/pay",
            "FLEXPAY_CHECK_URL": sandbox.https_url + "/api/rest/v1/check",
            "FLEXPAY_MOBILE_URL": sandbox.https_url + "/api/rest/v1/paymentService",
            "FLEXPAY_PAYOUT_URL": sandbox.https_url + "/api/rest/v1/merchantPayOutService",
            **others,
        }
    )


def run_doctor(environment: Dict[str, str], *options: str) -> Tuple[int, Dict[str, Dict[str, Any]]]:
    """The exit status, and the findings by name."""
    process = python(RUN.format(["doctor", "--json", *options]), environment)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert errors == ""
    result = json.loads(output)
    assert (environment["FLEXPAY_TOKEN"] or "(none)") not in output
    assert result["ok"] is (process.returncode == 0)
    return process.returncode, {one["name"]: one for one in result["findings"]}


def jwt(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2lnbmF0dXJl"


def test_a_valid_setup(sandbox: Sandbox) -> None:
    environment = over_tls(sandbox)
    status, findings = run_doctor(environment)
    assert status == 0
    assert set(findings) == {
        "library",
        "settings",
        "token",
        *(
            f"{service} {step}"
            for service in ("pay", "check")
            for step in ("DNS", "connection", "TLS", "HTTP")
        ),
        "pay API",
        "check token",
        "clock",
        "not examined",
    }
    assert findings.pop("not examined")["ok"] is None
    assert all(one["ok"] for one in findings.values())
    assert environment["FLEXPAY_LIBRARY"] in findings["library"]["detail"]
    assert "version 0.1.0, ABI 1" in findings["library"]["detail"]
    assert "expires on 2100-01-01" in findings["token"]["detail"]
    assert "TLSv1." in findings["check TLS"]["detail"]
    assert sandbox.ca_file in findings["check TLS"]["detail"]
    assert findings["pay TLS"]["duration_ms"] > 0
    assert "whole seconds" in findings["clock"]["detail"]
    assert findings["settings"]["detail"] == (
        "merchant ZANDO, api v1.1, payments to "
        f"{environment['FLEXPAY_PAY_URL']}, mobile payments to"
        f" {environment['FLEXPAY_MOBILE_URL']}, no payouts, checks to"
        f" {environment['FLEXPAY_CHECK_URL']}"
    )
    # No payment was created, and one order was checked, which cannot exist.
    (pay,) = sandbox.requests("pay")
    assert pay["body"] == "{}"
    assert "authorization" not in dict(pay["headers"])
    (check,) = sandbox.requests("check")
    assert check["path"].endswith("/check/flexpay-doctor")
    assert sandbox.control("GET", "payments") == []


def test_the_hosts_of_mobile_money_and_payouts(sandbox: Sandbox) -> None:
    # On other hosts than the check service, and payouts are allowed.
    other = {
        "FLEXPAY_MOBILE_URL": sandbox.settings["FLEXPAY_MOBILE_URL"],
        "FLEXPAY_PAYOUT_URL": "http://127.0.0.1:1/payout",
        "FLEXPAY_ALLOW_PAYOUT": "1",
    }
    status, findings = run_doctor(over_tls(sandbox, **other))
    assert status == 1
    assert ", payouts to http://127.0.0.1:1/payout, " in findings["settings"]["detail"]
    assert findings["mobile HTTP"]["ok"] is True
    assert findings["payout connection"]["ok"] is False
    assert sandbox.requests("mobile") + sandbox.requests("payout") == []


def test_the_urls_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FLEXPAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLEXPAY_ALLOW_PAYOUT", "1")
    source = (ROOT / "src" / "config.rs").read_text(encoding="utf-8")
    for url in _doctor._services().values():
        assert f'"{url}"' in source


def test_no_ask_sends_no_request(sandbox: Sandbox) -> None:
    status, findings = run_doctor(over_tls(sandbox, FLEXPAY_TOKEN="nonsense"), "--no-ask")
    assert status == 0
    for request in ("pay API", "check token"):
        assert findings[request]["ok"] is None
        assert findings[request]["detail"] == "skipped (--no-ask)"
    assert sandbox.requests("pay") + sandbox.requests("check") == []


def test_a_path_of_the_other_api_is_detected_without_a_request(sandbox: Sandbox) -> None:
    status, findings = run_doctor(sandbox.environment(FLEXPAY_API="v1"), "--no-ask")
    assert status == 1
    assert "this URL is for api v1.1" in findings["pay API"]["detail"]
    assert "api v1 (its payments have no order number" in findings["settings"]["detail"]
    assert sandbox.requests("pay") == []


def test_an_invalid_token(sandbox: Sandbox) -> None:
    environment = over_tls(sandbox, FLEXPAY_TOKEN="nonsense", FLEXPAY_MERCHANT="UNKNOWN")
    status, findings = run_doctor(environment)
    assert status == 1
    assert findings["check token"]["ok"] is False
    assert "did not accept the token (HTTP 401)" in findings["check token"]["detail"]
    assert "Set FLEXPAY_TOKEN to the token that FlexPay gave you" in str(findings)
    assert findings["not examined"]["detail"].startswith("the merchant code (only a payment ")


@pytest.mark.parametrize("api", ["v1", "v1.1"])
def test_urls_without_a_service(sandbox: Sandbox, api: str) -> None:
    url = sandbox.url + "/nowhere"
    status, findings = run_doctor(
        sandbox.environment(FLEXPAY_API=api, FLEXPAY_PAY_URL=url, FLEXPAY_CHECK_URL=url)
    )
    assert status == 1
    assert findings["pay API"]["ok"] is False
    assert findings["pay API"]["detail"] == (
        "HTTP 404: this URL is not a payment service. Set FLEXPAY_PAY_URL to one that ends in "
        f"/{api}/pay (or unset it to use FlexPay's own)"
    )
    assert findings["check token"]["ok"] is False
    assert findings["check token"]["detail"].startswith("HTTP 404: this URL is not a check service")
    assert "which ends in /api/rest/v1/check" in findings["check token"]["detail"]


@pytest.mark.parametrize(("api", "other"), [("v1", "v1.1"), ("v1.1", "v1")])
def test_a_url_of_the_other_api(
    sandbox: Sandbox, api: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{sandbox.url}/{other}/pay"
    status, findings = run_doctor(sandbox.environment(FLEXPAY_API=api, FLEXPAY_PAY_URL=url))
    detail = (
        f"this URL is for api {other}. Set FLEXPAY_API={other}, or set FLEXPAY_PAY_URL to a URL"
        f" that ends in /{api}/pay"
    )
    assert status == 1
    assert (findings["pay API"]["ok"], findings["pay API"]["detail"]) == (False, detail)
    # From the reply, if the path does not show it.
    monkeypatch.setenv("FLEXPAY_API", api)
    monkeypatch.setattr(_doctor, "PAY_PATHS", {api: (f"/{api}/pay",), other: ("/other/pay",)})
    found = _doctor._pay_api(url)
    assert (found.ok, found.detail) == (False, detail)


@pytest.mark.parametrize(
    ("reply_status", "ok", "text"),
    [
        (301, False, "the service has moved"),
        (302, None, "this does not show whether"),
        (405, False, "this URL is not a payment service"),
        (422, True, "accepts requests of api v1.1"),
        (500, None, "this does not show whether"),
        (503, False, "the gateway is failing"),
    ],
)
def test_replies_of_the_pay_service(
    sandbox: Sandbox, reply_status: int, ok: Optional[bool], text: str
) -> None:
    sandbox.inject("pay", "reply", status=reply_status, body="")
    status, findings = run_doctor(sandbox.environment())
    assert status == (1 if ok is False else 0)
    assert findings["pay API"]["ok"] is ok
    assert text in findings["pay API"]["detail"]
    assert sandbox.control("GET", "payments") == []


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "html", "status": 200}, "Check FLEXPAY_CHECK_URL: FlexPay's ends in /api/rest"),
        ({"kind": "reply", "status": 503, "body": ""}, "Run this again in a few minutes"),
        ({"kind": "reply", "status": 403, "body": "{}"}, "Ask FlexPay about its IP filter"),
        ({"kind": "reply", "status": 422, "body": "{}"}, "Report this message to FlexPay"),
        ({"kind": "stall_after", "bytes": 0}, "TIMEOUT: "),
    ],
)
def test_replies_of_the_check_service(sandbox: Sandbox, fault: Dict[str, Any], text: str) -> None:
    sandbox.inject("check", times=None, **fault)
    status, findings = run_doctor(sandbox.environment(FLEXPAY_TIMEOUT_MS="1000"))
    assert status == 1
    assert findings["check token"]["ok"] is False
    assert text in findings["check token"]["detail"]


def test_text_output(sandbox: Sandbox) -> None:
    process = python(RUN.format(["doctor"]), over_tls(sandbox))
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0].startswith("✓ library: ")
    assert [line for line in lines if not line.startswith("✓ ")] == lines[-1:]
    assert lines[-1].startswith("- not examined: ")
    assert sandbox.token not in output
    assert "✓ check TLS: TLSv1." in output
    assert " ms)" in output


def test_text_output_on_an_ascii_terminal(sandbox: Sandbox) -> None:
    environment = over_tls(sandbox, PYTHONIOENCODING="ascii", FLEXPAY_MERCHANT="")
    process = python(RUN.format(["doctor"]), environment)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (1, "")
    assert output.startswith("ok library: ")
    assert "FAILED settings: FLEXPAY_MERCHANT" in output


def test_plain_http_is_reported(sandbox: Sandbox) -> None:
    status, findings = run_doctor(sandbox.environment())
    assert status == 0
    assert findings["pay TLS"]["ok"] is None
    assert "plain http" in findings["pay TLS"]["detail"]


@pytest.mark.parametrize(
    ("variables", "failing", "text"),
    [
        ({"FLEXPAY_LIBRARY": "/nowhere/libflexpay.so"}, "library", "/nowhere/libflexpay.so"),
        ({"FLEXPAY_MERCHANT": ""}, "settings", "FLEXPAY_MERCHANT"),
        ({"FLEXPAY_TOKEN": ""}, "token", "FLEXPAY_TOKEN is not set"),
        ({"FLEXPAY_TOKEN": jwt({"exp": 1_600_000_000})}, "token", "expired on 2020-09-13"),
        ({"FLEXPAY_PAY_URL": "https://nowhere.invalid/pay"}, "pay DNS", ""),
        ({"FLEXPAY_CHECK_URL": "http://127.0.0.1:1/check"}, "check connection", "refused"),
        ({"FLEXPAY_CHECK_URL": "nonsense"}, "settings", "check_url"),
        ({"FLEXPAY_ENVIRONMENT": "tset"}, "settings", "FLEXPAY_ENVIRONMENT"),
        ({"FLEXPAY_CA_FILE": ""}, "check TLS", "certificate"),
        ({"FLEXPAY_CA_FILE": "/nowhere/ca.pem"}, "settings", ". Correct FLEXPAY_CA_FILE in "),
        ({"FLEXPAY_API": "v3"}, "settings", ". Correct FLEXPAY_API in "),
        ({"FLEXPAY_PROXY": "http://127.0.0.1:1"}, "pay connection", "refused"),
        ({"FLEXPAY_PROXY": "http://user:canary@:1"}, "settings", "proxy"),
        ({"FLEXPAY_PROXY": "http://user:s3/canary@proxy.local:3128"}, "settings", "proxy"),
        ({"FLEXPAY_PAY_URL": "https://user:s3/canary@host.local/pay"}, "settings", "pay_url"),
    ],
)
def test_each_error_is_reported(
    sandbox: Sandbox, variables: Dict[str, str], failing: str, text: str
) -> None:
    status, findings = run_doctor(over_tls(sandbox, **variables))
    assert status == 1
    assert findings[failing]["ok"] is False
    assert text in findings[failing]["detail"]
    assert "canary" not in str(findings)
    assert "'s3'" not in str(findings)
    # With invalid settings, no host is resolved.
    assert ("services" in findings) is (findings["settings"]["ok"] is not True)
    assert ("pay DNS" in findings) is (findings["settings"]["ok"] is True) or failing == "pay DNS"


@pytest.mark.parametrize("url", ["http://user:s3/canary@host:1", "http://[canary", "canary"])
def test_an_invalid_url_is_not_printed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEXPAY_PROXY", raising=False)
    findings, _ = _doctor._service("pay", url)
    assert findings[-1].detail.startswith("FLEXPAY_PAY_URL is not an http or https URL. Write")
    monkeypatch.setenv("FLEXPAY_PROXY", url)
    findings, _ = _doctor._service("pay", "https://127.0.0.1:1/")
    assert findings[-1].detail.startswith("FLEXPAY_PROXY is not an http or https URL. Write")
    assert "canary" not in findings[-1].detail


def test_an_issuer_that_only_the_library_trusts(
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
        findings, ahead_s = _doctor._service(name, url)
        assert ahead_s is None
        assert (findings[-1].name, findings[-1].ok) == (name + " TLS", True)
        assert "trusted by the library, although" in findings[-1].detail
    monkeypatch.delenv("FLEXPAY_CA_FILE")
    findings, _ = _doctor._service("check", sandbox.https_url)
    assert findings[-1].ok is False
    assert "according to this Python" in findings[-1].detail


@pytest.mark.parametrize(
    "token", ["plain", "a.b.c", jwt([]), jwt({"exp": "x"}), jwt({"exp": 1e99})]
)
def test_a_token_without_an_expiry_date(sandbox: Sandbox, token: str) -> None:
    status, findings = run_doctor(over_tls(sandbox, FLEXPAY_TOKEN=token))
    assert findings["token"]["ok"] is True
    assert findings["token"]["detail"] == "set; it does not contain an expiry date"
    # But a check is sent, and the gateway does not accept the token.
    assert status == 1
    assert findings["check token"]["ok"] is False


def test_a_bearer_token(sandbox: Sandbox) -> None:
    _, findings = run_doctor(over_tls(sandbox, FLEXPAY_TOKEN="Bearer " + sandbox.token))
    assert "expires on 2100-01-01" in findings["token"]["detail"]


def test_a_machine_that_the_gateway_refuses() -> None:
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
    (finding,) = [one for one in findings if one.name == "check HTTP"]
    assert finding.ok is False
    assert "IP filter" in finding.detail
