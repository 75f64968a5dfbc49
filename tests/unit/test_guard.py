"""The guard: everybody asks for everything, and may what the table says, in their own name alone."""

import typing
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from eventsourcing.popo import POPOApplicationRecorder

from ledger.events import cases as events
from ledger.events import recalls
from ledger.intake.guard import Askers, Guard
from ledger.intake.requests import Requests
from ledger.journal.cases import Cases
from ledger.rules import alert_work, aliases, cards, device, holds, recall_holders
from ledger.rules import recalls as recall_rules
from ledger.rules import requests as asked
from ledger.rules.access import TABLE, Grant, Reach, Subject
from ledger.rules.areas import StateArea
from ledger.rules.ledger_keys import AnnounceLedgerKey
from ledger.rules.officer import CorrectEntry
from ledger.rules.quarantine import ReadmitReport
from ledger.rules.register import ProductCase, evolve_product
from ledger.rules.request_access import WRITES
from ledger.rules.requests import Request, decode_requests
from tests.support.make import MILK, NOON, TODAY, YOGHURT, days, drafted, stopped_goods
from tests.support.town import AREAS, PEOPLE

UUID = "00000000-0000-4000-8000-00000000000a"
GROUP, OTHER_GROUP = "g-0123456789abcdef", "g-fedcba9876543210"
SHARED_GROUP = "g-00000000000000ff"
DIGEST = "00" * 32


class Example(NamedTuple):
    """How to ask for something of a merchant in somebody's name, and whom it is then about."""

    make: Callable[[str, str], Request]
    # What of the merchant counts: itself, its market, its district, its alerts; or nothing of it.
    about: str = "merchant"


def product(merchant: str) -> events.ProductRegistered:
    return events.ProductRegistered(
        gtin=MILK, name_zh="奶", name_en="milk", category="dairy", maker=merchant
    )


def correction(merchant: str, by: str) -> events.OfficerCorrected:
    return events.OfficerCorrected(
        merchant=merchant, target_tape=UUID, target_number=2, scope="line", by=by, reason="x"
    )


