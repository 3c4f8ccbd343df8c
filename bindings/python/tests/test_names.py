"""The public names of the package, and what it imports."""

from __future__ import annotations

import ast

import pytest
from conftest import PACKAGE, TIMEOUT_S, Sandbox, python

import flexpay


def test_every_public_name_exists() -> None:
    for name in flexpay.__all__:
        assert getattr(flexpay, name).__name__ == name
        assert name in dir(flexpay)
    assert not hasattr(flexpay, "Clients")
    with pytest.raises(AttributeError, match="module 'flexpay' has no attribute 'Clients'"):
        flexpay.Clients  # noqa: B018


def test_type_checkers_see_every_public_name() -> None:
    tree = ast.parse((PACKAGE / "flexpay" / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert imported == set(flexpay.__all__)


def test_a_star_import(sandbox: Sandbox) -> None:
    process = python("from flexpay import *; print(AsyncClient, State.PAID)", sandbox.environment())
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (0, "")
    assert "AsyncClient" in output


def test_asyncio_is_imported_only_with_async_client(sandbox: Sandbox) -> None:
    script = """
import sys, flexpay
assert "asyncio" not in sys.modules
flexpay.AsyncClient
assert "asyncio" in sys.modules
"""
    process = python(script, sandbox.environment())
    assert process.communicate(timeout=TIMEOUT_S) == ("", "")
    assert process.returncode == 0
