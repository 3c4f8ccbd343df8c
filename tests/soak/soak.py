"""Sends checks from eight PHP-FPM workers while the gateway restarts, closes idle connections and moves.

Fails if a page returned an error, a worker ended, or a worker's descriptors or memory grew.
"""

import argparse
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

WORKERS = 8
MOVING_HOST = "gateway.soak.invalid"
ADDRESSES = ("127.0.0.1", "127.0.0.2")
REPLY = (
    '{"code":"0","message":"ok","transaction":{"orderNumber":"$1","reference":"R","amount":"1",'
    '"currency":"USD","status":"0"}}'
)
# The first measurement is taken after this share of the checks.
WARM_UP_SHARE = 0.1
# PHP's own memory use may grow by this much.
MAX_MEMORY_GROWTH_KIB = 512
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

COMMON = """
worker_processes 1;
daemon off;
pid %(name)s.pid;
error_log %(name)s.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    %(rest)s
}
"""

# A connection ends after a hundred requests, or after one idle second.
GATEWAY = """
    keepalive_requests 100;
    keepalive_timeout 1s;
    server {
        listen %(address)s:%(port)d ssl;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        location ~ ^/check/(.*)$ {
            default_type application/json;
            return 200 '%(reply)s';
        }
    }
"""

SHOP = """
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME %(page)s;
            fastcgi_pass unix:%(folder)s/fpm.sock;
        }
    }
"""

FPM = """
[global]
error_log = %(folder)s/fpm.log
daemonize = no
[shop]
listen = %(folder)s/fpm.sock
pm = static
pm.max_children = %(workers)d
clear_env = no
catch_workers_output = yes
php_admin_flag[log_errors] = on
"""


def without_root(command):
    """The command as www-data instead of root, like a real shop."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", *command]


class Gateway:
    """nginx over TLS, which is stopped, and started again at the same or another address."""

    def __init__(self, folder, port):
        self._folder = folder
        self.port = port
        self._process = None
        self._make_certificates()

    def start(self, address):
        rest = GATEWAY % {"address": address, "port": self.port, "reply": REPLY}
        write(self._folder, "gateway.conf", COMMON % {"name": "gateway", "rest": rest})
        nginx = [NGINX, "-p", self._folder, "-c", "gateway.conf", "-e", "gateway.log"]
        self._process = subprocess.Popen(nginx)
        # Written in place, because the file is mounted.
        with open(os.path.join(self._folder, "hosts"), "w") as hosts:
            hosts.write(f"127.0.0.1 localhost\n{address} {MOVING_HOST}\n")

    def stop(self, how):
        """Stops nginx: normally, or with "kill", which cuts every connection."""
        if how == "kill":
            for child in children(self._process.pid):
                os.kill(child, 9)
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait()

    def _make_certificates(self):
        names = f"subjectAltName = DNS:{MOVING_HOST}, DNS:localhost"
        write(self._folder, "ext.cnf", names + "\nbasicConstraints = CA:FALSE\n")
        for name in "ca", "server":
            key = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key"]
            openssl(self._folder, *key)
        subject = ["-new", "-key", "ca.key", "-subj", "/CN=soak ca", "-days", "30"]
        openssl(self._folder, "req", "-x509", *subject, "-out", "ca.pem")
        openssl(
            self._folder, "req", "-new", "-key", "server.key", "-subj", "/CN=soak", "-out", "server.csr"
        )
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2", "-days", "30"]
        openssl(
            self._folder, "x509", "-req", "-in", "server.csr", *signed, "-extfile", "ext.cnf",
            "-out", "server.pem",
        )


class Shop:
    """nginx and PHP-FPM with the page that sends a check."""

    def __init__(self, folder, port, environment, own_hosts):
        self.port = port
        package = os.path.join(folder, "php")
        shutil.copytree(os.path.join(ROOT, "bindings", "php"), package)
        page = os.path.join(package, "tests", "pages", "call.php")
        rest = SHOP % {"port": port, "page": page, "folder": folder}
        write(folder, "shop.conf", COMMON % {"name": "shop", "rest": rest})
        write(folder, "fpm.conf", FPM % {"folder": folder, "workers": WORKERS})
        version = subprocess.check_output(
            ["php", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"], text=True
        )
        fpm = shutil.which("php-fpm" + version) or "/usr/sbin/php-fpm" + version
        preload = os.path.join(package, "preload.php")
        command = [fpm, "-F", "-y", os.path.join(folder, "fpm.conf"), "-d", "ffi.enable=preload"]
        command += ["-d", "opcache.enable=1", "-d", f"opcache.preload={preload}"]
        command = without_root(command)
        if own_hosts:
            # PHP's FFI does not use a getaddrinfo from LD_PRELOAD.
            mount = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"']
            command = [*mount, os.path.join(folder, "hosts"), *command]
        self._fpm = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        nginx = [NGINX, "-p", folder, "-c", "shop.conf", "-e", "shop.log"]
        self._nginx = subprocess.Popen(without_root(nginx))

    def workers(self):
        return children(self._fpm.pid)

    def stop(self):
        for process in self._nginx, self._fpm:
            process.terminate()
            process.wait()


class Customers:
    """One thread per worker, each with its own connection to the shop."""

    def __init__(self, port, checks):
        self._port = port
        self._left = checks
        self._lock = threading.Lock()
        self.errors = []
        self._threads = [threading.Thread(target=self._send_requests) for _ in range(WORKERS)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def left(self):
        with self._lock:
            return self._left

    def join(self):
        for thread in self._threads:
            thread.join()

    def _send_requests(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        while True:
            with self._lock:
                if self._left <= 0:
                    return
                self._left -= 1
                number = self._left
            connection.request("GET", f"/?order=N{number}")
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                self.errors.append(f"N{number}: {response.status} {body[:500]!r}")


def descriptors(worker):
    return len(os.listdir(f"/proc/{worker}/fd"))


def memory_kib(worker):
    """The worker's private memory."""
    with open(f"/proc/{worker}/smaps_rollup") as file:
        lines = dict(line.split(":") for line in file if ":" in line and "-" not in line.split(":")[0])
    return int(lines["Private_Dirty"].split()[0])


