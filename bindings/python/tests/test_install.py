"""Installs the package with pip into an empty environment, and uses it from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PACKAGE, ROOT, Sandbox
from readme import commands


def test_pip_install(sandbox: Sandbox, tmp_path: Path) -> None:
    # Uses the library that is already built; without this variable, cargo would build it.
    prebuilt = {"FLEXPAY_LIBRARY_PREBUILT": os.environ["FLEXPAY_LIBRARY"]}
    environment = {k: v for k, v in sandbox.environment().items() if k != "PYTHONPATH"}
    del environment["FLEXPAY_LIBRARY"]
    # The README's commands, in a folder that replaces the checkout.
    (tmp_path / "bindings").symlink_to(ROOT / "bindings")
    lines = "\n".join(commands("Install"))
    subprocess.run(
        ["sh", "-ec", lines],
        env={**environment, **prebuilt, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"},
        cwd=tmp_path,
        check=True,
    )
    python = str(tmp_path / "venv" / "bin" / "python")

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
    done = subprocess.run(
        [python, "-c", script],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == "PENDING\n"
    wheel = next((tmp_path / "venv").glob("lib/python*/site-packages/flexpay-*.dist-info/WHEEL"))
    text = wheel.read_text()
    assert "Tag: py3-none-" in text
    assert "Root-Is-Purelib: false" in text
    assert f"cp{sys.version_info[0]}{sys.version_info[1]}" not in text


# Runs setup.py with a fake setuptools, so that the test does not have to download it.
LIBRARY = """
import runpy, sys, types
class Anything(types.ModuleType):
    def __getattr__(self, name):
        return type(name, (), {}) if name[0].isupper() or "_" in name else lambda **_: None
for name in ("setuptools", "setuptools.command", "setuptools.command.bdist_wheel",
             "setuptools.command.build_py"):
    sys.modules[name] = Anything(name)
print(runpy.run_path(sys.argv[1])["library"]())
"""


def library(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `library` of setup.py; `path` is the only folder with programs."""
    environment = {"PATH": str(path), **variables}
    return subprocess.run(
        [sys.executable, "-c", LIBRARY, str(PACKAGE / "setup.py")],
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("cargo", "message"),
    [
        ("", "flexpay is written in Rust, and cargo was not found.\n"),
        ("echo cargo 1.63.0", "flexpay needs Rust 1.89 or later to build; this is cargo 1.63.0.\n"),
        ("exit 1", "`cargo --version` failed with status 1.\n"),
    ],
)
def test_without_the_required_rust(tmp_path: Path, cargo: str, message: str) -> None:
    if cargo:
        (tmp_path / "cargo").write_text(f"#!/bin/sh\n{cargo}\n")
        (tmp_path / "cargo").chmod(0o755)
    done = library(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert "Install Rust 1.89 or later from https://rustup.rs:\n" in done.stderr
    assert "The rustc of Debian 12 is 1.63: too old" in done.stderr
    assert "FLEXPAY_LIBRARY_PREBUILT" in done.stderr


def test_a_build_that_fails(tmp_path: Path) -> None:
    (tmp_path / "cargo").write_text('#!/bin/sh\n[ "$1" != rustc ] && echo cargo 1.89.0\n')
    (tmp_path / "cargo").chmod(0o755)
    done = library(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cargo rustc --release ")
    assert "apt install gcc libc6-dev" in done.stderr


def test_a_prebuilt_library(tmp_path: Path) -> None:
    built = os.environ["FLEXPAY_LIBRARY"]
    done = library(tmp_path, FLEXPAY_LIBRARY_PREBUILT=built)
    assert (done.returncode, done.stdout, done.stderr) == (0, built + "\n", "")
    done = library(tmp_path, FLEXPAY_LIBRARY_PREBUILT="nowhere.so")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("FLEXPAY_LIBRARY_PREBUILT is 'nowhere.so', which is not a file")
