"""Logs: an event and its key=value pairs, as logfmt or JSON, on stderr."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("logfmt", "json")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def setup(level: str, form: str) -> None:
    """Send all logs to stderr in the given form; call once, at the program's start."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else LogfmtFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel({"warn": "WARNING"}.get(level, level.upper()))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    level = {"WARNING": "warn"}.get(record.levelname, record.levelname.lower())
    fields: dict[str, Any] = {
        "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "logger": record.name,
        "msg": record.getMessage(),
    }
    fields |= {k: v for k, v in vars(record).items() if k not in _STANDARD}
    if record.exc_info:
        fields["traceback"] = logging.Formatter().formatException(record.exc_info)
    return fields


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; what JSON cannot say is said as text."""
        return json.dumps(_fields(record), default=str, ensure_ascii=False)


class LogfmtFormatter(logging.Formatter):
    """One logfmt line, as Prometheus' own programs write it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as key=value pairs."""
        return " ".join(f"{k}={_quote(v)}" for k, v in _fields(record).items())


def _quote(value: Any) -> str:
    text = str(value)
    if text and text.isprintable() and not any(c in text for c in ' "='):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
