"""The journal in the shop's own database, for a shop with several machines.

    from flexpay.journal import DbApiStore

    store = DbApiStore(connection)  # of psycopg, psycopg2, PyMySQL or sqlite3
    payment = store.pay(client, reference="MLO-1", amount="25.50", currency="USD", ...)

mysql.sql, postgresql.sql and sqlite.sql in this folder create its table, which the PHP package
shares: add the one of your database to your migrations, or call `create_tables`.
"""

from __future__ import annotations

from ._store import DbApiStore

__all__ = ["DbApiStore"]
