"""Which library is loaded, which is refused, and what a newer one may return."""

from __future__ import annotations

import ntpath
import os
import posixpath
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from conftest import PACKAGE, ROOT, TIMEOUT_S, python

from flexpay._library import located


def compiled(directory: Path, *flags: str) -> str:
    library = directory / "libnewer.so"
    command: List[str] = ["gcc", "-shared", "-fPIC", f"-I{ROOT / 'include'}", *flags]
    file = PACKAGE / "tests" / "newer.c"
    subprocess.run([*command, "-o", str(library), str(file)], check=True)
    return str(library)


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return compiled(tmp_path_factory.mktemp("newer"))


def output_of(script: str, **environment: str) -> str:
    """The output of a new Python process, in which FLEXPAY_LIBRARY is not set."""
    inherited: Dict[str, str] = {
        k: v for k, v in os.environ.items() if not k.startswith("FLEXPAY_")
    }
    process = python(script, {**inherited, "PYTHONPATH": str(PACKAGE), **environment})
    output, errors = process.communicate(timeout=TIMEOUT_S)
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
    "set FLEXPAY_LIBRARY to the full path of the library that `make build` creates in a checkout of"
    " flexpay: build/lib/libflexpay.so"
)
# The end of the error message if FLEXPAY_LIBRARY is set.
ADVICE = (
    ". This path comes from the environment variable FLEXPAY_LIBRARY. Unset it to use the library"
    f" that was installed with the package, or {BUILT}"
)


WINDOWS = r"C:\Users\Zoé\Lib\site-packages\flexpay"
# Where this module is, on each system.
MODULES = {
    "win32": WINDOWS + r"\_library.py",
    "linux": "/é/flexpay/_library.py",
    "darwin": "/é/flexpay/_library.py",
}


@pytest.mark.parametrize(
    ("system", "paths", "chosen", "file"),
    [
        ("win32", ntpath, None, WINDOWS + r"\flexpay.dll"),
        ("win32", ntpath, "", WINDOWS + r"\flexpay.dll"),
        ("win32", ntpath, r"D:\caisse é\fp.dll", r"D:\caisse é\fp.dll"),
        # Windows wants backslashes in the full path of a DLL.
        ("win32", ntpath, "D:/caisse/../fp.dll", r"D:\fp.dll"),
        ("win32", ntpath, r"\\till\share\fp.dll", r"\\till\share\fp.dll"),
        ("linux", posixpath, None, "/é/flexpay/libflexpay.so"),
        ("linux", posixpath, "/x/../é.so", "/é.so"),
        ("darwin", posixpath, None, "/é/flexpay/libflexpay.dylib"),
    ],
)
def test_where_the_library_is(system: str, paths: Any, chosen: Optional[str], file: str) -> None:
    assert located(chosen, MODULES[system], system, paths) == file


def test_a_name_without_a_folder_on_windows() -> None:
    # Windows would search the program's folder and the PATH for it.
    found = located("flexpay.dll", MODULES["win32"], "win32", ntpath)
    assert found == ntpath.abspath("flexpay.dll")
    assert found != "flexpay.dll"


def test_a_folder_of_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "Café 収入 'é\" $x"
    folder.mkdir()
    path = shutil.copy(os.environ["FLEXPAY_LIBRARY"], folder / "libflexpay.so")
    script = "import flexpay; print(ascii(flexpay.library_path()), flexpay.library_version())"
    # The path is not always valid in the user's encoding.
    for encoding in ("C.UTF-8", "C", "POSIX"):
        text = output_of(script, FLEXPAY_LIBRARY=str(path), LC_ALL=encoding)
        assert text == f"{str(path)!a} 1.0.0-rc.1"


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none.so")
    message = output_of(REFUSED, FLEXPAY_LIBRARY=path)
    assert f"could not be loaded from {path}: " in message
    assert message.endswith(ADVICE)


