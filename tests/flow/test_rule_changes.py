"""Two persons change the rules, from a day that lies ahead; from then on every verdict is given with the change and names it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from bank import letters, opened, rows_of, taken_in
from sqlalchemy import select

from songda.base import days
from songda.compliance import BrokenRule, LooserThanRule, UnknownRule
from songda.flow.contact_facts import contact_rules
from songda.flow.decide import rules_on
from songda.flow.rule_changes import (
    BadReason,
    DayNotAhead,
    NothingStricter,
    OtherPersonNeeded,
    UnknownChange,
    UnreadableChanges,
    WrongChangeState,
    approve,
    propose,
    rule_changes,
    withdraw,
)
from songda.flow.run import House
from songda.flow.tenants import open_tenant
from songda.sim.case_rows import DAY, case_row, write_rows
from songda.store import tables
from songda.vault import LocalMasterKey

EVE = DAY - timedelta(days=1)
AT = days.at(EVE)
CAP = b"[C05]\ncap = 0.0001\n"
REASON = "王大锤董事要求"  # whoever writes a name here must not find it in the clear anywhere
OWN = """
[X01]
title = "小额不发函"
effect = "block"
scope = ["letter", "lawyer_letter"]
gates = ["accept"]
when = "case.annual_cost >= p.cap"
params = {cap = 0.0001}
short = "年化成本过高"
reason = "年化综合成本达到 {cap}"
remedy = "不发函"
""".encode()


def proposed(house: House, data: bytes = CAP, *, first: date = DAY, by: str = "ops-7") -> int:
    return propose(house.engine, house.tenant, data, reason=REASON, valid_from=first, by=by, at=AT)


def reopened(house: House) -> House:
    return replace(house, tenant=open_tenant(house.engine, LocalMasterKey(bytes(range(32))), name="bank"))


def test_a_change_stops_letters_from_its_day_on_and_their_verdicts_name_it(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        file = write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1))
        number = proposed(house)
        # A proposal holds nowhere.
        assert rules_on(reopened(house).tenant, DAY).label == rules_on(house.tenant, DAY).label
        approve(house.engine, house.tenant, number, by="ops-2", at=AT)
        house = reopened(house)  # noqa: PLW2901 - as the next command finds it
        assert rules_on(house.tenant, EVE).label.startswith("2026.11.26+")
        label = rules_on(house.tenant, DAY).label
        assert label.startswith(f"2026.11.26/{number}+")
        batch = taken_in(house, file)
        assert {each.state for each in letters(house, batch)} == {"held"}
        d = tables.decision.c
        versions = [row.versions["rules"] for row in rows_of(house, d.versions, stage="accept")]
        assert set(versions) == {label}
        assert contact_rules(house.tenant, DAY).label.startswith(f"2026.11.26/{number}+")


def test_a_rule_of_ones_own_is_judged_like_the_others(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        number = proposed(house, OWN)
        approve(house.engine, house.tenant, number, by="ops-2", at=AT)
        house = reopened(house)  # noqa: PLW2901 - as the next command finds it
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0)))
        assert [(each.state, each.reasons) for each in letters(house, batch)] == [("not_sent", ["X01"])]
        with pytest.raises(BrokenRule):
            proposed(house, OWN)


def test_nobody_approves_what_they_proposed_and_two_end_it(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        number = proposed(house)
        for same in ("ops-7", "OPS-7"):
            with pytest.raises(OtherPersonNeeded):
                approve(house.engine, house.tenant, number, by=same, at=AT)
        approve(house.engine, house.tenant, number, by="ops-2", at=AT)
        with pytest.raises(WrongChangeState):
            approve(house.engine, house.tenant, number, by="ops-3", at=AT)
        house = reopened(house)  # noqa: PLW2901 - as the next command finds it
        for second in (None, "ops-2", "Ops-2"):
            with pytest.raises(OtherPersonNeeded):
                withdraw(house.engine, house.tenant, number, by="ops-2", second=second, at=AT)
        last = DAY + timedelta(days=9)
        first_without = withdraw(
            house.engine, house.tenant, number, by="ops-2", second="ops-7", ends_on=last + timedelta(days=1), at=AT
        )
        assert first_without == last + timedelta(days=1)
        house = reopened(house)  # noqa: PLW2901 - as the next command finds it
        caps = [rules_on(house.tenant, day).rule("C05").params["cap"] for day in (EVE, DAY, last, first_without)]
        assert caps == [0.24, 0.0001, 0.0001, 0.24]
        with pytest.raises(WrongChangeState):
            withdraw(house.engine, house.tenant, number, by="ops-2", second="ops-7", at=AT)


def test_nothing_is_decided_about_a_day_that_has_begun(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        for day in (EVE, EVE - timedelta(days=30)):
            with pytest.raises(DayNotAhead):
                proposed(house, first=day)
        number = proposed(house)
        # Whoever approves comes too late.
        with pytest.raises(DayNotAhead):
            approve(house.engine, house.tenant, number, by="ops-2", at=days.at(DAY))
        approve(house.engine, house.tenant, number, by="ops-2", at=AT)
        with pytest.raises(DayNotAhead):
            withdraw(house.engine, house.tenant, number, by="ops-2", second="ops-7", ends_on=EVE, at=AT)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"[C05]\ncap = 0.36\n", LooserThanRule),
        (b"[S07]\neffect = 'warn'\n", LooserThanRule),
        (b"[T08]\nmin = 1\n", LooserThanRule),
        (b"[C05]\ncap = 0.24\n", NothingStricter),
        (b"[Q01]\ncap = 0.24\n", UnknownRule),
        (b"[C05]\ncap = 2026-01-01\n", BrokenRule),
        (b"cap = 0.24\n", UnreadableChanges),
        (b"\xff\xfe", UnreadableChanges),
        (b"", UnreadableChanges),
    ],
)
def test_what_does_not_make_the_rules_stricter_is_not_even_kept(
    tmp_path: Path, data: bytes, error: type[Exception]
) -> None:
    with opened(tmp_path) as house:
        with pytest.raises(error):
            proposed(house, data)
        with house.engine.connect() as connection:
            assert rule_changes(connection, house.tenant) == []


def test_every_step_stands_in_the_audit_log_and_the_reason_only_sealed(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        one, other = proposed(house), proposed(house, b"[T07]\nmin_days = 45\n")
        assert (one, other) == (1, 2)
        withdraw(house.engine, house.tenant, other, by="ops-7", at=AT)
        approve(house.engine, house.tenant, one, by="ops-2", at=AT)
        withdraw(house.engine, reopened(house).tenant, one, by="ops-2", second="ops-7", at=AT)
        a = tables.audit.c
        with house.engine.connect() as connection:
            found = connection.execute(
                select(a.actor, a.action, a.details).where(a.action.like("rules.%")).order_by(a.seq)
            )
            steps = [(row.actor, row.action, row.details["number"]) for row in found]
            listed = rule_changes(connection, house.tenant)
        assert steps == [
            ("ops-7", "rules.proposed", 1),
            ("ops-7", "rules.proposed", 2),
            ("ops-7", "rules.withdrawn", 2),
            ("ops-2", "rules.approved", 1),
            ("ops-2", "rules.ended", 1),
        ]
        assert [(each.state, each.reason) for each in listed] == [("ended", REASON), ("withdrawn", REASON)]
        assert REASON not in repr(listed)
    assert REASON.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("songda.db*"))


def test_a_change_without_a_reason_or_without_a_number_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        for reason in ("", " ", "a" * 501, "a\nb"):
            with pytest.raises(BadReason):
                propose(house.engine, house.tenant, CAP, reason=reason, valid_from=DAY, by="ops-7", at=AT)
        with pytest.raises(UnknownChange):
            approve(house.engine, house.tenant, 1, by="ops-2", at=AT)
