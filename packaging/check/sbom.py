"""Compares a CycloneDX file with the crates on the standard input, one "name version" a line."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    bom = json.load(file)
if bom["bomFormat"] != "CycloneDX":
    sys.exit(f"{sys.argv[1]}: not a CycloneDX file")
components = {(one["name"], one["version"]): one for one in bom["components"]}
main = bom["metadata"]["component"]
expected = {tuple(line.split()) for line in sys.stdin} - {(main["name"], main["version"])}
problems = [f"{name} {version} is not in it" for name, version in sorted(expected - set(components))]
problems += [f"{name} {version} is in it, and is not used" for name, version in sorted(set(components) - expected)]
for (name, version), component in sorted(components.items()):
    if not component.get("licenses"):
        problems.append(f"{name} {version} has no licence")
if problems:
    sys.exit(f"{sys.argv[1]}:\n  " + "\n  ".join(problems))
print(f"sbom: {sys.argv[1].rsplit('/', 1)[-1]} has the {len(components)} crates, each with a licence")
