"""Logging: one JSON object per line on stderr, or readable lines on a terminal. Events are constant names."""

import logging
import sys
from datetime import UTC, datetime
from typing import BinaryIO, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logging(*, level: str = "info", console: bool | None = None, stream: TextIO | None = None) -> None:
    """Set up structlog and the logging of libraries. Call once, before the first line is logged.

    ``console`` is the readable form; without it a terminal gets that and everything else JSON.
    """
    stream = sys.stderr if stream is None else stream
    console = stream.isatty() if console is None else console
    if console:
        last: Processor = structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="time")
        factory: structlog.PrintLoggerFactory | structlog.BytesLoggerFactory = structlog.PrintLoggerFactory(stream)
    else:
        last = _as_json
        factory = structlog.BytesLoggerFactory(_binary(stream))
    structlog.configure(
        processors=[_complete, last],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [LibraryHandler(LEVELS["warning"])]
    root.setLevel(LEVELS["warning"])


class LibraryHandler(logging.Handler):
    """Passes what libraries log on to structlog: the message as it stands in their code, without its arguments.

    Arguments and the words of exceptions may hold what was sent to us.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        error = record.exc_info[0] if record.exc_info else None
        message = record.msg.strip() if isinstance(record.msg, str) else type(record.msg).__name__
        facts = {"error": error.__qualname__} if error else {}
        structlog.get_logger("libraries").log(
            record.levelno, "library_message", library=record.name, message=message, **facts
        )


def _complete(_: WrappedLogger, level: str, event: EventDict) -> EventDict:
    """Add level and time. Of an exception that somebody logs its class stays; its words may hold values.

    One function in place of a chain of small ones: a busy door logs ten thousand lines a second.
    """
    if "exc_info" in event:
        info = event.pop("exc_info")
        error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
        if isinstance(error, BaseException):
            event.setdefault("error", type(error).__qualname__)
    event["level"] = level
    event["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return event


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=repr)


def _binary(stream: TextIO) -> BinaryIO:
    return stream.buffer
