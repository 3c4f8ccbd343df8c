"""Size and memory."""

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from statistics import median

from row import AtMost, Row
from spread import Spread, ratios
from warm import workers


def size(programs, quick):
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "libflexpay.so")
        shutil.copyfile(programs.library, copy)
        subprocess.run(["strip", copy], check=True)
        mebibytes = os.path.getsize(copy) / 2**20
    yield _alone("shared library, stripped", mebibytes, 2.5, "MiB")


def resident(programs, quick):
    pairs = []
    for _ in range(1 if quick else 5):
        with ExitStack() as stack:
            pair = workers(programs, stack)
            for worker in pair:
                worker.tell("check 1")
            pairs.append([worker.tell("Rss") for worker in pair])
    ours, theirs = zip(*pairs)
    yield Row(
        "resident memory: client made, one call done",
        "libcurl",
        f"{median(ours) / 1024:.1f} MiB",
        f"{median(theirs) / 1024:.1f} MiB",
        ratios(ours, theirs),
        AtMost(0.5),
    )


def growth(programs, quick):
    parses, checks = (100_000, 5_000) if quick else (1_000_000, 100_000)
    server = programs.server
    with programs.worker("parse_flexpay") as parser:
        kibibytes = _grown(parser, "parse", parses)
    with programs.worker("warm_flexpay", server.https_url, server.ca_file) as checker:
        kibibytes += _grown(checker, "check", checks)
    measure = f"growth over {parses:,} parses and {checks:,} checks"
    yield _alone(measure, kibibytes, 0, "KiB")


def _grown(worker, what, times):
    """How much more memory of its own a program holds at the end than after a hundredth of it."""
    worker.tell(f"{what} {times // 100}")
    before = worker.tell("Anonymous")
    worker.tell(f"{what} {times}")
    return worker.tell("Anonymous") - before


def _alone(measure, number, limit, unit):
    """A number that stands for itself."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return Row(measure, "", f"{text} {unit}", "", Spread([number]), AtMost(limit, " " + unit))
