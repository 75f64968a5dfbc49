"""Telling: log lines that people and programs read, with position, device and the like beside the words."""

import logging
import time

# What every record has anyway; all else was said on purpose.
_ORDINARY = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime"}

# Control characters, written as Python writes them.
_WRITTEN = {n: f"\\x{n:02x}" for n in (*range(0x20), *range(0x7F, 0xA0))}
# What somebody may be trying on purpose is told this often of each: enough to find them, too few to fill a disk.
TOLD_PER_S, TOLD_BURST = 1.0, 100.0


class LogLine(logging.Formatter):
    """Writes `2026-11-22T04:00:00.000Z WARNING suyuan.intake words position=12 device=scanner-1`."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line; an exception's traceback follows on lines of its own."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{at}.{int(record.msecs):03d}Z {record.levelname} {record.name} {_one_line(record.getMessage())}"
        said = [
            f" {name}={_quoted(value)}"
            for name, value in vars(record).items()
            if name not in _ORDINARY
        ]
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return head + "".join(said) + trace


def begin(level: str) -> None:
    """Lets this process tell from a level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogLine())
    logging.basicConfig(level=level, handlers=[handler])
    # A line for every request it makes says nothing that ours do not.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _one_line(text: str) -> str:
    """Returns a text that neither ends the line nor moves a screen's cursor."""
    return " ".join(text.split()).translate(_WRITTEN)


def _quoted(value: object) -> str:
    text = str(value)
    plain = _one_line(text)
    if not any(one in plain for one in ' "=\\'):
        return plain
    escaped = _one_line(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'
