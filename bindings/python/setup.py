"""Builds the Rust library and puts it into the package.

`pip install bindings/python` from a checkout runs cargo at its root; FLEXPAY_LIBRARY_PREBUILT names
a library to take instead. The metadata is in pyproject.toml.
"""

import json
import os
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


def library() -> Path:
    """The shared library: the one that was named, or else built anew."""
    prebuilt = os.environ.get("FLEXPAY_LIBRARY_PREBUILT")
    if prebuilt:
        return Path(prebuilt)
    if not (ROOT / "Cargo.toml").is_file():
        sys.exit(
            f"{ROOT} is no checkout of flexpay. Install from a checkout with pip 21.3 or newer "
            "(an older one copies this folder away first), or set FLEXPAY_LIBRARY_PREBUILT to the "
            "path of a built library."
        )
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
    except FileNotFoundError:
        sys.exit("cargo is needed to build flexpay: https://rustup.rs")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(command)} failed with status {error.returncode}")
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
