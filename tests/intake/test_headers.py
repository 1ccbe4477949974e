"""Headers: which column is what, in the words of many institutions."""

from __future__ import annotations

import pytest

from songda.intake.errors import AmbiguousColumn, TooManyColumns, UnknownField
from songda.intake.fields import declared, field, single_fields
from songda.intake.headers import arrange, suggest_mapping


def key_of(header: str) -> str | None:
    return arrange([header], mapping=None).mapping.get(header)


@pytest.mark.parametrize("each", single_fields(), ids=lambda each: each.key)
def test_every_synonym_of_a_field_is_recognised(each):
    for name in [each.label, *declared()["fields"][each.key]["names"]]:
        assert key_of(name) == each.key
        assert key_of(f" {name.upper()}（必填） ") == each.key


def test_no_synonym_belongs_to_two_fields():
    names = [name for entry in declared()["fields"].values() for name in entry["names"]]
    names += [name for group in declared()["groups"].values() for name in group["names"]]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("本金(元)", "principal"),
        ("本金（元）", "principal"),
        ("本金【元】", "principal"),
        ("本 金", "principal"),
        ("*本金：", "principal"),
        ("ｉｄ＿ｎｕｍｂｅｒ", "id_number"),
        ("ID Number", "id_number"),
        ("\ufeff案件编号", "case_no"),
        ("姓\n名", "name"),
        ("综合年化成本(%)", "annual_cost"),
        ("手机号1", "phone1"),
        ("联系电话", "phone1"),
        ("地址1来源", None),
        ("本金(万元)", None),
        ("本金(分)", None),
        ("担保人姓名", None),
        ("第1联系人2姓名", None),
        ("地址1来源2", None),
        ("备注", None),
        ("", None),
    ],
)
def test_8_headers_are_recognised_through_their_dress_but_never_in_another_unit(header, key):
    assert key_of(header) == key


@pytest.mark.parametrize(
    ("headers", "keys"),
    [
        (["地址1", "地址1来源", "地址1日期"], ["address1.text", "address1.origin", "address1.recorded_on"]),
        (["地址一", "地址一来源"], ["address1.text", "address1.origin"]),
        (["地址3", "地址来源3"], ["address3.text", "address3.origin"]),
        (["第一联系人姓名", "第一联系人电话"], ["contact1.name", "contact1.phone"]),
        (["联系人姓名2", "联系人电话2", "联系人2与本人关系"], ["contact2.name", "contact2.phone", "contact2.relation"]),
        (["联系人", "联系人电话"], ["contact1.name", "contact1.phone"]),
        (["手机号", "联系电话2", "家庭电话"], ["phone1", "phone2", "phone3"]),
        (["户籍地址", "单位地址", "单位地址来源"], ["address1.text", "address2.text", "address2.origin"]),
        (["单位地址", "地址1"], ["address2.text", "address1.text"]),
    ],
)
def test_groups_of_columns_get_their_numbers(headers, keys):
    layout = arrange(headers, mapping=None)
    assert [layout.mapping[header] for header in headers] == keys
    assert layout.unknown == ()


@pytest.mark.parametrize(
    ("header", "origin"),
    [("身份证地址", "id_card"), ("合同地址", "contract"), ("预留地址", "reserved"), ("法院确认地址", "court")],
)
def test_a_header_that_names_the_source_states_the_origin(header, origin):
    assert arrange(["地址1", header], mapping=None).stated_origins == {2: origin}


@pytest.mark.parametrize(
    "header", ["户籍地址", "居住地址", "现住址", "单位地址", "家庭住址", "通讯地址", "收货地址", "地址"]
)
def test_a_header_that_names_a_kind_of_place_states_no_origin(header):
    assert arrange([header], mapping=None).stated_origins == {}


@pytest.mark.parametrize(
    ("headers", "label"),
    [
        (["姓名", "客户姓名"], "姓名"),
        (["姓名", "姓名"], "姓名"),
        (["本金", "剩余本金(元)"], "剩余本金"),
        (["地址1", "地址一"], "地址1"),
    ],
)
def test_8_two_columns_for_one_field_are_refused_with_both_names(headers, label):
    with pytest.raises(AmbiguousColumn) as caught:
        arrange(headers, mapping=None)
    assert caught.value.data["label"] == label
    assert caught.value.data["first"] == f"{headers[0]}（第 1 列）"
    assert caught.value.data["second"] == f"{headers[1]}（第 2 列）"
    assert headers[0] in caught.value.message_zh


def test_a_seventh_address_is_refused_and_never_dropped():
    with pytest.raises(TooManyColumns, match="备用地址"):
        arrange(["地址1", "地址2", "地址3", "地址4", "地址5", "地址6", "备用地址"], mapping=None)


def test_details_of_an_address_without_its_address_are_told_as_unknown():
    assert arrange(["地址1", "单位地址来源"], mapping=None).unknown == ("单位地址来源",)


def test_a_saved_mapping_wins_over_recognition():
    mapping = {"委托方案号": "case_no", "案件编号": "", "地 址 1": "address2.text"}
    layout = arrange(["委托方案号", "案件编号", "地址1", "地址1来源"], mapping=mapping)
    assert layout.mapping == {"委托方案号": "case_no", "地址1": "address2.text", "地址1来源": "address2.origin"}


def test_a_saved_mapping_can_settle_an_ambiguity():
    layout = arrange(["姓名", "客户姓名"], mapping={"客户姓名": ""})
    assert layout.mapping == {"姓名": "name"}


@pytest.mark.parametrize(
    "key", ["nonsense", "address7.text", "address1.nonsense", "address1", "phone11", "phone1.text", "contact5.name"]
)
def test_a_mapping_to_an_unknown_field_is_refused(key):
    with pytest.raises(UnknownField) as caught:
        arrange(["x"], mapping={"x": key})
    assert caught.value.exit_code == 78


def test_near_misses_are_offered_to_a_person_and_never_used_by_themselves():
    headers = ["案件编号", "客户姓名称", "剩馀本金"]
    assert suggest_mapping(headers) == {"案件编号": "case_no", "客户姓名称": "name", "剩馀本金": "principal"}
    assert arrange(headers, mapping=None).mapping == {"案件编号": "case_no"}


def test_required_columns_that_are_missing_are_named():
    layout = arrange(["案件编号", "姓名", "金额截止日"], mapping=None)
    assert layout.missing == ("身份证号", "剩余本金", "逾期起始日", "地址")


def test_fields_explain_themselves():
    for each in [*single_fields(), field("address1.text"), field("contact2.named_by"), field("phone3")]:
        assert each.label
        assert each.why
        assert each.format
        assert each.need in ("required", "fact", "optional")
