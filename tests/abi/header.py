"""Reads flexpay.h: its functions, structs, types and constants, each with its comment."""

import re
from typing import Dict, List, NamedTuple, Tuple

CONSTANT = re.compile(r"#define (FLEXPAY_\w+) (-?\d+)")
INITIALIZER = re.compile(r"#define (FLEXPAY_\w+_INIT) ")
OPAQUE = re.compile(r"typedef struct (\w+) \1;")
STRUCT = re.compile(r"typedef struct (\w+) \{")
TYPE = re.compile(r"typedef (\w+) (\w+);")
FIELD = re.compile(r"    ([\w *]+?)([a-z]\w*);")
# The version of the library changes with each release.
VERSION = re.compile(r"#define FLEXPAY_VERSION(_MAJOR|_MINOR|_PATCH)? ")


class Header(NamedTuple):
    constants: Dict[str, int]
    initializers: List[str]
    opaque: List[str]
    types: Dict[str, str]
    # The fields of each struct, in their order: name and type.
    structs: Dict[str, List[Tuple[str, str]]]
    # The whole declaration of each function, on one line.
    functions: Dict[str, str]
    # The comment of each of these, and of each field ("flexpay_error.code").
    comments: Dict[str, str]
    # 1.2 is the version of the ABI that is being written: 1 is FLEXPAY_ABI_VERSION, and 2 the library's minor version.
    abi: int
    minor: int


class Unreadable(Exception):
    pass


def read(text: str) -> Header:
    minor = re.search(r"^#define FLEXPAY_VERSION_MINOR (\d+)$", text, re.MULTILINE)
    if minor is None:
        raise Unreadable("the header has no FLEXPAY_VERSION_MINOR")
    header = Header({}, [], [], {}, {}, {}, {}, abi=0, minor=int(minor[1]))
    comment: List[str] = []
    lines = iter(_code(text))
    for line in lines:
        if line.startswith("//"):
            comment.append(line[2:].strip())
            continue
        name = _declaration(header, line, lines)
        if name:
            header.comments[name] = " ".join(comment)
        comment.clear()
    return header._replace(abi=header.constants["FLEXPAY_ABI_VERSION"])


def _code(text: str):
    """The lines without /* */ comments, and without what only a C++ compiler sees."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    in_cpp = False
    for line in text.splitlines():
        if line.startswith("#ifdef __cplusplus"):
            in_cpp = True
        elif line.startswith(("#else", "#endif")):
            in_cpp = False
        elif not in_cpp and line.strip():
            yield line


def _declaration(header: Header, line: str, lines) -> str:
    """Adds what the line declares, and returns its name. A line that is not understood must not be overlooked."""
    if line.startswith(("#ifndef", "#include")) or line == "#define FLEXPAY_H" or VERSION.match(line):
        return ""
    if found := INITIALIZER.match(line):
        header.initializers.append(found[1])
        return found[1]
    if found := CONSTANT.fullmatch(line):
        header.constants[found[1]] = int(found[2])
        return found[1]
    if found := OPAQUE.fullmatch(line):
        header.opaque.append(found[1])
        return found[1]
    if found := STRUCT.fullmatch(line):
        header.structs[found[1]] = _fields(header, found[1], lines)
        return found[1]
    if found := TYPE.fullmatch(line):
        header.types[found[2]] = found[1]
        return found[2]
    while not line.endswith(");"):
        line += " " + next(lines, ");").strip()
    if found := re.fullmatch(r"[\w *]+?(\w+)\([\w *,]+\);", line):
        header.functions[found[1]] = line[:-1]
        return found[1]
    raise Unreadable(f"the header has a line that tests/abi/header.py cannot read: {line}")


def _fields(header: Header, struct: str, lines) -> List[Tuple[str, str]]:
    fields = []
    comment: List[str] = []
    for line in lines:
        if line == f"}} {struct};":
            return fields
        if line.startswith("    //"):
            comment.append(line[6:].strip())
        elif found := FIELD.fullmatch(line):
            fields.append((found[2], found[1].strip()))
            header.comments[f"{struct}.{found[2]}"] = " ".join(comment)
            comment.clear()
        else:
            break
    raise Unreadable(f"the header has a struct that tests/abi/header.py cannot read: {struct}")
