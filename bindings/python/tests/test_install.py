"""Installs the package with pip into an empty environment, and uses it from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PACKAGE, ROOT, Sandbox
from readme import commands

import flexpay

BUILT = ("FLEXPAY_LIBRARY", "FLEXPAY_PROGRAM")


def test_pip_install(sandbox: Sandbox, tmp_path: Path) -> None:
    # Uses what is already built; without these variables, cargo would build it.
    prebuilt = {f"{name}_PREBUILT": os.environ[name] for name in BUILT}
    environment = {k: v for k, v in sandbox.environment().items() if k != "PYTHONPATH"}
    for name in BUILT:
        del environment[name]
    # The README's commands, in a folder that replaces the checkout.
    (tmp_path / "bindings").symlink_to(ROOT / "bindings")
    lines = "\n".join(commands("From source"))
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
import sqlite3
from flexpay.journal import DbApiStore
DbApiStore(sqlite3.connect(":memory:")).create_tables()
assert len(list((package / "journal").glob("*.sql"))) == 3
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

    # The program is in the package, and finds the library there.
    done = subprocess.run(
        [python, "-m", "flexpay", "doctor", "--json"],
        env={**environment, "PATH": ""},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    (library_found,) = [
        one for one in json.loads(done.stdout)["ok"]["findings"] if one["name"] == "library"
    ]
    (package,) = (tmp_path / "venv").glob("lib/python*/site-packages/flexpay")
    assert library_found["ok"] is True
    assert library_found["detail"].startswith(f"{package / 'libflexpay.so'}, version ")
    assert os.access(package / "flexpay", os.X_OK)
    # The command is on the PATH of the environment.
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "flexpay", "version"],
        env={**environment, "PATH": ""},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == f"flexpay {flexpay.__version__}\n"

    wheel = next((tmp_path / "venv").glob("lib/python*/site-packages/flexpay-*.dist-info/WHEEL"))
    text = wheel.read_text()
    assert "Tag: py3-none-" in text
    assert "Root-Is-Purelib: false" in text
    assert f"cp{sys.version_info[0]}{sys.version_info[1]}" not in text


# Runs setup.py with a fake setuptools, so that the test does not have to download it.
SETUP = """
import runpy, sys, types
class Anything(types.ModuleType):
    def __getattr__(self, name):
        return (lambda **_: None) if name == "setup" else type(name, (), {})
for name in ("setuptools", "setuptools.command", "setuptools.command.bdist_wheel",
             "setuptools.command.build_py", "setuptools.command.sdist"):
    sys.modules[name] = Anything(name)
print(runpy.run_path(sys.argv[1])[sys.argv[2]]())
"""


def built(what: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `library` or `program` of setup.py; `path` is the only folder with programs."""
    environment = {"PATH": str(path), **variables}
    return subprocess.run(
        [sys.executable, "-c", SETUP, str(PACKAGE / "setup.py"), what],
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("what", ["library", "program"])
@pytest.mark.parametrize(
    ("cargo", "message"),
    [
        ("", "flexpay is written in Rust, and cargo was not found.\n"),
        ("echo cargo 1.63.0", "flexpay needs Rust 1.89 or later to build; this is cargo 1.63.0.\n"),
        ("exit 1", "`cargo --version` failed with status 1.\n"),
    ],
)
def test_without_the_required_rust(tmp_path: Path, what: str, cargo: str, message: str) -> None:
    if cargo:
        (tmp_path / "cargo").write_text(f"#!/bin/sh\n{cargo}\n")
        (tmp_path / "cargo").chmod(0o755)
    done = built(what, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert "Install Rust 1.89 or later from https://rustup.rs:\n" in done.stderr
    assert "The rustc of Debian 12 is 1.63: too old" in done.stderr
    assert "FLEXPAY_LIBRARY_PREBUILT" in done.stderr
    assert "FLEXPAY_PROGRAM_PREBUILT" in done.stderr


@pytest.mark.parametrize(("what", "command"), [("library", "rustc"), ("program", "build")])
def test_a_build_that_fails(tmp_path: Path, what: str, command: str) -> None:
    (tmp_path / "cargo").write_text('#!/bin/sh\n[ "$1" = --version ] && echo cargo 1.89.0\n')
    (tmp_path / "cargo").chmod(0o755)
    done = built(what, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"cargo {command} --release ")
    assert "apt install gcc libc6-dev" in done.stderr


@pytest.mark.parametrize(("what", "name"), [("library", "libflexpay.so"), ("program", "flexpay")])
def test_what_cargo_built(tmp_path: Path, what: str, name: str) -> None:
    # Cargo names its files, one JSON object a line.
    reports = "\n".join(
        json.dumps({"filenames": [f"/target/{file}" for file in files]})
        for files in ([], ["libflexpay.rlib", "flexpay.d"], [name, "another"])
    )
    (tmp_path / "cargo").write_text(
        f"#!/bin/sh\n[ \"$1\" = --version ] && echo cargo 1.89.0 && exit\necho '{reports}'\n"
    )
    (tmp_path / "cargo").chmod(0o755)
    done = built(what, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"/target/{name}\n", "")


@pytest.mark.parametrize(
    ("what", "variable"),
    [("library", "FLEXPAY_LIBRARY_PREBUILT"), ("program", "FLEXPAY_PROGRAM_PREBUILT")],
)
def test_a_prebuilt_file(tmp_path: Path, what: str, variable: str) -> None:
    file = os.environ["FLEXPAY_" + what.upper()]
    done = built(what, tmp_path, **{variable: file})
    assert (done.returncode, done.stdout, done.stderr) == (0, file + "\n", "")
    done = built(what, tmp_path, **{variable: "nowhere"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{variable} is 'nowhere', which is not a file")


def test_a_prebuilt_library_without_a_program(tmp_path: Path) -> None:
    # There may be no Rust to build the program. `python -m flexpay` says how to get one.
    done = built("program", tmp_path, FLEXPAY_LIBRARY_PREBUILT=os.environ["FLEXPAY_LIBRARY"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "None"
