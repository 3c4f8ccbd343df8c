"""The border between Python and the library: include/flexpay.h for ctypes, the loading of the
library, values guarded going in, and copied coming out.

What a value means is the library's to judge. Here is only what C could not see: a type that is not
the one asked for, a NUL byte (C would end the text there, silently), a text that is no UTF-8, an
integer C would cut.
"""

import ctypes
import os
import sys
from _thread import allocate_lock
from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

from ._models import Callback, Payment, Transaction, later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, Callable, Dict, List, Optional, Tuple, Type, TypeVar, Union

    from ._enums import State
    from ._errors import FlexPayError, InvalidError, InvalidTypeError, LibraryError

    Amount = Union[str, int, Decimal]
    Body = Union[bytes, bytearray, memoryview]
    T = TypeVar("T")

ABI_VERSION = 1

OK = 0

FLAG_ALLOW_PLAIN_HTTP = 1
FLAG_CHECK_ONCE = 2
FLAG_SYSTEM_ROOTS = 4
FLAG_PRIVATE_CONNECTIONS = 8

CALLBACK_KEY_SIZE = 65

# Numbers with more digits than this are not written out: Decimal("1E999999999") would take a
# gigabyte.
_MOST_DIGITS = 1000

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
        ("order_number", c_char_p),
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
        ("expected", c_void_p),
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
# other pointer is a c_void_p: to make a type of each would take longer than all else here. It takes
# bytes and text, too, so hand in nothing but byref() and the addresses that the library gave.
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
    "flexpay_verify_order": (c_int32, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "flexpay_callback_key": (c_int32, [c_void_p, c_char_p, c_size_t, c_void_p]),
    "flexpay_callback_free": (None, [c_void_p]),
}


# What says what became of a payment, in words that a program can act on.
_NEEDED = (f"{__package__}._errors", f"{__package__}._enums", "decimal", "datetime")
_is_ready = False
# The descriptor that `keep_ready` keeps back, with the file it belongs to. At most one.
_spare: "List[Tuple[int, Tuple[int, int]]]" = []


def be_ready() -> None:
    """Loads all that may be needed to say what became of a payment.

    Called before a payment is sent. To load something afterwards could fail (no file descriptor
    left, the package replaced on disk), and the outcome would be lost with it.
    """
    global _is_ready
    if not _is_ready:
        for module in _NEEDED:
            load(module)
        _is_ready = True


def keep_ready() -> None:
    """As `be_ready`; but for a small script it only sees to it that this can be done later.

    A script that makes one check should not wait for imports that it may not need. So for such a
    script one file descriptor is kept back for them, to its end. Where there may be other threads,
    which could take a descriptor that is given up, or where most of it is loaded already, all is
    loaded now.
    """
    if "enum" in sys.modules or "threading" in sys.modules:
        be_ready()
    elif not _is_ready and not _spare:
        _keep_spare()


def load(module: str) -> None:
    """Imports a module, at need with the file descriptor that was kept back."""
    try:
        __import__(module)
    except OSError:
        if not _give_spare_up():
            raise
        try:
            __import__(module)
        finally:
            _keep_spare()


def _keep_spare() -> None:
    try:
        descriptor = os.open(__file__, os.O_RDONLY)
    except OSError:
        return
    _spare.append((descriptor, _identity(descriptor)))


def _give_spare_up() -> bool:
    try:
        descriptor, identity = _spare.pop()
        # A program that becomes a daemon closes every descriptor; the number may be another's now.
        if _identity(descriptor) != identity:
            return False
        os.close(descriptor)
    except (IndexError, OSError):
        return False
    return True


def _identity(descriptor: int) -> "Tuple[int, int]":
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


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


def located() -> str:
    """The path of FLEXPAY_LIBRARY, or else of the file beside this module.

    A full path only. Neither the linker's search path nor `find_library` has a say: the one would
    take any file of that name, the other fails on systems without a compiler.
    """
    chosen = os.environ.get("FLEXPAY_LIBRARY")
    if chosen:
        return os.path.abspath(chosen)
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), file_name())


def file_name() -> str:
    """What the library's file is called on this system."""
    if sys.platform == "win32":
        return "flexpay.dll"
    return "libflexpay.dylib" if sys.platform == "darwin" else "libflexpay.so"


def _load() -> "Library":
    path = located()
    try:
        # CDLL, and not PyDLL: it lets other threads run while a call is under way.
        cdll = ctypes.CDLL(path)
    except OSError as error:
        raise _unusable(
            path, f"the flexpay library could not be loaded; tried {path}: {error}"
        ) from error
    return _admit(path, cdll)


