"""The README's code blocks, for the tests, which run them unchanged."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import List, Tuple

README = Path(__file__).resolve().parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(kind: str) -> List[Tuple[str, str]]:
    """The code blocks of a language, each with its heading."""
    found = []
    for part in re.split(r"^##+ ", TEXT, flags=re.M)[1:]:
        heading = part.splitlines()[0]
        found += [(heading, block) for block in re.findall(rf"```{kind}\n(.*?)```", part, re.S)]
    return found


def snippet(heading: str) -> str:
    """The last Python block below a heading."""
    return [block for found, block in blocks("python") if found == heading][-1]


def commands(heading: str) -> List[str]:
    """The shell commands below a heading."""
    console = "".join(block for found, block in blocks("console") if found == heading)
    return [command.strip() for command in re.split(r"^\$ ", console, flags=re.M)[1:]]


if __name__ == "__main__":
    # Writes each snippet to a file, for mypy and ruff.
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (_, block) in enumerate(blocks("python"), 1):
        (folder / f"readme_{number}.py").write_text(block, encoding="utf-8")
