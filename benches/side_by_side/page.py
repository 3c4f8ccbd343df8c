"""A page of a shop: PHP-FPM behind nginx. Each page creates a client and checks one order. Each page
has its own single worker."""

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from statistics import median

from cold import minus_empty, speedup_row
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


def warm_worker(programs, quick):
    """The worker has made checks before, so flexpay reuses its connection."""
    with PhpSite(programs, requests_per_worker=0) as site:
        times = site.times(60 if quick else 600, warm_up=10)
    yield from _rows("PHP-FPM page, one check over TLS: time above an empty page", times, 6, 60)


def new_worker(programs, quick):
    """Each worker serves one page only."""
    with PhpSite(programs, requests_per_worker=1) as site:
        times = site.times(40 if quick else 200, warm_up=2)
    yield from _rows("the same, the first check of a worker", times, 1, 8)


def _rows(measure, times, against_one, against_bundle):
    empty, ours, one, bundle = times
    ours = minus_empty(ours, empty)
    one, bundle = minus_empty(one, empty), minus_empty(bundle, empty)
    yield speedup_row(measure, "ext-curl, one CA file", ours, one, against_one)
    yield speedup_row(measure, "ext-curl, system's bundle", ours, bundle, against_bundle)


class PhpSite:
    """nginx and PHP-FPM, running inside a `with` block."""

    def __init__(self, programs, requests_per_worker):
        self._programs = programs
        self._requests_per_worker = requests_per_worker
        self._processes = []

    def __enter__(self):
        self._folder = tempfile.mkdtemp(prefix="flexpay-bench-")
        # Under root the workers run as www-data, which may not be able to read the project.
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
            "requests": self._requests_per_worker,
        }
        environment = self._copy_files()
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
            wait_for(self._is_ready, process, os.path.join(self._folder, log))

    def _copy_files(self):
        """Copies the pages, the package and the library into the folder. Returns the environment
        with their paths."""
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

    def _is_ready(self):
        try:
            return self._get(http.client.HTTPConnection("127.0.0.1", self._port), 0) == 200
        except OSError:
            return False

    @staticmethod
    def _get(connection, number):
        connection.request("GET", f"/{number}/{PAGES[number]}")
        response = connection.getresponse()
        response.read()
        return response.status

    def times(self, rounds, warm_up):
        """Requests the pages in turns. Returns, for each page, the milliseconds of each round."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection.connect()
        all_times = [[] for _ in PAGES]
        for round_ in range(warm_up + rounds):
            for number, times in enumerate(all_times):
                start = time.perf_counter()
                status = self._get(connection, number)
                if round_ >= warm_up:
                    times.append((time.perf_counter() - start) * 1000)
                if status != 200:
                    raise SystemExit(f"{PAGES[number]}: HTTP status {status}")
            if self._requests_per_worker > 0:
                # PHP-FPM starts new workers meanwhile.
                time.sleep(0.05)
        connection.close()
        return all_times
