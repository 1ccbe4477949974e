"""What lies at a delivery office, what its team is advised, and what it reports."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any

import pytest
from posted import BOTH, TENANT, after, waybill
from sqlalchemy import insert, select

from songda.base import days
from songda.dispatch import Report, Reporter, Situation, Try, advise, items_at, new_report_id, offices_reached, place_of
from songda.dispatch import take_report as take
from songda.dispatch.courier_advice import may_call, rules
from songda.dispatch.courier_reports import reportable
from songda.store import tables

OFFICE, OTHER = "31000100", "31000200"
TEAM, CARRIER = Reporter("courier", OFFICE, "team-3"), Reporter("app", OFFICE, "key")
THURSDAY, SATURDAY = date(2026, 11, 26), date(2026, 11, 28)


def items(house: Any, office: str = OFFICE, day: float = 2, hour: float = 12) -> list[Any]:
    with house.database.connect() as connection:
        return items_at(connection, TENANT, office, at=after(day, hour))


def report(number: int = 1, day: float = 2, hour: float = 10, **fields: Any) -> Report:
    usual = {"client_id": "c1", "outcome": "signed", "relation": "配偶", "signer_name": "某甲"}
    if fields.get("outcome", "signed") != "signed":
        usual |= {"relation": "", "signer_name": ""}
    return Report(waybill_no=waybill(number), happened_at=after(day, hour), **usual | fields)


def told(house: Any, said: Report, reporter: Reporter = TEAM, day: float = 2, hour: float = 12) -> tuple[str, str]:
    answer = take(
        house.database,
        tenant_id=TENANT,
        key=house.key,
        report=said,
        reporter=reporter,
        report_id=new_report_id(),
        at=after(day, hour),
    )
    return answer.status, answer.reason


def arrived(house: Any, count: int = 1) -> None:
    house.posted(count)
    for number in range(1, count + 1):
        house.tell(number, (1, 9, "203", {"office": "11000000"}), (2, 7, "306"))


# The list


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_an_item_is_on_the_list_of_its_office_from_its_arrival_to_its_outcome(house: Any) -> None:
    house.posted(1)
    house.tell(1, (1, 9, "203", {"office": "11000000"}))
    assert items(house) == []
    house.tell(1, (2, 7, "306", {"office_name": "西湖投递部"}))
    (item,) = items(house)
    assert (item.waybill_no, item.state, item.office_name) == (waybill(1), "at_office", "西湖投递部")
    assert item.since == after(2, 7)
    house.tell(1, (2, 8, "702"))
    assert [item.state for item in items(house)] == ["out_for_delivery"]
    house.tell(1, (2, 11, "704:10"))
    assert items(house) == []
    assert items(house, OTHER) == []


@pytest.mark.parametrize(
    ("codes", "there"),
    [
        (["702", "705:4"], True),
        (["702", "705:9", "723"], True),
        (["702", "747"], False),
        (["702", "705:7"], False),
        (["702", "708"], False),
        (["702", "704:10", "743"], True),
    ],
)
def test_only_what_the_team_still_holds_is_on_the_list(house: Any, codes: list[str], there: bool) -> None:
    arrived(house)
    house.tell(1, *((2, 8 + n / 2, code) for n, code in enumerate(codes)))
    assert bool(items(house)) is there


def test_one_item_is_looked_up_by_its_number(house: Any) -> None:
    arrived(house, 3)
    with house.database.connect() as connection:
        for number, office, count in ((2, OFFICE, 1), (2, OTHER, 0), (9, OFFICE, 0)):
            found = items_at(connection, TENANT, office, at=after(2), waybill_no=waybill(number))
            assert [item.waybill_no for item in found] == [waybill(number)] * count


def test_an_item_sent_on_lies_at_the_other_office(house: Any) -> None:
    arrived(house)
    house.tell(1, (2, 9, "306", {"office": OTHER}))
    assert (len(items(house)), len(items(house, OTHER))) == (0, 1)


def test_a_late_report_does_not_call_an_item_back_that_was_sent_on(house: Any) -> None:
    arrived(house)
    house.tell(1, (2, 9, "306", {"office": OTHER}))
    assert told(house, report(outcome="absent", hour=10)) == ("taken", "")
    assert (len(items(house)), len(items(house, OTHER))) == (0, 1)


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_offices_of_delivery_are_listed_with_what_has_come_there(house: Any) -> None:
    arrived(house, 3)
    house.tell(1, (2, 8, "702", {"office_name": "西湖投递部"}), (2, 9, "306", {"office": OTHER}))
    with house.database.connect() as connection:
        assert offices_reached(connection, TENANT, at=after(2)) == [(OFFICE, "西湖投递部", 3), (OTHER, "", 1)]
        assert offices_reached(connection, "ten_2", at=after(2)) == []


def test_another_tenants_items_are_not_listed(house: Any) -> None:
    arrived(house)
    with house.database.connect() as connection:
        assert items_at(connection, "ten_2", OFFICE, at=after(2)) == []


def test_what_nobody_told_of_for_a_month_is_not_listed(house: Any) -> None:
    arrived(house)
    assert items(house, day=31) != []
    assert items(house, day=33) == []


def test_visits_in_vain_are_remembered_from_earlier_letters_to_the_same_door(house: Any) -> None:
    arrived(house, 2)
    house.change("letter", "ltr_002", person_id="per_001")
    house.tell(2, (2, 10, "705:4"), (2, 16, "705:4"), (2, 18, "705:2"))
    (first, second) = items(house, hour=20)
    assert [(each.at, each.signal) for each in first.tries] == [(after(2, 10), "absent"), (after(2, 18), "bad")]
    assert second.tries == first.tries
    house.change("attempt", "att_002", place="elsewhere")
    assert items(house, hour=20)[0].tries == ()


# The advice


def situation(**facts: Any) -> Situation:
    usual = {"kind": "lawyer_letter", "place": "estate", "tries": (), "phone": True, "stopped": False}
    return Situation(**usual | facts)


def visit(day: date, hour: int, signal: str = "absent") -> Try:
    return Try(days.at(day, hour), signal)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ({"poi": "示例科技有限公司", "room": "1203"}, "unit"),
        ({"poi": "示例花园", "building": "3"}, "estate"),
        ({"poi": "示例花园"}, "estate"),
        ({"village": "示例村", "group": "3组"}, "village"),
        ({"village": "示例村", "building": "3号楼"}, "estate"),
        ({"road": "文一路", "road_no": "1号"}, "other"),
        ({}, "other"),
    ],
)
def test_places_are_told_apart_by_what_the_address_states(address: dict[str, str], place: str) -> None:
    assert place_of(address) == place


@pytest.mark.parametrize(
    ("place", "tries", "at", "day", "begins"),
    [
        ("estate", (), days.at(THURSDAY, 9), THURSDAY, "18:30"),
        ("estate", (), days.at(THURSDAY, 21), date(2026, 11, 27), "18:30"),
        ("estate", (), days.at(SATURDAY, 9), date(2026, 11, 30), "18:30"),
        ("estate", (visit(date(2026, 11, 25), 19),), days.at(THURSDAY, 9), SATURDAY, "10:00"),
        ("estate", (visit(date(2026, 11, 25), 10),), days.at(THURSDAY, 9), THURSDAY, "18:30"),
        ("estate", tuple(visit(date(2026, 11, n), h) for n, h in ((22, 11), (23, 19), (24, 10))), days.at(THURSDAY), SATURDAY, "10:00"),
        ("unit", (), days.at(THURSDAY, 9), THURSDAY, "09:30"),
        ("unit", (), days.at(THURSDAY, 12), THURSDAY, "14:00"),
        ("unit", (visit(date(2026, 11, 25), 10),), days.at(SATURDAY, 9), date(2026, 11, 30), "09:30"),
        ("village", (), days.at(THURSDAY, 9), SATURDAY, "09:00"),
        # 2026-10-01 to 07 is a holiday, 10-10 a Saturday on which offices work.
        ("unit", (), days.at(date(2026, 10, 1), 9), date(2026, 10, 8), "09:30"),
        ("estate", (visit(date(2026, 9, 29), 19),), days.at(date(2026, 10, 9), 13), date(2026, 10, 11), "10:00"),
    ],
)  # fmt: skip
def test_the_window_is_the_next_in_which_nobody_was_missed(
    place: str, tries: tuple[Try, ...], at: datetime, day: date, begins: str
) -> None:
    advice = advise(situation(place=place, tries=tries), at=at)
    assert (advice.day, advice.window[0]) == (day, begins)
    assert advice.why_then


def test_a_day_in_a_year_without_a_calendar_is_not_guessed() -> None:
    assert advise(situation(), at=days.at(date(2030, 1, 5))).day is None


@pytest.mark.parametrize(
    ("facts", "first", "word"),
    [
        ({}, False, "到楼下"),
        ({"tries": (visit(THURSDAY, 9),)}, True, "约时间"),
        ({"tries": (visit(THURSDAY, 9, "fine"),)}, False, "到楼下"),
        ({"place": "village"}, True, "问清位置"),
        ({"place": "unit"}, False, "不必先打"),
        ({"place": "village", "phone": False}, False, "不打电话"),
        ({"place": "village", "stopped": True}, False, "问清位置"),
    ],
)
def test_phoning_first_follows_place_and_earlier_tries(facts: dict[str, Any], first: bool, word: str) -> None:
    advice = advise(situation(**facts), at=days.at(THURSDAY))
    assert (advice.phone_first, word in advice.phone.text) == (first, True)


@pytest.mark.parametrize(("hour", "minute", "allowed"), [(7, 59, False), (8, 0, True), (21, 59, True), (22, 0, False)])
def test_nobody_is_called_at_night(hour: int, minute: int, allowed: bool) -> None:
    assert may_call(days.at(THURSDAY, hour, minute)) is allowed


def test_a_lawyers_letter_goes_to_fewer_hands_than_a_reminder() -> None:
    letter, reminder = (
        set(advise(situation(kind=k), at=days.at(THURSDAY)).relations) for k in ("lawyer_letter", "reminder")
    )
    assert letter == {"本人", "配偶", "父母", "子女", "家人", "授权人"}
    assert reminder - letter == {"物业", "村委会"}
    unit = set(advise(situation(place="unit"), at=days.at(THURSDAY)).relations)
    assert unit == {"本人", "授权人", "收发室", "前台"}


def test_a_letter_that_was_called_back_is_not_delivered() -> None:
    advice = advise(situation(stopped=True), at=days.at(THURSDAY))
    assert advice.hold is not None
    assert "停止投递" in advice.hold.text


def test_cautions_follow_what_earlier_tries_met() -> None:
    tries = tuple(visit(date(2026, 11, n), 9, signal) for n, signal in ((23, "bad"), (24, "absent"), (25, "absent")))
    assert [hint.text[:4] for hint in advise(situation(tries=tries), at=days.at(THURSDAY)).cautions] == [
        "曾回报地",
        "已投三次",
    ]


def test_no_advice_names_a_debt_or_its_sender() -> None:
    said = json.dumps([rules(), reportable()], ensure_ascii=False)
    shown = said.replace("lawyer_letter", "").replace("reminder", "")
    for word in [
        "欠",
        "债",
        "催",
        "逾期",
        "贷",
        "金额",
        "律师",
        "法院",
        "还款",
        "信用",
        "逃避",
        "老赖",
        "诉讼",
        "违约",
    ]:
        assert word not in shown, word


# The reports


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_report_is_taken_once_and_what_differs_is_refused(house: Any) -> None:
    arrived(house)
    assert told(house, report()) == ("taken", "")
    assert told(house, report()) == ("duplicate", "")
    assert told(house, report(signer_name="某乙")) == ("conflict", "other_content")
    assert told(house, report(number=9)) == ("refused", "not_here")
    assert len(house.rows("courier_report", "id")) == 1
    assert sum(each["op_code"] == "courier:signed" for each in house.rows("fact", "event")) == 1
    assert items(house) == []


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_one_report_sent_by_eight_at_once_is_taken_once(house: Any) -> None:
    arrived(house)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: told(house, report())[0], range(8)))
    assert sorted(answers) == ["duplicate"] * 7 + ["taken"]
    assert len(house.rows("courier_report", "id")) == 1


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_one_id_for_eight_items_at_once_is_taken_for_one(house: Any) -> None:
    arrived(house, 8)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: told(house, report(number))[0], range(1, 9)))
    assert sorted(answers) == ["conflict"] * 7 + ["taken"]
    assert sum(each["op_code"].startswith("courier:") for each in house.rows("fact", "event")) == 1


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_the_teams_word_grades_c_until_the_carrier_speaks(house: Any) -> None:
    arrived(house)
    house.change("address_record", origin="contract")
    told(house, report(relation="本人", signer_name="柳如烟丁"))
    house.settle(2, 13)
    assert house.attempt() == ("reported", "C", None)
    house.tell(1, (2, 9.9, "704:20", {"signer": "配偶"}))
    house.settle(2, 14)
    assert house.attempt() == ("reported", "A2", None)


def test_the_carriers_program_speaks_for_the_carrier(house: Any) -> None:
    arrived(house)
    assert told(house, report(relation="本人", signer_name="柳如烟丙"), CARRIER) == ("taken", "")
    house.settle(2, 13)
    assert house.attempt()[1] == "C"
    told(house, report(relation="本人", signer_name="柳如烟 丁", client_id="c2", hour=10.5), CARRIER)
    house.settle(2, 14)
    assert house.attempt()[1] == "A1"


def test_a_locker_is_never_a_signature_whoever_reports_it(house: Any) -> None:
    arrived(house, 2)
    assert told(house, report(1, outcome="left")) == ("taken", "")
    assert told(house, report(2, outcome="left", client_id="c2"), CARRIER) == ("taken", "")
    house.settle(2, 13)
    assert {house.attempt(n)[1] for n in (1, 2)} == {"C"}
    with house.database.connect() as connection:
        said = connection.scalars(select(tables.decision.c.outcome).where(tables.decision.c.stage == "outcome")).all()
    assert set(said) == {"stored:C"}


def test_two_couriers_who_disagree_are_both_kept_and_the_second_is_told(house: Any) -> None:
    arrived(house)
    assert told(house, report(client_id="a")) == ("taken", "")
    assert told(house, report(client_id="b", outcome="absent", hour=11)) == ("superseded", "result_known")
    assert len(house.rows("courier_report", "id")) == 2
    house.settle(2, 13)
    assert house.attempt()[1] == "C"


def test_a_report_after_the_carriers_result_is_kept_and_changes_nothing(house: Any) -> None:
    arrived(house)
    house.tell(1, (2, 9, "704:10"))
    assert told(house, report()) == ("superseded", "result_known")
    house.settle(2, 13)
    assert house.attempt()[1] == "A1"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"outcome": "eaten"}, "unknown_outcome"),
        ({"relation": "驿站"}, "no_relation"),
        ({"relation": ""}, "no_relation"),
        ({"outcome": "absent", "relation": "本人"}, "relation_needless"),
        ({"day": 3}, "clock"),
        ({"day": -9}, "clock"),
        ({"day": 1}, "before_arrival"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_leaves_nothing(
    house: Any, fields: dict[str, Any], reason: str
) -> None:
    arrived(house)
    assert told(house, report(**fields)) == ("refused", reason)
    assert house.rows("courier_report", "id") == []


def test_another_office_reports_nothing_about_our_item(house: Any) -> None:
    arrived(house)
    assert told(house, report(), Reporter("courier", OTHER, "team-9")) == ("refused", "not_here")


def test_a_report_names_nobody_in_the_clear(house: Any) -> None:
    arrived(house)
    told(house, report(signer_name="欧阳某甲"))
    with house.database.connect() as connection:
        (row,) = connection.execute(select(tables.courier_report)).all()
        facts = connection.execute(select(tables.fact)).all()
    assert "欧阳" not in repr(row) + json.dumps([fact.event for fact in facts], ensure_ascii=False) + repr(report())
    fact = next(fact for fact in facts if fact.event["op_code"] == "courier:signed")
    words = json.loads(house.key.unseal(fact.raw, context=f"fact:{fact.id}"))
    assert (words["signer_name"], words["reported_by"], words["holder"]) == ("欧阳某甲", "courier", "team-3")
    assert fact.event["signer"] == "配偶"


def test_an_id_of_one_tenant_is_free_for_another(house: Any) -> None:
    arrived(house)
    told(house, report())
    tenant = {"id": "ten_2", "name": "u", "data_key": b"", "created_at": after(0)}
    with house.database.begin() as connection:
        connection.execute(insert(tables.tenant), tenant)
        row = {**connection.execute(select(tables.courier_report)).one()._mapping}
        connection.execute(insert(tables.courier_report), row | {"id": "rpt_2", "tenant_id": "ten_2"})
    assert len(house.rows("courier_report", "id")) == 2


def test_every_outcome_has_a_code_for_both_tellers_and_every_relation_a_word() -> None:
    from songda.carriers import load_mapping

    codes = load_mapping()
    known = {code for code, _ in codes.codes}
    assert {f"{teller}:{row['code']}" for teller in ("courier", "app") for row in reportable()["outcome"]} <= known
    for row in reportable()["relation"]:
        assert ("app:signed", codes.signers[row["word"]].deliver_code) in codes.codes
