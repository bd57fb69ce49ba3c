"""A process's log: lines for people, or one JSON object a line for those who collect logs.

What is said of one request comes with fields (``extra={"fields": ...}``), which are members of the
JSON object; in a text the message names them already.
"""

from __future__ import annotations

import datetime
import json
import linecache
import logging
import sys
from typing import IO, Any

from core.messages import Raised, Request

__all__ = ["LEVELS", "JsonLines", "TextLines", "log_to", "tell"]

LEVELS = ("debug", "info", "warning", "error")
"""What can be chosen to be the least that is logged."""


_NAMELESS = "MainProcess"


class TextLines(logging.Formatter):
    """Formats a record as a line: time, process, level, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(processName)s %(levelname)s %(message)s")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, severity, logger, message, part, and its fields.

    :param part: which process of the application logs; empty: the process says so by its name, if
        it was given one.
    """

    def __init__(self, part: str = "") -> None:
        super().__init__()
        self.part = part

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        part = self.part or record.processName
        if part and part != _NAMELESS:
            line["part"] = part
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({**getattr(record, "fields", {}), **line}, default=str)


def log_to(
    formatter: logging.Formatter, stream: IO[str] | None = None, level: str = "info"
) -> None:
    """Send the whole process's log to a stream, standard error by default."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


def tell(log: logging.Logger, request: Request, raised: Raised) -> None:
    """Log a mistake of the program with the places that it went through, in all services."""
    name = f"{request.service}.{request.method}"
    text = f"{raised.type}: {raised.text}".encode(errors="replace").decode()
    fields = {
        "method": name,
        "root": request.id.root.hex(),
        "exception": text,
        "trace": raised.trace,
    }
    places = "".join(f"\n  {place}{_source(place)}" for place in raised.trace)
    log.error(
        "%s raised, root %s%s\n%s", name, fields["root"], places, text, extra={"fields": fields}
    )


def _source(place: str) -> str:
    """The line of the source at a place of a trace, if it can be found."""
    file, _, line = place.partition(" ")[0].rpartition(":")
    text = linecache.getline(file, int(line)).strip() if line.isdecimal() else ""
    return f"\n    {text}" if text else ""
