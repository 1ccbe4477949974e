"""Masks as tables: what is shown of a field, and that nothing is ever shown whole where it must not be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.vault.mask import (
    mask_address,
    mask_bank_card,
    mask_contract_no,
    mask_id_number,
    mask_name,
    mask_phone,
    show,
    show_address,
    waybill_address,
)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("张三", "张*"),
        ("张三丰", "张**"),
        ("欧阳娜娜", "欧**"),
        ("买买提·吐尔逊", "买**"),
        ("张 三", "张*"),
        ("䶮", "*"),
        ("𡋾某", "𡋾*"),
        ("葛\U000e0100", "*"),
        ("John Smith", "J**"),
        ("", ""),
    ],
)
def test_names(name: str, seen: str) -> None:
    assert mask_name(name) == seen


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        ("11010519491231002X", "1****************X"),
        ("110105194912310025", "1****************5"),
        ("110105491231002", "1*************2"),
        ("１１０１０５１９４９１２３１００２Ｘ", "1****************X"),
        ("E12345678", "E*******8"),
        ("1234567", "*******"),
        ("", ""),
    ],
)
def test_id_numbers(number: str, seen: str) -> None:
    assert mask_id_number(number) == seen


@pytest.mark.parametrize(
    ("phone", "seen"),
    [
        ("13800138034", "138******34"),
        ("138-0013-8034", "138******34"),
        ("138 0013 8034", "138******34"),
        ("+86 13800138034", "138******34"),
        ("008613800138034", "138******34"),
        ("１３８００１３８０３４", "138******34"),
        ("010-62345678", "*********78"),
        ("62345678", "******78"),
        ("6234567", "******7"),
        ("10086", "*****"),
        ("", ""),
    ],
)
def test_phones(phone: str, seen: str) -> None:
    assert mask_phone(phone) == seen


@pytest.mark.parametrize(
    ("number", "seen"),
    [("6222021234567890123", "****0123"), ("6222 0212 3456 7890", "****7890"), ("1234", "****34"), ("", "****")],
)
def test_bank_cards(number: str, seen: str) -> None:
    assert mask_bank_card(number) == seen


@pytest.mark.parametrize(
    ("number", "seen"), [("HT-2025-000123456", "****123456"), ("A12345", "****345"), ("7", "****"), ("", "****")]
)
def test_contract_numbers(number: str, seen: str) -> None:
    assert mask_contract_no(number) == seen


FLAT = {
    "province": "浙江省",
    "city": "杭州市",
    "district": "拱墅区",
    "town": "朝晖街道",
    "road": "虚构路",
    "road_no": "12号",
    "poi": "样例花园",
    "building": "3幢",
    "unit": "2单元",
    "floor": "5层",
    "room": "501室",
    "village": None,
    "noise": "找老王",
}
MUNICIPALITY = {"province": "北京市", "city": "北京市", "district": "海淀区", "road": "虚构路", "room": "501室"}


@pytest.mark.parametrize(
    ("parts", "role", "seen"),
    [
        (FLAT, "list", "浙江省杭州市拱墅区***"),
        (FLAT, "waybill", "浙江省杭州市拱墅区朝晖街道虚构路12号样例花园3幢***"),
        (FLAT, "letter", "浙江省杭州市拱墅区朝晖街道虚构路12号样例花园3幢2单元5层501室"),
        (FLAT, "log", None),
        (MUNICIPALITY, "list", "北京市海淀区***"),
        ({}, "list", "***"),
        ({"province": None}, "waybill", "***"),
    ],
)
def test_addresses(parts: dict[str, str | None], role: str, seen: str | None) -> None:
    assert show_address(parts, role=role) == seen  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value", "in_list", "waybill", "letter"),
    [
        ("name", "张三丰", "张**", "张**", "张三丰"),
        ("id_number", "11010519491231002X", "1****************X", None, "****002X"),
        ("phone", "13800138034", "138******34", "138******34", None),
        ("bank_card", "6222021234567890123", "****0123", None, "****0123"),
        ("contract_no", "HT-2025-000123456", "****123456", None, "****123456"),
    ],
)
def test_each_role_sees_what_the_table_says_and_a_log_sees_nothing(
    field: str, value: str, in_list: str | None, waybill: str | None, letter: str | None
) -> None:
    seen = [show(field, value, role=role) for role in ("list", "waybill", "letter", "log")]  # type: ignore[arg-type]
    assert seen == [in_list, waybill, letter, None]


@pytest.mark.parametrize(("field", "role"), [("name", "everyone"), ("salary", "list")])
def test_an_unknown_field_or_role_shows_nothing_at_all(field: str, role: str) -> None:
    with pytest.raises(KeyError):
        show(field, "张三丰", role=role)  # type: ignore[arg-type]


digits = st.text("0123456789０１２３ -+", max_size=24)


@given(digits)
def test_at_least_six_digits_of_any_phone_stay_hidden(phone: str) -> None:
    # isdecimal: full-width digits count, as they do for a reader.
    given_digits = sum(c.isdecimal() for c in phone)
    assert sum(c.isdecimal() for c in mask_phone(phone)) <= max(0, given_digits - 6)


@given(st.text(max_size=30).filter(lambda text: "*" not in text))
def test_no_mask_ever_gives_back_its_input(text: str) -> None:
    for mask in (mask_name, mask_id_number, mask_phone, mask_bank_card, mask_contract_no):
        seen = mask(text)
        assert "*" in seen or seen == ""


@given(unit=st.text("甲乙丙丁", min_size=2), room=st.text("0123456789", min_size=3))
def test_unit_and_room_never_reach_a_waybill(unit: str, room: str) -> None:
    parts = {"province": "浙江省", "city": "杭州市", "unit": unit, "room": room, "floor": room, "noise": room}
    assert waybill_address(parts) == mask_address(parts) == "浙江省杭州市***"
