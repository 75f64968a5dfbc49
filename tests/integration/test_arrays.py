"""The array engine answers what the rules answer on PostgreSQL's rows, or hands over."""

import json
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from ledger.events.base import Event
from ledger.trace import array_trace
from ledger.trace import engine as engines
from ledger.trace.answer import Trace, trace
from ledger.trace.engine import ArrayEngine, Reader
from ledger.trace.pg import PgRows
from ledger.trace.pg_stock import PgStock
from ledger.trace.question import AsOf, From, LotName, Question
from ledger.trace.segment import Segment
from query_api.engines import snapshot_of
from suyuan.parts.cluster import Cluster
from tests.properties.test_trace import VOIDS, asked, st, trades
from tests.support.asked import fill, refill
from tests.support.databases import Database, fresh
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    YOGHURT,
    corrected,
    milk,
    received,
    registered,
    sold,
)
from tests.support.trace_page import Story

ASK = settings(
    max_examples=30, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.fixture(scope="module")
def place(cluster: Cluster) -> Database:
    made = fresh(cluster)
    fill(made, Line())
    return made


def snapshot(database: Database) -> AbstractContextManager[tuple[Reader, int]]:
    return snapshot_of(database.dsn("suyuan_reader"))


def built(database: Database, folder: Path) -> ArrayEngine:
    engine = ArrayEngine(folder / "arrays")
    with snapshot(database) as (reader, head):
        engine.rebuild(reader, head)
    return engine


def both(engine: ArrayEngine, database: Database, question: Question) -> tuple[Trace | None, Trace]:
    """What the arrays say, and what the rules say, of one state of the views."""
    with snapshot(database) as (reader, head):
        rows = PgRows(reader, question.moment, head)
        stock = PgStock(reader, AsOf(head), is_now=True)
        return engine.answer(reader, head, question, rows, stock), trace(rows, stock, question)


def head_of(line: Line) -> int:
    return line.journal.page(0, 1000)[-1].position


@ASK
@given(trades(labelled=True), VOIDS, st.integers(0, 99))
def test_the_arrays_answer_what_the_rules_answer(
    place: Database, tmp_path: Path, trade: list[tuple[str, Event]], voids: list[tuple[str, int]],
    dice: int,
) -> None:  # fmt: skip
    line, seeds, rng = asked(trade, voids, dice)
    refill(place, line, upto=rng.randint(1, head_of(line)))
    engine = built(place, tmp_path)
    # Part of it came after the segment was built, corrections of what it holds among it.
    refill(place, line)

    # One by one, or all at once, as few and many entries are gone through.
    with patch.object(array_trace, "FEW", rng.choice([0, 200])):
        found, meant = both(engine, place, Question(tuple(sorted(seeds))))

    assert found == meant


@ASK
@given(trades(), VOIDS, st.integers(0, 99))
def test_goods_without_a_lot_are_handed_over_and_never_answered_wrongly(
    place: Database, tmp_path: Path, trade: list[tuple[str, Event]], voids: list[tuple[str, int]],
    dice: int,
) -> None:  # fmt: skip
    line, seeds, rng = asked(trade, voids, dice)
    refill(place, line, upto=rng.randint(1, head_of(line)))
    engine = built(place, tmp_path)
    refill(place, line)

    found, meant = both(engine, place, Question(tuple(sorted(seeds))))

    assert found in (None, meant)


def story_of(database: Database) -> tuple[Story, Question]:
    story = Story()
    for text in ("farm has milk/A 10", "farm sold milk/A 4 to dairy",
                 "dairy received milk/A 4 from farm", "dairy used milk/A 4 for cheese/C 5"):  # fmt: skip
        story.tell(text)
    refill(database, story.line)
    goods = story.goods("milk/A")
    return story, Question((LotName(goods.product, "L:A"),))


def test_a_segment_survives_a_restart(place: Database, tmp_path: Path) -> None:
    story, question = story_of(place)
    built(place, tmp_path)

    again = ArrayEngine(tmp_path / "arrays")
    with snapshot(place) as (reader, head):
        assert again.open(reader, head)

    found, meant = both(again, place, question)
    assert found == meant
    assert again.standing is not None
    assert again.standing.position == head_of(story.line)
    assert again.standing.bytes > 0


def test_a_segment_of_a_trade_that_made_nothing_survives_a_restart_too(
    place: Database, tmp_path: Path
) -> None:
    line = Line()
    line.report(received(5, milk("A")))
    refill(place, line)
    built(place, tmp_path)

    with snapshot(place) as (reader, head):
        assert ArrayEngine(tmp_path / "arrays").open(reader, head)


def test_a_segment_of_another_record_is_not_believed(place: Database, tmp_path: Path) -> None:
    story_of(place)
    built(place, tmp_path)
    meta = tmp_path / "arrays" / "segment.json"
    told = json.loads(meta.read_text())
    told["stamp"][1] = "00" * 32
    meta.write_text(json.dumps(told))

    with snapshot(place) as (reader, head):
        assert not ArrayEngine(tmp_path / "arrays").open(reader, head)


@pytest.mark.parametrize("spoil", ["segment.json", "lines_sums.npy", "lot_blob.npy"])
def test_a_torn_file_is_made_anew(place: Database, tmp_path: Path, spoil: str) -> None:
    story_of(place)
    built(place, tmp_path)
    path = tmp_path / "arrays" / spoil
    path.write_bytes(path.read_bytes()[:20])

    with snapshot(place) as (reader, head):
        assert not ArrayEngine(tmp_path / "arrays").open(reader, head)


@pytest.mark.parametrize("name", ["lines_sums", "made_lot", "lot_blob", "told_amount"])
def test_an_array_whose_content_was_spoilt_is_made_anew_and_not_believed(
    place: Database, tmp_path: Path, name: str
) -> None:
    story_of(place)
    built(place, tmp_path)
    path = tmp_path / "arrays" / f"{name}.npy"
    content = path.read_bytes()
    # The header stays: what it says of the form is right, what follows is not.
    path.write_bytes(content[:128] + bytes(byte ^ 255 for byte in content[128:]) + b"x")

    with snapshot(place) as (reader, head):
        assert not ArrayEngine(tmp_path / "arrays").open(reader, head)


def test_two_services_that_save_at_once_leave_one_whole_segment(
    place: Database, tmp_path: Path
) -> None:
    story_of(place)
    built(place, tmp_path)
    folder = tmp_path / "arrays"
    segment = Segment.load(folder)
    assert segment is not None

    def save() -> None:
        for _ in range(20):
            segment.save(folder)

    savers = [threading.Thread(target=save) for _ in range(2)]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()

    assert Segment.load(folder) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["arrays"]


def test_absurd_amounts_of_one_product_leave_the_others_to_the_arrays(
    place: Database, tmp_path: Path
) -> None:
    story, question = story_of(place)
    story.line.case("product", YOGHURT, registered(YOGHURT))
    story.line.case("product", MILK_CASE, registered(MILK_CASE, base=YOGHURT, contains=10_000))
    story.line.report(received(1_000_000, milk("Z", gtin=MILK_CASE)))
    refill(place, story.line)
    engine = built(place, tmp_path)

    found, meant = both(engine, place, question)
    assert found == meant
    handed, _ = both(engine, place, Question((LotName(YOGHURT, "L:Z"),)))
    assert handed is None


def test_an_engine_far_behind_hands_over_and_asks_for_a_new_segment(
    place: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, question = story_of(place)
    engine = built(place, tmp_path)
    monkeypatch.setattr(engines, "CATCH_UP_MAX", 1)
    for number in range(3):
        story.tell(f"farm sold milk/A 1 to shop{number}")
    refill(place, story.line)

    assert both(engine, place, question)[0] is None
    assert engine.wanted.is_set()


def test_an_engine_ahead_of_the_views_hands_over(place: Database, tmp_path: Path) -> None:
    story, question = story_of(place)
    engine = built(place, tmp_path)
    refill(place, story.line, upto=head_of(story.line) - 1)

    assert both(engine, place, question)[0] is None


def test_a_catch_up_that_broke_off_is_not_counted_twice(
    place: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, question = story_of(place)
    engine = built(place, tmp_path)
    story.tell("farm sold milk/A 1 to shop")
    refill(place, story.line)

    def broken(*_: Any) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr("ledger.trace.overlay.Overlay._relink", broken)
        with pytest.raises(OSError, match="away"):
            both(engine, place, question)

    found, meant = both(engine, place, question)
    assert found == meant


def test_an_engine_hands_over_while_the_snapshot_shows_more_than_it_is_asked_of(
    place: Database, tmp_path: Path
) -> None:
    story, question = story_of(place)
    engine = built(place, tmp_path)
    story.tell("farm sold milk/A 1 to shop")
    refill(place, story.line)

    # Other views are a position behind: what all of them know is asked about.
    with snapshot(place) as (reader, head):
        rows = PgRows(reader, AsOf(), head - 1)
        stock = PgStock(reader, AsOf(head - 1), is_now=True)
        assert engine.answer(reader, head - 1, question, rows, stock) is None

    found, meant = both(engine, place, question)
    assert found == meant


@pytest.mark.parametrize(
    "how", [{"moment": AsOf(3)}, {"origin": From("farm")}], ids=["as of then", "from one merchant"]
)
def test_what_is_not_about_the_present_is_handed_over(
    place: Database, tmp_path: Path, how: dict[str, Any]
) -> None:
    _, question = story_of(place)
    engine = built(place, tmp_path)

    assert both(engine, place, question._replace(**how))[0] is None


def test_a_product_that_becomes_loose_is_handed_over_from_then_on(
    place: Database, tmp_path: Path
) -> None:
    line = Line()
    tape = line.report(received(5, milk("A")), sold(2, milk("A"), counterparty="m-2"))
    refill(place, line)
    engine = built(place, tmp_path)
    question = Question((LotName(MILK, "L:A"),))
    assert both(engine, place, question)[0] is not None

    line.report(sold(1, milk(None), counterparty="m-2"), tape=tape)
    refill(place, line)

    assert both(engine, place, question)[0] is None


def test_a_lot_that_was_corrected_away_is_held_by_nobody(place: Database, tmp_path: Path) -> None:
    line = Line()
    tape = line.report(received(5, milk("A", gtin=YOGHURT)), received(5, milk("A")))
    refill(place, line)
    engine = built(place, tmp_path)
    line.report(corrected(tape.id, 3), tape=tape)
    refill(place, line)

    found, meant = both(engine, place, Question((LotName(MILK, "L:A"),)))

    assert found == meant
    assert found is not None
    assert found.holders == []
