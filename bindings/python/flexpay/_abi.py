"""include/flexpay.h for ctypes: its structs, its functions, and the loading of the library."""

import ctypes
import os
import sys
from _thread import allocate_lock
from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple, Type

    from ._errors import LibraryError

ABI_VERSION = 1

OK = 0

FLAG_ALLOW_PLAIN_HTTP = 1
FLAG_CHECK_ONCE = 2
FLAG_SYSTEM_ROOTS = 4

CALLBACK_KEY_SIZE = 65

# The structs of the header, by their names there, and the fields of each.
STRUCTS: "Dict[str, List[Tuple[str, Any]]]" = {
    "flexpay_error": [
        ("code", c_int32),
        ("outcome", c_int32),
        ("http_status", c_int32),
        ("message", c_char_p),
        ("field", c_char_p),
        ("gateway_code", c_char_p),
        ("gateway_message", c_char_p),
    ],
    "flexpay_config": [
        ("size", c_size_t),
        ("merchant", c_char_p),
        ("token", c_char_p),
        ("environment", c_int32),
        ("api", c_int32),
        ("pay_url", c_char_p),
        ("check_url", c_char_p),
        ("timeout_ms", c_uint32),
        ("connect_timeout_ms", c_uint32),
        ("ca_file", c_char_p),
        ("proxy", c_char_p),
        ("app_name", c_char_p),
        ("flags", c_uint64),
        ("callback_secret", c_char_p),
        ("callback_secret_previous", c_char_p),
    ],
    "flexpay_payment_request": [
        ("size", c_size_t),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("currency", c_char_p),
        ("description", c_char_p),
        ("callback_url", c_char_p),
        ("approve_url", c_char_p),
        ("cancel_url", c_char_p),
        ("decline_url", c_char_p),
        ("home_url", c_char_p),
    ],
    "flexpay_payment": [
        ("redirect_url", c_char_p),
        ("order_number", c_char_p),
        ("code", c_char_p),
        ("message", c_char_p),
        ("page", c_char_p),
    ],
    "flexpay_transaction": [
        ("state", c_int32),
        ("status", c_char_p),
        ("order_number", c_char_p),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("amount_customer", c_char_p),
        ("amount_minor", c_int64),
        ("amount_customer_minor", c_int64),
        ("currency", c_char_p),
        ("created_at", c_char_p),
        ("channel", c_char_p),
        ("code", c_char_p),
        ("message", c_char_p),
        ("raw", c_char_p),
    ],
    "flexpay_wait_options": [
        ("size", c_size_t),
        ("timeout_ms", c_uint32),
        ("interval_ms", c_uint32),
        ("max_interval_ms", c_uint32),
        ("failed_grace_ms", c_uint32),
        ("cancel", c_void_p),
    ],
    "flexpay_callback": [
        ("claims_success", c_int32),
        ("code", c_char_p),
        ("reference", c_char_p),
        ("provider_reference", c_char_p),
        ("order_number", c_char_p),
        ("amount", c_char_p),
        ("amount_customer", c_char_p),
        ("currency", c_char_p),
        ("phone", c_char_p),
        ("created_at", c_char_p),
        ("channel", c_char_p),
        ("message", c_char_p),
        ("raw", c_char_p),
    ],
    "flexpay_expected": [
        ("size", c_size_t),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("currency", c_char_p),
        ("order_number", c_char_p),
        ("query", c_char_p),
    ],
}

