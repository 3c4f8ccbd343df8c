"""nginx with TLS 1.3 and its own CA, on the loopback interface. Every check gets the same reply."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# The example of the card document, without its trailing comma: the other parsers would refuse it.
REPLY = (
    '{"code":"0","message":"Une transaction trouvée","transaction":{'
    '"orderNumber":"9bsTX7qXdpQe243815877848","reference":"MMO00012","amount":"50.0",'
    '"amountCustomer":"51.0","currency":"CDF","createdAt":"06-02-2021 17:32:46","status":"0"}}'
)

# Like a published reply of the live gateway.
REPLY_WITHOUT_ORDER_NUMBER = REPLY.replace('"orderNumber":"9bsTX7qXdpQe243815877848",', "")

# nginx's default folders may not be writable.
TEMPORARY = """
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
"""

CONFIGURATION = """
worker_processes 1;
master_process off;
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests 100000000;
    %(temporary)s
    server {
        listen 127.0.0.1:%(https)d ssl;
        listen 127.0.0.1:%(http)d;
        ssl_protocols TLSv1.3;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        location /api/rest/v1/check/ {
            default_type application/json;
            return 200 '%(reply)s';
        }
        location /unnamed/check/ {
            default_type application/json;
            return 200 '%(unnamed)s';
        }
    }
}
"""

OPENSSL_EXTENSIONS = """
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


class Server:
    """Runs inside a `with` block. `ca_file` is its own CA; `ca_bundle` has the system's CAs as well."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="flexpay-bench-")
        self.ca_file = os.path.join(self.folder, "ca.pem")
        self.ca_bundle = os.path.join(self.folder, "bundle.pem")
        self._process = None
        try:
            self._make_certificates()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self.folder)

    def _make_certificates(self):
        self._write("extensions.cnf", OPENSSL_EXTENSIONS)
        for name in "ca", "server":
            key, request, subject = name + ".key", name + ".csr", "/CN=flexpay bench " + name
            self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
            self._openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        sign = ["x509", "-req", "-sha256", "-days", "30", "-extfile", "extensions.cnf"]
        self._openssl(
            *sign, "-in", "ca.csr", "-signkey", "ca.key", "-extensions", "ca", "-out", "ca.pem"
        )
        issuer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2"]
        self._openssl(
            *sign, "-in", "server.csr", *issuer, "-extensions", "server", "-out", "server.pem"
        )
        with open(self.ca_bundle, "wb") as bundle:
            for path in SYSTEM_BUNDLE, self.ca_file:
                with open(path, "rb") as part:
                    shutil.copyfileobj(part, bundle)

    def _start(self):
        https, http = free_ports(2)
        settings = {
            "https": https,
            "http": http,
            "temporary": TEMPORARY,
            "reply": REPLY,
            "unnamed": REPLY_WITHOUT_ORDER_NUMBER,
        }
        self._write("nginx.conf", CONFIGURATION % settings)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [nginx, "-p", self.folder, "-c", "nginx.conf", "-e", "error.log"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.https_url = f"https://127.0.0.1:{https}/api/rest/v1/check"
        self.unnamed_url = f"https://127.0.0.1:{https}/unnamed/check"
        self.http_url = f"http://127.0.0.1:{http}/api/rest/v1/check"
        log = os.path.join(self.folder, "error.log")
        wait_for(lambda: _accepts_connections(https), self._process, log)

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def _openssl(self, *arguments):
        done = subprocess.run(
            ["openssl", *arguments], cwd=self.folder, stderr=subprocess.PIPE, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"openssl {arguments[0]}: {done.stderr}")


def free_ports(count):
    """nginx cannot choose a free port by itself."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(is_ready, process, log):
    """Waits until a server is ready. Exits with its log if it does not start."""
    deadline = time.monotonic() + 10
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            with open(log) as file:
                raise SystemExit(f"{process.args[0]} did not start:\n" + file.read())
        time.sleep(0.02)


def _accepts_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
