"""Permits over the record: the window to the second, counters under outcomes, stops, actors, one key one answer."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

sys.path.insert(0, str(Path(__file__).parent))

from contact_house import CONTACT, DAY, NOON, Desk, open_desk

from songda.base import days
from songda.base.days import SHANGHAI
from songda.base.settings import Settings
from songda.contacts import (
    Answer,
    BadDeclaration,
    KeyReused,
    NoSuchPermit,
    NotGranted,
    OtherOutcome,
    WrongOutcome,
)
from songda.dispatch import lift, stop
from songda.flow.audit import verify_audit
from songda.flow.contact_facts import case_id_of
from songda.flow.contacts import (
    ask_permit,
    ask_permits,
    declare,
    end_declaration,
    history,
    report_outcome,
    shown,
)
from songda.flow.links import read_links
from songda.flow.proof import person_bundle
from songda.flow.stop import UnknownCase
from songda.store import destroy_person_key, hold_person_keys, open_database, tables


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One for all: every test has persons of its own."""
    home = tmp_path_factory.mktemp("contacts")
    url = f"sqlite:///{home / 'songda.db'}"
    engine = open_database(
        Settings(home=home, database_url=url, master_key=None, master_key_file=home / "k", workers=1)
    )
    yield open_desk(engine)
    engine.dispose()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def report(desk: Desk, permit_id: str, outcome: str, *, when: datetime = NOON) -> Any:
    return report_outcome(desk.engine, desk.tenant, permit_id, outcome, at=when, by="agent-1")


@pytest.mark.parametrize(
    ("when", "granted", "ends"),
    [
        ("2026-11-26 07:59:59", False, None),
        ("2026-11-26 08:00:00", True, "2026-11-26 08:10:00"),
        ("2026-11-26 21:49:59", True, "2026-11-26 21:59:59"),
        ("2026-11-26 21:59:59", True, "2026-11-26 22:00:00"),
        ("2026-11-26 22:00:00", False, None),
        ("2026-11-26 23:59:59", False, None),
    ],
)
def test_the_window_holds_to_the_second_and_no_permit_outlives_it(
    desk: Desk, when: str, granted: bool, ends: str | None
) -> None:
    permit = desk.ask(desk.case(), at=at(when)).permit
    assert (permit.granted, permit.until) == (granted, at(ends) if ends else None)
    if not granted:
        assert permit.reasons == ("T01",)
        assert permit.retry_at == at("2026-11-26 08:00:00" if when[11:13] == "07" else "2026-11-27 08:00:00")


def test_three_calls_a_day_whoever_makes_them_and_three_more_on_the_next(desk: Desk) -> None:
    one, other = desk.case(1), desk.case(1)
    actors = ("institution", "agency-1", "institution")
    for n, (case, actor) in enumerate(zip((one, other, one), actors, strict=True)):
        permit = desk.ask(case, actor=actor, phone=1 + n % 2).permit
        assert permit.granted
        report(desk, permit.id, "interactive")
    # A robot's call and an announcement count too, and another loan is no other debtor.
    for more in ({"channel": "ai_call"}, {"mode": "informing"}, {"phone": 2}, {"actor": "agency-1"}):
        refused = desk.ask(other, **more).permit
        assert "T05" in refused.reasons
        assert refused.retry_at == at("2026-11-27 08:00:00")
    assert desk.ask(one, at=at("2026-11-27 08:00:00")).permit.granted


def test_the_day_ends_at_midnight_in_shanghai_also_of_a_month(desk: Desk) -> None:
    case = desk.case()
    words = {"channel": "app", "since": DAY, "until": DAY + timedelta(30), "words": "同意", "by": "ops-1", "at": NOON}
    declare(desk.engine, desk.tenant, "out_of_hours", case_no=case, contact=None, **words)
    late = at("2026-11-30 23:59:59")
    first = desk.ask(case, at=late).permit
    assert first.until == at("2026-12-01 00:00:00")
    assert [desk.ask(case, at=late).permit.granted for _ in range(3)] == [True, True, False]
    assert desk.ask(case, at=at("2026-12-01 00:00:00")).permit.granted


def test_six_unanswered_dials_to_a_number_and_another_number_is_free(desk: Desk) -> None:
    case = desk.case()
    for _ in range(6):
        report(desk, desk.ask(case).permit.id, "unanswered")
    assert desk.ask(case).permit.reasons == ("T04",)
    assert desk.ask(case, phone=2).permit.granted


