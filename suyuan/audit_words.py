"""What an audit's findings mean, and what whoever audits does then: for people who are no engineers."""

from typing import Final

from ledger.log.auditing import LogFindingCode

KEEP = (
    "Keep the evidence, ask the authority in writing, and show it to a witness or another auditor."
)
MEANS: Final[dict[LogFindingCode, str]] = {
    "no-checkpoint": "No log is published at this address, or not yet. Look at the address again.",
    "forged-checkpoint": (
        "What is published there was not signed with the key you gave. Compare the key with the"
        f" authority's poster, letter by letter; if it is the right one, somebody else answers there. {KEEP}"
    ),
    "shrunk": f"Entries that you have seen signed are gone: they were taken out, or an older copy is shown. {KEEP}",
    "split-view": f"Two different records of the same length were signed, and you were shown one of them. {KEEP}",
    "not-its-growth": f"What is published is not what was signed: an entry was changed, put in or taken out. {KEEP}",
    "missing-file": (
        "A part of the record is not published, so that nobody can check it. Try again in a minute;"
        " if it stays away, ask the authority why."
    ),
    "damaged-file": (
        "A published file is broken, on its way or where it lies. Try again, from another network,"
        f" too; if it stays so: {KEEP[0].lower()}{KEEP[1:]}"
    ),
    "swapped-tile": f"A published file says something else than what was signed: it was exchanged. {KEEP}",
    "stale": (
        "Nothing new was signed for a while, so that nobody is shown what came since; or one of the two"
        " clocks is wrong. Where a later audit finds the log longer, its clock is behind: ask the authority,"
        " and allow for it with --fresh-within. Where it stays, the log stands still."
    ),
    "from-the-future": (
        "One of two clocks is wrong. Set this machine's clock and audit again; if it is right, the"
        " log's is not, and its times prove nothing."
    ),
    "too-few-witnesses": (
        "Fewer witnesses than you ask for have seen this state of the record: you might be shown another log than everybody else. Try again in a minute, or ask the witness."
    ),
    "receipt-broken": (
        "The ledger confirmed a scan that is not in its record as it was signed. Keep this tape,"
        f" unchanged. {KEEP}"
    ),
    "restored": "The ledger was restored from a backup, and says so. Audit again with --restored.",
}
NO_PROOF: Final = (
    "Nothing is shown by it, neither true nor false. Compare the key, letter by letter, with the"
    " authority's poster. If it is the right one, the proof was changed or cut off on its way: save it"
    " again from its page. If it fails again, keep it and ask the authority in writing."
)
