"""One spelling for what people write in many: the folding kernel against its reference, and tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from address_reference.fold import fold, is_mojibake
from songda.address.compiled.lexicon import lexicon
from songda.address.compiled.tokens import LONGEST, MOJIBAKE, TOO_LONG, new_text, scan, tokenize

TEXT = new_text()


def scanned(raw: str) -> tuple[str, int]:
    """Folded characters without blanks, and the findings."""
    data = np.frombuffer(raw.encode() + b"\0", np.uint8)
    count, found = scan(data, 0, len(data) - 1, lexicon().fold, lexicon().symbol, TEXT)
    return "".join(map(chr, TEXT.char[:count])), found


def tokens(raw: str) -> list[str]:
    text, _ = scanned(raw)
    count = tokenize(TEXT, len(text))
    return [text[TEXT.start[t] : TEXT.start[t + 1]] for t in range(count)]


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("１２号３栋", "12号3栋"),
        ("Ａ座１２０１室", "A座1201室"),
        ("　上海市　", "上海市"),
        ("上海市\t宝山区\n杨泰路", "上海市宝山区杨泰路"),
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
        ("𠀀村", "𠀀村"),
        ("", ""),
    ],
)
def test_one_spelling(raw: str, folded: str) -> None:
    assert scanned(raw)[0] == folded
    assert fold(raw).replace(" ", "") == folded


CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF), st.sampled_from("廣東省１２－（）【】　")
)


@settings(deadline=None)  # the first call compiles
@given(st.text(alphabet=CHARACTERS, max_size=80))
def test_the_kernel_folds_as_its_reference_does(raw: str) -> None:
    raw = raw.replace("\ufffd", "")
    assert scanned(raw)[0] == fold(raw).replace(" ", "")


@settings(deadline=None)  # the first call compiles
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80))
def test_every_character_tells_where_it_came_from(raw: str) -> None:
    text, _ = scanned(raw)
    origins = TEXT.origin[: len(text)].tolist()
    assert origins == sorted(set(origins))
    assert all(fold(raw[at]).replace(" ", "") in (char, "") for at, char in zip(origins, text, strict=True))


def test_a_text_is_cut_at_its_longest() -> None:
    text, found = scanned("路" * 10_000)
    assert len(text) == LONGEST
    assert found & TOO_LONG


@pytest.mark.parametrize("raw", ["上海\ufffd市", "ÉÏº£ÊÐ"])
def test_text_lost_in_decoding_is_seen(raw: str) -> None:
    assert scanned(raw)[1] & MOJIBAKE
    assert is_mojibake(raw)


def test_a_good_text_is_not_taken_for_lost() -> None:
    assert not scanned("上海市宝山区杨泰路80号 Café")[1] & MOJIBAKE


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("杨泰路1533弄80号", ["杨", "泰", "路", "1533", "弄", "80", "号"]),
        ("B12-3", ["B", "12", "-", "3"]),
        ("12 34号", ["12", "34", "号"]),
        ("KFC店", ["KFC", "店"]),
        ("【三栋】", ["【", "三", "栋", "】"]),
    ],
)
def test_runs_of_digits_and_letters_are_one_token(raw: str, found: list[str]) -> None:
    assert tokens(raw) == found
