"""`proof` and `verify-proof`: what a position holds, shown to who trusts nobody."""

import argparse
import json
from pathlib import Path
from typing import Any

from ledger.errors import EXIT_DAMAGED
from ledger.log.merkle import ProofWrong
from ledger.log.notes import NoteKey
from ledger.log.proofs import Proved, check_proof, origin_of, read_proof
from ledger.settings import read_settings
from suyuan.audit_words import NO_PROOF
from suyuan.commands import Failed
from suyuan.commands.auditing import note_key
from suyuan.published import NotReadable, PublishedLog


def add_proof(verbs: Any) -> None:
    """`proof`: a position's proof, as a text, a file or a code."""
    verb = verbs.add_parser("proof", help="prove what a position of the ledger holds")
    verb.add_argument("position", type=int)
    verb.add_argument("--log", metavar="URL", help="the log; else this machine's, by the settings")
    verb.add_argument("--out", type=Path, help="a file: .tlog-proof, or .svg or .png for a code")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_proof)


def run_proof(stated: argparse.Namespace) -> int:
    """Fetches a proof and prints it, or writes it where it is wanted."""
    if stated.position < 1:
        raise Failed(f"a position is a number from 1, not {stated.position}")
    url = stated.log or f"http://127.0.0.1:{read_settings().log_port}/log"
    try:
        with PublishedLog(url) as log:
            (content,) = log.read([f"proof/{stated.position}"])
    except NotReadable as error:
        raise Failed(str(error)) from error
    if content is None:
        raise Failed(
            f"{url} has no position {stated.position} (yet): an entry is covered seconds after it came"
        )
    text = content.decode(errors="replace")
    if stated.out is not None:
        _write(stated.out, text)
    told = {"ok": True, "position": stated.position, "proof": text}
    if stated.json:
        print(json.dumps(told | {"file": str(stated.out) if stated.out else None}))
    elif stated.out is None:
        print(text, end="")
    else:
        how = "print it" if stated.out.suffix == ".svg" else "check it with suyuan verify-proof"
        print(f"{stated.out}: {how}")
    return 0


def add_verify_proof(verbs: Any) -> None:
    """`verify-proof`: checks one offline."""
    verb = verbs.add_parser("verify-proof", help="check a proof, with nothing but the log's key")
    verb.add_argument("file", type=Path, help="the proof, or a picture of its code")
    verb.add_argument("--key", type=note_key, required=True, help="the log's key")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_verify_proof)


def run_verify_proof(stated: argparse.Namespace) -> int:
    """Says what a proof shows; exits with another code when it shows nothing."""
    try:
        proved = _proved(stated.file, stated.key)
        public = json.loads(proved.opening.public)
    except OSError as error:
        raise Failed(f"{stated.file} cannot be read: {error}") from error
    except ValueError as error:
        words = f"{stated.file} proves nothing: {error}"
        told = {"ok": False, "error": words, "means": NO_PROOF}
        print(json.dumps(told) if stated.json else f"{words}\n{NO_PROOF}")
        return EXIT_DAMAGED
    tree = proved.verified.checkpoint
    if stated.json:
        told = {"ok": True, "log": tree.origin, "position": proved.position, "size": tree.size}
        print(json.dumps(told | {"leaf": proved.leaf.hex(), "public": public}, ensure_ascii=False))
        return 0
    print(
        f"Proved: position {proved.position} of {tree.origin} (index {proved.position - 1} in the file),"
        f" among the first {tree.size}, holds"
    )
    print("(the public part; amounts, traders and persons stay shut)")
    for name, value in public.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        print(f"  {name:<14} {shown}")
    return 0


def _proved(path: Path, key: NoteKey) -> Proved:
    """Reads a proof, or the code in a picture of it, and checks it."""
    content = path.read_bytes()
    if path.suffix == ".svg":
        raise ProofWrong("a .svg is to be printed: check the .png, the .tlog-proof or a photograph")
    if content[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1", b"\xff\xd8\xff\xdb"):
        from scanners.proof_codes import proof_in

        try:
            content = proof_in(path)
        except ValueError as error:
            # Where no proof is seen nothing is shown to be false either.
            raise Failed(str(error)) from error
    proof = read_proof(content)
    if (origin := origin_of(proof)) != key.name:
        raise Failed(f"{path} is of the log {origin}, and the key is of {key.name}")
    return check_proof(proof, key)


def _write(path: Path, text: str) -> None:
    content = text.encode()
    try:
        if path.suffix in (".svg", ".png"):
            from scanners.proof_codes import draw_code

            content = draw_code(text, path.suffix)
        path.write_bytes(content)
    except (OSError, ValueError) as error:
        raise Failed(f"{path} cannot be written: {error}") from error


VERBS = (add_proof, add_verify_proof)
