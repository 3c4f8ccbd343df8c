"""Makes a wheel of the sandbox, a program that was built before.

FLEXPAY_SANDBOX_PREBUILT names the file, and `--plat-name` the platform of the wheel
(packaging/wheels.sh). The metadata is in pyproject.toml.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Tuple

# setuptools first: it provides distutils, which Python no longer has.
from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

from distutils.command.build_scripts import build_scripts  # isort: skip

HERE = Path(__file__).resolve().parent
PROGRAM = Path(os.environ["FLEXPAY_SANDBOX_PREBUILT"])
MANIFEST = (HERE.parent.parent / "Cargo.toml").read_text(encoding="utf-8")


class CopyProgram(build_scripts):
    """setuptools expects scripts to be text."""

    def run(self) -> None:
        self.mkpath(self.build_dir)
        copy = Path(self.build_dir, PROGRAM.name)
        shutil.copyfile(PROGRAM, copy)
        # The wheel keeps this mode.
        copy.chmod(0o755)


class PlatformWheel(bdist_wheel):
    """A wheel for the given platforms and every Python 3."""

    def get_tag(self) -> Tuple[str, str, str]:
        # May have several platforms, with dots between them. setuptools would replace the dots.
        return "py3", "none", self.plat_name


class PlatformDistribution(Distribution):
    """Marks the distribution as platform-specific."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    license="MIT OR Apache-2.0",
    version=re.findall(r'^version = "(.*)"', MANIFEST, re.M)[0],
    scripts=[str(PROGRAM)],
    distclass=PlatformDistribution,
    cmdclass={"build_scripts": CopyProgram, "bdist_wheel": PlatformWheel},
)
