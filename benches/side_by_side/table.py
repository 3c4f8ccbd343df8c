"""Measures the requested rows and prints them as a table."""

import argparse
import os
import platform
import secrets
import subprocess
import sys

import cold
import memory
import page
import parsing
import program
import warm
from programs import Programs
from server import Server

ROWS = {
    "c-cold": cold.c,
    "php-cold": cold.php,
    "page": page.warm_worker,
    "page-first": page.new_worker,
    "python-cold": cold.python,
    "instructions": warm.instructions,
    "warm": warm.wall_time,
    "unnamed": warm.without_order_number,
    "parse": parsing.parse,
    "threads": warm.threads,
    "size": memory.size,
    "memory": memory.resident,
    "growth": memory.growth,
    "cli-cold": program.cold,
    "bridge": program.bridge,
    "cli-size": program.size,
}
# Measured only when named.
MORE = {"c-cold-bundle": cold.c_bundle}

HEAD = "| measure | against | flexpay | baseline | ratio (10th–90th percentile) | goal | met |"
RULE = "|---|---|--:|--:|--:|---|---|"


def main():
    parser = argparse.ArgumentParser(prog="benches/run.sh")
    parser.add_argument("--quick", action="store_true", help="few rounds, only to see that it works")
    parser.add_argument("--list", action="store_true", help="print the row names")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="measure only these rows")
    arguments = parser.parse_args()
    functions = {**ROWS, **MORE}
    if arguments.list:
        print("\n".join(functions))
        return
    for name in arguments.rows:
        if name not in functions:
            parser.error(f"no such row: {name} (choose from {', '.join(functions)})")

    # A random token, as long as those of the gateway.
    token = secrets.token_urlsafe(200)
    with Server() as server:
        programs = Programs(os.environ["BENCH_DIR"], server, token)
        print(machine(programs), end="\n\n")
        print(HEAD, RULE, sep="\n", flush=True)
        for name in arguments.rows or ROWS:
            print(f"{name} ...", file=sys.stderr)
            for row in functions[name](programs, arguments.quick):
                print(line(row), flush=True)


def line(row):
    ratio = row.ratio
    met = "yes" if row.is_met() else "NO"
    text = f"**{ratio.median:.2f}** ({ratio.low:.2f}–{ratio.high:.2f})" if row.theirs else ""
    cells = [row.measure, row.against, row.ours, row.theirs, text, row.goal.text, met]
    return "| " + " | ".join(cells) + " |"


def machine(programs):
    """The machine and the versions of the baselines."""
    with open("/proc/cpuinfo") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    with open(os.path.join(programs.folder, "versions")) as file:
        versions = file.read().strip()
    php = 'echo PHP_VERSION, ", ext-curl on libcurl ", curl_version()["version"];'
    python = "import platform, requests; print(platform.python_version(), requests.__version__)"
    return "\n".join(
        [
            f"- {len(names)} × {names[0] if names else platform.machine()}",
            f"- Linux {platform.release()}",
            f"- {versions}",
            f"- PHP {output('php', '-r', php)}",
            f"- Python and requests: {output(programs.python, '-c', python)}",
        ]
    )


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
