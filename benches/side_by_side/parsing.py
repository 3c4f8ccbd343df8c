"""Parsing many callbacks."""

from contextlib import ExitStack
from statistics import median

from programs import run_in_turns
from row import AtMost, Row
from spread import ratios

PARSERS = ("flexpay", "yyjson", "simdjson")


def parse(programs, quick):
    with ExitStack() as stack:
        workers = [stack.enter_context(programs.worker("parse_" + name)) for name in PARSERS]
        ours, *others = run_in_turns(workers, "parse 20000", 15 if quick else 200, warm_up=3)
    # Compare with the faster one on this machine.
    theirs, name = min(zip(others, PARSERS[1:]), key=lambda pair: median(pair[0]))
    yield Row(
        "flexpay_parse_callback + free, the document's example",
        name,
        f"{median(ours):.0f} ns",
        f"{median(theirs):.0f} ns",
        ratios(ours, theirs),
        AtMost(1.6),
    )
