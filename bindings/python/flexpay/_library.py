"""Finds and loads the shared library."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Any, Optional

from . import _abi
from ._errors import LibraryError


class Library:
    """The loaded shared library, with the ABI version that this package requires."""

    def __init__(self, path: str, cdll: ctypes.CDLL) -> None:
        self.path = path
        self.functions = cdll


_loaded: Optional[Library] = None
_loading = threading.Lock()


def library() -> Library:
    """The library, loaded at the first call. Raises LibraryError if it cannot be used."""
    global _loaded
    if _loaded is None:
        with _loading:
            if _loaded is None:
                _loaded = _load()
    return _loaded


def library_file() -> str:
    """The full path in FLEXPAY_LIBRARY, or else the path of the library next to this module.

    The linker's search path is not used: it would load any file of that name. Nor is
    `find_library`: it fails on systems without a compiler.
    """
    return located(os.environ.get("FLEXPAY_LIBRARY"), __file__, sys.platform, os.path)


def located(chosen: Optional[str], module: str, system: str, paths: Any) -> str:
    """`library_file` with the facts of a system: what FLEXPAY_LIBRARY contains, the path of this
    module, `sys.platform`, and the module for paths (`posixpath` or `ntpath`)."""
    if chosen:
        file: str = paths.abspath(chosen)
    else:
        file = paths.join(paths.dirname(paths.abspath(module)), file_name(system))
    return file


def file_name(system: str = sys.platform) -> str:
    """The name of the library file on a system."""
    if system == "win32":
        return "flexpay.dll"
    return "libflexpay.dylib" if system == "darwin" else "libflexpay.so"


def _load() -> Library:
    path = library_file()
    try:
        # CDLL, not PyDLL: it lets other threads run during a call.
        #
        # On Windows, too, nothing else is needed. With a full path, Python looks for the DLLs that
        # ours uses (only those of Windows) in the folder of ours, the program's and System32.
        # `winmode=0` would also search the current folder and the PATH, where anyone may have put
        # a DLL, and `os.add_dll_directory` would change the search for the whole process.
        cdll = ctypes.CDLL(path)
    except OSError as error:
        raise _library_error(
            path, f"the flexpay library could not be loaded from {path}: {error}"
        ) from error
    return _checked(path, cdll)


def _checked(path: str, cdll: ctypes.CDLL) -> Library:
    try:
        abi_version = cdll.flexpay_abi_version
    except AttributeError:
        raise _library_error(path, f"{path} is not the flexpay library") from None
    abi_version.restype, abi_version.argtypes = _abi.FUNCTIONS["flexpay_abi_version"]
    found = abi_version()
    if found != _abi.ABI_VERSION:
        raise _library_error(
            path,
            f"{path} has ABI version {found}, but this package requires {_abi.ABI_VERSION}",
        )
    for name, (restype, argtypes) in _abi.FUNCTIONS.items():
        try:
            function = cdll[name]
        except AttributeError:
            raise _library_error(path, f"{path} does not have the function {name}") from None
        function.restype, function.argtypes = restype, argtypes
        setattr(cdll, name, function)
    return Library(path, cdll)


def _library_error(path: str, why: str) -> LibraryError:
    return LibraryError(f"{why}. {_advice(path)}")


def _advice(path: str) -> str:
    """What the user can do about a library that cannot be used."""
    built = (
        "FLEXPAY_LIBRARY to the full path of the library that `make build` creates in a checkout of"
        f" flexpay: build/lib/{file_name()}"
    )
    if os.environ.get("FLEXPAY_LIBRARY"):
        return (
            "This path comes from the environment variable FLEXPAY_LIBRARY. Unset it to use the"
            f" library that was installed with the package, or set {built}"
        )
    package = os.path.dirname(os.path.abspath(__file__))
    is_source = os.path.exists(os.path.join(os.path.dirname(package), "setup.py"))
    if is_source and not os.path.exists(path):
        return (
            "This is the package's source code, which does not contain the library. Run Python in"
            f" another folder, so that it finds the package that pip installed, or set {built}"
        )
    return (
        "Reinstall the package with its library from a checkout of flexpay:"
        f" `pip install --force-reinstall bindings/python`. Or set {built}"
    )