def test_a_relative_path_becomes_absolute(tmp_path: Path) -> None:
    # The linker would search its own folders for a name without a folder.
    message = output_of(REFUSED, FLEXPAY_LIBRARY="libc.so.6")
    assert f"could not be loaded from {os.path.abspath('libc.so.6')}: " in message


def test_a_file_that_is_not_a_library(tmp_path: Path) -> None:
    path = tmp_path / "libflexpay.so"
    path.write_text("not a library")
    assert str(path) in output_of(REFUSED, FLEXPAY_LIBRARY=str(path))


def test_another_library(tmp_path: Path) -> None:
    path = str(tmp_path / "libother.so")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-xc", "-", "-o", path], input=b"int other;", check=True
    )
    assert output_of(REFUSED, FLEXPAY_LIBRARY=path) == f"{path} is not the flexpay library{ADVICE}"


def test_another_abi_version_is_refused(newer: str) -> None:
    message = output_of(REFUSED, FLEXPAY_LIBRARY=newer, FAKE_ABI="2")
    assert message == f"{newer} has ABI version 2, but this package requires 1{ADVICE}"


def test_a_library_without_a_function(tmp_path: Path) -> None:
    path = compiled(tmp_path, "-Dflexpay_wait=flexpay_wait_for_it")
    message = output_of(REFUSED, FLEXPAY_LIBRARY=path, FAKE_ABI="1")
    assert message == f"{path} does not have the function flexpay_wait{ADVICE}"


def test_the_library_next_to_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python searches the current folder first.
    monkeypatch.chdir(tmp_path)
    shutil.copytree(
        PACKAGE / "flexpay",
        tmp_path / "flexpay",
        ignore=shutil.ignore_patterns("__pycache__", "libflexpay.*"),
    )
    installed = tmp_path / "flexpay" / "libflexpay.so"
    message = output_of(REFUSED, PYTHONPATH=str(tmp_path))
    assert f"could not be loaded from {installed}: " in message
    assert message.endswith(
        ". Reinstall the package with its library from a checkout of flexpay:"
        f" `pip install --force-reinstall bindings/python`. Or {BUILT}"
    )
    # Python was started in the package's folder of a checkout.
    (tmp_path / "setup.py").touch()
    assert output_of(REFUSED, PYTHONPATH=str(tmp_path)).endswith(
        ". This is the package's source code, which does not contain the library. Run Python in"
        f" another folder, so that it finds the package that pip installed, or {BUILT}"
    )
    shutil.copy(os.environ["FLEXPAY_LIBRARY"], installed)
    script = "import flexpay; print(flexpay.library_path(), flexpay.library_version())"
    assert output_of(script, PYTHONPATH=str(tmp_path)) == f"{installed} 1.0.0-rc.1"
    # An empty variable is like one that is not set.
    assert output_of(script, PYTHONPATH=str(tmp_path), FLEXPAY_LIBRARY="").startswith(
        str(installed)
    )


ORDER = "reference='R', amount=1, currency='USD'"


def test_unknown_numbers_of_a_newer_library(newer: str) -> None:
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
    assert output_of(script, FLEXPAY_LIBRARY=newer, FAKE_ABI="1", **numbers).splitlines() == [
        "FlexPayError 99 UNRECOGNIZED UNKNOWN new",
        "UNKNOWN None None",
    ]


def test_an_internal_error_without_a_message(newer: str) -> None:
    script = f"""
import flexpay
client = flexpay.Client(merchant="M", token="t")
for call in (lambda: client.pay({ORDER}), flexpay.CancelToken):
    try:
        call()
    except flexpay.InternalError as error:
        print(isinstance(error, RuntimeError), error.outcome.name, error)
"""
    line = "True UNKNOWN the library returned INTERNAL without a message"
    environment = {"FAKE_ABI": "1", "FAKE_CODE": "2", "FAKE_SILENT": "1"}
    assert output_of(script, FLEXPAY_LIBRARY=newer, **environment).splitlines() == [line, line]
