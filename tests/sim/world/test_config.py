from datetime import date

import pytest

from songda.sim.world import BadConfig, UnknownConfig, generate
from songda.sim.world.config import known, parse, read

TEXT = read("cn-default").text


def test_every_configuration_that_ships_is_complete():
    assert "cn-default" in known()
    for name in known():
        assert read(name).name == name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("typo = 0.03", "", "[texts] 缺少 typo"),
        ("typo = 0.03", "typo = 0.03\ntypos = 0.03", "[texts] 不认识 typos"),
        ("[broken]", "[breken]", "缺少 broken；不认识 breken"),
        ("spouse = 0.26", "spouse = 0.36", "[contacts] relations 各项之和应为 1，现为 1.1"),
        ("spouse = 0.26", "spouse = 1.26", "[contacts] relations 的每一项应在 0 到 1 之间"),
        ("tries = 3", 'tries = "drei"', "[delivery] tries 应为不小于 0 的整数"),
        ("lost = 0.003", "lost = -0.003", "[delivery] lost 应为不小于 0 的数"),
        ("tries = 3", "tries = true", "[delivery] tries 应为不小于 0 的整数"),
        ("phones = [0.55, 0.35, 0.10]", "phones = []", "[persons] phones 应为非空的列表"),
        ("[portfolio]", "[portfolio", "不是 TOML"),
    ],
)
def test_mistake_in_a_configuration_is_named_with_its_place(old, new, said):
    assert old in TEXT
    with pytest.raises(BadConfig) as error:
        parse("mine", TEXT.replace(old, new))
    assert "mine" in error.value.message_zh
    assert said in error.value.message_zh


def test_unknown_configuration_is_answered_with_the_known_ones():
    with pytest.raises(UnknownConfig) as error:
        generate(cases=1, seed=1, as_of=date(2026, 11, 24), config="mars")
    assert "mars" in error.value.message_zh
    assert "cn-default" in error.value.message_zh
    with pytest.raises(UnknownConfig):
        read("../cn-default")
