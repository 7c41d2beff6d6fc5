"""Logs: an event name and fields, JSON lines on disk with a size bound, columns on a terminal, secrets cut out."""

import json
import logging
import logging.handlers
import re
import sys
from pathlib import Path

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
SECRET_FIELDS = frozenset(
    {
        "pin",
        "password",
        "token",
        "secret",
        "code",
        "cookie",
        "authorization",
        "phone",
        "private_key",
        "payment_code",
        "track",
    }
)
_LONG_DIGITS = re.compile(r"(?<![0-9a-fA-F])\d{11,19}(?![0-9a-fA-F])")


def redact(text: str) -> str:
    """Mask runs of 11 to 19 digits: telephone numbers, payment codes and card numbers have that shape."""
    return _LONG_DIGITS.sub(lambda match: f"<{len(match[0])} digits>", text)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Give the extra fields of a record, with secrets replaced and long digits masked."""
    extra: dict[str, object] = {}
    for name, value in vars(record).items():
        if name in _STANDARD:
            continue
        extra[name] = _clean(name, value)
    return extra


def _clean(name: str, value: object) -> object:
    if name.lower() in SECRET_FIELDS:
        return "<redacted>"
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))


class JsonLines(logging.Formatter):
    """One JSON object a line; a line break in a value cannot start a new record."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line: dict[str, object] = {
            "at_ms": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(record.getMessage()),
            **fields_of(record),
        }
        if record.exc_info is not None:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class Columns(logging.Formatter):
    """For a terminal: time, level, event, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        extra = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
        head = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname[0]} {redact(record.getMessage())} {extra}"
        if record.exc_info is not None:
            head += "\n" + redact(self.formatException(record.exc_info))
        return head.rstrip()


def set_up(folder: Path | None, *, level: str = "INFO") -> None:
    """Send all logging of this process to stderr and, with a folder, to `log.jsonl` there (5 files of 5 MB)."""
    root = logging.getLogger()
    root.setLevel(level)
    for old in list(root.handlers):
        root.removeHandler(old)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(Columns())
    root.addHandler(terminal)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        disk = logging.handlers.RotatingFileHandler(
            folder / "log.jsonl", maxBytes=5_000_000, backupCount=4, encoding="utf-8"
        )
        disk.setFormatter(JsonLines())
        root.addHandler(disk)
