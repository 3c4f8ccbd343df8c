"""Warm: one process, whose connections stay open, as a till or a service is."""

from contextlib import ExitStack
from statistics import median

from programs import by_turns
from row import AtLeast, AtMost, Row
from spread import ratios

NAMES = ("warm_flexpay", "warm_curl")


def instructions(programs, quick):
    few, many = (100, 300) if quick else (500, 2500)

    def a_call(name):
        # Over plain http: what TLS costs depends on the processor, which valgrind only plays.
        command = [programs.binary(name), programs.server.http_url]
        counts = [programs.instructions(command, f"check {times}") for times in (few, many)]
        return (counts[1] - counts[0]) / (many - few)

    pairs = [[a_call(name) for name in NAMES] for _ in range(1 if quick else 3)]
    ours, theirs = zip(*pairs)
    yield Row(
        "warm check, instructions a call (plain http)",
        "libcurl + yyjson",
        f"{median(ours):,.0f}",
        f"{median(theirs):,.0f}",
        ratios(ours, theirs),
        AtMost(0.6),
    )


def wall_time(programs, quick):
    with ExitStack() as stack:
        ours, theirs = by_turns(
            workers(programs, stack), "check 200", 10 if quick else 100, warm_up=3
        )
    yield Row(
        "warm check over TLS, wall time",
        "libcurl + yyjson",
        f"{median(ours) / 1000:.1f} µs",
        f"{median(theirs) / 1000:.1f} µs",
        ratios(ours, theirs),
        AtMost(1),
    )


def threads(programs, quick):
    line = f"crowd 64 {20 if quick else 200}"
    with ExitStack() as stack:
        ours, theirs = by_turns(workers(programs, stack), line, 3 if quick else 15)
    yield Row(
        "64 threads on one client, calls a second",
        "64 libcurl handles",
        f"{median(ours):,.0f}",
        f"{median(theirs):,.0f}",
        ratios(ours, theirs),
        AtLeast(1),
    )


def workers(programs, stack):
    """One of each, asking over TLS; libcurl trusts the system's certificates, too."""
    server = programs.server
    return [
        stack.enter_context(programs.worker(name, server.https_url, trusted))
        for name, trusted in zip(NAMES, (server.ca_file, server.ca_bundle))
    ]
