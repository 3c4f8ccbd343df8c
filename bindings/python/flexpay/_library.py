"""Finding the shared library, and loading it."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Optional

from . import _abi
from ._errors import LibraryError


class Library:
    """The shared library, loaded and found to be the one this package was written for."""

    def __init__(self, path: str, cdll: ctypes.CDLL) -> None:
        self.path = path
        self.functions = cdll


_loaded: Optional[Library] = None
_loading = threading.Lock()


def library() -> Library:
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


def _load() -> Library:
    path = located()
    try:
        # CDLL, and not PyDLL: it lets other threads run while a call is under way.
        cdll = ctypes.CDLL(path)
    except OSError as error:
        raise _unusable(
            path, f"the flexpay library could not be loaded; tried {path}: {error}"
        ) from error
    return _admitted(path, cdll)


def _admitted(path: str, cdll: ctypes.CDLL) -> Library:
    try:
        abi_version = cdll.flexpay_abi_version
    except AttributeError:
        raise _unusable(path, f"{path} is not the flexpay library") from None
    abi_version.restype, abi_version.argtypes = _abi.FUNCTIONS["flexpay_abi_version"]
    found = abi_version()
    if found != _abi.ABI_VERSION:
        raise _unusable(
            path,
            f"{path} has ABI version {found}, and this package was written for {_abi.ABI_VERSION}",
        )
    for name, (restype, argtypes) in _abi.FUNCTIONS.items():
        try:
            function = cdll[name]
        except AttributeError:
            raise _unusable(path, f"{path} lacks the function {name}") from None
        function.restype, function.argtypes = restype, argtypes
        setattr(cdll, name, function)
    return Library(path, cdll)


def _unusable(path: str, why: str) -> LibraryError:
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
