"""Running the programs that are measured."""

import os
import re
import subprocess


class Programs:
    """Where everything is, and what everybody is told through the environment."""

    def __init__(self, folder, server, token):
        here = os.path.dirname(os.path.abspath(__file__))
        root = os.path.dirname(os.path.dirname(here))
        self.folder = folder
        self.server = server
        self.here = here
        self.library = os.path.join(os.environ["FLEXPAY_LIB_DIR"], "libflexpay.so")
        self.python = os.path.join(folder, "venv", "bin", "python")
        self.environment = dict(
            os.environ,
            BENCH_TOKEN=token,
            BENCH_ORDER="9bsTX7qXdpQe243815877848",
            BENCH_REFERENCE="MMO00012",
            BENCH_CHECK_URL=server.https_url,
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

    def launch(self, rounds, *commands):
        """Runs commands by turns; for each, how many milliseconds it took in each round."""
        arguments = list(commands[0])
        for command in commands[1:]:
            arguments += ["--", *command]
        output = self._run([self.binary("launch"), str(rounds), *arguments])
        lines = [[float(number) / 1e6 for number in line.split()] for line in output.splitlines()]
        return list(zip(*lines))

    def instructions(self, command, told):
        """How many instructions a program takes that is told this."""
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        output = self._run([*valgrind, *command], told + "\n")
        return int(re.search(r"Collected : (\d+)", output).group(1))

    def _run(self, command, told=""):
        done = subprocess.run(
            command,
            env=self.environment,
            input=told,
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
    """A program that does what it is told, a line at a time, and answers each with a number."""

    def __init__(self, command, environment):
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._process.args[0]} failed at: {line}")
        return float(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def by_turns(workers, line, rounds, warm_up=1):
    """Tells each of the workers the same, by turns; their answers, but for the first rounds."""
    answers = [[] for _ in workers]
    for turn in range(warm_up + rounds):
        for step in range(len(workers)):
            which = (turn + step) % len(workers)
            answer = workers[which].tell(line)
            if turn >= warm_up:
                answers[which].append(answer)
    return answers
