"""A page of a shop: PHP-FPM behind nginx. Each page makes a client and checks one order. Each contender
has one worker, its own, as each would have in a shop."""

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from statistics import median

from cold import above, faster
from server import TEMPORARY, free_ports, wait_for

PAGES = ("empty.php", "check_flexpay.php", "check_curl.php?one", "check_curl.php")

FPM = """
[global]
error_log = %(folder)s/fpm.log
daemonize = no
"""

WORKER = """
[worker%(number)d]
listen = %(folder)s/worker%(number)d.sock
pm = static
pm.max_children = 1
pm.max_requests = %(requests)d
clear_env = no
"""

NGINX = """
worker_processes 1;
master_process off;
daemon off;
pid nginx.pid;
error_log nginx.log;
events { worker_connections 64; }
http {
    access_log off;
    keepalive_requests 100000000;
    %(temporary)s
    server {
        listen 127.0.0.1:%(http)d;
        location ~ ^/([0-9])(/.*)$ {
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME %(pages)s$2;
            fastcgi_pass unix:%(folder)s/worker$1.sock;
        }
    }
}
"""


def later(programs, quick):
    """The worker has checked before, so flexpay finds its connection open."""
    with Shop(programs, requests_a_worker=0) as shop:
        times = shop.times(60 if quick else 600, warm_up=10)
    yield from _rows("PHP-FPM page, one check over TLS: time above an empty page", times, 6, 60)


def first(programs, quick):
    """The worker has done nothing before: it serves one page."""
    with Shop(programs, requests_a_worker=1) as shop:
        times = shop.times(40 if quick else 200, warm_up=2)
    yield from _rows("the same, the first check of a worker", times, 1, 8)


def _rows(measure, times, against_one, against_bundle):
    empty, ours, one, bundle = times
    ours = above(ours, empty)
    yield faster(measure, "ext-curl, one CA file", ours, above(one, empty), against_one)
    yield faster(measure, "ext-curl, system's bundle", ours, above(bundle, empty), against_bundle)


class Shop:
    """Runs for a `with` block."""

    def __init__(self, programs, requests_a_worker):
        self._programs = programs
        self._requests = requests_a_worker
        self._processes = []

    def __enter__(self):
        self._folder = tempfile.mkdtemp(prefix="flexpay-bench-")
        # Where root runs this, the workers are somebody else, and may not be able to read the project.
        os.chmod(self._folder, 0o755)
        os.chmod(self._programs.server.folder, 0o711)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.terminate()
            process.wait()
        shutil.rmtree(self._folder)

    def _start(self):
        (self._port,) = free_ports(1)
        settings = {
            "folder": self._folder,
            "pages": os.path.join(self._folder, "pages"),
            "http": self._port,
            "temporary": TEMPORARY,
            "requests": self._requests,
        }
        environment = self._copied()
        workers = [WORKER % {**settings, "number": number} for number in range(len(PAGES))]
        self._write("fpm.conf", FPM % settings + "".join(workers))
        self._write("nginx.conf", NGINX % settings)
        preload = os.path.join(environment["BENCH_PHP_PACKAGE"], "preload.php")
        ini = {"ffi.enable": "preload", "opcache.enable": "1", "opcache.preload": preload}
        version = subprocess.check_output(
            ["php", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"], text=True
        )
        command = [shutil.which("php-fpm" + version) or "/usr/sbin/php-fpm" + version, "-F"]
        command += ["-y", os.path.join(self._folder, "fpm.conf")]
        for name, value in ini.items():
            command += ["-d", f"{name}={value}"]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", *command]
            shutil.chown(self._folder, "www-data")
        self._run(command, environment)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self._run([nginx, "-p", self._folder, "-c", "nginx.conf", "-e", "nginx.log"], environment)
        for process, log in zip(self._processes, ("fpm.log", "nginx.log")):
            wait_for(self._answers, process, os.path.join(self._folder, log))

    def _copied(self):
        """Copies pages, package and library into the folder; the environment that names them."""
        environment = self._programs.environment
        package = os.path.join(self._folder, "package")
        library = os.path.join(self._folder, "libflexpay.so")
        shutil.copytree(self._programs.script("php"), os.path.join(self._folder, "pages"))
        shutil.copytree(environment["BENCH_PHP_PACKAGE"], package)
        shutil.copyfile(environment["FLEXPAY_LIBRARY"], library)
        return {**environment, "BENCH_PHP_PACKAGE": package, "FLEXPAY_LIBRARY": library}

    def _run(self, command, environment):
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)

    def _write(self, name, text):
        with open(os.path.join(self._folder, name), "w") as file:
            file.write(text)

    def _answers(self):
        try:
            return self._get(http.client.HTTPConnection("127.0.0.1", self._port), 0) == 200
        except OSError:
            return False

    @staticmethod
    def _get(connection, number):
        connection.request("GET", f"/{number}/{PAGES[number]}")
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def times(self, rounds, warm_up):
        """The pages by turns; for each, how many milliseconds it took in each round."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection.connect()
        taken = [[] for _ in PAGES]
        for round_ in range(warm_up + rounds):
            for number, times in enumerate(taken):
                begun = time.perf_counter()
                status = self._get(connection, number)
                if round_ >= warm_up:
                    times.append((time.perf_counter() - begun) * 1000)
                if status != 200:
                    raise SystemExit(f"{PAGES[number]}: HTTP status {status}")
            if self._requests > 0:
                # Until the next workers are there.
                time.sleep(0.05)
        connection.close()
        return taken
