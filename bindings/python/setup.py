"""Builds the Rust library and puts it into the package.

`pip install bindings/python` from a checkout runs cargo at its root; FLEXPAY_LIBRARY_PREBUILT names
a library to take instead. The metadata is in pyproject.toml.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Tuple

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FILE_NAME = {"win32": "flexpay.dll", "darwin": "libflexpay.dylib"}.get(
    sys.platform, "libflexpay.so"
)


# pip shows it as it is, and not much else.
INSTALL_RUST = """
Install Rust {needed} or later from https://rustup.rs:

    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
    . "$HOME/.cargo/env"

and run pip again. (Debian 12's own rustc is 1.63: too old.) Or set FLEXPAY_LIBRARY_PREBUILT to the
path of a library that `make build` made on another machine of the same kind: build/lib/{name}
"""


def demand_rust() -> None:
    """Ends with what to install, where cargo is missing or too old."""
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    needed = re.findall(r'^rust-version = "(.*)"', manifest, re.M)[0]
    advice = INSTALL_RUST.format(needed=needed, name=FILE_NAME)
    try:
        # In its folder: a toolchain may be chosen there.
        told = subprocess.run(
            ["cargo", "--version"], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True
        ).stdout
    except FileNotFoundError:
        sys.exit(f"flexpay is written in Rust, and there is no cargo to build it.\n{advice}")
    except subprocess.CalledProcessError as error:
        # rustup without a toolchain; it has said so.
        sys.exit(f"`cargo --version` failed with status {error.returncode}.\n{advice}")
    found = re.search(r"(\d+)\.(\d+)", told)
    if found and (int(found[1]), int(found[2])) < tuple(map(int, needed.split("."))):
        sys.exit(
            f"flexpay needs Rust {needed} or later to build; this is {told.strip()}.\n{advice}"
        )


def library() -> Path:
    """The shared library: the one that was named, or else built anew."""
    prebuilt = os.environ.get("FLEXPAY_LIBRARY_PREBUILT")
    if prebuilt:
        if not Path(prebuilt).is_file():
            sys.exit(
                f"FLEXPAY_LIBRARY_PREBUILT is {prebuilt!r}, and no such file is there. Give the"
                f" full path of a built library, such as build/lib/{FILE_NAME} after `make build`,"
                " or unset it, and the library is built."
            )
        return Path(prebuilt)
    if not (ROOT / "Cargo.toml").is_file():
        sys.exit(
            f"{ROOT} is no checkout of flexpay. Install from a checkout with pip 21.3 or newer "
            "(an older one copies this folder away first), or set FLEXPAY_LIBRARY_PREBUILT to the "
            "path of a built library."
        )
    demand_rust()
    # The shared library alone: built beside the others it would keep what nothing in C can reach.
    command = ["cargo", "rustc", "--release", "--locked", "--package", "flexpay", "--lib"]
    command += ["--crate-type", "cdylib"]
    try:
        built = subprocess.run(
            [*command, "--message-format=json-render-diagnostics"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"{' '.join(command)} failed with status {error.returncode}; it says above why. Where"
            " it says that the linker `cc` was not found, install a C compiler: apt install gcc"
            " libc6-dev"
        )
    # Cargo says itself what it made, wherever its settings put it.
    for line in built.stdout.splitlines():
        for name in json.loads(line).get("filenames", ()):
            if Path(name).name == FILE_NAME:
                return Path(name)
    sys.exit(f"cargo built no {FILE_NAME}")


class BuildWithLibrary(build_py):
    """Adds the shared library to the package."""

    def run(self) -> None:
        super().run()
        parent = HERE if self.editable_mode else Path(self.build_lib)
        target = parent / "flexpay" / FILE_NAME
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library(), target)


class PlatformWheel(bdist_wheel):
    """A wheel for this platform, and for every Python 3: nothing in it is compiled against one."""

    def get_tag(self) -> Tuple[str, str, str]:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


class PlatformDistribution(Distribution):
    """A distribution that is not pure Python."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    distclass=PlatformDistribution,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
)
