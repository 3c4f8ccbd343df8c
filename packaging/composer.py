"""Completes a folder with the PHP package, and makes the archive of it. For packaging/composer.sh.

    python3 composer.py FOLDER VERSION ARCHIVE

Writes the version into composer.json, and the list of the files into files.json. `flexpay doctor`
compares the installed files with the list.
"""

import hashlib
import json
import os
import pathlib
import sys
import time
import zipfile

LIST = "files.json"


def complete(folder: pathlib.Path, version: str) -> None:
    composer = folder / "composer.json"
    package = json.loads(composer.read_text("utf-8"))
    # Only for developers: the tests are not in the archive.
    del package["require-dev"], package["autoload-dev"]
    package = {"name": package.pop("name"), "version": version, **package}
    write_json(composer, package)
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names(folder)
    }
    write_json(folder / LIST, {"package": package["name"], "version": version, "files": files})


def names(folder: pathlib.Path) -> list[str]:
    """The paths of all files in the folder, with slashes, sorted."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file.relative_to(folder).as_posix() for file in files)


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n", "utf-8")


def archive(folder: pathlib.Path, path: pathlib.Path) -> None:
    """The same files give the same bytes: order, times and modes do not depend on this machine."""
    # The oldest time that a zip file can have.
    epoch = max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800)
    times = time.gmtime(epoch)[:6]
    new = path.with_name(path.name + ".new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as to:
        for name in names(folder):
            file = folder / name
            entry = zipfile.ZipInfo(f"{folder.name}/{name}", times)
            entry.create_system = 3  # Unix: the mode is that of a Unix file
            mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            to.writestr(entry, file.read_bytes(), compresslevel=9)
    new.replace(path)


if __name__ == "__main__":
    root, number, target = sys.argv[1:]
    complete(pathlib.Path(root), number)
    archive(pathlib.Path(root), pathlib.Path(target))
