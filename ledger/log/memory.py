"""A log's files and its row in memory, for simulators and quick tests."""

from ledger.log.publishing import Published


class MemoryFiles:
    """A log's files that end with the process."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """See `LogFiles.read`."""
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def write(self, path: str, content: bytes) -> None:
        """See `LogFiles.write`."""
        self.files[path] = content

    def forget(self, folder: str) -> None:
        """See `LogFiles.forget`."""
        for path in [path for path in self.files if path.startswith(f"{folder}/")]:
            del self.files[path]


class MemoryRow:
    """A `CheckpointRow` that ends with the process."""

    def __init__(self) -> None:
        self.said: Published | None = None
        self.shown: bytes | None = None

    def last(self) -> Published | None:
        """See `CheckpointRow.last`."""
        return self.said

    def advance(self, former: Published | None, to: Published) -> bool:
        """See `CheckpointRow.advance`."""
        if self.said != former:
            return False
        self.said = to
        return True

    def show(self, said: Published, key: str, content: bytes) -> None:
        """See `CheckpointRow.show`."""
        if self.said == said:
            self.shown = content

    def confirm(self, said: Published) -> bool:
        """See `CheckpointRow.confirm`."""
        return self.said == said
