"""One spelling for what people write in many."""

from __future__ import annotations

import pytest

from songda.address.fold import LONGEST, fold, is_mojibake


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("１２号３栋", "12号3栋"),
        ("Ａ座１２０１室", "A座1201室"),
        ("　上海市　", "上海市"),
        ("上海市\t宝山区\n杨泰路", "上海市 宝山区 杨泰路"),
        ("上海\u00a0\u2003宝山", "上海 宝山"),
        ("上海\u200b市\ufeff", "上海市"),
        ("上海\x00市\x07", "上海市"),
        ("12号😀🏠3栋", "12号3栋"),
        ("12－3—4–5", "12-3-4-5"),
        ("12～3", "12-3"),
        ("（附近）", "(附近)"),
        ("［附近］", "(附近)"),
        ("「锦绣」", "【锦绣】"),
        ("〔锦绣〕", "【锦绣】"),
        ("9＃415", "9#415"),
        ("№9", "#9"),
        ("上海，宝山；杨泰。路", "上海,宝山,杨泰,路"),
        ("地址：上海", "地址:上海"),
        ("①号", "1号"),
        ("廣東省臺北", "广东省台北"),
        ("乾安县", "乾安县"),
        ("〇号", "〇号"),
        ("漢陽區", "汉阳区"),
        ("e\u0301", "e"),
        ("", ""),
        ("\ud800上海", "上海"),
    ],
)
def test_one_spelling(raw: str, folded: str) -> None:
    assert fold(raw) == folded


def test_folding_twice_changes_nothing() -> None:
    text = "　廣東省（深圳）Ａ座①－１２０１＃，室\u200b😀"
    assert fold(fold(text)) == fold(text)


def test_a_text_is_cut_at_its_longest() -> None:
    assert len(fold("路" * 10_000)) == LONGEST


@pytest.mark.parametrize("text", ["上海\ufffd市", "锟斤拷锟斤拷", "ÉÏº£ÊÐ"])
def test_text_lost_in_decoding_is_seen(text: str) -> None:
    assert is_mojibake(text)


def test_a_good_text_is_not_taken_for_lost() -> None:
    assert not is_mojibake("上海市宝山区杨泰路80号 Café")
