"""Cold: a new process each time, as a page or a script of a shop is."""

from statistics import median

from row import AtLeast, Row
from spread import ratios

# Rounds that make one ratio, where an empty script's time is taken away.
GROUP = 20


def c(programs, quick):
    yield _c(programs, quick, programs.server.ca_file, "libcurl")


def c_bundle(programs, quick):
    """Not in the table: flexpay, too, reads all the certificates, as its `ca_file`."""
    yield _c(programs, quick, programs.server.ca_bundle, "libcurl, both with the bundle")


def _c(programs, quick, ca_file, against):
    server = programs.server
    ours, theirs = programs.launch(
        10 if quick else 100,
        [programs.binary("cold_flexpay"), server.https_url, ca_file],
        [programs.binary("cold_curl"), server.https_url, server.ca_bundle],
    )
    return faster("C, cold: process start to end, one check", against, ours, theirs, 8)


def php(programs, quick):
    names = ("empty.php", "check_flexpay.php", "check_curl.php")
    empty, ours, theirs = programs.launch(
        2 * GROUP if quick else 20 * GROUP, *(["php", programs.script("php", name)] for name in names)
    )
    measure = "PHP, cold: time above an empty script"
    yield faster(measure, "ext-curl", above(ours, empty), above(theirs, empty), 6)


def python(programs, quick):
    names = ("empty.py", "check_flexpay.py", "check_requests.py", "check_urllib.py")
    empty, ours, requests, urllib = programs.launch(
        GROUP if quick else 10 * GROUP,
        *([programs.python, programs.script("python", name)] for name in names),
    )
    ours = above(ours, empty)
    measure = "Python, cold: time above an empty script"
    yield faster(measure, "requests", ours, above(requests, empty), 3)
    yield faster(measure, "urllib", ours, above(urllib, empty), 1.5)


def above(taken, empty):
    """The time above that of the empty script, for each group of rounds at its median: one round
    alone would count the noise of both."""
    groups = [slice(at, at + GROUP) for at in range(0, len(taken), GROUP)]
    return [median(taken[group]) - median(empty[group]) for group in groups]


def faster(measure, against, ours, theirs, times):
    return Row(
        measure,
        against,
        f"{median(ours):.2f} ms",
        f"{median(theirs):.2f} ms",
        ratios(theirs, ours),
        AtLeast(times),
    )
