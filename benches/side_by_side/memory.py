"""Library size and memory use."""

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
    yield _absolute_row("shared library, stripped", mebibytes, 2.5, "MiB")


def resident(programs, quick):
    pairs = []
    for _ in range(1 if quick else 5):
        with ExitStack() as stack:
            pair = workers(programs, stack)
            for worker in pair:
                worker.run("check 1")
            pairs.append([worker.run("Rss") for worker in pair])
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
        kibibytes = _growth(parser, "parse", parses)
    with programs.worker("warm_flexpay", server.https_url, server.ca_file) as checker:
        kibibytes += _growth(checker, "check", checks)
    measure = f"growth over {parses:,} parses and {checks:,} checks"
    yield _absolute_row(measure, kibibytes, 0, "KiB")


def _growth(worker, command, times):
    """The growth of private memory (`Anonymous`) in KiB, after a warm-up of 1% of the calls."""
    worker.run(f"{command} {times // 100}")
    before = worker.run("Anonymous")
    worker.run(f"{command} {times}")
    return worker.run("Anonymous") - before


def _absolute_row(measure, number, limit, unit):
    """A row without a baseline."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return Row(measure, "", f"{text} {unit}", "", Spread([number]), AtMost(limit, " " + unit))
