"""The structs of the header as ctypes has them."""

from __future__ import annotations

import ctypes
from typing import Any, Dict, Type

from . import _abi

STRUCTS: Dict[str, Type[ctypes.Structure]] = {
    name: type(name, (ctypes.Structure,), {"_fields_": fields})
    for name, fields in _abi.FIELDS.items()
}


def filled(name: str, **fields: Any) -> ctypes.Structure:
    """A struct that the caller fills in: its size comes first, and a field not named is zero."""
    struct = STRUCTS[name]
    return struct(size=ctypes.sizeof(struct), **fields)
