"""Who sees which rows: the policies that stand behind the table of access, whatever a question forgets.

A reader states how far it reaches for one transaction (`ledger/rules/access.py` says how far that
is): `suyuan.reach` is `everything`, `public` or `some`, and of some `suyuan.merchants`,
`suyuan.districts` and `suyuan.markets` are lists with commas. Who states nothing sees nothing.
"""

from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.rules.access import Reach

READER = "suyuan_reader"
# Read once a statement, not once a row: PostgreSQL runs a subquery without a row of its own first.
_STATED = "(SELECT string_to_array(nullif(current_setting('suyuan.{}', true), ''), ','))::text[]"
_REACH = "(SELECT current_setting('suyuan.reach', true))"
_OF = "{row} = ANY (" + _STATED.format("merchants") + ")"
_IN_DISTRICT = (
    "EXISTS (SELECT FROM {schema}.merchants r WHERE r.merchant = {row}"
    " AND r.district = ANY (" + _STATED.format("districts") + "))"
)
# What is of no merchant, or of one in no register, is for every authority to look at.
_OF_NONE = (
    "(SELECT current_setting('suyuan.districts', true) <> '') AND NOT EXISTS"
    " (SELECT FROM {schema}.merchants r WHERE r.merchant = {row})"
)
_IN_MARKET = (
    "EXISTS (SELECT FROM {schema}.premises r WHERE r.premises = {row}"
    " AND r.market = ANY (" + _STATED.format("markets") + "))"
)


# That a merchant trades in one of the markets a reader reaches; `row` names the column.
TRADES_IN_MARKET = (
    "EXISTS (SELECT FROM {{schema}}.premises r LEFT JOIN {{schema}}.merchant_aliases n"
    " ON n.alias = r.merchant WHERE {row} IN (r.merchant, n.merchant) AND r.market = ANY ("
    + _STATED.format("markets")
    + "))"
)


# What was granted, with every name of its merchants and every area that lies in its areas.
GRANTED = """
WITH RECURSIVE below (area) AS (
    SELECT unnest(%(areas)s::text[])
    UNION SELECT a.area FROM below b JOIN trade.areas a ON a.within = b.area
), known (merchant) AS (
    SELECT unnest(%(merchants)s::text[])
    UNION SELECT merchant FROM trade.merchant_aliases WHERE alias = ANY(%(merchants)s)
) SELECT ARRAY(SELECT area FROM below) AS districts,
         ARRAY(SELECT merchant FROM known UNION SELECT a.alias FROM known
               JOIN trade.merchant_aliases a USING (merchant)) AS merchants
"""
STATE = """
SELECT set_config('suyuan.reach', %(reach)s, true), set_config('suyuan.merchants', %(merchants)s, true),
       set_config('suyuan.districts', %(districts)s, true), set_config('suyuan.markets', %(markets)s, true),
       set_config('suyuan.account', %(account)s, true)
"""


class SeenBy(NamedTuple):
    """Whose a table's rows are, for who may not read everything.

    `of` names columns that hold merchants, whose entries it is first; `at` one that holds a premises, `when` is a condition of
    its own, in which {schema} is the views' schema; `public` rows are also for readers of what
    is public.
    """

    of: tuple[str, ...] = ()
    at: str | None = None
    when: str | None = None
    public: bool = False


# The register, products, and what is published of stops: everybody may know.
OPEN = SeenBy(when="true")


def with_its_alerts(table: str, *, among_officers: bool = False) -> SeenBy:
    """Who sees an alert, sees what is grouped with it; or officers alone, and who said it (`by`)."""
    seen = f"EXISTS (SELECT FROM {{schema}}.alerts a WHERE a.grouped = {table}.grouped)"
    if not among_officers:
        return SeenBy(when=seen)
    own = f"{table}.by = current_setting('suyuan.account', true)"
    return SeenBy(when=f"{seen} AND (current_setting('suyuan.districts', true) <> '' OR {own})")


def state_reach(reader: Connection[Any], found: Reach, account: str) -> None:
    """States for the rest of a transaction how far an account reaches."""
    merchants, districts = sorted(found.merchants), sorted(found.areas)
    if not found.everything and (merchants or districts):
        with reader.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(GRANTED, {"areas": districts, "merchants": merchants})
            districts, merchants = cursor.fetchone() or ([], [])
    reader.execute(STATE, {
        "reach": "everything" if found.everything else "some", "account": account,
        "merchants": ",".join(merchants), "districts": ",".join(districts),
        "markets": ",".join(sorted(found.markets)),
    })  # fmt: skip


def let_see(connection: Connection[Any], schema: str, table: str, seen: SeenBy | None) -> None:
    """Lets readers see the rows of a table that are for them; without `seen`, none."""
    if seen is None:
        return
    place = sql.Identifier(schema, table)
    grant = sql.SQL("GRANT SELECT ON {} TO {}").format(place, sql.Identifier(READER))
    connection.execute(grant)
    if seen == OPEN:
        return
    for words in ("ENABLE", "FORCE"):
        connection.execute(sql.SQL("ALTER TABLE {} " + words + " ROW LEVEL SECURITY").format(place))
    own = "CREATE POLICY keeps ON {} TO CURRENT_USER USING (true) WITH CHECK (true)"
    connection.execute(sql.SQL(own).format(place))
    read = "CREATE POLICY sees ON {} FOR SELECT TO {} USING ({})"
    connection.execute(
        sql.SQL(read).format(place, sql.Identifier(READER), _condition(schema, table, seen))
    )


def _condition(schema: str, table: str, seen: SeenBy) -> sql.Composed:
    reaches = ("everything", "public") if seen.public else ("everything",)
    tests = [f"{_REACH} IN ({', '.join(f'{reach!r}' for reach in reaches)})"]
    rows = [(column, test) for column in seen.of for test in (_OF, _IN_DISTRICT)]
    rows += [(column, _OF_NONE) for column in seen.of[:1]]
    rows += [(seen.at, _IN_MARKET)] if seen.at is not None else []
    made: list[sql.Composable] = [sql.SQL(test) for test in tests]
    made += [
        sql.SQL(test).format(schema=sql.Identifier(schema), row=sql.Identifier(table, column))
        for column, test in rows
    ]  # fmt: skip
    if seen.when is not None:
        made.append(sql.SQL(seen.when).format(schema=sql.Identifier(schema)))
    return sql.SQL(" OR ").join(sql.SQL("({})").format(test) for test in made)
