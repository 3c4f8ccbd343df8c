"""Compares a CycloneDX file with crates: those that must be in it, and those that are only for
tests. A file of crates has one "name version" a line.

    sbom.py BOM MUST TESTS
"""

import json
import sys
from pathlib import Path


def crates(file):
    return {tuple(line.split()) for line in Path(file).read_text(encoding="utf-8").splitlines()}


bom = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
if bom["bomFormat"] != "CycloneDX":
    sys.exit(f"{sys.argv[1]}: not a CycloneDX file")
components = {(one["name"], one["version"]): one for one in bom["components"]}
must = crates(sys.argv[2])
tests = crates(sys.argv[3])
problems = [f"{name} {version} is missing" for name, version in sorted(must - set(components))]
problems += [
    f"{name} {version} is only for tests" for name, version in sorted(tests & set(components))
]
problems += [
    f"{name} {version} has no licence"
    for (name, version), component in sorted(components.items())
    if not component.get("licenses")
]
if problems:
    sys.exit(f"{sys.argv[1]}:\n  " + "\n  ".join(problems))
print(f"sbom: {Path(sys.argv[1]).name} has {len(components)} crates, each with a licence")
