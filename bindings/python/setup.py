"""Builds the Rust library and the program `flexpay`, and adds them to the package.

`pip install bindings/python` in a checkout runs cargo at its root. FLEXPAY_LIBRARY_PREBUILT and
FLEXPAY_PROGRAM_PREBUILT name files that are used instead. The metadata is in pyproject.toml.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Optional, Tuple

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FILE_NAME = {"win32": "flexpay.dll", "darwin": "libflexpay.dylib"}.get(
    sys.platform, "libflexpay.so"
)
PROGRAM_NAME = "flexpay.exe" if sys.platform == "win32" else "flexpay"


# pip shows this text unchanged, and little else.
INSTALL_RUST = """
Install Rust {required} or later from https://rustup.rs:

    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
    . "$HOME/.cargo/env"

and run pip again. (The rustc of Debian 12 is 1.63: too old.) Or use what `make build cli` created
on a similar machine: set FLEXPAY_LIBRARY_PREBUILT to the path of build/lib/{library}, and
FLEXPAY_PROGRAM_PREBUILT to that of build/bin/{program}
"""


def require_rust() -> None:
    """Exits with instructions if cargo is missing or too old."""
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    required = re.findall(r'^rust-version = "(.*)"', manifest, re.M)[0]
    advice = INSTALL_RUST.format(required=required, library=FILE_NAME, program=PROGRAM_NAME)
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


def prebuilt(variable: str, example: str) -> Optional[Path]:
    """The file that the variable names, if it is set."""
    value = os.environ.get(variable)
    if not value:
        return None
    if not Path(value).is_file():
        sys.exit(
            f"{variable} is {value!r}, which is not a file. Set it to the full path of a built"
            f" file, such as {example} after `make build cli`, or unset it to build it."
        )
    return Path(value)


def built(name: str, command: List[str]) -> Path:
    """Runs cargo, and returns the file of this name that it built."""
    if not (ROOT / "Cargo.toml").is_file():
        sys.exit(
            f"{ROOT} is not a checkout of flexpay. Install from a checkout with pip 21.3 or later "
            "(an older pip copies this folder to another place first), or set "
            "FLEXPAY_LIBRARY_PREBUILT to the path of a built library."
        )
    require_rust()
    try:
        done = subprocess.run(
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
    for line in done.stdout.splitlines():
        for file in json.loads(line).get("filenames", ()):
            if Path(file).name == name:
                return Path(file)
    sys.exit(f"cargo did not build {name}")


def library() -> Path:
    """The prebuilt library if FLEXPAY_LIBRARY_PREBUILT is set; otherwise builds it."""
    file = prebuilt("FLEXPAY_LIBRARY_PREBUILT", f"build/lib/{FILE_NAME}")
    if file is not None:
        return file
    # Only the cdylib: built together with the other crate types, it would keep code that C callers
    # cannot reach.
    command = ["cargo", "rustc", "--release", "--locked", "--package", "flexpay", "--lib"]
    return built(FILE_NAME, [*command, "--crate-type", "cdylib"])


def program() -> Optional[Path]:
    """The prebuilt program if FLEXPAY_PROGRAM_PREBUILT is set; otherwise builds it. None if only
    the library is prebuilt: then there may be no Rust."""
    file = prebuilt("FLEXPAY_PROGRAM_PREBUILT", f"build/bin/{PROGRAM_NAME}")
    if file is not None:
        return file
    if os.environ.get("FLEXPAY_LIBRARY_PREBUILT"):
        print("Without FLEXPAY_PROGRAM_PREBUILT, the program is not added to the package.")
        return None
    command = ["cargo", "build", "--release", "--locked", "--package", "flexpay-cli"]
    return built(PROGRAM_NAME, command)


class BuildWithLibrary(build_py):
    """Adds the shared library and the program to the package."""

    def run(self) -> None:
        super().run()
        parent = HERE if self.editable_mode else Path(self.build_lib)
        package = parent / "flexpay"
        package.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library(), package / FILE_NAME)
        bundled = package / PROGRAM_NAME
        # Of an earlier build: a version of its own.
        if bundled.exists():
            bundled.unlink()
        built_program = program()
        if built_program is not None:
            shutil.copyfile(built_program, bundled)
            # The wheel keeps this mode.
            bundled.chmod(0o755)


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
