"""Installed with pip into an empty environment, and used from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from conftest import PACKAGE, Sandbox


def test_pip_install(sandbox: Sandbox, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    # The library is built already; without this variable, cargo builds it.
    built = {"FLEXPAY_LIBRARY_PREBUILT": os.environ["FLEXPAY_LIBRARY"]}
    environment = {k: v for k, v in sandbox.environment().items() if k != "PYTHONPATH"}
    del environment["FLEXPAY_LIBRARY"]
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, str(PACKAGE)], env={**environment, **built}, cwd=tmp_path, check=True)

    script = """
import flexpay, pathlib, sys
package = pathlib.Path(flexpay.__file__).parent
assert sys.prefix in str(package), package
assert flexpay.library_path() == str(package / "libflexpay.so")
assert (package / "py.typed").is_file()
url = "https://shop.example/"
with flexpay.Client.from_env() as client:
    payment = client.pay(reference="R-1", amount=100, currency="CDF", callback_url=url,
                         approve_url=url, cancel_url=url, decline_url=url)
    print(client.check(payment.order_number).state.name)
"""
    said = subprocess.run(
        [python, "-c", script],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert said.stdout == "PENDING\n"
    wheel = next((tmp_path / "venv").glob("lib/python*/site-packages/flexpay-*.dist-info/WHEEL"))
    text = wheel.read_text()
    assert "Tag: py3-none-" in text
    assert "Root-Is-Purelib: false" in text
    assert f"cp{sys.version_info[0]}{sys.version_info[1]}" not in text
