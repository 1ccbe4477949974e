from typing import get_args

import pytest

from songda.letters import Kind, check, finding_zh, house_template

END = "感谢您的配合。"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_templates_of_the_house_may_be_sent(kind: Kind) -> None:
    assert check(house_template(kind).text) == ()


@pytest.mark.parametrize(
    ("words", "code", "severity"),
    [
        ("再不还就让你坐牢", "threat", "block"),
        ("您是老赖", "insult", "block"),
        ("立即强制执行", "overstate", "block"),
        ("请查收传票", "impersonation", "block"),
        ("您涉嫌信用卡诈骗", "crime", "review"),
        ("请转到 6222 0212 3456 7890 123", "account.written", "block"),
        ("另付律师费 5,000元", "amount.written", "review"),
    ],
)
def test_a_forbidden_word_is_found_where_it_stands(words: str, code: str, severity: str) -> None:
    text = house_template("reminder").text.replace(END, words)
    (finding,) = [each for each in check(text) if each.code == code]
    assert finding.severity == severity
    assert text[finding.start : finding.end] == finding.text
    assert finding.text in words
    assert finding.text in finding_zh(finding)


@pytest.mark.parametrize("hidden", ["坐**牢**", "坐{{如果 官方应用}}{{结束}}牢", "坐{{官方应用}}牢", "坐\n牢", "坐 牢"])
def test_no_tag_hides_a_word_from_the_linter(hidden: str) -> None:
    found = check(house_template("reminder").text.replace(END, f"让你{hidden}"))
    assert [(each.severity, each.code) for each in found] == [("block", "threat")]


def test_a_court_may_be_named_with_its_docket_number_only() -> None:
    said = "法院已依法立案。"
    forward = house_template("court_forward").text.replace("特此转送。", said)
    assert check(forward) == ()
    assert [each.code for each in check(house_template("reminder").text.replace(END, said))] == ["impersonation"]


def test_each_code_of_the_reader_has_words_for_a_person() -> None:
    import re
    from pathlib import Path

    import songda.letters.reading as reading
    from songda.letters.checking import _words

    source = Path(str(reading.__file__)).read_text("utf-8")
    codes = set(re.findall(r'"((?:head|character|variable|block|word|condition|bold|tag)\.[a-z_]+|too_long)"', source))
    assert len(codes) > 20
    assert codes <= set(_words())