DISTRICT = {name: district for name, district, _ in PEOPLE}
MARKET = {name: market for name, _, market in PEOPLE}
WITHIN = dict(AREAS)
SAID: dict[str, Any] = {"reason": "x"}
EXAMPLES: dict[type, Example] = {
    asked.RegisterMerchant: Example(lambda m, by: asked.RegisterMerchant(events.MerchantRegistered(
        merchant=f"{m}-new", name="x", kind="retailer", district=DISTRICT[m])), "district"),
    asked.StateOwner: Example(lambda m, by: asked.StateOwner(
        events.MerchantOwnerStated(merchant=m, owner_card=UUID, by=by))),
    asked.AddPremises: Example(lambda m, by: asked.AddPremises(
        events.PremisesAdded(merchant=m, premises="p-x", name="x", market=MARKET[m]))),
    asked.StateSalesMode: Example(lambda m, by: asked.StateSalesMode(events.SalesModeStated(
        merchant=m, premises="p-x", mode="none", from_day=TODAY))),
    asked.RegisterProduct: Example(lambda m, by: asked.RegisterProduct(product(m))),
    asked.RegisterMarket: Example(lambda m, by: asked.RegisterMarket(events.MarketRegistered(
        market=MARKET[m], name="x", zone="Asia/Shanghai")), "market"),
    asked.StateNearExpiry: Example(lambda m, by: asked.StateNearExpiry(
        events.NearExpiryStated(market=MARKET[m])), "market"),
    asked.BeginDay: Example(lambda m, by: asked.BeginDay(MARKET[m], TODAY), "market"),
    StateArea: Example(lambda m, by: StateArea(events.AreaStated(
        area=DISTRICT[m], name="x", within=WITHIN[DISTRICT[m]])), "both districts"),
    AnnounceLedgerKey: Example(lambda m, by: AnnounceLedgerKey(key="k", signature=b"", **SAID), ""),
    cards.LinkCard: Example(lambda m, by: cards.LinkCard(card=UUID, merchant=m, by=by)),
    cards.UnlinkCard: Example(lambda m, by: cards.UnlinkCard(
        card=UUID if m == "m-1" else UUID[:-1] + "b", by=by, note="x")),
    aliases.MergeMerchant: Example(lambda m, by: aliases.MergeMerchant(
        merchant=m, into=m, by=by, note="x")),
    aliases.PartMerchant: Example(lambda m, by: aliases.PartMerchant(merchant=m, by=by, note="x")),
    CorrectEntry: Example(lambda m, by: CorrectEntry(correction(m, by))),
    ReadmitReport: Example(lambda m, by: ReadmitReport(stream=UUID, number=1), ""),
    alert_work.AcknowledgeAlerts: Example(lambda m, by: alert_work.AcknowledgeAlerts(
        group=GROUP, by=by), "alert"),
    alert_work.AssignAlerts: Example(lambda m, by: alert_work.AssignAlerts(
        group=GROUP, to="x", by=by), "alert"),
    alert_work.CommentAlerts: Example(lambda m, by: alert_work.CommentAlerts(
        group=GROUP, by=by, note="x"), "alert"),
    alert_work.SilenceAlerts: Example(lambda m, by: alert_work.SilenceAlerts(
        group=GROUP, by=by, until=NOON, note="x"), "alert"),
    device.EnrollDevice: Example(lambda m, by: device.EnrollDevice(device="d", key="k", name="x"), ""),
    device.ReplaceDeviceKey: Example(lambda m, by: device.ReplaceDeviceKey(
        device="d", key="k", **SAID), ""),
    device.RevokeDevice: Example(lambda m, by: device.RevokeDevice(device="d", **SAID), ""),
    device.GrantMandate: Example(lambda m, by: device.GrantMandate(
        device="d", merchant=m, valid_from=TODAY)),
    device.WithdrawMandate: Example(lambda m, by: device.WithdrawMandate(
        device="d", merchant=m, from_day=TODAY)),
    holds.PlaceHold: Example(lambda m, by: holds.PlaceHold(hold="h", goods=(stopped_goods(),),
        authority="x", until=NOON + days(3), by=by, **SAID), ""),
    holds.ExtendHold: Example(lambda m, by: holds.ExtendHold(hold="h", until=NOON, by=by, **SAID), ""),
    holds.ReleaseHold: Example(lambda m, by: holds.ReleaseHold(hold="h", by=by, **SAID), ""),
    recall_rules.DraftRecall: Example(lambda m, by: recall_rules.DraftRecall(
        msgspec.structs.replace(drafted(stopped_goods()), by=by)), ""),
    recall_rules.CheckRecall: Example(lambda m, by: recall_rules.CheckRecall(recalls.RecallChecked(
        recall="r", approved=True, by=by, draft_digest=DIGEST)), ""),
    recall_rules.PublishRecall: Example(lambda m, by: recall_rules.PublishRecall(
        recall="r", notice="x", by=by), ""),
    recall_rules.WidenRecall: Example(lambda m, by: recall_rules.WidenRecall(recalls.RecallWidened(
        recall="r", goods=(stopped_goods(),), by=by, **SAID)), ""),
    recall_rules.NarrowRecall: Example(lambda m, by: recall_rules.NarrowRecall(recalls.RecallNarrowed(
        recall="r", goods=(stopped_goods(),), by=by, checked_by="second", **SAID)), ""),
    recall_rules.WithdrawRecall: Example(lambda m, by: recall_rules.WithdrawRecall(
        recalls.RecallWithdrawn(recall="r", by=by, checked_by="second", **SAID)), ""),
    recall_rules.CloseRecall: Example(lambda m, by: recall_rules.CloseRecall(recalls.RecallClosed(
        recall="r", by=by, checked_by="second", position=1, summary="x")), ""),
    recall_holders.StateWorkingDays: Example(lambda m, by: recall_holders.StateWorkingDays(
        recalls.WorkingDaysStated(year=2026, off=(), working=(), source="x", by=by)), ""),
    recall_holders.AcknowledgeRecall: Example(lambda m, by: recall_holders.AcknowledgeRecall(
        recalls.RecallAcknowledged(recall="r", merchant=m, by=by))),
    recall_holders.AnswerRecall: Example(lambda m, by: recall_holders.AnswerRecall(
        recalls.RecallAnswered(recall="r", merchant=m, by=by))),
    recall_holders.CallHolder: Example(lambda m, by: recall_holders.CallHolder(recalls.HolderCalled(
        recall="r", result="reached", by=by, merchant=m)), ""),
    recall_holders.CheckHolder: Example(lambda m, by: recall_holders.CheckHolder(
        recalls.HolderChecked(recall="r", merchant=m, result="effective", by=by)), ""),
    recall_holders.DrawChecks: Example(lambda m, by: recall_holders.DrawChecks(recalls.ChecksDrawn(
        recall="r", seed=1, holders=(recalls.DrawnCheck(merchant=m, reason="x"),), by=by)), ""),
    recall_holders.HandOverRecall: Example(lambda m, by: recall_holders.HandOverRecall(
        recalls.RecallHandedOver(recall="r", authority="x", holders=1, file=DIGEST, by=by)), ""),
}  # fmt: skip
PEOPLE_WHO_ASK = {
    "stall-1": (Grant("merchant", ("m-1",)),),
    "stall-2": (Grant("merchant", ("m-2",)),),
    "chain": (Grant("headquarters", ("m-1", "m-3")),),
    "market": (Grant("market-operator", ("east",)),),
    "inspector": (Grant("inspector", ("yuelu",)),),
    "district": (Grant("regulator", ("furong",)),),
    "city": (Grant("regulator", ("changsha",)),),
    "auditor": (Grant("auditor"),),
    "admin": (Grant("administrator"),),
    "two-hats": (Grant("merchant", ("m-3",)), Grant("inspector", ("yuelu",))),
    "nobody": (),
}


