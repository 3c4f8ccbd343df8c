#!/usr/bin/env python3
"""A library that has the functions of flexpay.h, but not their code. Its debug information is that of C, so that
abidw sees what a C program sees; that of libflexpay.so itself describes Rust.

    tests/abi/stub.py HEADER VERSION_SCRIPT LIBRARY
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from header import Header, read


def build(header: Header, header_path: Path, version_script: Path, soname: str, to: Path) -> None:
    bodies = [f"{declaration} {{ __builtin_trap(); }}" for declaration in header.functions.values()]
    with tempfile.TemporaryDirectory() as folder:
        # A name that is always the same: it is in the debug information.
        path = Path(folder, "stub.c")
        path.write_text("#include <flexpay.h>\n" + "\n".join(bodies) + "\n")
        subprocess.run(
            [
                *("cc", "-std=c99", "-g", "-shared", "-fPIC", f"-I{header_path.resolve().parent}", "stub.c"),
                *(f"-Wl,--version-script={version_script.resolve()}", f"-Wl,-soname,{soname}", "-Wl,-z,nodelete"),
                *("-o", str(to.resolve())),
            ],
            cwd=folder,
            check=True,
        )


if __name__ == "__main__":
    header_path, version_script, library = map(Path, sys.argv[1:])
    found = read(header_path.read_text())
    build(found, header_path, version_script, f"libflexpay.so.{found.abi}", library)