def test_outcomes_settle_what_was_reserved(desk: Desk) -> None:
    case = desk.case()
    permits = [desk.ask(case).permit for _ in range(3)]
    assert not desk.ask(case).permit.granted
    report(desk, permits[0].id, "not_dialled")
    assert desk.ask(case).permit.granted
    report(desk, permits[1].id, "unanswered")
    assert desk.ask(case).permit.granted
    assert not desk.ask(case).permit.granted


def test_a_permit_that_nobody_reports_counts_in_full_and_a_late_word_gives_nothing_back(desk: Desk) -> None:
    case = desk.case()
    permits = [desk.ask(case, at=days.at(DAY, 8)).permit for _ in range(3)]
    evening = days.at(DAY, 20)
    assert permits[0].state(evening) == "expired"
    late = report(desk, permits[0].id, "not_dialled", when=evening)
    assert (late.late, late.state(evening)) == (True, "late")
    assert desk.ask(case, at=evening).permit.reasons == ("T02", "T05")


def test_one_key_one_answer(desk: Desk) -> None:
    case = desk.case()
    question = desk.question(case, key="same")
    first = ask_permit(desk.engine, desk.tenant, question, at=NOON)
    again = ask_permit(desk.engine, desk.tenant, question, at=days.at(DAY, 23))
    assert (again.fresh, again.permit) == (False, first.permit)
    with pytest.raises(KeyReused):
        ask_permit(desk.engine, desk.tenant, desk.question(case, key="same", purpose="inform"), at=NOON)
    # Side by side in one transaction too.
    twice = desk.question(case, key="twice")
    answers = ask_permits(desk.engine, desk.tenant, [twice, twice], at=NOON)
    assert [each.fresh for each in answers] == [True, False]  # type: ignore[union-attr]
    assert len(history(desk.engine, desk.tenant, case)) == 2


def test_an_outcome_is_told_once(desk: Desk) -> None:
    case = desk.case()
    permit = desk.ask(case).permit
    assert report(desk, permit.id, "interactive") == report(desk, permit.id, "interactive")
    with pytest.raises(OtherOutcome):
        report(desk, permit.id, "not_dialled")
    with pytest.raises(WrongOutcome):
        report(desk, desk.ask(case).permit.id, "sent")
    with pytest.raises(NoSuchPermit):
        report(desk, "prm_none", "interactive")
    with pytest.raises(NotGranted):
        report(desk, desk.ask(case, at=days.at(DAY, 23)).permit.id, "interactive")


@pytest.mark.parametrize("scope", ["tenant", "person", "case", "letter"])
def test_a_stop_of_any_kind_holds_calls_too(desk: Desk, scope: str) -> None:
    case = desk.case()
    case_id = case_id_of(desk.tenant, case)
    person_id, letter_id = desk.ask(case).permit.person_id, f"ltr_{scope}"
    letter = {"id": letter_id, "tenant_id": desk.tenant.id, "batch_id": "bat_1", "person_id": person_id}
    with desk.engine.begin() as connection:
        letter |= {"kind": "reminder", "state": "closed", "version": 0, "amount_fen": 1}
        connection.execute(tables.letter.insert(), letter)
    about = {"tenant": desk.tenant.id, "person": person_id, "case": case_id, "letter": letter_id}[scope]
    order = stop(desk.engine, tenant_id=desk.tenant.id, scope=scope, object_id=about, reason="hardship", at=NOON)
    permit = desk.ask(case).permit
    assert permit.reasons == ("stop:hardship",)
    assert permit.retry_at is None
    lift(desk.engine, tenant_id=desk.tenant.id, stop_id=order.stop_id, at=NOON)
    assert desk.ask(case).permit.granted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"actor": "agency-2"}, "actor_unknown"),
        ({"actor": "agency-1", "channel": "letter", "mode": None}, "actor_channel"),
        ({"recording": None}, "C10"),
        ({"identifies_self": False}, "C09"),
        ({"no_extra_fee": None}, "C03"),
        ({"script": None}, "C01"),
        ({"script": "再不还钱就让你坐牢"}, "C02"),
        ({"phone": None}, "T04"),
        ({"phone": None, "number": "16499999999"}, "P07"),
        ({"channel": "sms", "mode": None, "script": "您尚欠3元"}, "C04"),
    ],
)
def test_what_is_unknown_or_forbidden_is_refused(desk: Desk, changes: dict[str, Any], reason: str) -> None:
    permit = desk.ask(desk.case(), **changes).permit
    assert not permit.granted
    assert reason in permit.reasons


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"debtor_state": None}, "S02"),
        ({"dispute_open": True}, "S01"),
        ({"state": "paid"}, "S05"),
        ({"debtor_flags": ["pregnant"]}, "S07"),
        ({"overdue_since": None}, "C07"),
    ],
)
def test_what_the_case_says_is_respected(desk: Desk, changes: dict[str, Any], reason: str) -> None:
    permit = desk.ask(desk.case(**changes)).permit
    assert permit.reasons == (reason,) or reason in permit.reasons
    assert (permit.granted, permit.retry_at) == (False, None)


