"""Warm: one process whose connections stay open, as in a point of sale or a service."""

from contextlib import ExitStack
from statistics import median

from programs import run_in_turns
from row import AtLeast, AtMost, Row
from spread import ratios

NAMES = ("warm_flexpay", "warm_curl")


def instructions(programs, quick):
    few, many = (100, 300) if quick else (500, 2500)

    def per_check(name):
        # Plain HTTP: the cost of TLS depends on the processor, and valgrind only emulates one.
        command = [programs.binary(name), programs.server.http_url]
        counts = [programs.instructions(command, f"check {times}") for times in (few, many)]
        return (counts[1] - counts[0]) / (many - few)

    pairs = [[per_check(name) for name in NAMES] for _ in range(1 if quick else 3)]
    ours, theirs = zip(*pairs)
    yield Row(
        "warm check, instructions per call (plain http)",
        "libcurl + yyjson",
        f"{median(ours):,.0f}",
        f"{median(theirs):,.0f}",
        ratios(ours, theirs),
        AtMost(0.7),
    )


def wall_time(programs, quick):
    server = programs.server
    measure = "warm check over TLS, wall time"
    yield _wall_time(
        programs, quick, measure, "libcurl + yyjson", NAMES, server.https_url, server.ca_bundle
    )


def without_order_number(programs, quick):
    """The reply has no orderNumber. On a reused connection flexpay accepts it only if the caller
    gives the expected payment; a plain check uses a new connection each time. libcurl trusts one
    certificate only, so that its new connections are fast."""
    server = programs.server
    for measure, against, names in (
        (
            "reply without orderNumber: verify_order, wall time",
            "libcurl + yyjson",
            ("warm_flexpay_verify", "warm_curl"),
        ),
        (
            "reply without orderNumber: check, wall time",
            "libcurl + yyjson, a new connection each time",
            ("warm_flexpay", "warm_curl_new"),
        ),
    ):
        yield _wall_time(
            programs, quick, measure, against, names, server.unnamed_url, server.ca_file
        )


def _wall_time(programs, quick, measure, against, names, url, trusted_by_curl):
    with ExitStack() as stack:
        both = workers(programs, stack, names, url, trusted_by_curl)
        ours, theirs = run_in_turns(both, "check 200", 10 if quick else 100, warm_up=3)
    return Row(
        measure,
        against,
        f"{median(ours) / 1000:.1f} µs",
        f"{median(theirs) / 1000:.1f} µs",
        ratios(ours, theirs),
        AtMost(1),
    )


def threads(programs, quick):
    command = f"threads 64 {20 if quick else 200}"
    with ExitStack() as stack:
        both = workers(programs, stack)
        ours, theirs = run_in_turns(both, command, 3 if quick else 15)
    yield Row(
        "64 threads on one client, calls per second",
        "64 libcurl handles",
        f"{median(ours):,.0f}",
        f"{median(theirs):,.0f}",
        ratios(ours, theirs),
        AtLeast(1),
    )


def workers(programs, stack, names=NAMES, url=None, trusted_by_curl=None):
    """One worker per name, with TLS. By default libcurl trusts the system's certificates as well."""
    server = programs.server
    trusted = (server.ca_file, trusted_by_curl or server.ca_bundle)
    return [
        stack.enter_context(programs.worker(name, url or server.https_url, file))
        for name, file in zip(names, trusted)
    ]