def may(grants: tuple[Grant, ...], resource: str, merchant: str, about: str) -> bool:
    """What the table says, worked out in another way than by the code that decides."""
    for grant in grants:
        scope = TABLE.get((grant.role, resource, "write"))  # type: ignore[call-overload]  # any resource
        if scope is None:
            continue
        lies_in, area = set(), DISTRICT.get(merchant)
        while area is not None:
            lies_in.add(area)
            area = WITHIN.get(area)
        over = set(grant.over)
        if (
            scope == "all"
            or (scope == "own" and about in ("merchant", "alert") and merchant in over)
            or (scope == "market" and about in ("merchant", "market") and MARKET[merchant] in over)
            or (scope == "area" and about == "both districts" and WITHIN[DISTRICT[merchant]] in over)
            or (scope == "area" and about in ("merchant", "district", "alert") and lies_in & over)
        ):  # fmt: skip
            return True
    return False


def alerts_of(group: str, found: Reach, _account: str, *, whole: bool) -> bool:
    """One group is of m-1, another of m-1 and m-3, as the views would say."""
    yuelu = found.merchants & {"m-1"} or found.areas & {"yuelu", "changsha", "hunan"}
    furong = found.merchants & {"m-3"} or found.areas & {"furong", "changsha", "hunan"}
    if group == GROUP:
        return bool(yuelu)
    return group == SHARED_GROUP and bool(yuelu and furong if whole else yuelu or furong)