def test_an_outsourcer_needs_a_term_that_runs(desk: Desk) -> None:
    over = days.at(DAY.replace(year=2036, month=1, day=7))
    permit = desk.ask(desk.case(), actor="agency-1", at=over).permit
    assert {"actor_expired", "chain_incomplete"} <= set(permit.reasons)
    # No table knows the holidays of that year.
    assert "T09" in permit.reasons


def test_a_contact_is_reached_only_when_the_debtor_cannot_be_and_never_again_once_refused(desk: Desk) -> None:
    case = desk.case()
    relay = {"phone": None, "contact": 1, "purpose": "ask_relay", "script": "您好，请转告对方回电。"}
    assert {"P02", "P05"} <= set(desk.ask(case, **relay).permit.reasons)
    same: dict[str, Any] = {"channel": "call", "since": DAY, "until": None, "words": "记录", "by": "ops-1", "at": NOON}
    declare(desk.engine, desk.tenant, "unreachable", case_no=case, contact=None, **same)
    adult = declare(desk.engine, desk.tenant, "adult", case_no=case, contact=1, **same)
    permit = desk.ask(case, **relay).permit
    assert (permit.granted, permit.role) == (True, "contact")
    said = shown(desk.tenant, permit, at=NOON)
    assert any(each["rule"] == "P03" for each in said["never"])
    assert "P03" in desk.ask(case, **relay | {"script": "请转告其逾期欠款"}).permit.reasons
    assert "P01" in desk.ask(case, **relay | {"purpose": "demand"}).permit.reasons
    declare(desk.engine, desk.tenant, "refused", case_no=case, contact=1, **same)
    assert desk.ask(case, **relay).permit.reasons == ("P04",)
    end_declaration(desk.engine, desk.tenant, adult, by="ops-1", at=NOON)
    assert "P05" in desk.ask(case, **relay).permit.reasons


def test_a_consent_needs_its_last_day_and_ends_with_it(desk: Desk) -> None:
    case = desk.case()
    words: dict[str, Any] = {"channel": "app", "since": DAY, "words": "可以晚上联系", "by": "ops-1", "at": NOON}
    with pytest.raises(BadDeclaration):
        declare(desk.engine, desk.tenant, "out_of_hours", case_no=case, contact=None, until=None, **words)
    declare(desk.engine, desk.tenant, "out_of_hours", case_no=case, contact=None, until=DAY, **words)
    assert desk.ask(case, at=at("2026-11-26 22:30:00")).permit.granted
    assert desk.ask(case, at=at("2026-11-27 22:30:00")).permit.reasons == ("T01",)


def test_texts_count_a_day_and_seven_days(desk: Desk) -> None:
    case, text = desk.case(), {"channel": "sms", "mode": None}
    for n in range(3):
        now = NOON + timedelta(n)
        assert desk.ask(case, at=now, **text).permit.granted
        refused = desk.ask(case, at=now, **text).permit
        assert refused.reasons == ("T06",)
    # The first of three leaves the week on the seventh day after it.
    assert refused.retry_at == at("2026-12-03 08:00:00")
    assert not desk.ask(case, at=at("2026-12-02 12:00:00"), **text).permit.granted
    assert desk.ask(case, at=at("2026-12-03 08:00:00"), **text).permit.granted


def test_a_letter_of_somebody_else_keeps_its_interval_from_ours_and_from_its_own(desk: Desk) -> None:
    case, letter = desk.case(), {"channel": "letter", "mode": None, "phone": None, "script": None}
    record = {"origin": "contract", "basis": "contract_performance", "owner_role": "debtor", "ordinal": 1}
    record |= {"id": "adr_1", "person_id": desk.ask(case).permit.person_id, "case_id": case_id_of(desk.tenant, case)}
    with desk.engine.begin() as connection:
        connection.execute(tables.address_record.insert(), record)
    first = desk.ask(case, **letter).permit
    assert (first.granted, first.until) == (True, at("2026-11-27 00:00:00"))
    refused = desk.ask(case, **letter).permit
    assert (refused.reasons, refused.retry_at) == (("T07",), at("2026-12-26 00:00:00"))
    report(desk, first.id, "not_sent")
    assert desk.ask(case, **letter).permit.granted


