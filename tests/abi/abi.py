#!/usr/bin/env python3
"""Compares flexpay.h and the built library with the recorded ABI (docs/abi.md).

    tests/abi/abi.py check     exit status 0: the same; 1: an old program would break; 3: something was added
    tests/abi/abi.py record    records what was added; refuses a change that breaks an old program

If nothing is recorded yet, `record` records everything: a new ABI begins.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import header as c_header
import layout
import stub

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# The compilers of the recorded platforms. ARM has the layout of the x86 with as many bits, as Windows has it: no
# struct has a type whose size or alignment differs.
PLATFORMS = {
    "linux-64": ["cc"],
    "windows-64": ["x86_64-w64-mingw32-gcc"],
    "windows-32": ["i686-w64-mingw32-gcc"],
}
SAME, BROKEN, ADDED = 0, 1, 3


class Paths(NamedTuple):
    header: Path
    version_script: Path
    library: Path
    # What is recorded, and is replaced when something is added.
    recorded: Path
    # The header and the version script of the first version of this ABI.
    baseline: Path


class Difference(NamedTuple):
    broken: List[str]
    # The things that were added, by their keys in the facts.
    added: List[str]
    # What abidiff says about added fields.
    report: str


def compare(old: Dict[str, str], new: Dict[str, str], input_structs: List[str]) -> Difference:
    broken, added = [], []
    for key, value in old.items():
        if key not in new:
            broken.append(f"{key}: removed (it was: {value})")
        elif new[key] != value and not _grew(key, value, new[key]):
            broken.append(f"{key}: it was {value}, and is {new[key]}")
    for key in new:
        if key not in old:
            added.append(key)
            problem = _misplaced(key, old, new, input_structs)
            if problem:
                broken.append(f"{key}: {problem}")
    return Difference(broken, added, "")


def _grew(key: str, old: str, new: str) -> bool:
    """Whether a struct is larger than before. Its fields are compared on their own."""
    if not key.startswith("struct ") or "opaque" in (old, new):
        return False
    return int(new.split()[0]) >= int(old.split()[0])


def _misplaced(key: str, old: Dict[str, str], new: Dict[str, str], input_structs: List[str]) -> str:
    """Why a new field is not at the end of its struct. Empty if it is, or if it is no field."""
    kind, _, name = key.partition(" ")
    struct = name.partition(".")[0]
    if kind != "field" or f"struct {struct}" not in old:
        return ""
    fields = [value for other, value in old.items() if other.startswith(f"field {struct}.")]
    if _offset(new[key]) <= max(_offset(value) for value in fields):
        return "a new field must be the last of its struct"
    # An old program passes the old size, and there may be anything in the padding at its end.
    if struct in input_structs and _offset(new[key]) < int(old[f"struct {struct}"].split()[0]):
        return "it is in the padding at the end of the older struct; it needs a type that is aligned to 8 bytes"
    return ""


def _offset(field: str) -> int:
    return int(field.rpartition(" at ")[2])


def _is_in_old_struct(key: str, added: List[str]) -> bool:
    """Whether what was added is a field of a struct that was there before."""
    kind, _, name = key.partition(" ")
    return kind == "field" and f"struct {name.partition('.')[0]}" not in added


def undocumented(added: List[str], header: c_header.Header, facts: Dict[str, str]) -> List[str]:
    """What is wrong with the "Since ABI" of what was added."""
    abi = f"{header.abi}.{header.minor}"
    if header.minor == 0:
        advice = "raise the minor version in Cargo.toml, then `make header`"
        return [f"ABI {header.abi} is complete in version {abi}: {advice}"]
    wrong = []
    for key in added:
        kind, _, name = key.partition(" ")
        # A field of a new struct is as old as the struct. The macros for the initial values have no comments.
        as_old = kind == "field" and not _is_in_old_struct(key, added)
        documented = kind not in ("symbol", "macro") and not as_old
        if documented and f"Since ABI {abi}." not in header.comments[name]:
            wrong.append(f'{key}: its comment must say "Since ABI {abi}."')
        if kind == "symbol" and facts[key] != f"FLEXPAY_{abi}":
            wrong.append(f"{key}: its version is {facts[key]}; put it under FLEXPAY_{abi} in src/ffi/libflexpay.map")
    return wrong


def examine(paths: Paths, work: Path) -> Tuple[c_header.Header, Dict[str, Dict[str, str]]]:
    """The facts of each platform, and the file for abidiff in the work folder."""
    header = c_header.read(paths.header.read_text())
    facts = {
        name: layout.facts(header, paths.header, compiler) for name, compiler in PLATFORMS.items()
    }
    facts["linux-64"].update(layout.exported(paths.library))
    library = work / "libflexpay.so"
    stub.build(header, paths.header, paths.version_script, facts["linux-64"]["soname"], library)
    with open(work / "libflexpay.abi", "w") as file:
        # Without what depends on the machine.
        options = ["--no-show-locs", "--no-comp-dir-path", "--no-corpus-path", "--type-id-style", "hash"]
        subprocess.run(["abidw", *options, library], stdout=file, check=True)
    return header, facts


def compare_all(paths: Paths, header: c_header.Header, facts: Dict[str, Dict[str, str]], work: Path) -> Difference:
    inputs = [name for name, fields in header.structs.items() if fields[0] == ("size", "size_t")]
    broken, added = [], []
    for name, new in facts.items():
        difference = compare(read_facts(paths.recorded / f"{name}.txt"), new, inputs)
        broken += [f"{name}: {line}" for line in difference.broken]
        # The platforms differ in the offsets only.
        added += [key for key in difference.added if key not in added]
    # abidiff compares the functions and the types, from the debug information. It knows nothing of the constants,
    # which are macros. It reports an added field too, which does not break an old program: then its report is for
    # the reader.
    done = subprocess.run(
        [
            *("abidiff", "--no-architecture", "--no-added-syms"),
            *(paths.recorded / "libflexpay.abi", work / "libflexpay.abi"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    report = f"abidiff (status {done.returncode}):\n{done.stdout.strip()}"
    if any(_is_in_old_struct(key, added) for key in added):
        return Difference(broken, added, report)
    if done.returncode != 0:
        broken.append(report)
    return Difference(broken, added, "")


def read_facts(path: Path) -> Dict[str, str]:
    return dict(line.split(" = ", 1) for line in path.read_text().splitlines())


def write_records(paths: Paths, facts: Dict[str, Dict[str, str]], work: Path) -> None:
    paths.recorded.mkdir(parents=True, exist_ok=True)
    for name, lines in facts.items():
        text = "".join(f"{key} = {value}\n" for key, value in lines.items())
        (paths.recorded / f"{name}.txt").write_text(text)
    shutil.copyfile(work / "libflexpay.abi", paths.recorded / "libflexpay.abi")


def begin(paths: Paths) -> None:
    """Keeps the header and the version script that the first programs were compiled with."""
    paths.baseline.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(paths.header, paths.baseline / "flexpay.h")
    shutil.copyfile(paths.version_script, paths.baseline / "libflexpay.map")


def run(command: str, paths: Paths) -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        header, facts = examine(paths, work)
        if command == "record" and not paths.recorded.exists():
            begin(paths)
            write_records(paths, facts, work)
            print(f"abi: ABI {header.abi} is recorded")
            return SAME
        broken, added, report = compare_all(paths, header, facts, work)
        if not broken and added:
            broken = undocumented(added, header, facts["linux-64"])
        if broken:
            # An addition that is not documented breaks the promise, too: nobody knows which library has it.
            print("abi: this breaks the promise of docs/abi.md:", *broken, sep="\n  ")
            return BROKEN
        if added and command == "check":
            print("abi: added:", *added, report, sep="\n  ")
            print("Record it with: make abi-record")
            return ADDED
        if added:
            write_records(paths, facts, work)
        counts = ", ".join(f"{len(lines)} facts of {name}" for name, lines in facts.items())
        print(f"abi: {'recorded ' + str(len(added)) + ' additions' if added else 'as recorded'} ({counts}; abidiff)")
        return SAME


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "record"])
    parser.add_argument("--header", type=Path, default=ROOT / "include/flexpay.h")
    parser.add_argument("--version-script", type=Path, default=ROOT / "src/ffi/libflexpay.map")
    parser.add_argument("--library", type=Path, default=ROOT / "build/lib/libflexpay.so")
    parser.add_argument("--recorded", type=Path, default=HERE / "recorded")
    parser.add_argument("--baseline", type=Path, default=HERE / "baseline")
    options = parser.parse_args(arguments)
    return run(
        options.command,
        Paths(options.header, options.version_script, options.library, options.recorded, options.baseline),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
