"""The people of the demonstration: an account for every role, each over something to look at."""

from collections.abc import Mapping, Sequence

from ledger.accounts.passwords import new_password
from ledger.rules.access import Grant
from suyuan.participants import CITY, DISTRICT, MARKET, Merchant
from suyuan.throw_away import ThrowAway

AUDITOR, REGULATOR, ADMINISTRATOR = "auditor", "city", "admin"
# What one officer drafts, another one checks.
CHECKER = "city-2"


def accounts_for(merchants: Sequence[Merchant]) -> dict[str, ThrowAway]:
    """Returns an account for every role of people, with passwords nobody had before."""
    stalls = [m.id for m in merchants if m.kind == "retailer"]
    grants = (
        ("stall", "摊主", Grant("merchant", (stalls[0],))),
        ("chain", "总部", Grant("headquarters", tuple(stalls[1:3]))),
        ("market", "市场开办者", Grant("market-operator", (MARKET,))),
        ("inspector", "执法人员", Grant("inspector", (DISTRICT,))),
        (REGULATOR, "市级监管", Grant("regulator", (CITY,))),
        (CHECKER, "市级复核", Grant("regulator", (CITY,))),
        (AUDITOR, "审计人员", Grant("auditor")),
        (ADMINISTRATOR, "系统管理员", Grant("administrator")),
    )
    return {name: ThrowAway(name, zh, new_password(), (grant,)) for name, zh, grant in grants}


def words_of(accounts: Sequence[ThrowAway], ports: Mapping[str, int]) -> list[str]:
    """Says where and as whom one may sign in, a line each."""
    lines = [
        "Sign in from another terminal, as one of these accounts, which end with the demonstration:",
        f"  export SUYUAN_INTAKE_PORT={ports['intake']} SUYUAN_QUERY_PORT={ports['query']}",
        "  suyuan sign-in ACCOUNT; suyuan alerts; suyuan ledger purchases --merchant m-013; …",
    ]
    for one in accounts:
        (grant,) = one.grants
        over = f"={','.join(grant.over)}" if grant.over else ""
        lines.append(f"  {one.account:<10} {one.password}  {one.name} {grant.role}{over}")
    return lines
