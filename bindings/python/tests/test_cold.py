"""What a script that makes one check imports: a new process pays for each module every time."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import Dict, List

import pytest
from conftest import PACKAGE, PATIENCE_S, Sandbox, python, take_in

import flexpay

# Each takes longer to import than the modules of this package together, or brings along what does.
DEAR = {
    "__future__",
    "asyncio",
    "concurrent.futures",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "inspect",
    "logging",
    "re",
    "threading",
    "typing",
    "weakref",
}


def imported(statements: str, environment: Dict[str, str]) -> List[str]:
    """Which of them these statements import."""
    script = f"""
import sys
before = set(sys.modules)
{statements}
print(*sorted(({DEAR!r} & set(sys.modules)) - before))
"""
    # Without the site packages, whose .pth files may import anything.
    process = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return process.stdout.split()


def test_a_check_imports_little(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        order = take_in(client)
    check = f"""
import flexpay
with flexpay.Client.from_env() as client:
    transaction = client.check({order!r})
assert transaction.reference == "R-1"
flexpay.parse_callback(b"code=0&reference=R-1")
"""
    environment = sandbox.environment()
    # What ctypes imports is no doing of ours.
    assert imported(check, environment) == imported("import ctypes", environment)
    state = check + "assert transaction.state is flexpay.State.PENDING"
    assert "enum" in imported(state, environment)


def test_a_check_makes_no_struct_it_does_not_fill_or_read(sandbox: Sandbox) -> None:
    script = """
import flexpay
from flexpay import _abi
with flexpay.Client(merchant="M", token="t") as client:
    try:
        client.check("")
    except flexpay.InvalidError:
        print(*sorted(_abi._made))
"""
    process = python(script, sandbox.environment())
    said, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    assert said.split() == ["flexpay_config", "flexpay_error"]


def test_every_name_is_there() -> None:
    for name in flexpay.__all__:
        assert getattr(flexpay, name).__name__ == name
        assert name in dir(flexpay)
    assert not hasattr(flexpay, "Clients")
    with pytest.raises(AttributeError, match="module 'flexpay' has no attribute 'Clients'"):
        flexpay.Clients  # type: ignore[attr-defined] # noqa: B018


def test_type_checkers_are_told_of_every_name() -> None:
    tree = ast.parse((PACKAGE / "flexpay" / "__init__.py").read_text(encoding="utf-8"))
    told = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert told == set(flexpay.__all__)


def test_a_star_import(sandbox: Sandbox) -> None:
    process = python("from flexpay import *; print(AsyncClient, State.PAID)", sandbox.environment())
    said, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    assert "AsyncClient" in said
