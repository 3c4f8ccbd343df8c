"""Finds and runs the program `flexpay`, which is the command line of every language."""

from __future__ import annotations

import os
import signal
import sys
from typing import List, NoReturn

# The shell's exit statuses for a program that is not found or cannot be run. The program itself
# uses neither.
NOT_FOUND = 127
CANNOT_RUN = 126


def main() -> NoReturn:
    """The command `flexpay`, which pip installs."""
    # This command is a `flexpay` on the PATH: it would find itself there, again and again.
    run(sys.argv[1:], on_path=False)


def run(arguments: List[str], on_path: bool = True) -> NoReturn:
    """Ends this process with the program: its input, output, exit status and signals."""
    program = program_file(on_path)
    try:
        if sys.platform != "win32":
            # Python ignores these signals, and the program would, too.
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(ignored, signal.SIG_DFL)
            os.execv(program, [program, *arguments])
        sys.exit(wait_for(program, arguments))
    except OSError as error:
        print(f"flexpay: {program} cannot be run: {error.strerror}. {_advice()}", file=sys.stderr)
        sys.exit(CANNOT_RUN)


def program_file(on_path: bool) -> str:
    """The full path in FLEXPAY_PROGRAM, or else the program next to this module, or else, if
    `on_path`, the one on the PATH. Exits with a message if there is none."""
    chosen = os.environ.get("FLEXPAY_PROGRAM")
    if chosen:
        return os.path.abspath(chosen)
    bundled = os.path.join(os.path.dirname(os.path.abspath(__file__)), file_name())
    if os.path.isfile(bundled):
        return bundled
    missing = f"FLEXPAY_PROGRAM is not set, and {bundled} does not exist"
    if on_path:
        import shutil  # slow to import, and not needed in an installed package

        found = shutil.which("flexpay")
        # Never a program of the current folder, which anyone may have put there.
        if found is not None and os.path.isabs(found):
            return found
        missing += f", and no folder of the PATH contains {file_name()}"
    print(f"flexpay: the program was not found. {missing}. {_advice()}", file=sys.stderr)
    sys.exit(NOT_FOUND)


def wait_for(program: str, arguments: List[str]) -> int:
    """Runs the program in a child process, and returns its exit status. Windows has no `exec`."""
    import subprocess

    # Ctrl-C also reaches the program, which decides: it does not lose a payment. A handler, because
    # SIG_IGN would be inherited.
    signal.signal(signal.SIGINT, lambda *_: None)
    with subprocess.Popen([program, *arguments], creationflags=_creation_flags()) as child:
        return child.wait()


def _creation_flags() -> int:
    """Of the program's process. Without a console (pythonw, a web server), Windows would open a
    window for the program's. Only Windows has the flag, and Python has no stderr there then."""
    import subprocess

    return 0 if sys.stderr is not None else getattr(subprocess, "CREATE_NO_WINDOW", 0)


def file_name() -> str:
    """The name of the program's file on this system."""
    return "flexpay.exe" if sys.platform == "win32" else "flexpay"


def _advice() -> str:
    built = (
        "FLEXPAY_PROGRAM to the full path of the program that `make cli` creates in a checkout of"
        f" flexpay: build/bin/{file_name()}"
    )
    if os.environ.get("FLEXPAY_PROGRAM"):
        return (
            "This path comes from the environment variable FLEXPAY_PROGRAM. Unset it to use the"
            f" program that was installed with the package, or set {built}"
        )
    return (
        "Reinstall the package with its program from a checkout of flexpay:"
        f" `pip install --force-reinstall bindings/python`. Or set {built}"
    )
