"""`python -m flexpay`: which program it runs, and that the program is in its place."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from conftest import ORDER, PACKAGE, TIMEOUT_S, URLS, Sandbox, python, wait_until

import flexpay
from flexpay import EntryState

PROGRAM = os.environ["FLEXPAY_PROGRAM"]
URL_OPTIONS = [
    argument for name, url in URLS.items() for argument in ("--" + name.replace("_", "-"), url)
]
PAY = ["pay", "--reference", "R-1", "--amount", "25.50", "--currency", "USD", *URL_OPTIONS]
# What pip installs as the command `flexpay`.
COMMAND = "from flexpay._program import main; main()"
# The branch for Windows, which has no `exec`.
WAIT_FOR = f"""
import sys
from flexpay._program import wait_for
sys.exit(wait_for({PROGRAM!r}, sys.argv[1:]))
"""


def test_no_console_window_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    from flexpay import _program

    # Windows has the flag; CPython sets stderr to None in a process without a console.
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    assert _program._creation_flags() == 0
    monkeypatch.setattr(sys, "stderr", None)
    assert _program._creation_flags() == 0x08000000


def start(command: List[str], environment: Dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Dict[str, Any]:
    stdout, stderr = process.communicate(stdin, timeout=TIMEOUT_S)
    return {"status": process.returncode, "stdout": stdout, "stderr": stderr}


@pytest.fixture(params=[("-m", "flexpay"), ("-c", COMMAND), ("-c", WAIT_FOR)])
def command(request: pytest.FixtureRequest) -> List[str]:
    """How Python runs the program."""
    return [sys.executable, *request.param]


@pytest.mark.parametrize(
    ("arguments", "stdin", "status"),
    [
        (["version"], b"", 0),
        (["--version"], b"", 0),
        ([], b"", 2),
        (["pay", "--help"], b"", 0),
        (["pay", "--nonsense"], b"", 2),
        (["parse-callback", "--json"], '{"reference":"é \' \\" $x"}'.encode(), 0),
        (["parse-callback", "-"], b"\xff<html>", 8),
        (["parse-callback", "a file \u00e9 \"with' $quotes"], b"", 2),
        (["check", "unknown", "--json"], b"", 6),
        (["check", "unknown"], b"", 6),
        (["doctor", "--json", "--offline"], b"", 0),
    ],
)
def test_it_is_the_program(
    sandbox: Sandbox, command: List[str], arguments: List[str], stdin: bytes, status: int
) -> None:
    environment = sandbox.environment()
    done = finished(start([*command, *arguments], environment), stdin)
    assert done["status"] == status, done
    assert done == finished(start([PROGRAM, *arguments], environment), stdin)


def test_the_journal_of_a_client(sandbox: Sandbox, command: List[str], tmp_path: Path) -> None:
    file = str(tmp_path / "journal.db")
    with sandbox.client(journal=file) as client:
        order = client.pay(reference="R-1", **ORDER).order_number
        environment = sandbox.environment(FLEXPAY_JOURNAL=file)
        done = finished(start([*command, "journal", "list", "--open", "--json"], environment))
        assert done["status"] == 0, done
        (entry,) = json.loads(done["stdout"])["ok"]["settlements"]
        assert (entry["reference"], entry["order_number"]) == ("R-1", order)
        sandbox.decide(str(order), "approve")
        assert finished(start([*command, "journal", "reconcile"], environment))["status"] == 0
        done = finished(start([*command, "journal", "acknowledge", "R-1"], environment))
        assert done["status"] == 0, done
        # Both read one file.
        assert client.journal_get("R-1").state is EntryState.PAID
        assert not client.journal_acknowledge("R-1").changed


def test_the_version_is_that_of_the_package(sandbox: Sandbox) -> None:
    done = finished(start([sys.executable, "-m", "flexpay", "version"], sandbox.environment()))
    assert done["stdout"].decode() == f"flexpay {flexpay.__version__}\n"


def test_it_takes_the_place_of_python(sandbox: Sandbox) -> None:
    # Also files that the caller has opened for it.
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "flexpay", "parse-callback", "--json", f"/dev/fd/{reading}"],
        env=sandbox.environment(),
        pass_fds=[reading],
        stdout=subprocess.PIPE,
    )
    os.close(reading)
    os.write(writing, b'{"code":"0","reference":"R-7"}')
    os.close(writing)
    output, _ = process.communicate(timeout=TIMEOUT_S)
    assert json.loads(output)["ok"]["reference"] == "R-7"


def ignored_signals(command: List[str], environment: Dict[str, str]) -> str:
    """The signals that the program ignores, as the kernel says it."""
    process = start([*command, "bridge"], environment)
    running = Path(f"/proc/{process.pid}")
    try:
        wait_until(lambda: os.readlink(running / "exe") == os.path.realpath(PROGRAM))
        # It answers: it has started.
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline()
        (line,) = (
            one for one in (running / "status").read_text().splitlines() if one[:6] == "SigIgn"
        )
        return line
    finally:
        process.kill()
        process.communicate(timeout=TIMEOUT_S)


def test_signals_are_as_without_python(sandbox: Sandbox) -> None:
    environment = sandbox.environment()
    expected = ignored_signals([PROGRAM], environment)
    for code in ["-m", "flexpay"], ["-c", COMMAND]:
        assert ignored_signals([sys.executable, *code], environment) == expected


def test_ctrl_c_ends_a_check(sandbox: Sandbox) -> None:
    sandbox.inject("check", "stall_after", bytes=0, times=None)
    process = start([sys.executable, "-m", "flexpay", "check", "O-1"], sandbox.environment())
    sandbox.wait_for_request("check")
    process.send_signal(signal.SIGINT)
    assert finished(process) == {"status": -signal.SIGINT, "stdout": b"", "stderr": b""}


@pytest.fixture
def terminal(command: List[str], sandbox: Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """A payment in a process group of its own: a terminal sends Ctrl-C to the whole group."""
    sandbox.inject("pay", "delay", ms=1500)
    process = subprocess.Popen(
        [*command, *PAY, "--json"],
        env=sandbox.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.wait(TIMEOUT_S)


def test_ctrl_c_does_not_lose_a_payment(
    sandbox: Sandbox, terminal: subprocess.Popen[bytes]
) -> None:
    sandbox.wait_for_request("pay")
    os.killpg(terminal.pid, signal.SIGINT)
    output, errors = terminal.communicate(timeout=TIMEOUT_S)
    payments: List[Dict[str, Any]] = sandbox.control("GET", "payments")
    assert json.loads(output)["ok"]["order_number"] == payments[0]["order_number"], errors
    assert terminal.returncode == 0


def test_no_library_is_loaded(sandbox: Sandbox) -> None:
    # A broken installation can be examined, too.
    environment = sandbox.environment(FLEXPAY_LIBRARY="/nowhere/libflexpay.so")
    done = finished(start([sys.executable, "-m", "flexpay", "check", "unknown"], environment))
    assert done["status"] == 6
    done = finished(start([sys.executable, "-m", "flexpay", "doctor"], environment))
    assert done["status"] == 2
    assert "✗ library: ".encode() in done["stdout"], done
    assert b"/nowhere/libflexpay.so" in done["stdout"]


def test_it_is_not_imported_with_the_package(sandbox: Sandbox) -> None:
    script = "import sys, flexpay; print(sorted(sys.modules))"
    output, errors = python(script, sandbox.environment()).communicate(timeout=TIMEOUT_S)
    assert errors == ""
    assert "'flexpay._library'" in output
    for module in ("flexpay._program", "subprocess", "argparse", "json", "shutil", "ssl"):
        assert f"'{module}'" not in output


def program(folder: Path, text: str, name: str = "flexpay") -> Path:
    """A program that prints a text, its arguments and ends with the status 42."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f'#!/bin/sh\necho {text} "$@"\nexit 42\n')
    file.chmod(0o755)
    return file


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A copy of the package, without a program."""
    package = tmp_path / "installed" / "flexpay"
    ignored = shutil.ignore_patterns("__pycache__", "libflexpay.*", "flexpay", "flexpay.exe")
    shutil.copytree(PACKAGE / "flexpay", package, ignore=ignored)
    return package


def run(installed: Path, path: str, folder: Path, **variables: str) -> Dict[str, Any]:
    folder.mkdir(exist_ok=True)
    environment = {"PYTHONPATH": str(installed.parent), "PATH": path, **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "flexpay", "a", "b c"],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return finished(process)


def test_where_the_program_is_looked_for(installed: Path, tmp_path: Path) -> None:
    # FLEXPAY_PROGRAM, the package, the PATH, in this order.
    here = tmp_path / "here"
    path = str(tmp_path / "bin")

    def prints(text: str, **variables: str) -> None:
        done = run(installed, path, here, **variables)
        assert done == {"status": 42, "stdout": f"{text} a b c\n".encode(), "stderr": b""}

    program(tmp_path / "bin", "path")
    prints("path")
    program(installed, "bundled")
    prints("bundled")
    prints("bundled", FLEXPAY_PROGRAM="")
    chosen = program(tmp_path, "chosen", "other name")
    prints("chosen", FLEXPAY_PROGRAM=str(chosen))
    prints("chosen", FLEXPAY_PROGRAM="../other name")


def test_no_program(installed: Path, tmp_path: Path) -> None:
    # Not that of the current folder.
    here = tmp_path / "here"
    program(here, "current folder")
    for path in (str(tmp_path), f".:{tmp_path}", ""):
        done = run(installed, path, here)
        assert (done["status"], done["stdout"]) == (127, b"")
        assert done["stderr"].decode() == (
            "flexpay: the program was not found. FLEXPAY_PROGRAM is not set, and"
            f" {installed}/flexpay does not exist, and no folder of the PATH contains flexpay."
            " Reinstall the package with its program from a checkout of flexpay: `pip install"
            " --force-reinstall bindings/python`. Or set FLEXPAY_PROGRAM to the full path of the"
            " program that `make cli` creates in a checkout of flexpay: build/bin/flexpay\n"
        )


def test_the_command_is_not_looked_for_on_the_path(installed: Path, tmp_path: Path) -> None:
    # It would find itself there, again and again.
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    command = bin_folder / "flexpay"
    command.write_text(f"#!{sys.executable}\n{COMMAND}\n")
    command.chmod(0o755)
    environment = {"PYTHONPATH": str(installed.parent), "PATH": str(bin_folder)}
    for line in [str(command)], [sys.executable, "-m", "flexpay"]:
        done = finished(start(line, environment))
        assert (done["status"], done["stdout"]) == (127, b"")
        assert done["stderr"].startswith(
            b"flexpay: the program was not found. FLEXPAY_PROGRAM is not set, and"
            b" %s/flexpay does not exist. Reinstall the package" % os.fsencode(installed)
        )
    program(installed, "bundled")
    assert finished(start([str(command)], environment))["stdout"] == b"bundled\n"


@pytest.mark.parametrize("mode", [None, 0o644, 0o755])
def test_a_program_that_cannot_be_run(installed: Path, tmp_path: Path, mode: Any) -> None:
    chosen = tmp_path / "chosen"
    if mode is not None:
        chosen.write_bytes(b"\x7fELF, but of no machine")
        chosen.chmod(mode)
    # There is no fallback to another program.
    path = str(program(tmp_path / "bin", "path").parent)
    done = run(installed, path, tmp_path / "here", FLEXPAY_PROGRAM=str(chosen))
    assert (done["status"], done["stdout"]) == (126, b"")
    error = done["stderr"].decode()
    assert error.startswith(f"flexpay: {chosen} cannot be run: ")
    assert "This path comes from the environment variable FLEXPAY_PROGRAM. Unset it" in error
    bundled = installed / "flexpay"
    if mode is not None:
        bundled.write_bytes(chosen.read_bytes())
        bundled.chmod(mode)
        done = run(installed, path, tmp_path / "here")
        assert done["status"] == 126
        assert done["stderr"].decode().startswith(f"flexpay: {bundled} cannot be run: ")
        assert b"pip install --force-reinstall" in done["stderr"]
