"""Rule L08 at each gate of a letter that forwards a court's document."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from songda.compliance import load_rules

RULES = load_rules(date(2026, 11, 25))
#: As the facts of a letter stand at a gate; lawyers sign after *approve*, and after the lock nobody looks at the document.
AT = {
    "accept": {"court.approvers": 0},
    "approve": {"court.approvers": 0},
    "lock": {"court.approvers": 2},
    "hand_over": {"court.approvers": 2, "court.annex_sha256": None},
}
SOUND = {
    "court.entrustment": "（2026）测0101委送45号",
    "court.docket_no": "（2026）测0101执123号",
    "court.document_sha256": "9f86",
    "court.annex_sha256": "9f86",
}


def fires(gate: str, **changes: object) -> bool:
    facts = {**SOUND, **AT[gate], **{f"court.{name}": value for name, value in changes.items()}}
    types = {name: pl.Int64 if name == "court.approvers" else pl.String for name in facts}
    frame = pl.DataFrame({"action_id": ["a"], **{k: [v] for k, v in facts.items()}}, schema_overrides=types)
    return "L08" in RULES.evaluate(frame, scope="court_forward", gate=gate)["rules"].item().to_list()


@pytest.mark.parametrize("gate", AT)
def test_a_sound_entrustment_passes_and_one_that_counts_no_more_never_does(gate: str) -> None:
    assert not fires(gate)
    assert fires(gate, entrustment=None)
    assert fires(gate, docket_no=None)


@pytest.mark.parametrize("gate", ["accept", "approve", "lock"])
def test_another_document_or_one_that_cannot_be_read_stops_it_before_it_is_printed(gate: str) -> None:
    assert fires(gate, annex_sha256="9f87")
    assert fires(gate, annex_sha256=None)


@pytest.mark.parametrize("gate", ["lock", "hand_over"])
def test_one_lawyer_is_not_enough_once_they_have_signed(gate: str) -> None:
    assert fires(gate, approvers=1)
    assert fires(gate, approvers=None)


def test_rules_about_address_envelope_and_lawyer_hold_for_it_and_those_about_demands_do_not() -> None:
    applied = {gate: {rule.id for rule in RULES.at("court_forward", gate)} for gate in AT}
    assert {"P06", "P07", "D01", "D02", "L02", "L05", "L07", "E01", "E02", "E03", "E05"} <= applied["lock"]
    assert not {"T07", "C04", "C06", "L01", "L04"} & applied["lock"]
