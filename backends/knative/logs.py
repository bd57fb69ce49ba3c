"""One JSON object a line, as those who collect logs in Kubernetes expect."""

from __future__ import annotations

import datetime
import json
import logging
import sys
from typing import IO

__all__ = ["JsonLines", "log_to"]


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, severity, logger, message, and the part."""

    def __init__(self, part: str = "") -> None:
        super().__init__()
        self.part = part

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self.part:
            line["part"] = self.part
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to(stream: IO[str] | None = None) -> JsonLines:
    """Send the whole process's log to a stream, standard error by default."""
    lines = JsonLines()
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(lines)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    return lines
