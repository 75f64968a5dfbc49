"""`witness`: cosigns the growth of other people's logs."""

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.journal.keyfile import read_key
from ledger.log.notes import COSIGNATURE, NoteSigner, NoteWrong
from ledger.log.witnessing import Witness
from suyuan.commands import Failed, host_and_port
from suyuan.commands.auditing import note_key


def add_witness(verbs: Any) -> None:
    """`witness`: another party's service, on another party's machine."""
    verb = verbs.add_parser(
        "witness",
        help="cosign what other people's logs publish, once their growth is checked",
        epilog="Says its own key when it starts: the log's operator sets log_witnesses to"
        " 'http://HOST:PORT KEY', auditors give it as --witness. A witness is worth something"
        " only on a machine that the log's operator cannot reach into.",
    )
    verb.add_argument("name", help="what it is called in signatures, such as wei.example/1")
    verb.add_argument("--log", type=note_key, action="append", required=True, metavar="KEY",
                      help="a log's key, from a source you trust")  # fmt: skip
    verb.add_argument(
        "--folder", type=Path, required=True, help="its key and memory; never copied back"
    )
    verb.add_argument(
        "--listen", type=host_and_port, default=("127.0.0.1", 8705), metavar="HOST:PORT"
    )
    verb.set_defaults(run=run_witness, json=False)


def run_witness(stated: argparse.Namespace) -> int:
    """Serves until told to end."""
    import uvicorn

    from suyuan.witness import KEY, FolderMemory, build

    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s")
    try:
        memory = FolderMemory.begin(stated.folder)
        signer = NoteSigner(stated.name, read_key(stated.folder / KEY), COSIGNATURE)
    except (NoteWrong, OSError) as error:
        raise Failed(str(error)) from error
    witness = Witness(signer, stated.log, memory, now=lambda: datetime.now(UTC))
    host, number = stated.listen
    print(f"witness {signer.public} on http://{host}:{number}", flush=True)
    uvicorn.run(build(witness, signer.public), host=host, port=number, log_level="warning")
    return 0


VERBS = (add_witness,)