def _admit(path: str, cdll: "ctypes.CDLL") -> "Library":
    try:
        abi_version = cdll.flexpay_abi_version
    except AttributeError:
        raise _unusable(path, f"{path} is not the flexpay library") from None
    abi_version.restype, abi_version.argtypes = FUNCTIONS["flexpay_abi_version"]
    found = abi_version()
    if found != ABI_VERSION:
        raise _unusable(
            path, f"{path} has ABI version {found}, and this package was written for {ABI_VERSION}"
        )
    for name, (restype, argtypes) in FUNCTIONS.items():
        try:
            function = cdll[name]
        except AttributeError:
            raise _unusable(path, f"{path} lacks the function {name}") from None
        function.restype, function.argtypes = restype, argtypes
        setattr(cdll, name, function)
    return Library(path, cdll)


def _unusable(path: str, why: str) -> "LibraryError":
    load(f"{__package__}._errors")
    from ._errors import LibraryError

    return LibraryError(f"{why}. {_remedy(path)}")


def _remedy(path: str) -> str:
    """What to do about a library that cannot be used; what is not at fault is left alone."""
    built = (
        "FLEXPAY_LIBRARY to the full path of the library that `make build` makes in a checkout of"
        f" flexpay: build/lib/{file_name()}"
    )
    if os.environ.get("FLEXPAY_LIBRARY"):
        return (
            "The environment variable FLEXPAY_LIBRARY names it. Unset it to use the library that"
            f" was installed with the package, or set {built}"
        )
    package = os.path.dirname(os.path.abspath(__file__))
    is_source = os.path.exists(os.path.join(os.path.dirname(package), "setup.py"))
    if is_source and not os.path.exists(path):
        return (
            "This is the package's source, which has no library. Run Python in another folder, so"
            f" that it finds the package as pip installed it, or set {built}"
        )
    return (
        "Install the package again, and its library with it, from a checkout of flexpay:"
        f" `pip install --force-reinstall bindings/python`. Or set {built}"
    )


def invalid(field: str, message: str) -> "InvalidError":
    load(f"{__package__}._errors")
    from ._errors import InvalidError, Outcome

    return InvalidError(f"{field} {message}", field=field, outcome=Outcome.NOT_SENT)


def wrong_type(field: str, right: str, value: object, why: str = "") -> "InvalidTypeError":
    """The error for an argument of another type than the right one. It does not hold the value."""
    load(f"{__package__}._errors")
    from ._errors import InvalidTypeError, Outcome

    message = f"{field} is to be {right}, not {type(value).__name__}"
    if why:
        message += "; " + why
    return InvalidTypeError(message, field=field, outcome=Outcome.NOT_SENT)


def text(value: "Any", field: str) -> bytes:
    wrong = _wrong_text(value, field)
    if wrong is None:
        encoded: bytes = value.encode("utf-8")
        return encoded
    # The value may be the token, and error trackers show the locals of every frame.
    del value
    raise wrong


def optional_text(value: "Any", field: str) -> "Optional[bytes]":
    # Not by way of `text`: this frame would still hold the value.
    wrong = None if value is None else _wrong_text(value, field)
    if wrong is None:
        return None if value is None else value.encode("utf-8")
    del value
    raise wrong


def _wrong_text(value: "Any", field: str) -> "Optional[Exception]":
    """What is wrong with a text, as an exception to be raised. This frame is not among its own."""
    if not isinstance(value, str):
        return wrong_type(field, "str", value)
    if "\0" in value:
        return invalid(field, "holds a NUL character")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        is_whole = False
    else:
        is_whole = True
    # Not in the handler above: the error caught there holds the text, and would be the context of
    # this one.
    return None if is_whole else invalid(field, "holds half a character (a lone surrogate)")


def optional_path(value: "Any", field: str) -> "Optional[bytes]":
    return optional_text(os.fspath(value) if isinstance(value, os.PathLike) else value, field)


def amount(value: "Any", field: str) -> bytes:
    if isinstance(value, str):
        return text(value, field)
    from decimal import Decimal

    if isinstance(value, float):
        why = (
            "a float is refused because it cannot hold most amounts exactly (0.1 is not a tenth): "
            'write it as text, "25.50"'
        )
        raise wrong_type(field, "str, int or Decimal", value, why)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise wrong_type(field, "str, int or Decimal", value)
    exact = Decimal(value)
    if exact.is_finite() and abs(exact.adjusted()) > _MOST_DIGITS:
        raise invalid(field, "is out of range")
    # Never with an exponent: str(Decimal(100).normalize()) is "1E+2".
    return format(exact, "f").encode("ascii")


def body(value: "Any", field: str = "body") -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise wrong_type(field, "the bytes as they came", value)


def integer(value: "Any", field: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, "int", value)
    if not least <= value <= most:
        raise invalid(field, f"is not between {least} and {most}")
    return int(value)


def milliseconds(value: "Any", field: str) -> int:
    if value is None:
        return 0
    number = integer(value, field, 0, 2**32 - 1)
    if number == 0:
        # To the library this is "as usual", to a reader "not at all".
        raise invalid(field, "is 0: leave it out, or None, for the usual time")
    return number


# The words for the settings that are numbers to C: those of the environment variables.
CHOICES = {
    "environment": {"live": 0, "test": 1},
    "api": {"v1": 0, "v1.1": 1},
}


