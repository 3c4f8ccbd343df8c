"""Which library is loaded, which is refused, and what a newer one may say."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List

import pytest
from conftest import PACKAGE, PATIENCE_S, ROOT, python


def compiled(directory: Path, *flags: str) -> str:
    library = directory / "libnewer.so"
    command: List[str] = ["gcc", "-shared", "-fPIC", f"-I{ROOT / 'include'}", *flags]
    file = PACKAGE / "tests" / "newer.c"
    subprocess.run([*command, "-o", str(library), str(file)], check=True)
    return str(library)


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return compiled(tmp_path_factory.mktemp("newer"))


def said(script: str, **environment: str) -> str:
    """What a fresh Python says, in which FLEXPAY_LIBRARY is not set."""
    kept: Dict[str, str] = {k: v for k, v in os.environ.items() if not k.startswith("FLEXPAY_")}
    process = python(script, {**kept, "PYTHONPATH": str(PACKAGE), **environment})
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    return output.strip()


REFUSED = """
import flexpay
try:
    flexpay.parse_callback(b"")
except flexpay.LibraryError as error:
    assert isinstance(error, flexpay.FlexPayError) and isinstance(error, ImportError)
    assert error.outcome is flexpay.Outcome.UNUSABLE and error.outcome == -1
    print(error)
"""
BUILT = (
    "set FLEXPAY_LIBRARY to the full path of the library that `make build` makes in a checkout of"
    " flexpay: build/lib/libflexpay.so"
)
# What a refusal ends with, where FLEXPAY_LIBRARY is set.
REMEDY = (
    ". The environment variable FLEXPAY_LIBRARY names it. Unset it to use the library that was"
    f" installed with the package, or {BUILT}"
)


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none.so")
    message = said(REFUSED, FLEXPAY_LIBRARY=path)
    assert f"tried {path}: " in message
    assert message.endswith(REMEDY)


def test_a_relative_path_is_made_whole(tmp_path: Path) -> None:
    # The linker would look for a bare name in folders of its own.
    message = said(REFUSED, FLEXPAY_LIBRARY="libc.so.6")
    assert f"tried {os.path.abspath('libc.so.6')}: " in message


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    path = tmp_path / "libflexpay.so"
    path.write_text("no library")
    assert str(path) in said(REFUSED, FLEXPAY_LIBRARY=str(path))


def test_a_library_that_is_another(tmp_path: Path) -> None:
    path = str(tmp_path / "libother.so")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-xc", "-", "-o", path], input=b"int other;", check=True
    )
    assert said(REFUSED, FLEXPAY_LIBRARY=path) == f"{path} is not the flexpay library{REMEDY}"


def test_another_abi_version_is_refused(newer: str) -> None:
    message = said(REFUSED, FLEXPAY_LIBRARY=newer, FAKE_ABI="2")
    assert message == f"{newer} has ABI version 2, and this package was written for 1{REMEDY}"


def test_a_library_that_lacks_a_function(tmp_path: Path) -> None:
    path = compiled(tmp_path, "-Dflexpay_wait=flexpay_wait_for_it")
    message = said(REFUSED, FLEXPAY_LIBRARY=path, FAKE_ABI="1")
    assert message == f"{path} lacks the function flexpay_wait{REMEDY}"


def test_the_library_beside_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python looks first where it stands.
    monkeypatch.chdir(tmp_path)
    shutil.copytree(
        PACKAGE / "flexpay",
        tmp_path / "flexpay",
        ignore=shutil.ignore_patterns("__pycache__", "libflexpay.*"),
    )
    beside = tmp_path / "flexpay" / "libflexpay.so"
    message = said(REFUSED, PYTHONPATH=str(tmp_path))
    assert f"tried {beside}: " in message
    assert message.endswith(
        ". Install the package again, and its library with it, from a checkout of flexpay:"
        f" `pip install --force-reinstall bindings/python`. Or {BUILT}"
    )
    # A checkout in whose folder Python was started.
    (tmp_path / "setup.py").touch()
    assert said(REFUSED, PYTHONPATH=str(tmp_path)).endswith(
        ". This is the package's source, which has no library. Run Python in another folder, so"
        f" that it finds the package as pip installed it, or {BUILT}"
    )
    shutil.copy(os.environ["FLEXPAY_LIBRARY"], beside)
    script = "import flexpay; print(flexpay.library_path(), flexpay.library_version())"
    assert said(script, PYTHONPATH=str(tmp_path)) == f"{beside} 0.1.0"
    # Empty is not set.
    assert said(script, PYTHONPATH=str(tmp_path), FLEXPAY_LIBRARY="").startswith(str(beside))


ORDER = "reference='R', amount=1, currency='USD'"


def test_a_newer_library_s_numbers(newer: str) -> None:
    script = f"""
import flexpay
client = flexpay.Client(merchant="M", token="t")
try:
    client.pay({ORDER})
except flexpay.FlexPayError as error:
    print(type(error).__name__, int(error.code), error.code.name, error.outcome.name, error)
transaction = client.check("O-1")
print(transaction.state.name, transaction.amount_minor, transaction.created_at)
"""
    numbers = {"FAKE_CODE": "99", "FAKE_OUTCOME": "7", "FAKE_STATE": "42"}
    assert said(script, FLEXPAY_LIBRARY=newer, FAKE_ABI="1", **numbers).splitlines() == [
        "FlexPayError 99 UNRECOGNIZED UNKNOWN new",
        "UNKNOWN None None",
    ]


def test_an_internal_error_without_a_word(newer: str) -> None:
    script = f"""
import flexpay
client = flexpay.Client(merchant="M", token="t")
for call in (lambda: client.pay({ORDER}), flexpay.CancelToken):
    try:
        call()
    except flexpay.InternalError as error:
        print(isinstance(error, RuntimeError), error.outcome.name, error)
"""
    line = "True UNKNOWN the library gave no reason (INTERNAL)"
    environment = {"FAKE_ABI": "1", "FAKE_CODE": "2", "FAKE_SILENT": "1"}
    assert said(script, FLEXPAY_LIBRARY=newer, **environment).splitlines() == [line, line]
