"""Contacts who said so, or who are hardly genuine, are left alone; the filter names what judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from bank import opened, rows_of, taken_in

from songda.feedback import approve, keep
from songda.flow.contact_filter import CONTACT_RULE, filter_contacts
from songda.flow.erasure import erase_person
from songda.flow.stop import UnknownCase
from songda.models import contacts
from songda.sim.case_rows import AT, case_row, write_rows
from songda.store import tables

NAMED = {
    "联系人1姓名": "王平",
    "联系人1电话": "19900000002",
    "联系人1关系": "父母",
    "联系人1来源": "合同",
    "联系人1号码状态": "正常",
    "联系人1核实结果": "已确认",
    "联系人2姓名": "李静",
    "联系人2电话": "19900000003",
    "联系人2关系": "朋友",
    "联系人2来源": "债务人提供",
    "联系人2号码状态": "正常",
    "联系人2核实结果": "拒绝联系",
    "联系人3姓名": "陈一",
    "联系人3电话": "19900000004",
    "联系人3关系": "朋友",
    "联系人3来源": "债务人提供",
    "联系人3号码状态": "空号",
}


def taken(house: Any, tmp_path: Path) -> str:
    row = case_row(0, 0) | NAMED
    taken_in(house, write_rows(tmp_path / "cases.csv", row))
    return str(row["案件编号"])


def test_by_the_rule_whoever_said_no_or_cannot_be_reached_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        case_no = taken(house, tmp_path)
        with house.engine.connect() as connection:
            named, label = filter_contacts(connection, house.tenant, case_no=case_no)
            with pytest.raises(UnknownCase):
                filter_contacts(connection, house.tenant, case_no="AN-0")
        assert label == CONTACT_RULE
        assert [(each.ordinal, each.removed, each.why) for each in named] == [
            (1, False, ()),
            (2, True, ("refused",)),
            (3, True, ("dead",)),
        ]
        # Comparable, and no name or number in the clear.
        k = tables.contact_record.c
        [first, *_] = rows_of(house, *k, ordinal=1)
        assert len(first.number) == 32
        assert "王平" not in repr(first)
        assert "19900000002" not in repr(first)


def test_an_approved_filter_judges_and_never_brings_back_who_said_no(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    plain = pl.DataFrame({name: np.abs(rng.normal(size=400)) for name in contacts.FEATURES[:-1]})
    fitted = contacts.fit(plain.with_columns(confirmed=pl.lit(value=False)))
    with opened(tmp_path) as house:
        case_no = taken(house, tmp_path)
        with house.engine.begin() as connection:
            number = keep(connection, house.tenant.id, "contacts", fitted, {}, by="ops-7", at=AT)
            approve(connection, house.tenant.id, "contacts", number, by="ops-2", at=AT)
        with house.engine.connect() as connection:
            named, label = filter_contacts(connection, house.tenant, case_no=case_no)
        assert label == fitted.version
        assert [each.removed for each in named][1:] == [True, True]
        assert all(each.odd is not None for each in named)


def test_what_can_be_compared_of_contacts_goes_with_the_person(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        case_no = taken(house, tmp_path)
        with house.engine.begin() as connection:
            connection.execute(tables.letter.update().values(state="closed"))
        erase_person(house.engine, house.tenant, tmp_path, case_no=case_no, reason="requested", by="dpo-1", at=AT)
        assert rows_of(house, tables.contact_record.c.id) == []
        # That something was said of a letter stays; what of the person it was said from does not.
        p = tables.prediction.c
        assert {row.inputs for row in rows_of(house, p.inputs)} == {None}
