"""Erasing a person: nothing about them can be opened again, the others stay, and what must be kept is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import letters, opened, rows_of, signed, taken_in
from sqlalchemy import select, update

from songda.carriers import Event
from songda.dispatch import lift
from songda.dispatch.addressees import addressees
from songda.dispatch.facts import Told, store_events
from songda.flow.erasure import MustBeKept, due_persons, erase_due, erase_person
from songda.flow.press import record_reader
from songda.flow.produce import model_context, produce
from songda.flow.run import House
from songda.flow.sealed import open_case, open_person
from songda.flow.stop import standing_stops, stop_letter
from songda.flow.tenants import open_tenant
from songda.sim.case_rows import AT, case_row, write_rows
from songda.store import history, tables
from songda.vault import LocalMasterKey, PersonErased, Unsealable, is_personal, read_segment

_n, _l, _p, _f = tables.attempt.c, tables.letter.c, tables.person.c, tables.fact.c
BY: Any = {"by": "dpo-1", "at": AT}


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[tuple[House, list[Any], list[str]]]:
    """A house with two letters that have their PDFs of record, and the numbers of their cases."""
    with opened(tmp_path) as house:
        rows = [case_row(1, 1), case_row(2, 2)]
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        signed(house, batch)
        assert produce(house.engine, house.tenant, batch, home=tmp_path, workers=1, at=AT).rendered == 2
        cases = rows_of(house, tables.case.c.id, tables.case.c.person_id, tables.case.c.sealed)
        numbers = {row.person_id: open_case(house.tenant.key, row.id, row.sealed)["case_no"] for row in cases}
        found = letters(house, batch)
        yield house, found, [numbers[row.person_id] for row in found]


def records(house: House) -> dict[str, Any]:
    columns = (_n.id.label("attempt_id"), _n.letter_id, _n.segment, _n.offset, _n.length, _n.model_length)
    return {row.letter_id: row for row in rows_of(house, *columns)}


def erase(house: House, case_no: str, reason: str) -> Any:
    return erase_person(house.engine, house.tenant, house.home, case_no=case_no, reason=reason, **BY)


def test_an_erased_person_is_gone_and_the_other_letter_of_the_segment_stays(printed: Any) -> None:
    house, (first, other), (case_no, _) = printed
    before = records(house)
    name = open_person(house.tenant.key, first.person_id, rows_of(house, _p.sealed, id=first.person_id)[0].sealed)[
        "name"
    ]
    path = house.home / "letters" / before[first.id].segment
    with pytest.raises(MustBeKept, match=r"letters stop|办理"):
        erase(house, case_no, "requested")
    stop_letter(house.engine, house.tenant, first.letter_no, reason="wrong_person", debtor=True, **BY)
    receipt = erase(house, case_no, "wrong_person")
    assert (receipt.cases, receipt.records) == (1, 1)

    again = open_tenant(house.engine, LocalMasterKey(bytes(range(32))), name="bank")
    for tenant in (house.tenant, again):
        read = record_reader(tenant, house.home)
        with pytest.raises(PersonErased):
            read(before[first.id])
        assert read(before[other.id]).startswith(b"%PDF")
    # Neither letter stands in the model with which both are packed.
    attempt = before[other.id]
    model = again.key.unseal(read_segment(path, 0, attempt.model_length), context=model_context(path.name))
    assert record_reader(again, house.home)(attempt) not in model
    for row in rows_of(house, _p.id, _p.sealed, _p.state):
        if row.id == first.person_id:
            assert row.state == "erased"
            with pytest.raises(PersonErased):
                open_person(again.key, row.id, row.sealed)
        else:
            assert open_person(again.key, row.id, row.sealed)["name"]
    with house.engine.connect() as connection:
        assert [step.reason for step in history(connection, first.person_id)] == ["wrong_person"]
        entry = connection.execute(select(tables.audit).where(tables.audit.c.action == "person.erased")).one()
    assert (entry.object_id, entry.details["records"]) == (first.person_id, 1)
    assert name not in str(entry)
    # A second call changes nothing more.
    assert erase(house, case_no, "wrong_person") == receipt
    # What a carrier tells of the letter late is stored beside what it tells of others, without a name or a word of it.
    event = Event(waybill_no="98", op_time=AT, op_code="704")
    with house.engine.begin() as connection:
        names = addressees(connection, [first.person_id, other.person_id], key=again.key)
        assert (names[first.person_id], bool(names[other.person_id])) == (None, True)
        told = [Told(before[each.id].attempt_id, event, "此人已签收".encode()) for each in (first, other)]
        assert store_events(connection, key=again.key, told=told, received_at=AT) == 2
    facts = {row.attempt_id: row for row in rows_of(house, _f.attempt_id, _f.raw, _f.raw_sha256)}
    assert facts[before[first.id].attempt_id].raw_sha256 == ""
    assert facts[before[other.id].attempt_id].raw_sha256 != ""


def test_what_is_about_a_person_lies_under_their_own_key(printed: Any) -> None:
    house, *_ = printed
    assert all(is_personal(row.sealed) for name in ("person", "case") for row in rows_of(house, _of(name).sealed))
    for row in records(house).values():
        assert is_personal(read_segment(house.home / "letters" / row.segment, row.offset, row.length))


def _of(name: str) -> Any:
    return tables.metadata.tables[name].c


def test_evidence_of_a_posted_letter_is_kept_for_its_years(printed: Any) -> None:
    house, (letter, _), (case_no, _) = printed
    stop_letter(house.engine, house.tenant, letter.letter_no, reason="paid", debtor=True, **BY)
    with house.engine.begin() as connection:
        connection.execute(update(tables.attempt).where(_n.letter_id == letter.id).values(posted_on=date(2021, 11, 1)))
        connection.execute(update(tables.letter).where(_l.id == letter.id).values(closed_on=date(2021, 12, 1)))
    with pytest.raises(MustBeKept) as kept:
        erase(house, case_no, "period_over")
    assert "2026-12-01" in kept.value.message_zh
    with pytest.raises(MustBeKept):
        erase(house, case_no, "wrong_person")
    with house.engine.begin() as connection:
        connection.execute(update(tables.letter).where(_l.id == letter.id).values(closed_on=date(2021, 11, 1)))
    assert erase(house, case_no, "period_over").records == 1


def test_nothing_is_destroyed_while_a_dispute_is_looked_into(printed: Any) -> None:
    house, (letter, _), (case_no, _) = printed
    stop_letter(house.engine, house.tenant, letter.letter_no, reason="disputed", **BY)
    with pytest.raises(MustBeKept):
        erase(house, case_no, "requested")
    with house.engine.connect() as connection:
        (stop,) = standing_stops(connection, house.tenant)
    lift(house.engine, tenant_id=house.tenant.id, stop_id=stop.id, at=AT)
    assert erase(house, case_no, "requested").cases == 1


def test_whoever_is_delivered_again_is_a_new_person_under_the_old_index(printed: Any, tmp_path: Path) -> None:
    house, (letter, _), (case_no, _) = printed
    old = rows_of(house, _p.lookup, _p.sealed, id=letter.person_id)[0]
    stop_letter(house.engine, house.tenant, letter.letter_no, reason="paid", debtor=True, **BY)
    erase(house, case_no, "requested")
    number = 1 if case_no == str(case_row(1, 1)["案件编号"]) else 2
    taken_in(house, write_rows(tmp_path / "more.csv", case_row(number, number), case_row(3, 3)))
    row = rows_of(house, _p.lookup, _p.sealed, _p.state, id=letter.person_id)[0]
    assert (row.lookup, row.state) == (old.lookup, "active")
    assert open_person(house.tenant.key, letter.person_id, row.sealed)["name"]
    # The old letter is noise to the new key as well.
    with pytest.raises(Unsealable):
        record_reader(house.tenant, house.home)(records(house)[letter.id])


def test_only_those_of_whom_nothing_need_be_kept_are_due_and_erased_with_a_receipt_each(printed: Any) -> None:
    house, (letter, other), _ = printed

    def due(days_on: int) -> list[str]:
        with house.engine.connect() as connection:
            return due_persons(connection, house.tenant, on=AT.date() + timedelta(days=days_on))

    # Both cases are open: never.
    assert due(20_000) == []
    with house.engine.begin() as connection:
        connection.execute(update(tables.case).values(state="paid"))
    # A letter is under way to each.
    assert due(20_000) == []
    for each in (letter, other):
        stop_letter(house.engine, house.tenant, each.letter_no, reason="paid", debtor=True, **BY)
    assert (due(89), sorted(due(90))) == ([], sorted([letter.person_id, other.person_id]))
    stop_letter(house.engine, house.tenant, other.letter_no, reason="legal_hold", **BY)
    assert due(90) == [letter.person_id]
    later = AT + timedelta(days=90)
    (receipt,) = erase_due(house.engine, house.tenant, house.home, by="dpo-1", at=later)
    assert (receipt.person_id, receipt.records) == (letter.person_id, 1)
    assert erase_due(house.engine, house.tenant, house.home, by="dpo-1", at=later) == []
    assert len(rows_of(house, tables.audit.c.seq, action="person.erased")) == 1
