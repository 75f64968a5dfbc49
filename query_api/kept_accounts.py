"""Accounts worked out lately: the pages of one list agree, and a great recall is traced once for all."""

import threading
from collections import OrderedDict

from query_api.lots import product_names
from query_api.problems import Problem
from query_api.recall_accounts import Accounts, accounts_of
from query_api.views import Reader

# As many lists as officers read at once; a great recall's takes some tens of megabytes.
LISTS_MAX = 16


class KeptAccounts:
    """The accounts of recalls by the position they are true for, the latest few."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], Accounts] = OrderedDict()

    def of(self, reader: Reader, recall: str, at: int | None) -> Accounts:
        """Returns accounts of now, or those of an earlier page's position; a problem when forgotten."""
        if at is not None:
            with self._lock:
                if (kept := self._kept.get((recall, at))) is not None:
                    self._kept.move_to_end((recall, at))
            if kept is None:
                raise Problem(
                    409, "list-forgotten", "this list was read too long ago: begin it again"
                )
            # As this reader names the goods.
            return kept._replace(names=product_names(reader, kept.names)) if kept.names else kept
        found = accounts_of(reader, recall)
        with self._lock:
            # Who pages through holders asks nothing of the trace they came from.
            self._kept[recall, found.position] = found._replace(trace=None)
            self._kept.move_to_end((recall, found.position))
            while len(self._kept) > LISTS_MAX:
                self._kept.popitem(last=False)
        return found