def children(process):
    path = f"/proc/{process}/task/{process}/children"
    with open(path) as file:
        return [int(child) for child in file.read().split()]


def write(folder, name, text):
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stderr=subprocess.DEVNULL)


def wait_until(condition, name, log):
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            with open(log) as file:
                raise SystemExit(f"soak: {name} did not start:\n{file.read()}")
        time.sleep(0.02)


def responds(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/?order=N")
        return connection.getresponse().status == 200
    except OSError:
        return False


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def disturb(gateway, customers, moves):
    """Restarts the gateway until all checks are done, every third time at another address, if it moves.

    Returns how often each was done.
    """
    done = {"stopped": 0, "killed": 0, "moved": 0}
    at = 0
    while customers.left() > 0:
        time.sleep(1.5)
        how = "kill" if done["stopped"] > done["killed"] else "stop"
        third = (done["stopped"] + done["killed"]) % 3 == 2
        gateway.stop(how)
        done["killed" if how == "kill" else "stopped"] += 1
        if moves and third:
            at = 1 - at
            done["moved"] += 1
        gateway.start(ADDRESSES[at])
    return done


def main():
    parser = argparse.ArgumentParser(prog="soak.py", description=__doc__)
    parser.add_argument("checks", type=int, help="number of checks")
    parser.add_argument("library", help="libflexpay.so")
    parser.add_argument("--move", action="store_true", help="the gateway also moves (as root)")
    options = parser.parse_args()
    checks, host = options.checks, MOVING_HOST if options.move else "localhost"
    folder = tempfile.mkdtemp(prefix="flexpay-soak-")
    os.chmod(folder, 0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "www-data")
    gateway = Gateway(folder, free_port())
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FLEXPAY_")},
        "FLEXPAY_LIBRARY": shutil.copy(options.library, folder),
        "FLEXPAY_MERCHANT": "ZANDO",
        "FLEXPAY_TOKEN": "soak-test-token",
        "FLEXPAY_CHECK_URL": f"https://{host}:{gateway.port}/check",
        "FLEXPAY_CA_FILE": os.path.join(folder, "ca.pem"),
    }
    gateway.start(ADDRESSES[0])
    shop = Shop(folder, free_port(), environment, options.move)
    try:
        log = os.path.join(folder, "fpm.log")
        wait_until(lambda: responds(shop.port), "the shop", log)
        workers = shop.workers()
        customers = Customers(shop.port, checks)
        first = {}

        def measure():
            wait_until_warm(customers, checks)
            first.update({worker: (descriptors(worker), memory_kib(worker)) for worker in workers})

        measuring = threading.Thread(target=measure)
        began = time.monotonic()
        customers.start()
        measuring.start()
        done = disturb(gateway, customers, options.move)
        customers.join()
        measuring.join()
        took = time.monotonic() - began
        ok = report(checks, took, done, customers, first, shop.workers())
        if not ok:
            with open(log) as file:
                print(file.read()[-3000:])
    finally:
        shop.stop()
        gateway.stop("stop")
        shutil.rmtree(folder)
    sys.exit(0 if ok else 1)


def wait_until_warm(customers, checks):
    while customers.left() > checks * (1 - WARM_UP_SHARE):
        time.sleep(0.01)


def report(checks, took, done, customers, first, workers):
    print(f"{checks:,} checks from {WORKERS} workers in {took:.0f} s")
    print("the gateway was", ", ".join(f"{what} {times} times" for what, times in done.items()))
    print(f"pages with an error: {len(customers.errors)}")
    for error in customers.errors[:10]:
        print("   ", error)
    same = sorted(workers) == sorted(first)
    print(f"workers that ended: {0 if same else 'some'}")
    print(f"{'worker':>10}{'descriptors':>13}{'later':>7}{'own KiB':>9}{'later':>7}")
    stable = True
    for worker, (open_first, kib_first) in first.items():
        if worker not in workers:
            continue
        open_now, kib_now = descriptors(worker), memory_kib(worker)
        print(f"{worker:>10}{open_first:>13}{open_now:>7}{kib_first:>9}{kib_now:>7}")
        # One more idle connection is allowed.
        stable &= open_now <= open_first + 1 and kib_now <= kib_first + MAX_MEMORY_GROWTH_KIB
    return not customers.errors and same and stable


NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

if __name__ == "__main__":
    main()
