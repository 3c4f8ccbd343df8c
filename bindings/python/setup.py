"""Builds the Rust library and the program `flexpay`, and adds them to the package.

`pip install bindings/python` in a checkout runs cargo at its root; an sdist has the Rust code in
its folder `rust`. FLEXPAY_LIBRARY_PREBUILT and FLEXPAY_PROGRAM_PREBUILT name files that are used
instead. With `--plat-name`, bdist_wheel makes the wheel of another platform of them
(packaging/wheels.sh). The metadata is in pyproject.toml.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import List, Optional, Tuple

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# An sdist has the root of the checkout in its folder `rust`.
ROOT = HERE / "rust" if (HERE / "rust").is_dir() else HERE.parent.parent

# What cargo needs to build the library and the program, from the root. It reads the manifests of
# all members of the workspace, and refuses a Cargo.lock that is for fewer. The headers, and the
# files of the bindings, are those that build.rs reads.
RUST_SOURCES = (
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "bindings/generate",
    "bindings/php/src/Client.php",
    "bindings/php/src/Exception/FlexPayException.php",
    "bindings/php/src/Expected.php",
    "bindings/php/src/Settlement.php",
    "bindings/php/src/Transaction.php",
    "bindings/python/flexpay/_codes.py",
    "bindings/python/flexpay/_enums.py",
    "build.rs",
    "cbindgen.toml",
    "cli/Cargo.toml",
    "cli/src",
    "crash/Cargo.toml",
    "crash/src",
    "faults/Cargo.toml",
    "faults/src",
    "include",
    "sandbox/Cargo.toml",
    "sandbox/README.md",
    "sandbox/src",
    "sandbox/templates",
    "src",
)


def file_names(platform: str) -> Tuple[str, str]:
    """The names of the library and the program in the package, for a platform as wheels name it."""
    if platform.startswith("win"):
        return "flexpay.dll", "flexpay.exe"
    return "libflexpay.dylib" if platform.startswith("macosx") else "libflexpay.so", "flexpay"


FILE_NAME, PROGRAM_NAME = file_names(sysconfig.get_platform())


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
        wheel = self.get_finalized_command("bdist_wheel")
        library_name, program_name = file_names(wheel.plat_name)
        shutil.copyfile(library(), package / library_name)
        bundled = package / program_name
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
        if self.plat_name_supplied:
            # May have several platforms, with dots between them. setuptools would replace the dots.
            platform = self.plat_name
        return "py3", "none", platform


class SourceWithRust(sdist):
    """Adds the Rust code. The crates that it uses are not added: cargo downloads them."""

    def make_release_tree(self, base_dir: str, files: List[str]) -> None:
        super().make_release_tree(base_dir, files)
        for name in RUST_SOURCES:
            source, copy = ROOT / name, Path(base_dir, "rust", name)
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


class PlatformDistribution(Distribution):
    """Marks the distribution as platform-specific."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    license="MIT OR Apache-2.0",
    distclass=PlatformDistribution,
    cmdclass={
        "build_py": BuildWithLibrary,
        "bdist_wheel": PlatformWheel,
        "sdist": SourceWithRust,
    },
)
