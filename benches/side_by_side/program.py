"""The program `flexpay`: its start, and its bridge."""

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from statistics import median

from cold import speedup_row
from programs import run_in_turns
from row import AtMost, Row
from spread import Spread


def cold(programs, quick):
    """One check, from the start of the program to its end."""
    server = programs.server
    environment = {
        "FLEXPAY_MERCHANT": "ZANDO",
        "FLEXPAY_TOKEN": programs.environment["BENCH_TOKEN"],
        "FLEXPAY_CHECK_URL": server.https_url,
        "FLEXPAY_CA_FILE": server.ca_file,
    }
    order = programs.environment["BENCH_ORDER"]
    header = "Authorization: Bearer " + programs.environment["BENCH_TOKEN"]
    curl = ["curl", "--silent", "--fail", "--output", "/dev/null", "--cacert", server.ca_bundle]
    ours, theirs = programs.launch(
        10 if quick else 100,
        [programs.program, "check", order, "--json"],
        [*curl, "--header", header, f"{server.https_url}/{order}"],
        variables=environment,
    )
    yield speedup_row("flexpay check, cold: process start to end", "curl", ours, theirs, 5)


def bridge(programs, quick):
    """What a call over the bridge takes more than one of the library."""
    server = programs.server
    names = ("warm_bridge", "warm_flexpay")
    with ExitStack() as stack:
        workers = [
            stack.enter_context(programs.worker(name, server.https_url, server.ca_file))
            for name in names
        ]
        bridged, direct = run_in_turns(workers, "check 200", 10 if quick else 100, warm_up=3)
    more = Spread([(one - other) / 1000 for one, other in zip(bridged, direct)])
    yield Row(
        "a call over a warm bridge, above a direct one, in µs",
        "the library",
        f"{median(bridged) / 1000:.1f} µs",
        f"{median(direct) / 1000:.1f} µs",
        more,
        AtMost(100, " µs"),
    )


def size(programs, quick):
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "flexpay")
        shutil.copyfile(programs.program, copy)
        subprocess.run(["strip", copy], check=True)
        mebibytes = os.path.getsize(copy) / 2**20
    yield Row(
        "the program, stripped",
        "",
        f"{mebibytes:.2f} MiB",
        "",
        Spread([mebibytes]),
        AtMost(4, " MiB"),
    )
