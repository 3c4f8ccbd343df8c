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
        AtMost(0.7),
    )


def wall_time(programs, quick):
    server = programs.server
    measure = "warm check over TLS, wall time"
    asking = (NAMES, server.https_url, server.ca_bundle)
    yield _wall_time(programs, quick, measure, "libcurl + yyjson", *asking)


def unnamed(programs, quick):
    """The reply has no orderNumber. Over a kept connection flexpay believes it only where the caller
    says which payment is expected; a plain check takes a new connection each time. So that libcurl's
    new connections are fast ones, it trusts one certificate only."""
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
        asking = (names, server.unnamed_url, server.ca_file)
        yield _wall_time(programs, quick, measure, against, *asking)


def _wall_time(programs, quick, measure, against, names, url, trusted_by_curl):
    with ExitStack() as stack:
        both = workers(programs, stack, names, url, trusted_by_curl)
        ours, theirs = by_turns(both, "check 200", 10 if quick else 100, warm_up=3)
    return Row(
        measure,
        against,
        f"{median(ours) / 1000:.1f} µs",
        f"{median(theirs) / 1000:.1f} µs",
        ratios(ours, theirs),
        AtMost(1),
    )


def threads(programs, quick):
    line = f"crowd 64 {20 if quick else 200}"
    with ExitStack() as stack:
        both = workers(programs, stack)
        ours, theirs = by_turns(both, line, 3 if quick else 15)
    yield Row(
        "64 threads on one client, calls a second",
        "64 libcurl handles",
        f"{median(ours):,.0f}",
        f"{median(theirs):,.0f}",
        ratios(ours, theirs),
        AtLeast(1),
    )


def workers(programs, stack, names=NAMES, url=None, trusted_by_curl=None):
    """One of each, asking over TLS; libcurl trusts the system's certificates, too."""
    server = programs.server
    trusted = (server.ca_file, trusted_by_curl or server.ca_bundle)
    return [
        stack.enter_context(programs.worker(name, url or server.https_url, file))
        for name, file in zip(names, trusted)
    ]
