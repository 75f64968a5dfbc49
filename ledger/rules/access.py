"""Access: who may see and do what, as one table of roles, resources, actions and scopes."""

from typing import Literal, NamedTuple, get_args

import msgspec

from ledger.events.base import Id
from ledger.rules.refusal import Refusal

Role = Literal[
    "consumer", "merchant", "headquarters", "market-operator", "inspector", "regulator", "auditor",
    "administrator", "device",
]  # fmt: skip
Resource = Literal[
    "product", "ledger", "stock", "document", "person", "alert", "trace", "recall", "recall-task",
    "recall-check", "call-list", "hold", "register", "market", "area", "correction", "quarantine",
    "event", "device", "mandate", "invitation", "ledger-key", "metrics",
    "batch", "health", "statistics",
    "account", "colleague", "access-log",
]  # fmt: skip
Action = Literal["read", "write"]
# What a cell grants: everything there is; what lies in the areas, markets or merchants that the
# role was given over; nothing.
Scope = Literal["all", "area", "market", "own", "-"]

ROLES: tuple[Role, ...] = get_args(Role)
RESOURCES: tuple[Resource, ...] = get_args(Resource)
# A column for each role, in the order of `Role`: consumer (消费者), merchant (经营者), headquarters (总部),
# market operator (市场开办者), inspector (执法人员), regulator (监管部门), auditor (审计人员, who sees no
# person), administrator (系统管理员, who sees no business data), device (设备).
_ROWS: dict[tuple[Resource, Action], str] = {
    ("product", "read"):       "all all all all    all  all  all all all",
    ("product", "write"):      "-   own own all    all  all  -   -   -",
    ("ledger", "read"):        "-   own own market area area all -   -",
    ("stock", "read"):         "-   own own market area area all -   -",
    ("document", "read"):      "-   own own market area area all -   -",
    ("document", "write"):     "-   own own -      -    -    -   -   own",
    ("person", "read"):        "-   own own -      area area -   -   -",
    ("alert", "read"):         "-   own own market area area all -   -",
    ("alert", "write"):        "-   own own market area area -   -   -",
    ("trace", "read"):         "-   -   -   -      all  all  all -   -",
    ("recall", "read"):        "-   -   -   -      all  all  all -   -",
    ("recall", "write"):       "-   -   -   -      -    all  -   -   -",
    ("call-list", "read"):     "-   -   -   -      all  all  -   -   -",
    ("recall-task", "read"):   "-   own own market area area all -   -",
    ("recall-task", "write"):  "-   own own -      area area -   -   -",
    ("recall-check", "write"): "-   -   -   -      all  all  -   -   -",
    ("statistics", "read"):    "-   own own market area area all -   -",
    ("hold", "read"):          "-   own own market all  all  all -   own",
    ("hold", "write"):         "-   -   -   -      all  all  -   -   -",
    ("register", "read"):      "-   own own market area area all -   -",
    ("register", "write"):     "-   -   -   -      area area -   -   -",
    ("market", "write"):       "-   -   -   market all  all  -   -   -",
    ("area", "write"):         "-   -   -   -      -    area -   all -",
    ("correction", "write"):   "-   -   -   -      area area -   -   -",
    ("quarantine", "write"):   "-   -   -   -      -    all  -   all -",
    ("event", "read"):         "-   -   -   -      -    -    all -   -",
    ("device", "read"):        "-   own own market area area all all own",
    ("device", "write"):       "-   -   -   -      -    -    -   all -",
    ("mandate", "write"):      "-   own own -      area area -   all -",
    ("invitation", "write"):   "-   own own -      area area -   all -",
    ("ledger-key", "write"):   "-   -   -   -      -    -    -   all -",
    ("batch", "write"):        "-   -   -   -      -    -    -   -   own",
    ("health", "read"):        "all all all all    all  all  all all all",
    ("metrics", "read"):       "all all all all    all  all  all all all",
    ("colleague", "read"):     "-   -   -   -      all  all  -   all -",
    ("account", "read"):       "-   -   -   -      -    -    -   all -",
    ("account", "write"):      "-   -   -   -      -    -    -   all -",
    ("access-log", "read"):    "-   own own -      -    area all -   -",
}  # fmt: skip
TABLE: dict[tuple[Role, Resource, Action], Scope] = {
    (role, resource, action): scope  # type: ignore[misc]  # the generated test reads every cell
    for (resource, action), row in _ROWS.items()
    for role, scope in zip(ROLES, row.split(), strict=True)
    if scope != "-"
}


class Grant(msgspec.Struct, frozen=True):
    """A role that somebody has, over the merchants, markets or areas that its scopes are about."""

    role: Role
    over: tuple[Id, ...] = ()


class Subject(NamedTuple):
    """Who asks: an account and what it was granted. Without any grant it is a consumer."""

    account: str
    grants: tuple[Grant, ...] = ()


class About(NamedTuple):
    """What is asked about: merchants, with the markets they trade in and the areas these lie in.

    `areas` holds a district and every area above it.
    """

    merchants: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()


class Reach(NamedTuple):
    """What a subject may see or do of a resource: everything, or what lies in one of these."""

    everything: bool = False
    merchants: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()

    def anything(self) -> bool:
        """Tells whether there is anything at all."""
        return self.everything or bool(self.merchants or self.markets or self.areas)

    def covers(self, about: About) -> bool:
        """Tells whether it holds what is asked about: that must lie in what was granted whole."""
        if self.everything:
            return True
        return bool(
            (about.merchants and about.merchants <= self.merchants)
            or about.markets & self.markets
            or about.areas & self.areas
        )


def reach(subject: Subject, resource: Resource, action: Action) -> Reach:
    """Returns how far a subject's roles reach together."""
    found = Reach()
    for grant in subject.grants or (Grant("consumer"),):
        match TABLE.get((grant.role, resource, action), "-"):
            case "all":
                return Reach(everything=True)
            case "own":
                found = found._replace(merchants=found.merchants.union(grant.over))
            case "market":
                found = found._replace(markets=found.markets.union(grant.over))
            case "area":
                found = found._replace(areas=found.areas.union(grant.over))
            case "-":
                pass
    return found


def decide_access(
    subject: Subject, resource: Resource, action: Action, about: About | None = None
) -> Refusal | None:
    """Returns why a subject may not do this, None where it may.

    Without `about` it is asked whether there is anything at all that it may see or do.
    """
    found = reach(subject, resource, action)
    if not found.anything():
        roles = ", ".join(sorted({grant.role for grant in subject.grants})) or "consumer"
        return Refusal(
            "role-lacks", f"{roles} may not {action} a {resource}: sign in with a role that may"
        )
    if about is not None and not found.covers(about):
        return Refusal(
            "out-of-reach", f"this {resource} is of others: it is not among what was granted"
        )
    return None