# Every function: what it gives back, and what it takes. A body is a pointer and a length, and so a
# c_char_p will do: Python hands over the address of the bytes, whatever NULs are among them. Every
# other pointer is a c_void_p: to make a type of each would take longer than all else here.
FUNCTIONS: "Dict[str, Tuple[Any, List[Any]]]" = {
    "flexpay_abi_version": (c_int32, []),
    "flexpay_version": (c_char_p, []),
    "flexpay_result_name": (c_char_p, [c_int32]),
    "flexpay_outcome_name": (c_char_p, [c_int32]),
    "flexpay_state_name": (c_char_p, [c_int32]),
    "flexpay_error_free": (None, [c_void_p]),
    "flexpay_client_new": (c_int32, [c_void_p, c_void_p, c_void_p]),
    "flexpay_client_from_env": (c_int32, [c_void_p, c_void_p]),
    "flexpay_client_free": (None, [c_void_p]),
    "flexpay_pay": (c_int32, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "flexpay_payment_free": (None, [c_void_p]),
    "flexpay_state_may_replace": (c_int32, [c_int32, c_int32]),
    "flexpay_check": (c_int32, [c_void_p, c_char_p, c_void_p, c_void_p]),
    "flexpay_transaction_free": (None, [c_void_p]),
    "flexpay_cancel_token_new": (c_int32, [c_void_p, c_void_p]),
    "flexpay_cancel_token_cancel": (None, [c_void_p]),
    "flexpay_cancel_token_free": (None, [c_void_p]),
    "flexpay_wait": (c_int32, [c_void_p, c_char_p, c_void_p, c_void_p, c_void_p]),
    "flexpay_parse_callback": (c_int32, [c_char_p, c_size_t, c_void_p, c_void_p]),
    "flexpay_verify_callback": (
        c_int32,
        [c_void_p, c_char_p, c_size_t, c_void_p, c_void_p, c_void_p],
    ),
    "flexpay_callback_key": (c_int32, [c_void_p, c_char_p, c_size_t, c_void_p]),
    "flexpay_callback_free": (None, [c_void_p]),
}


_made: "Dict[str, Type[ctypes.Structure]]" = {}


def struct(name: str) -> "Type[ctypes.Structure]":
    """A struct of the header as a class, which is made when it is first asked for."""
    if name not in _made:
        _made.setdefault(name, type(name, (ctypes.Structure,), {"_fields_": STRUCTS[name]}))
    return _made[name]


def filled(name: str, **fields: "Any") -> "ctypes.Structure":
    """A struct that the caller fills in: its size comes first, and a field not named is zero."""
    kind = struct(name)
    return kind(size=ctypes.sizeof(kind), **fields)


class Library:
    """The shared library, loaded and found to be the one this package was written for."""

    def __init__(self, path: str, cdll: "ctypes.CDLL") -> None:
        self.path = path
        self.functions = cdll


_loaded: "Optional[Library]" = None
_loading = allocate_lock()


def library() -> "Library":
    """The library, loaded at the first call. Raises LibraryError where it cannot be used."""
    global _loaded
    if _loaded is None:
        with _loading:
            if _loaded is None:
                _loaded = _load()
    return _loaded


def candidates() -> "List[str]":
    """The one path that is tried: FLEXPAY_LIBRARY, or else the file beside this module.

    Full paths only. Neither the linker's search path nor `find_library` has a say: the one would
    take any file of that name, the other fails on systems without a compiler.
    """
    chosen = os.environ.get("FLEXPAY_LIBRARY")
    if chosen:
        return [os.path.abspath(chosen)]
    return [os.path.join(os.path.dirname(os.path.abspath(__file__)), file_name())]


def file_name() -> str:
    """What the library's file is called on this system."""
    if sys.platform == "win32":
        return "flexpay.dll"
    return "libflexpay.dylib" if sys.platform == "darwin" else "libflexpay.so"


def _load() -> "Library":
    failures = []
    for path in candidates():
        try:
            # CDLL, and not PyDLL: it lets other threads run while a call is under way.
            cdll = ctypes.CDLL(path)
        except OSError as error:
            failures.append(f"{path}: {error}")
            continue
        return _admit(path, cdll)
    raise _unusable(
        "the flexpay library could not be loaded; tried "
        + "; ".join(failures)
        + ". Set FLEXPAY_LIBRARY to its full path, or install the package anew."
    )


def _admit(path: str, cdll: "ctypes.CDLL") -> "Library":
    try:
        abi_version = cdll.flexpay_abi_version
    except AttributeError:
        raise _unusable(f"{path} is not the flexpay library") from None
    abi_version.restype, abi_version.argtypes = FUNCTIONS["flexpay_abi_version"]
    found = abi_version()
    if found != ABI_VERSION:
        raise _unusable(
            f"{path} has ABI version {found}, and this package was written for {ABI_VERSION}; "
            "install the two in versions that belong together"
        )
    for name, (restype, argtypes) in FUNCTIONS.items():
        try:
            function = getattr(cdll, name)
        except AttributeError:
            raise _unusable(f"{path} lacks the function {name}") from None
        function.restype, function.argtypes = restype, argtypes
    return Library(path, cdll)


def _unusable(why: str) -> "LibraryError":
    from ._errors import LibraryError

    return LibraryError(why)
