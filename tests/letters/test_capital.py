import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.letters.capital import capital_yuan

# From the annex of 支付结算办法 and the forms that banks hand out.
TABLE = {
    0: "零元整",
    1: "壹分",
    10: "壹角整",
    15: "壹角伍分",
    100: "壹元整",
    105: "壹元零伍分",
    140_950: "壹仟肆佰零玖元伍角整",
    600_714: "陆仟零柒元壹角肆分",
    168_032: "壹仟陆佰捌拾元叁角贰分",
    # The rules leave it open whether 零 stands before 角 when 元 ends in zero; we leave it out.
    10_700_053: "壹拾万柒仟元伍角叁分",
    1_640_902: "壹万陆仟肆佰零玖元零贰分",
    32_504: "叁佰贰拾伍元零肆分",
    1_000: "壹拾元整",
    100_000_000: "壹佰万元整",
    10_000_000_000: "壹亿元整",
    10_000_000_100: "壹亿零壹元整",
    1_000_100_000_000: "壹佰亿零壹佰万元整",
    1_000_000_000_000_00: "壹万亿元整",
}


@pytest.mark.parametrize(("fen", "words"), TABLE.items())
def test_amounts_are_written_as_the_rules_of_payment_say(fen: int, words: str) -> None:
    assert capital_yuan(fen) == words


@pytest.mark.parametrize("fen", [-1, 10**18])
def test_an_amount_out_of_range_is_refused(fen: int) -> None:
    with pytest.raises(ValueError, match="range"):
        capital_yuan(fen)


def spelled_out(fen: int) -> str:
    """Another way to the same words: name every place, zeros too, then strike out what is not said."""
    yuan, jiao, cents = fen // 100, fen // 10 % 10, fen % 10
    digits = "零壹贰叁肆伍陆柒捌玖"
    units = ["", "拾", "佰", "仟", "万", "拾", "佰", "仟", "亿", "拾", "佰", "仟", "万", "拾", "佰", "仟"]
    places = reversed(units[: len(str(yuan))])
    words = "".join(digits[int(digit)] + unit for digit, unit in zip(str(yuan), places, strict=True))
    words = re.sub("零[拾佰仟]", "零", words)
    words = re.sub("零+", "零", words)
    words = re.sub("零(?=[万亿]|$)", "", words)
    # A 万 of which nothing is left between two 亿-groups is not said.
    words = re.sub("(?<=亿)万", "零", words)
    words = re.sub("零+", "零", words).rstrip("零")
    text = words + "元" if yuan else ""
    if jiao:
        text += digits[jiao] + "角"
    elif cents and yuan:
        text += "零"
    return (text + (digits[cents] + "分" if cents else "整")) if fen else "零元整"


@given(
    st.integers(0, 10**13)
    | st.integers(0, 10**6)
    | st.builds(lambda n, z: n * 10**z, st.integers(0, 9999), st.integers(0, 9))
)
def test_amounts_agree_with_another_way_to_write_them(fen: int) -> None:
    assert value(capital_yuan(fen)) == fen
    if fen < 10**12:
        assert capital_yuan(fen) == spelled_out(fen)


def value(words: str) -> int:
    """The amount that the words say."""
    whole, _, rest = words.rpartition("元") if "元" in words else ("", "", words)
    digits = {character: number for number, character in enumerate("零壹贰叁肆伍陆柒捌玖")}
    fen = sum(
        digits[found[0]] * (10 if found[1] == "角" else 1)
        for found in re.findall("([壹贰叁肆伍陆柒捌玖])([角分])", rest)
    )
    return section(whole, digits) * 100 + fen


def section(words: str, digits: dict[str, int]) -> int:
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        if unit in words:
            high, low = words.rsplit(unit, 1)
            return section(high, digits) * size + section(low, digits)
    pairs = re.findall("([壹贰叁肆伍陆柒捌玖])([拾佰仟]?)", words)
    return sum(digits[digit] * {"": 1, "拾": 10, "佰": 100, "仟": 1000}[unit] for digit, unit in pairs)
