"""Builds the Rust library and adds it to the package.

`pip install bindings/python` in a checkout runs cargo at its root. With FLEXPAY_LIBRARY_PREBUILT,
that library is used instead. The metadata is in pyproject.toml.
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


# pip shows this text unchanged, and little else.
INSTALL_RUST = """
Install Rust {required} or later from https://rustup.rs:

    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
    . "$HOME/.cargo/env"

and run pip again. (The rustc of Debian 12 is 1.63: too old.) Or set FLEXPAY_LIBRARY_PREBUILT to the
path of a library that `make build` created on a similar machine: build/lib/{name}
"""


def require_rust() -> None:
    """Exits with instructions if cargo is missing or too old."""
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    required = re.findall(r'^rust-version = "(.*)"', manifest, re.M)[0]
    advice = INSTALL_RUST.format(required=required, name=FILE_NAME)
    try:
        # In the project's folder, which may select a toolchain.
        version = subprocess.run(
            ["cargo", "--version"], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True
        ).stdout
    except FileNotFoundError:
        sys.exit(f"flexpay is written in Rust, and cargo was not found.\n{advice}")
    except subprocess.CalledProcessError as error:
        # rustup without a toolchain; it has printed so.
        sys.exit(f"`cargo --version` failed with status {error.returncode}.\n{advice}")
    found = re.search(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < tuple(map(int, required.split("."))):
        sys.exit(
            f"flexpay needs Rust {required} or later to build; this is {version.strip()}.\n{advice}"
        )


def library() -> Path:
    """The prebuilt library if FLEXPAY_LIBRARY_PREBUILT is set; otherwise builds it."""
    prebuilt = os.environ.get("FLEXPAY_LIBRARY_PREBUILT")
    if prebuilt:
        if not Path(prebuilt).is_file():
            sys.exit(
                f"FLEXPAY_LIBRARY_PREBUILT is {prebuilt!r}, which is not a file. Set it to the full"
                f" path of a built library, such as build/lib/{FILE_NAME} after `make build`, or"
                " unset it to build the library."
            )
        return Path(prebuilt)
    if not (ROOT / "Cargo.toml").is_file():
        sys.exit(
            f"{ROOT} is not a checkout of flexpay. Install from a checkout with pip 21.3 or later "
            "(an older pip copies this folder to another place first), or set "
            "FLEXPAY_LIBRARY_PREBUILT to the path of a built library."
        )
    require_rust()
    # Only the cdylib: built together with the other crate types, it would keep code that C callers
    # cannot reach.
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
            f"{' '.join(command)} failed with status {error.returncode}; see its output above. If"
            " the linker `cc` was not found, install a C compiler: apt install gcc libc6-dev"
        )
    # Cargo reports the paths of its artifacts, which depend on its settings.
    for line in built.stdout.splitlines():
        for name in json.loads(line).get("filenames", ()):
            if Path(name).name == FILE_NAME:
                return Path(name)
    sys.exit(f"cargo did not build {FILE_NAME}")


class BuildWithLibrary(build_py):
    """Adds the shared library to the package."""

    def run(self) -> None:
        super().run()
        parent = HERE if self.editable_mode else Path(self.build_lib)
        target = parent / "flexpay" / FILE_NAME
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library(), target)


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and every Python 3: the library does not use Python's C API."""

    def get_tag(self) -> Tuple[str, str, str]:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


class PlatformDistribution(Distribution):
    """Marks the distribution as platform-specific."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    distclass=PlatformDistribution,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
)
