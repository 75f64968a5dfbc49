"""A witness as a service: remembers in a file, answers over HTTP (C2SP tlog-witness)."""

import base64
import fcntl
import threading
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from ledger.durable import write_whole
from ledger.errors import BadSetting
from ledger.log.checkpoints import Checkpoint
from ledger.log.witnessing import REQUEST_BYTES_MAX, Judgement, Witness

STATUS: dict[Judgement, int] = {
    "cosigned": 200, "malformed": 400, "unknown-log": 404, "not-signed": 403,
    "old-is-larger": 400, "other-size": 409, "other-root": 409, "inconsistent": 422,
}  # fmt: skip


KEY = "witness.key"


class Seen(msgspec.Struct, frozen=True):
    """The last checkpoint cosigned of a log, as it was signed."""

    size: int
    root: str
    checkpoint: bytes


class FolderMemory:
    """A `WitnessMemory` in a file of a folder. It MUST NOT be put back from a copy.

    Raises `BadSetting` for a file that is damaged: a witness that forgot would cosign anything.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "witnessed.json"
        self._lock = threading.Lock()
        self._held = (folder / ".lock").open("w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._seen = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Seen])
        except BlockingIOError as error:
            raise BadSetting(f"another witness works in {folder}: end that one first") from error
        except (FileNotFoundError, msgspec.MsgspecError) as error:
            raise BadSetting(
                f"{self._path} is gone or damaged: what was cosigned under this key is not known any"
                " more. Begin with a new folder and key, and tell whoever asks for this witness"
            ) from error

    @classmethod
    def begin(cls, folder: Path) -> "FolderMemory":
        """Opens a folder's memory; one of a witness that has no key yet is made."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (folder / KEY).exists() and not (folder / "witnessed.json").exists():
            write_whole(folder / "witnessed.json", b"{}")
        return cls(folder)

    def last(self, origin: str) -> Checkpoint | None:
        """See `WitnessMemory.last`."""
        seen = self._seen.get(origin)
        return Checkpoint(origin, seen.size, base64.b64decode(seen.root)) if seen else None

    def keep(self, checkpoint: Checkpoint, content: bytes) -> None:
        """See `WitnessMemory.keep`."""
        root = base64.b64encode(checkpoint.root).decode()
        with self._lock:
            seen = self._seen | {checkpoint.origin: Seen(checkpoint.size, root, content)}
            write_whole(self._path, msgspec.json.encode(seen))
            self._seen = seen


def build(witness: Witness, key: str) -> FastAPI:
    """Builds a witness's application."""
    app = FastAPI(title="Suyuan witness", openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > REQUEST_BYTES_MAX:
                return Response("the request is too large\n", 413, media_type="text/plain")
        answer = await run_in_threadpool(witness.add_checkpoint, bytes(body))
        status = STATUS[answer.judgement]
        kind = "text/x.tlog.size" if status == STATUS["other-size"] else "text/plain"
        return Response(answer.text, status, headers={"content-type": kind})

    @app.get("/key")
    def own_key() -> Response:
        return Response(f"{key}\n", media_type="text/plain")

    return app
