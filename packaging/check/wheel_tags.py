"""Compares the tags of wheels with what is in them.

    wheel_tags.py WHEEL...

Reads the machine, the libraries and the required versions of glibc from the ELF files, the machine
and the DLLs from the PE files. Then asks auditwheel, whose rules are PyPI's. Prints each problem;
the exit status is 1 if there is one.
"""

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Iterator, List, Set
from zipfile import ZipFile

import pefile
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parents[2]
(VERSION,) = re.findall(
    r'^\[workspace\.package\]\nversion = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M
)

# The newest glibc that may be required: that of CentOS 7.
GLIBC = (2, 17)
# The libraries of glibc, which every system with it has. (libgcc_s is a package of its own.)
GLIBC_LIBRARIES = {
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "ld-linux-armhf.so.3",
}
ELF_MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64", "armv7l": "EM_ARM"}
PE_MACHINES = {"win_amd64": 0x8664, "win32": 0x14C}
# DLLs that Windows 7 has.
WINDOWS_LIBRARIES = {
    "advapi32.dll",
    "bcrypt.dll",
    "crypt32.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "shell32.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
}
# In the flags of an ELF file for ARM: functions receive floating-point numbers in registers.
ARM_HARD_FLOAT = 0x400


def problems(wheel: Path) -> Iterator[str]:
    name, version, _, tags = parse_wheel_filename(wheel.name)
    if str(version) != VERSION.replace("-rc.", "rc"):
        yield f"the version is {version}, and that of Cargo.toml is {VERSION}"
    if {(tag.interpreter, tag.abi) for tag in tags} != {("py3", "none")}:
        yield "it is not for every Python 3"
    platforms = {tag.platform for tag in tags}
    with ZipFile(wheel) as archive:
        files = archive.namelist()
        (metadata,) = (file for file in files if file.endswith(".dist-info/WHEEL"))
        lines = archive.read(metadata).decode().splitlines()
        if "Root-Is-Purelib: false" not in lines:
            yield "it calls itself independent of the platform"
        inside = {line.split("-")[-1] for line in lines if line.startswith("Tag: ")}
        if inside != platforms:
            yield f"its name has the tags {platforms}, and the file in it {inside}"
        licences = {Path(file).name for file in files if "/licenses/" in file}
        if licences != {"LICENSE-APACHE", "LICENSE-MIT"}:
            yield f"it has the licences {licences}"
        for file in binaries(name, version, platforms):
            if file not in files:
                yield f"it has no {file}"
                continue
            content = archive.read(file)
            if VERSION.encode() not in content:
                yield f"{file} is not of version {VERSION}"
            executable = not file.endswith((".so", ".dll"))
            if executable and not archive.getinfo(file).external_attr >> 16 & 0o111:
                yield f"{file} is not executable"
            static = name == "flexpay-sandbox"
            check = pe_problems if platforms & set(PE_MACHINES) else elf_problems
            for problem in check(content, platforms, static):
                yield f"{file}: {problem}"
    if not platforms & set(PE_MACHINES):
        yield from auditwheel_problems(wheel, platforms, static=name == "flexpay-sandbox")


def binaries(name: str, version: object, platforms: Set[str]) -> List[str]:
    windows = bool(platforms & set(PE_MACHINES))
    exe = ".exe" if windows else ""
    if name == "flexpay-sandbox":
        return [f"flexpay_sandbox-{version}.data/scripts/flexpay-sandbox{exe}"]
    library = "flexpay.dll" if windows else "libflexpay.so"
    return [f"flexpay/{library}", f"flexpay/flexpay{exe}"]


def pe_problems(content: bytes, platforms: Set[str], _static: bool) -> Iterator[str]:
    executable = pefile.PE(data=content)
    machine = executable.FILE_HEADER.Machine
    if {PE_MACHINES.get(platform) for platform in platforms} != {machine}:
        yield f"the machine is {machine:#x}, and the tags are {platforms}"
    needed = {entry.dll.decode().lower() for entry in executable.DIRECTORY_ENTRY_IMPORT}
    if needed - WINDOWS_LIBRARIES:
        yield f"the libraries are {needed}"


def elf_problems(content: bytes, platforms: Set[str], static: bool) -> Iterator[str]:
    elf = ELFFile(BytesIO(content))
    for platform in platforms:
        machine = re.sub(r"^(many|musl)linux(\d+|_\d+_\d+)_", "", platform)
        if elf["e_machine"] != ELF_MACHINES.get(machine):
            yield f"the machine is {elf['e_machine']}, and a tag is {platform}"
        if machine == "armv7l" and not elf["e_flags"] & ARM_HARD_FLOAT:
            yield "this is not for hard float"
    dynamic = elf.get_section_by_name(".dynamic")
    needed = {
        tag.needed
        for tag in (dynamic.iter_tags() if dynamic else ())
        if tag["d_tag"] == "DT_NEEDED"
    }
    versions = {
        version.name
        for section in elf.iter_sections()
        if isinstance(section, GNUVerNeedSection)
        for _, needed_versions in section.iter_versions()
        for version in needed_versions
    }
    if static:
        if needed or any(segment["p_type"] == "PT_INTERP" for segment in elf.iter_segments()):
            yield f"this is not static: {needed}"
    elif any(platform.startswith("musllinux") for platform in platforms):
        # musl has no versions of symbols: any version is one of glibc.
        if not needed or needed - {"libc.so"} or versions:
            yield f"the libraries are {needed}, and the versions {versions}"
    else:
        newest = max(tuple(map(int, one[6:].split("."))) for one in versions if one[:6] == "GLIBC_")
        if newest > GLIBC or any(not one.startswith("GLIBC_") for one in versions):
            yield f"the required versions are {versions}"
        if needed - GLIBC_LIBRARIES:
            yield f"the libraries are {needed}"


def auditwheel_problems(wheel: Path, platforms: Set[str], static: bool) -> Iterator[str]:
    # Without the libraries of this machine: its libc.so may be a text file, for the linker.
    command = [sys.executable, "-m", "auditwheel", "show", "--ldpaths", "/nonexistent", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True)
    text = " ".join(done.stdout.split())
    if static:
        expected = "The wheel requires no external shared libraries"
    elif any(platform.startswith("musllinux") for platform in platforms):
        # It knows musl only by the name of Alpine's file, which other systems do not have. Every
        # musl takes the name libc.so for itself. So this must be all that auditwheel objects to.
        (tag,) = platforms
        expected = (
            f"In order to achieve the tag platform tag '{tag}' the following shared library"
            " dependencies will need to be eliminated: libc.so"
        )
    else:
        (tag,) = (platform for platform in platforms if platform.startswith("manylinux_"))
        expected = f'is consistent with the following platform tag: "{tag}"'
    if expected not in text or (expected.endswith("libc.so") and not text.endswith(expected)):
        yield f"auditwheel disagrees: {text} {done.stderr}"


def main() -> None:
    failed = False
    for name in sys.argv[1:]:
        found = list(problems(Path(name)))
        for problem in found:
            print(f"{Path(name).name}: {problem}", file=sys.stderr)
        failed |= bool(found)
    if failed:
        sys.exit(1)
    print(f"{len(sys.argv) - 1} wheels have the right tags")


main()
