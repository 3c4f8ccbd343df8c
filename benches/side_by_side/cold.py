"""Cold start: a new process for each check, as a page or a script of a shop."""

from statistics import median

from row import AtLeast, Row
from spread import ratios

# Rounds per ratio, when the time of an empty script is subtracted.
GROUP = 20


def c(programs, quick):
    yield _c(programs, quick, programs.server.ca_file, "libcurl")


def c_bundle(programs, quick):
    """Not in the default table: flexpay also reads the whole bundle, as its `ca_file`."""
    yield _c(programs, quick, programs.server.ca_bundle, "libcurl, both with the bundle")


def _c(programs, quick, ca_file, against):
    server = programs.server
    ours, theirs = programs.launch(
        10 if quick else 100,
        [programs.binary("cold_flexpay"), server.https_url, ca_file],
        [programs.binary("cold_curl"), server.https_url, server.ca_bundle],
    )
    return speedup_row("C, cold: process start to end, one check", against, ours, theirs, 8)


def php(programs, quick):
    names = ("empty.php", "check_flexpay.php", "check_curl.php")
    empty, ours, theirs = programs.launch(
        2 * GROUP if quick else 20 * GROUP, *(["php", programs.script("php", name)] for name in names)
    )
    measure = "PHP, cold: time above an empty script"
    yield speedup_row(measure, "ext-curl", minus_empty(ours, empty), minus_empty(theirs, empty), 6)


def python(programs, quick):
    names = ("empty.py", "check_flexpay.py", "check_requests.py", "check_urllib.py")
    empty, ours, requests, urllib = programs.launch(
        GROUP if quick else 10 * GROUP,
        *([programs.python, programs.script("python", name)] for name in names),
    )
    ours = minus_empty(ours, empty)
    measure = "Python, cold: time above an empty script"
    yield speedup_row(measure, "requests", ours, minus_empty(requests, empty), 3)
    yield speedup_row(measure, "urllib", ours, minus_empty(urllib, empty), 1.5)


def minus_empty(times, empty):
    """The median time minus the median time of the empty script, for each group of rounds. A single
    round would have the noise of both."""
    groups = [slice(at, at + GROUP) for at in range(0, len(times), GROUP)]
    return [median(times[group]) - median(empty[group]) for group in groups]


def speedup_row(measure, against, ours, theirs, goal):
    return Row(
        measure,
        against,
        f"{median(ours):.2f} ms",
        f"{median(theirs):.2f} ms",
        ratios(theirs, ours),
        AtLeast(goal),
    )
