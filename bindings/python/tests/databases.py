"""Database servers for the tests: each on a socket in a folder of its own."""

from __future__ import annotations

import glob
import importlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, List, Optional

from conftest import TIMEOUT_S, wait_until

NAMES = ["sqlite3", "psycopg", "psycopg2", "pymysql"]


def program(name: str, *folders: str) -> str:
    """The path of a server's program, which is often not in the PATH."""
    for folder in folders:
        found = sorted(glob.glob(f"{folder}/{name}"))
        if found:
            return found[-1]
    path = shutil.which(name)
    assert path is not None, f"{name} is missing: scripts/setup.sh python"
    return path


class Server(ABC):
    """A database server. It refuses to run as root: then it runs as nobody."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flexpay-"))
        self.user: Dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.log = self.folder / "log"
        self.prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self.folder, **self.user
            )
        wait_until(self.is_ready)

    def run(self, *command: str) -> None:
        with self.log.open("ab") as log:
            subprocess.run(
                command, stdout=log, stderr=log, cwd=self.folder, check=True, **self.user
            )

    @abstractmethod
    def prepare(self) -> None:
        """Makes what the server needs before it starts."""

    @abstractmethod
    def command(self) -> List[str]:
        """The command that runs the server."""

    @abstractmethod
    def connect(self, driver: str, **options: Any) -> Any:
        """A new connection."""

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        driver = importlib.import_module(self.driver)
        try:
            with closing(self.connect(self.driver)):
                return True
        except driver.Error:
            return False

    driver = ""

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT if self.driver == "psycopg" else signal.SIGTERM)
        self.process.wait(TIMEOUT_S)
        shutil.rmtree(self.folder)


class Postgresql(Server):
    driver = "psycopg"

    def program(self, name: str) -> str:
        return program(name, "/usr/lib/postgresql/*/bin")

    def prepare(self) -> None:
        data = str(self.folder / "data")
        self.run(self.program("initdb"), "-D", data, "-U", "shop", "-A", "trust", "--no-sync")

    def command(self) -> List[str]:
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}"]
        return [
            self.program("postgres"),
            *["-D", str(self.folder / "data"), "-c", "max_connections=200"],
            *[word for setting in settings for word in ("-c", setting)],
        ]

    def connect(self, driver: str, **options: Any) -> Any:
        module: Any = importlib.import_module(driver)
        return module.connect(host=str(self.folder), user="shop", dbname="postgres", **options)


class Mariadb(Server):
    driver = "pymysql"

    def prepare(self) -> None:
        self.run(
            program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )

    def command(self) -> List[str]:
        return [
            program("mariadbd", "/usr/sbin"),
            "--no-defaults",
            f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            "--skip-networking",
            "--max-connections=200",
        ]

    def connect(self, driver: str, **options: Any) -> Any:
        module: Any = importlib.import_module(driver)
        socket = str(self.folder / "socket")
        connection = module.connect(unix_socket=socket, user="root", **options)
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS shop")
            cursor.execute("USE shop")
        return connection


class Database:
    """What the tests do with a database, through one driver."""

    def __init__(self, driver: str, server: Optional[Server], folder: Path) -> None:
        self.driver = driver
        self.server = server
        self.file = folder / "shop.db"
        self.parameter = "?" if server is None else "%s"

    def connect(self, **options: Any) -> Any:
        if self.server is not None:
            return self.server.connect(self.driver, **options)
        return sqlite3.connect(self.file, timeout=TIMEOUT_S, **options)

    def run(self, *statements: str) -> List[Any]:
        """Runs statements in a connection of its own, and returns the rows of the last one."""
        with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
            rows = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
        return rows

    def kill_connections(self) -> int:
        """Ends every other connection to the server, and returns how many."""
        if self.driver == "pymysql":
            killed = 0
            with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
                cursor.execute(
                    "SELECT id FROM information_schema.processlist"
                    " WHERE id <> CONNECTION_ID() AND user = 'root'"
                )
                for (number,) in cursor.fetchall():
                    try:
                        cursor.execute(f"KILL {number}")
                    except connection.Error:
                        # It has ended.
                        continue
                    killed += 1
            return killed
        ((killed,),) = self.run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(killed)
