"""What a program that was compiled with flexpay.h depends on, as lines of text: one for each fact."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List

from header import Header


def facts(header: Header, header_path: Path, compiler: List[str]) -> Dict[str, str]:
    """The facts of one platform. The key names a thing, the value is what must stay as it is."""
    numbers = _sizes_and_offsets(header, header_path, compiler)
    found = {}
    for name, value in header.constants.items():
        found[f"constant {name}"] = str(value)
    for name in header.initializers:
        found[f"macro {name}"] = "defined"
    for name, type in header.types.items():
        found[f"type {name}"] = type
    for name in header.opaque:
        found[f"struct {name}"] = "opaque"
    for struct, fields in header.structs.items():
        found[f"struct {struct}"] = f"{numbers[struct]} bytes"
        for field, type in fields:
            name = f"{struct}.{field}"
            found[f"field {name}"] = f"{type}, at {numbers[name]}"
    for name, declaration in header.functions.items():
        found[f"function {name}"] = declaration
    return found


def exported(library: Path) -> Dict[str, str]:
    """The name that the dynamic linker looks for, and the functions with their versions."""
    dynamic = _output("readelf", "--dynamic", "--wide", str(library))
    soname = re.search(r"Library soname: \[(.*)\]", dynamic)
    found = {"soname": soname[1] if soname else "none"}
    for line in _output("nm", "--dynamic", "--defined-only", str(library)).splitlines():
        address_type_name = line.split()
        # The version itself is a symbol too, an absolute one.
        if address_type_name[1] != "A":
            name, _, version = address_type_name[2].partition("@@")
            found[f"symbol {name}"] = version or "no version"
    return found


def _sizes_and_offsets(header: Header, header_path: Path, compiler: List[str]) -> Dict[str, int]:
    """Compiles, but runs nothing: the compiler may be for another system."""
    shown = []
    for struct, fields in header.structs.items():
        shown.append(f'SHOW("{struct}", sizeof({struct}))')
        for field, _ in fields:
            shown.append(f'SHOW("{struct}.{field}", offsetof({struct}, {field}))')
    # The compiler writes each number into its assembly, next to the name.
    source = (
        f'#include "{header_path.resolve()}"\n'
        '#define SHOW(name, value) __asm__("#FACT " name " %c0" : : "i"((int)(value)));\n'
        "void show(void) {\n" + "\n".join(shown) + "\n}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "layout.c")
        path.write_text(source)
        assembly = _output(*compiler, "-std=gnu99", "-S", "-o", "-", str(path))
    return {name: int(number) for name, number in re.findall(r"#FACT (\S+) (\d+)", assembly)}


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
