"""A person on a screen is masked; a field is uncovered for a purpose, after it stands in the audit log."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bank import opened, rows_of, taken_in

from program import Desk
from songda.base import days
from songda.flow import reveal as module
from songda.flow.reveal import FIELDS, NotForThisPurpose, RevealedEnough, UnknownPurpose, look, purposes, reveal
from songda.flow.stop import UnknownCase
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import tables

ROW = case_row(1, 1)
CASE: dict[str, Any] = {"case_no": ROW["案件编号"], "by": "ops-7", "at": AT}


@pytest.fixture
def house(tmp_path: Path) -> Any:
    with opened(tmp_path) as house:
        taken_in(house, write_rows(tmp_path / "cases.csv", ROW))
        yield house


def looks(house: Any, action: str) -> list[Any]:
    a = tables.audit.c
    return rows_of(house, a.actor, a.details, action=action)


def test_it_is_masked_and_the_look_is_noted(house: Any) -> None:
    shown = look(house.engine, house.tenant, **CASE)
    text = json.dumps(shown, ensure_ascii=False)
    for said in (
        ROW["姓名"],
        ROW["身份证号"],
        *(value for name, value in ROW.items() if "电话" in name or "地址" in name),
    ):
        assert not said or said not in text
    assert shown["name"] == (ROW["姓名"][0] + "*" * min(len(ROW["姓名"]) - 1, 2),)
    assert shown["addresses"][0].endswith("***")
    assert looks(house, "person.viewed") == [("ops-7", {})]


def test_one_field_is_uncovered_for_its_purpose_and_noted_first(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reveal(house.engine, house.tenant, **CASE, field="id_number", purpose="identity_check") == (ROW["身份证号"],)
    assert looks(house, "person.revealed") == [("ops-7", {"field": "id_number", "purpose": "identity_check"})]
    # What cannot be noted is not shown.
    monkeypatch.setattr(module, "write_audit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reveal(house.engine, house.tenant, **CASE, field="name", purpose="delivery")


@pytest.mark.parametrize("field", FIELDS)
def test_each_purpose_uncovers_what_it_needs_alone(house: Any, field: Any) -> None:
    for name, purpose in purposes().items():
        if field in purpose.fields:
            assert reveal(house.engine, house.tenant, **CASE, field=field, purpose=name)
        else:
            with pytest.raises(NotForThisPurpose) as caught:
                reveal(house.engine, house.tenant, **CASE, field=field, purpose=name)
            assert purpose.zh in caught.value.message_zh
    with pytest.raises(UnknownPurpose):
        reveal(house.engine, house.tenant, **CASE, field=field, purpose="curiosity")


def test_nobody_uncovers_without_end(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_stated", lambda: (2, purposes_as_they_are))
    for _ in range(2):
        reveal(house.engine, house.tenant, **CASE, field="name", purpose="delivery")
    with pytest.raises(RevealedEnough):
        reveal(house.engine, house.tenant, **CASE, field="name", purpose="delivery")
    assert len(looks(house, "person.revealed")) == 2
    # Another person, another day.
    reveal(house.engine, house.tenant, **CASE | {"by": "ops-8"}, field="name", purpose="delivery")
    tomorrow = {"at": days.at(days.add_days(DAY, 1), 9)}
    reveal(house.engine, house.tenant, **CASE | tomorrow, field="name", purpose="delivery")


purposes_as_they_are = dict(purposes())


def test_a_case_of_another_institution_is_unknown(house: Any) -> None:
    other = replace(house.tenant, id="ten_other")
    for call in (look, lambda *a, **k: reveal(*a, **k, field="name", purpose="delivery")):
        with pytest.raises(UnknownCase):
            call(house.engine, other, **CASE)


def test_the_command_needs_a_purpose_and_shows_one_field(
    tmp_path: Path, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64

    monkeypatch.setenv("SONGDA_MASTER_KEY", base64.b64encode(bytes(range(32))).decode())
    desk = Desk(tmp_path)
    words = ("person", "show", "--case", CASE["case_no"], "--by", "ops-7")
    assert ROW["姓名"] not in desk.songda(*words)
    assert "--purpose" in desk.songda(*words, "--reveal", "name", rc=64)
    told = desk.json(*words, "--reveal", "id_number", "--purpose", "identity_check")
    assert told["id_number"] == [ROW["身份证号"]]
    assert told["name"] != [ROW["姓名"]]
    assert "可查看" in desk.songda(*words, "--reveal", "phones", "--purpose", "delivery", rc=77)
