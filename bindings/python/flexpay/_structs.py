"""The structs of the C header, as ctypes structures."""

from __future__ import annotations

import ctypes
from typing import Any, Dict, Type

from . import _abi

STRUCTS: Dict[str, Type[ctypes.Structure]] = {
    name: type(name, (ctypes.Structure,), {"_fields_": fields})
    for name, fields in _abi.FIELDS.items()
}


def new_struct(name: str, **fields: Any) -> ctypes.Structure:
    """A struct of the caller: `size` is set, and fields that are not given are zero."""
    struct = STRUCTS[name]
    return struct(size=ctypes.sizeof(struct), **fields)