PEOPLE_KNOWN = {
    name: Subject(name, grants)
    for name, grants in (
        # Whom everybody may give it to: an officer who has a stall as well.
        ("x", (Grant("regulator", ("hunan",)), Grant("merchant", ("m-1",)))),
        ("officer-9", (Grant("regulator", ("hunan",)),)), ("furong-1", (Grant("inspector", ("furong",)),)),
        ("stall-3", (Grant("merchant", ("m-3",)),)), ("reader", (Grant("auditor"),)), ("colleague", (Grant("merchant", ("m-1",)),)),
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def guard() -> Guard:
    cases = Cases(POPOApplicationRecorder())
    desk = Requests(cases, ("key",), lambda _: None, lambda: NOON, lambda *_: None, ledger="test")
    for area, within in AREAS:
        desk.take(StateArea(events.AreaStated(area=area, name=area, within=within)))
    for merchant, district, market in (*PEOPLE, ("m-4", "furong", "east")):
        entry = events.MerchantRegistered(
            merchant=merchant, name="x", kind="retailer", district=district
        )
        place = events.PremisesAdded(
            merchant=merchant, premises=f"p-{merchant}", name="x", market=market
        )
        for request in (asked.RegisterMerchant(entry), asked.AddPremises(place)):
            assert desk.take(request) is None
    merged = aliases.MergeMerchant(merchant="m-4", into="m-1", by="officer-1", note="x")
    assert desk.take(merged) is None
    for card, merchant in ((UUID, "m-1"), (UUID[:-1] + "b", "m-3")):
        link = cards.LinkCard(card=card, merchant=merchant, by="officer-1", note="x")
        assert desk.take(link) is None
    own(cases, "d", "m-1")
    return Guard(cases, alerts_of, PEOPLE_KNOWN.get)


def own(cases: Any, name: str, *merchants: str) -> None:
    """Puts a device on record that these merchants let report, one after the other."""
    granted = [
        events.MandateGranted(device=name, merchant=one, valid_from=TODAY) for one in merchants
    ]
    cases.handle(
        "device", name, device.DeviceCase(name), device.evolve_device, decide=lambda _: granted
    )


def ask(guard: Guard, who: str, request: Request, second: str = "second") -> str:
    """Returns the refusal's code, empty where it is theirs to ask."""
    both = Subject(second, PEOPLE_WHO_ASK.get(who, ()))
    refused = guard.refuse(Askers(Subject(who, PEOPLE_WHO_ASK.get(who, ())), both), request)
    return refused.code if refused else ""


def test_every_request_has_its_cell_in_the_table_and_is_tried_here() -> None:
    kinds = set(typing.get_args(Request))

    assert set(WRITES) == kinds == set(EXAMPLES)
    granted = {resource for _, resource, action in TABLE if action == "write"}
    assert set(WRITES.values()) <= granted


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("who", PEOPLE_WHO_ASK)
def test_everybody_may_ask_for_what_the_table_says(guard: Guard, who: str, kind: type) -> None:
    example = EXAMPLES[kind]
    for merchant in ("m-1", "m-2", "m-3"):
        if example.about == "alert" and merchant != "m-1":
            continue
        if kind is cards.UnlinkCard and merchant == "m-2":
            continue
        request = example.make(merchant, who)
        # What comes over the wire is what is made here.
        (request,) = decode_requests(msgspec.json.encode([request]))
        wanted = may(PEOPLE_WHO_ASK[who], WRITES[kind], merchant, example.about)
        said = ask(guard, who, request)
        assert (said == "") == wanted, (who, merchant, said)
        assert said in ("", "role-lacks", "out-of-reach")


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_nobody_speaks_in_the_name_of_another(guard: Guard, kind: type) -> None:
    request = EXAMPLES[kind].make("m-1", "somebody")
    speaks = any(hasattr(part, "by") for part in (request, getattr(request, "entry", None)) if part)

    said = ask(guard, "city", request)

    assert (said == "not-yourself") == speaks


def test_a_second_officer_has_to_be_signed_in_and_to_be_one(guard: Guard) -> None:
    withdraw = EXAMPLES[recall_rules.WithdrawRecall].make("m-1", "city")
    city = Subject("city", PEOPLE_WHO_ASK["city"])

    def code(second: Subject | None) -> str:
        refused = guard.refuse(Askers(city, second), withdraw)
        return refused.code if refused else ""

    assert code(None) == "second-not-signed-in"
    assert code(Subject("other", PEOPLE_WHO_ASK["city"])) == "second-not-signed-in"
    assert code(Subject("second", PEOPLE_WHO_ASK["stall-1"])) == "role-lacks"
    assert code(Subject("second", PEOPLE_WHO_ASK["district"])) == ""


def test_both_sides_of_a_merge_must_be_in_reach(guard: Guard) -> None:
    merge = aliases.MergeMerchant(merchant="m-1", into="m-3", by="inspector", note="x")

    assert ask(guard, "inspector", merge) == "out-of-reach"
    assert ask(guard, "city", msgspec.structs.replace(merge, by="city")) == ""


def test_who_is_in_no_register_is_every_authoritys_and_no_other_merchants(guard: Guard) -> None:
    owner = events.MerchantOwnerStated(merchant="m-77", owner_card=UUID, by="district")

    assert ask(guard, "district", asked.StateOwner(owner)) == ""
    mandate = device.GrantMandate(device="d", merchant="m-77", valid_from=TODAY)
    assert ask(guard, "stall-1", mandate) == "out-of-reach"
    assert ask(guard, "market", mandate) == "role-lacks"


def test_a_group_of_alerts_that_is_not_seen_is_not_worked_on(guard: Guard) -> None:
    unseen = alert_work.AcknowledgeAlerts(group=OTHER_GROUP, by="city")

    assert ask(guard, "city", unseen) == "out-of-reach"


def test_alerts_are_given_only_to_who_may_work_on_them(guard: Guard) -> None:
    """An officer gave an alert to a name that nobody bears, and it waited for nobody."""
    officer = Askers(Subject("officer-1", (Grant("regulator", ("changsha",)),)))

    def refused(to: str) -> str:
        request = alert_work.AssignAlerts(group=GROUP, to=to, by="officer-1")
        found = guard.refuse(officer, request)
        return found.code if found else ""

    assert refused("x") == ""
    assert {refused(to) for to in ("nobody", "furong-1", "stall-3", "reader")} == {"assignee-unfit"}

    # Of alerts of two stalls, one of them would see its own alone.
    shared = alert_work.AssignAlerts(group=SHARED_GROUP, to="colleague", by="officer-1")
    everybody = Askers(Subject("officer-1", (Grant("regulator", ("hunan",)),)))
    told = guard.refuse(everybody, shared)
    assert told is not None
    assert told.code == "assignee-unfit"
    assert guard.refuse(everybody, msgspec.structs.replace(shared, to="officer-9")) is None

    stall = Askers(Subject("stall-1", (Grant("merchant", ("m-1",)),)))

    def answered(to: str) -> str:
        request = alert_work.AssignAlerts(group=GROUP, to=to, by="stall-1")
        found = guard.refuse(stall, request)
        return found.code if found else ""

    # It is not told that there is an officer of this name.
    assert (answered("officer-9"), answered("nobody")) == ("assignee-unfit", "assignee-unfit")
    assert answered("colleague") == ""


def test_a_stall_does_not_silence_what_others_have_to_see(guard: Guard) -> None:
    def silence(by: str) -> Request:
        return alert_work.SilenceAlerts(group=SHARED_GROUP, by=by, until=NOON, note="x")

    assert ask(guard, "stall-1", silence("stall-1")) == "out-of-reach"
    assert ask(guard, "inspector", silence("inspector")) == "out-of-reach", "m-3 is of furong"
    assert ask(guard, "city", silence("city")) == ""
    comment = alert_work.CommentAlerts(group=SHARED_GROUP, by="stall-1", note="x")
    assert ask(guard, "stall-1", comment) == ""


@pytest.mark.parametrize("area", ["yuhu", "xiangtan", "hunan"])
def test_a_district_of_another_city_is_not_taken_into_ones_own(guard: Guard, area: str) -> None:
    taken = StateArea(events.AreaStated(area=area, name="x", within="changsha"))

    assert ask(guard, "city", taken) == "out-of-reach"
    assert ask(guard, "admin", taken) == ""


def test_a_market_does_not_make_a_merchant_its_own_by_naming_it(guard: Guard) -> None:
    place = events.PremisesAdded(merchant="m-1", premises="p-y", name="x", market="east")

    assert ask(guard, "market", asked.AddPremises(place)) == "role-lacks"
    # m-4 trades there, and was found to be m-1.
    grant = device.GrantMandate(device="d", merchant="m-1", valid_from=TODAY)
    assert ask(guard, "market", grant) == "role-lacks"


@pytest.mark.parametrize("name", ["m-1", "m-4"])
def test_a_merchant_is_its_own_by_whichever_of_its_names(guard: Guard, name: str) -> None:
    owner = Subject("stall", (Grant("merchant", (name,)),))
    for merchant, wanted in (("m-1", ""), ("m-4", ""), ("m-2", "out-of-reach")):
        mandate = device.GrantMandate(device="d", merchant=merchant, valid_from=TODAY)
        refused = guard.refuse(Askers(owner), mandate)
        assert (refused.code if refused else "") == wanted, merchant


def test_a_device_that_is_nobodys_becomes_nobodys_own_by_his_own_word(guard: Guard) -> None:
    mandate = device.GrantMandate(device="hall", merchant="m-1", valid_from=TODAY)

    assert ask(guard, "stall-1", mandate) == "out-of-reach"
    assert ask(guard, "admin", mandate) == ""


def test_who_trusts_a_device_later_cannot_take_it_over_also_when_its_owner_trusts_it_no_more(
    guard: Guard,
) -> None:
    case = device.DeviceCase("e")
    for event in (
        events.MandateGranted(device="e", merchant="m-2", valid_from=TODAY),
        events.MandateGranted(device="e", merchant="m-1", valid_from=TODAY),
        events.MandateWithdrawn(device="e", merchant="m-2", from_day=TODAY),
    ):
        case = device.evolve_device(case, event)

    def refused(who: str, merchant: str) -> bool:
        asking = Askers(Subject(who, PEOPLE_WHO_ASK[who]))
        return guard.refuse_invitation(asking, [merchant], case) is not None

    assert [mandate.merchant for mandate in case.mandates] == ["m-1"]
    assert refused("stall-1", "m-1")
    assert not refused("stall-2", "m-2")


def test_a_district_does_not_leave_its_city_by_its_own_word(guard: Guard) -> None:
    alone = StateArea(events.AreaStated(area="furong", name="x", within=None))
    elsewhere = StateArea(events.AreaStated(area="furong", name="x", within="yuelu"))

    assert ask(guard, "district", alone) == "out-of-reach"
    assert ask(guard, "district", elsewhere) == "out-of-reach"
    assert ask(guard, "city", elsewhere) == ""


def test_a_product_is_its_makers_to_state(guard: Guard) -> None:
    guard._cases.handle(
        "product", MILK, ProductCase(MILK), evolve_product, decide=lambda _: [product("m-2")]
    )
    for maker in ("m-1", "m-2", None):
        taken = msgspec.structs.replace(product("m-2"), maker=maker, shelf_life_days=3000)
        assert ask(guard, "stall-1", asked.RegisterProduct(taken)) == "out-of-reach", maker
    anybodys = msgspec.structs.replace(product("m-2"), gtin=YOGHURT, maker=None)
    guard._cases.handle(
        "product", YOGHURT, ProductCase(YOGHURT), evolve_product, decide=lambda _: [anybodys]
    )
    taken = msgspec.structs.replace(anybodys, maker="m-1")
    assert ask(guard, "stall-1", asked.RegisterProduct(taken)) == "out-of-reach"
    mine = msgspec.structs.replace(product("m-2"), shelf_life_days=9)
    assert ask(guard, "stall-2", asked.RegisterProduct(mine)) == ""
    assert ask(guard, "city", asked.RegisterProduct(mine)) == ""


def test_goods_become_those_of_another_registration_by_its_makers_word_alone(guard: Guard) -> None:
    theirs, mine, pack = "06901234000016", "06999000000018", "16999000000114"
    for gtin, maker in ((theirs, "m-3"), (mine, "m-1")):
        entry = msgspec.structs.replace(product(maker), gtin=gtin)
        guard._cases.handle(
            "product", gtin, ProductCase(gtin), evolve_product, decide=lambda _, one=entry: [one]
        )

    def asks(gtin: str, base: str | None, who: str = "stall-1", maker: str = "m-1") -> str:
        contains = 12 if base else None
        entry = msgspec.structs.replace(product(maker), gtin=gtin, base=base, contains=contains)
        return ask(guard, who, asked.RegisterProduct(entry))

    assert asks(pack, mine) == ""
    assert asks(pack, theirs) == "out-of-reach"
    assert asks(mine, theirs) == "out-of-reach"
    assert asks(pack, "06999000000025") == "out-of-reach", "nobody's yet, and perhaps another's"
    cased = msgspec.structs.replace(product("m-1"), gtin=pack, base=mine, contains=12)
    guard._cases.handle(
        "product", pack, ProductCase(pack), evolve_product, decide=lambda _: [cased]
    )
    # What was stopped as a case of these goods stays one.
    assert asks(pack, None) == "out-of-reach"
    assert asks(pack, mine) == ""


@pytest.mark.parametrize("year", [1, 1999, 2101, 9999])
def test_a_day_that_no_calendar_of_ours_has_is_refused_before_it_is_on_record(year: int) -> None:
    far = {
        "type": "withdraw-mandate",
        "device": "d",
        "merchant": "m-1",
        "from_day": f"{year:04}-01-01",
    }
    hold = {
        "type": "extend-hold", "hold": "h", "until": f"{year:04}-01-01T00:00:00+14:00", "by": "x",
        "reason": "x",
    }  # fmt: skip
    for request in (far, hold):
        with pytest.raises(ValueError, match="2000 to 2100"):
            decode_requests(msgspec.json.encode([request]))


def test_merges_are_followed_to_their_end(guard: Guard) -> None:
    case = aliases.AliasCase(2, {"m-1": "m-2", "m-2": "m-3"})

    assert [aliases.goes_by(case, name) for name in ("m-1", "m-2", "m-3", "m-9")] == [
        "m-3", "m-3", "m-3", "m-9",
    ]  # fmt: skip
    assert aliases.goes_by(aliases.AliasCase(2, {"a": "b", "b": "a"}), "a") in ("a", "b")
