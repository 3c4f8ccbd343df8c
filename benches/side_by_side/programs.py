"""Runs the measured programs."""

import os
import re
import subprocess


class Programs:
    """The paths of the programs, and their environment."""

    def __init__(self, folder, server, token):
        here = os.path.dirname(os.path.abspath(__file__))
        root = os.path.dirname(os.path.dirname(here))
        self.folder = folder
        self.server = server
        self.here = here
        self.library = os.path.join(os.environ["FLEXPAY_LIB_DIR"], "libflexpay.so")
        self.program = os.environ["FLEXPAY_PROGRAM"]
        self.python = os.path.join(folder, "venv", "bin", "python")
        self.environment = dict(
            os.environ,
            BENCH_TOKEN=token,
            BENCH_ORDER="9bsTX7qXdpQe243815877848",
            BENCH_REFERENCE="MMO00012",
            BENCH_CHECK_URL=server.https_url,
            BENCH_PROGRAM=self.program,
            BENCH_CA_FILE=server.ca_file,
            BENCH_CA_BUNDLE=server.ca_bundle,
            BENCH_PHP_PACKAGE=os.path.join(root, "bindings", "php"),
            FLEXPAY_LIBRARY=self.library,
            PYTHONPATH=os.path.join(folder, "python"),
        )

    def binary(self, name):
        return os.path.join(self.folder, "bin", name)

    def script(self, *path):
        return os.path.join(self.here, *path)

    def launch(self, rounds, *commands, variables=()):
        """Runs the commands in turns, with these environment variables too. Returns, for each command,
        the milliseconds of each round."""
        arguments = list(commands[0])
        for command in commands[1:]:
            arguments += ["--", *command]
        output = self._run([self.binary("launch"), str(rounds), *arguments], variables=variables)
        lines = [[float(number) / 1e6 for number in line.split()] for line in output.splitlines()]
        return list(zip(*lines))

    def instructions(self, command, stdin):
        """The number of instructions of a program that reads the line `stdin`."""
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        output = self._run([*valgrind, *command], stdin + "\n")
        return int(re.search(r"Collected : (\d+)", output).group(1))

    def _run(self, command, stdin="", variables=()):
        done = subprocess.run(
            command,
            env=dict(self.environment, **dict(variables)),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise SystemExit(f"{os.path.basename(command[0])} failed:\n{done.stdout}")
        return done.stdout

    def worker(self, name, *arguments):
        return Worker([self.binary(name), *arguments], self.environment)


class Worker:
    """A subprocess that reads one command per line and prints one number per command."""

    def __init__(self, command, environment):
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        number = self._process.stdout.readline()
        if not number:
            raise SystemExit(f"{self._process.args[0]} failed at: {command}")
        return float(number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def run_in_turns(workers, command, rounds, warm_up=1):
    """Runs the command in each worker, in turns. Returns the numbers of each worker, without those
    of the warm-up rounds."""
    numbers = [[] for _ in workers]
    for turn in range(warm_up + rounds):
        for step in range(len(workers)):
            which = (turn + step) % len(workers)
            number = workers[which].run(command)
            if turn >= warm_up:
                numbers[which].append(number)
    return numbers