def test_the_verdict_is_kept_whole_and_in_the_audit_log_and_names_nobody(desk: Desk) -> None:
    case = desk.case()
    number = f"164{int(case.split('-')[1]):08d}"
    assert desk.ask(case, number=number, phone=None).permit.granted
    refused = desk.ask(case, at=days.at(DAY, 23)).permit
    a = tables.audit.c
    with desk.engine.connect() as connection:
        row = connection.execute(select(tables.audit).where(a.object_id == refused.id)).one()
        breaks = verify_audit(connection).breaks
        everything = repr(connection.execute(select(tables.permit)).all()) + repr(
            connection.execute(select(tables.audit)).all()
        )
    assert breaks == ()
    assert row.details["rules"] == "T01"
    assert row.details["rule_set"] == refused.verdict["rule_set"]
    assert row.details["inputs_hash"] == refused.verdict["inputs_hash"]
    for secret in (number, "赵示例", "李示例", CONTACT["phone"], case, "工号"):
        assert secret not in everything


def test_somebody_erased_is_unknown_and_keeps_no_other_caller_from_an_answer(desk: Desk) -> None:
    gone, other = desk.case(7), desk.case(8)
    key, person = desk.tenant.key, tables.person
    with desk.engine.begin() as connection:
        hold_person_keys(connection, ["per_7"], make=key.new_person_key)
        destroy_person_key(connection, "per_7", at=NOON)
        connection.execute(person.update().where(person.c.id == "per_7").values(sealed=key.tombstone("per_7")))
    answers = ask_permits(desk.engine, desk.tenant, [desk.question(gone), desk.question(other)], at=NOON)
    assert isinstance(answers[0], UnknownCase)
    assert isinstance(answers[1], Answer)
    assert answers[1].permit.granted


def test_an_unknown_case_is_no_permit(desk: Desk) -> None:
    with pytest.raises(UnknownCase):
        desk.ask("AJ-none")


def test_callers_at_once_never_get_a_fourth(database: Engine) -> None:
    """On PostgreSQL each caller has a transaction of its own; SQLite lets one in at a time."""
    desk = open_desk(database)
    cases = [desk.case(n) for n in (1, 2)]
    questions = [desk.question(cases[n % 2], phone=1 + n % 2, key=f"key-{n}") for n in range(24)]
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda q: ask_permit(desk.engine, desk.tenant, q, at=NOON), questions))
    granted = [answer.permit.person_id for answer in answers if answer.permit.granted]
    assert sorted(granted) == ["per_1"] * 3 + ["per_2"] * 3
    with database.connect() as connection:
        assert verify_audit(connection).breaks == ()


def test_our_own_letters_keep_the_interval_from_a_permitted_one(desk: Desk) -> None:
    case, letter = desk.case(), {"channel": "letter", "mode": None, "phone": None, "script": None}
    case_id = case_id_of(desk.tenant, case)
    record = {"origin": "contract", "basis": "contract_performance", "owner_role": "debtor", "ordinal": 1}
    record |= {"id": "adr_2", "person_id": desk.ask(case).permit.person_id, "case_id": case_id, "place": "p"}
    with desk.engine.begin() as connection:
        connection.execute(tables.address_record.insert(), record)

    def days_since() -> int | None:
        with desk.engine.connect() as connection:
            links = read_links(connection, desk.tenant, tables.case.c.id == case_id, on=DAY, batch_id="bat_1")
        return links["last_days"].to_list()[0]

    assert days_since() is None
    permit = desk.ask(case, at=NOON - timedelta(3), **letter).permit
    assert permit.granted
    assert days_since() == 3
    report(desk, permit.id, "not_sent", when=NOON - timedelta(3))
    assert days_since() is None


def test_the_complaint_pack_tells_calls_permitted_and_refused(desk: Desk, tmp_path: Path) -> None:
    case = desk.case()
    report(desk, desk.ask(case, actor="agency-1").permit.id, "unanswered")
    desk.ask(case, at=days.at(DAY, 23))
    bundle = person_bundle(desk.engine, desk.tenant, case_no=case, home=tmp_path, at=days.at(DAY, 23), actor="test")
    archive = zipfile.ZipFile(io.BytesIO(bundle.data))
    told = json.loads(archive.read("person.json"))["permits"]
    assert [(each["granted"], each["state"]) for each in told] == [(True, "unanswered"), (False, "refused")]
    assert [each["code"] for each in told[1]["reasons"]] == ["T01"]
    page = archive.read("summary.html").decode()
    assert "电话（agency-1）" in page
    assert "不准；静默时段" in page
