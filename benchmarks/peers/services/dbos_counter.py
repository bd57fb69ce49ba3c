"""DBOS's counter: a workflow with one transaction, run in its own virtual environment.

The transaction is a datasource's: DBOS writes the record of the step in the same commit as the
increment, so it happens exactly once (https://docs.dbos.dev/python/tutorials/transaction-tutorial).
The system database and the application's are two SQLite files, made as DBOS makes them; or, with
``wal``, each connection is first told to use the write-ahead log with ``synchronous = NORMAL``.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy
from dbos import DBOS, SetWorkflowID, SQLAlchemyDatasource
from dbos._dbos import _get_dbos_instance

__all__ = ["Counters", "WriteAhead"]

_TABLE = "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL)"
_INCREMENT = sqlalchemy.text(
    "INSERT INTO counters VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count"
)
_READ = sqlalchemy.text("SELECT count FROM counters WHERE name = :name")


class WriteAhead(sqlite3.Connection):
    """A connection with the durability that our store has by default."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")


class Counters:
    """The counters in ``folder``; one of them in a process.

    :param wal: the write-ahead log with ``synchronous = NORMAL``, not what DBOS sets by itself.
    """

    def __init__(self, folder: Path, wal: bool) -> None:
        options: dict[str, Any] = {"connect_args": {"factory": WriteAhead}} if wal else {}
        DBOS(
            config={
                "name": "counters",
                "system_database_url": f"sqlite:///{folder}/system.sqlite",
                "db_engine_kwargs": options,
                "log_level": "WARNING",
            }
        )
        self._source = SQLAlchemyDatasource.create(
            f"sqlite:///{folder}/application.sqlite", options
        )
        with self._source.engine.begin() as connection:
            connection.execute(sqlalchemy.text(_TABLE))

        @self._source.transaction  # type: ignore[untyped-decorator]  # as above
        def add(name: str) -> int:
            session = self._source.sql_session()
            return int(session.execute(_INCREMENT, {"name": name}).scalar_one())

        @DBOS.workflow()  # type: ignore[untyped-decorator]  # as above
        def increment(name: str) -> int:
            return int(add(name))

        self._workflow = increment
        DBOS.launch()

    def increment(self, name: str, request: str) -> int:
        """Add one to the count of ``name`` and return it, once for each id ``request``."""
        with SetWorkflowID(request):
            return int(self._workflow(name))

    def read(self, name: str) -> int:
        """The count of ``name``."""
        with self._source.engine.connect() as connection:
            return connection.execute(_READ, {"name": name}).scalar() or 0

    def durability(self) -> str:
        """What the connections that DBOS made say about themselves."""
        engines = {"system": _get_dbos_instance()._sys_db.engine, "data": self._source.engine}
        return "; ".join(f"{name}: {_pragmas(engine)}" for name, engine in engines.items())

    def close(self) -> None:
        """End DBOS's threads."""
        DBOS.destroy()


def _pragmas(engine: Any) -> str:
    levels = ("off", "normal", "full", "extra")  # https://www.sqlite.org/pragma.html
    with engine.connect() as connection:
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    return f"journal_mode={journal} synchronous={levels[level]}"
