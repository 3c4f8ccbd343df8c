"""What differs between the databases, and between their DB-API drivers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Dict, List, Type

from .._arguments import invalid, wrong_type


class Database(ABC):
    """A database, seen through one connection of the caller."""

    #: The file with its tables.
    schema = ""
    #: A parameter in a statement.
    parameter = "%s"
    #: The seconds since 1970, by the clock of the database, while a statement runs.
    clock = ""
    #: The time in UTC, as the text of `created_at`.
    time = ""
    #: Added to a SELECT: reads the newest version of the row, and locks it.
    for_update = " FOR UPDATE"
    #: Does so before the SELECT, for a reference, if the database has no FOR UPDATE.
    lock = ""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def statements(self) -> List[str]:
        """The statements that create the tables."""
        text = Path(__file__).with_name(self.schema).read_text(encoding="utf-8")
        return [one for one in map(str.strip, text.split(";")) if one]

    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether the connection has an open transaction."""

    @abstractmethod
    def is_autocommit(self) -> bool:
        """Whether a statement outside a transaction is committed at once."""

    def is_conflict(self, error: Exception) -> bool:
        """Whether the database gave up a transaction because of another one: it may succeed if it
        is repeated."""
        return isinstance(error, self.connection.IntegrityError)


class Sqlite(Database):
    schema = "sqlite.sql"
    parameter = "?"
    clock = "CAST(strftime('%s', 'now') AS INTEGER)"
    time = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
    for_update = ""
    # This locks the whole file.
    lock = "UPDATE flexpay_journal SET version = version WHERE reference = ?"

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        if getattr(connection, "autocommit", None) is False:
            raise invalid(
                "connection",
                "has autocommit=False: then sqlite3 always has an open transaction, and what is"
                " about to be sent could not be committed. Connect without that argument",
            )

    def in_transaction(self) -> bool:
        return bool(self.connection.in_transaction)

    def is_autocommit(self) -> bool:
        is_set = getattr(self.connection, "autocommit", None) is True
        return is_set or self.connection.isolation_level is None


class Postgresql(Database):
    schema = "postgresql.sql"
    # Not now(): that is when the transaction began.
    clock = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)"
    time = """to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""

    def in_transaction(self) -> bool:
        # libpq's PQTRANS_INTRANS and PQTRANS_INERROR, in psycopg and psycopg2.
        return int(self.connection.info.transaction_status) in (2, 3)

    def is_autocommit(self) -> bool:
        return bool(self.connection.autocommit)

    def is_conflict(self, error: Exception) -> bool:
        # psycopg has the one, psycopg2 the other.
        code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        serialization_failure, deadlock_detected = "40001", "40P01"
        return super().is_conflict(error) or code in (serialization_failure, deadlock_detected)


class Mysql(Database):
    schema = "mysql.sql"
    clock = "UNIX_TIMESTAMP()"
    # %% is a % in a statement with parameters.
    time = "DATE_FORMAT(UTC_TIMESTAMP(), '%%Y-%%m-%%dT%%H:%%i:%%sZ')"

    def in_transaction(self) -> bool:
        # A SELECT opens a transaction without PyMySQL noticing it: ask the server.
        self.connection.ping(reconnect=False)
        server_status_in_trans = 1
        return bool(self.connection.server_status & server_status_in_trans)

    def is_autocommit(self) -> bool:
        return bool(self.connection.get_autocommit())

    def is_conflict(self, error: Exception) -> bool:
        code = error.args[0] if error.args else None
        record_has_changed, lock_wait_timeout, deadlock = 1020, 1205, 1213
        return super().is_conflict(error) or code in (
            record_has_changed,
            lock_wait_timeout,
            deadlock,
        )


_DRIVERS: Dict[str, Type[Database]] = {
    "sqlite3": Sqlite,
    "psycopg": Postgresql,
    "psycopg2": Postgresql,
    "pymysql": Mysql,
}


def database_of(connection: Any) -> Database:
    """The database of a connection, or of a subclass of one."""
    for kind in type(connection).__mro__:
        database = _DRIVERS.get(kind.__module__.split(".")[0])
        if database is not None:
            return database(connection)
    drivers = "a connection of psycopg, psycopg2, PyMySQL or sqlite3"
    raise wrong_type("connection", drivers, connection)