def choice(value: "Any", field: str) -> int:
    if value is None:
        return 0
    words = CHOICES[field]
    if isinstance(value, str):
        if value not in words:
            raise invalid(field, "is neither " + " nor ".join(f'"{word}"' for word in words))
        return words[value]
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, " or ".join(f'"{word}"' for word in words), value)
    return integer(value, field, -(2**31), 2**31 - 1)


def switch(value: "Any", field: str, flag: int) -> int:
    if not isinstance(value, bool):
        raise wrong_type(field, "bool", value)
    return flag if value else 0


def call(function: "Any", *arguments: "Any") -> int:
    """Calls one of the library's functions that give a result or an error.

    The result's address is returned, or the error raised as an exception. Nothing of this frame
    outlives the call but the error's copy.
    """
    functions = library().functions
    result, error = ctypes.c_void_p(), ctypes.c_void_p()
    code = function(*arguments, ctypes.byref(result), ctypes.byref(error))
    if code == OK:
        address: int = result.value  # type: ignore[assignment]
        return address
    # They lead to the settings, and so to the token.
    del arguments
    try:
        raise _exception(code, error.value)
    finally:
        functions.flexpay_error_free(error)


def take(address: int, free: "Callable[[int], None]", copy: "Callable[[int], T]") -> "T":
    """Copies a result, then frees it, whatever happens."""
    try:
        return copy(address)
    finally:
        free(address)


def _exception(code: int, error: "Optional[int]") -> "FlexPayError":
    load(f"{__package__}._errors")
    from ._errors import BY_CODE, FlexPayError, Outcome, ResultCode

    known = ResultCode(code)
    kind = BY_CODE.get(known, FlexPayError)
    if error is None:
        return kind(f"the library gave no reason ({known.name})", code=known)
    told: Any = struct("flexpay_error").from_address(error)
    return kind(
        told.message.decode(),
        code=known,
        outcome=Outcome(told.outcome),
        http_status=told.http_status or None,
        field=_decoded(told.field),
        gateway_code=_decoded(told.gateway_code),
        gateway_message=_decoded(told.gateway_message),
        order_number=_decoded(told.order_number),
    )


def _decoded(value: "Optional[bytes]") -> "Optional[str]":
    return None if value is None else value.decode()


def payment(address: int) -> "Payment":
    told: Any = struct("flexpay_payment").from_address(address)
    return Payment(
        redirect_url=_decoded(told.redirect_url),
        order_number=_decoded(told.order_number),
        code=_decoded(told.code),
        message=_decoded(told.message),
        page=_decoded(told.page),
    )


def transaction(address: int) -> "Transaction":
    told: Any = struct("flexpay_transaction").from_address(address)
    return Transaction(
        state=later(_state, told.state),
        status=_decoded(told.status),
        order_number=told.order_number.decode(),
        reference=_decoded(told.reference),
        amount=later(_decimal, told.amount),
        amount_customer=later(_decimal, told.amount_customer),
        amount_minor=None if told.amount_minor == -1 else told.amount_minor,
        amount_customer_minor=(
            None if told.amount_customer_minor == -1 else told.amount_customer_minor
        ),
        currency=_decoded(told.currency),
        created_at=later(_moment, told.created_at),
        channel=_decoded(told.channel),
        code=_decoded(told.code),
        message=_decoded(told.message),
        raw=_decoded(told.raw),
    )


def callback(address: int) -> "Callback":
    told: Any = struct("flexpay_callback").from_address(address)
    return Callback(
        claims_success=told.claims_success != 0,
        code=told.code.decode(),
        reference=_decoded(told.reference),
        provider_reference=_decoded(told.provider_reference),
        order_number=_decoded(told.order_number),
        amount=_decoded(told.amount),
        amount_customer=_decoded(told.amount_customer),
        currency=_decoded(told.currency),
        phone=_decoded(told.phone),
        created_at=_decoded(told.created_at),
        channel=_decoded(told.channel),
        message=_decoded(told.message),
        raw=told.raw.decode(),
        key=_key(told),
    )


def _key(told: "Any") -> str:
    key = ctypes.create_string_buffer(CALLBACK_KEY_SIZE)
    code = library().functions.flexpay_callback_key(
        ctypes.byref(told), key, CALLBACK_KEY_SIZE, None
    )
    if code != OK:
        raise _exception(code, None)
    return key.value.decode()


def _state(number: int) -> "State":
    load(f"{__package__}._enums")
    from ._enums import State

    return State(number)


def _decimal(value: "Optional[bytes]") -> "Optional[Decimal]":
    load("decimal")
    from decimal import Decimal

    return None if value is None else Decimal(value.decode())


def _moment(value: "Optional[bytes]") -> "Optional[datetime]":
    load("datetime")
    from datetime import datetime

    if value is None:
        return None
    try:
        return datetime.fromisoformat(value.decode())
    except ValueError:
        # The year 0, which the calendar has and Python's has not.
        return None
