"""Prints how long new processes take, as medians, in turns: an empty one, one that loads the
library, and one that also sends a check.

    times.py ORDER_NUMBER EMPTY CHECK      EMPTY, CHECK: commands
"""

import shlex
import statistics
import subprocess
import sys
import time

ROUNDS = 31


def milliseconds(command):
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1000


order, empty, check = sys.argv[1], shlex.split(sys.argv[2]), shlex.split(sys.argv[3])
commands = [empty, check, [*check, order]]
for command in commands:  # not measured: the files come from the disk
    milliseconds(command)
rounds = [[milliseconds(command) for command in commands] for _ in range(ROUNDS)]
nothing, loaded, checked = (statistics.median(times) for times in zip(*rounds))
print(
    f"empty {nothing:.1f} ms; loading the library {loaded - nothing:+.1f} ms;"
    f" a check {checked - nothing:+.1f} ms: {checked / nothing:.1f} times an empty process"
)
