"""The README's claims and snippets, as they stand there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from conftest import ORDER, PACKAGE, PATIENCE_S, Sandbox, python


def test_the_readme(sandbox: Sandbox, tmp_path: Path) -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    script, _ = re.findall(r"```python\n(.*?)```", text, re.S)
    reading = python(script, sandbox.environment(), cwd=tmp_path)
    sandbox.wait_for_request("check")
    (payment,) = sandbox.control("GET", "payments")
    sandbox.decide(payment["order_number"], "approve")
    output, errors = reading.communicate(timeout=PATIENCE_S)
    assert (reading.returncode, errors) == (0, "")
    assert output.endswith("\nPaid: 25.50 USD\n")


def test_the_readme_and_a_page(sandbox: Sandbox, tmp_path: Path) -> None:
    page = "<form action='https://gwvisa.flexpay.cd/checkout'></form>"
    headers = [["Content-Type", "text/html; charset=utf-8"]]
    sandbox.inject("pay", "reply", status=200, headers=headers, body=page)
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    script, _ = re.findall(r"```python\n(.*?)```", text, re.S)
    reading = python(script, sandbox.environment(FLEXPAY_API="v1"), cwd=tmp_path)
    output, errors = reading.communicate(timeout=PATIENCE_S)
    assert (reading.returncode, errors) == (0, "")
    assert output.startswith(f"Answer the customer's browser with this page: {page}\n")
    assert output.endswith("there is no order number: the callback brings the outcome.\n")


@pytest.mark.parametrize("patch", ["", "from gevent import monkey; monkey.patch_all()"])
def test_the_readme_on_gevent(sandbox: Sandbox, patch: str) -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    _, snippet = re.findall(r"```python\n(.*?)```", text, re.S)
    sandbox.inject("pay", "delay", ms=1000)
    script = f"""
{patch}
import gevent, time
from flexpay import Client
order = {{"reference": "R-1", **{ORDER!r}}}
turns = []
def work():
    while True:
        gevent.sleep(0.01)
        turns.append(time.monotonic())
gevent.spawn(work)
with Client.from_env() as client:
    turns.clear()
    begun = time.monotonic()
{textwrap.indent(snippet, "    ")}
    ended = time.monotonic()
assert ended - begun >= 1
# The longest time that the other greenlet stood still, on a slow machine.
longest = max(after - before for before, after in zip([begun, *turns], [*turns, ended]))
assert longest < 0.8, longest
print(payment.order_number)
"""
    calling = python(script, sandbox.environment())
    output, errors = calling.communicate(timeout=PATIENCE_S)
    assert (calling.returncode, errors) == (0, "")
    (payment,) = sandbox.control("GET", "payments")
    assert output == payment["order_number"] + "\n"
