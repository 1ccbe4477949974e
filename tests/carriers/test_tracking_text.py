import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.carriers import redact_desc
from songda.carriers.tracking_text import read_signer, signer_words


@pytest.mark.parametrize(
    ("desc", "redacted"),
    [
        ("中国邮政 已收取快件", "中国邮政 已收取快件"),
        (
            "快件离开【杭州市邮件处理中心】，正在发往【西湖区投递部】",
            "快件离开【杭州市邮件处理中心】，正在发往【西湖区投递部】",
        ),
        ("快件到达【文一路邮政支局】", "快件到达【文一路邮政支局】"),
        ("快件正在派送中，请耐心等待，快递员【方志远，13900001234】", "快件正在派送中，请耐心等待，快递员【***】"),
        ("投递员：方志远，电话：0571-88880000", "投递员***，电话：***"),
        ("快递员(方志远 139 0000 1234)正在派送", "快递员***正在派送"),
        ("快递员方志远正在派送，电话13900001234", "快递员***正在派送，电话***"),
        ("您的快件已签收【本人，柳如烟，13900001234】", "您的快件已签收【本人】"),
        ("您的快件已代签收【柳大壮】，联系电话+86 139-0000-1234", "您的快件已代签收【***】，联系电话***"),
        ("您的快件已代签收【家人，，】", "您的快件已代签收【家人】"),
        ("签收人：柳如烟", "签收人***"),
        ("快递员【方志远，1390000", "快递员【***】"),
        ("证件号330106199001011234已核对", "证件号***已核对"),
        (
            "因收件人名址有误/不详且电话无法接通，将再次联系收件人进行投递",
            "因收件人名址有误/不详且电话无法接通，将再次联系收件人进行投递",
        ),
    ],
)
def test_names_and_numbers_are_masked_and_offices_stay(desc, redacted):
    assert redact_desc(desc) == redacted


def test_known_name_is_masked_wherever_it_stands():
    assert "柳如烟" not in redact_desc("柳如烟的快件，已送至柳如烟处", names=["柳如烟"])


@given(
    st.text(alphabet="快递员收件人签【】[]()（），：: 方志远139-", max_size=60),
    st.text("0123456789", min_size=7, max_size=18),
)
def test_no_run_of_seven_digits_ever_remains(text, digits):
    assert not re.search(r"\d{7}", redact_desc(text + digits + text))


@given(st.text(alphabet="已签收代本人家柳如烟【】，,：:*快件 ", max_size=60))
def test_reading_and_masking_never_fail(text):
    assert isinstance(redact_desc(text), str)
    assert read_signer(text, addressee="柳如烟").relation in {"", *signer_words()}


@pytest.mark.parametrize(
    ("desc", "relation", "name_match"),
    [
        ("您的快件已签收【本人，，】", "本人", None),
        ("您的快件已签收【柳如烟】", "", True),
        ("您的快件已签收【柳如烟，13900001234】", "", True),
        ("您的快件已签收【本人，柳大壮】", "本人", False),
        ("您的快件已代签收【家人，，】", "家人", None),
        ("您的快件已代签收【柳大壮，，】", "他人", False),
        ("您的快件已签收【柳*】", "", None),
        ("您的快件已签收【柳**】", "", None),
        ("您的快件已签收【方**】", "", False),
        ("签收人：柳如烟", "", True),
        ("快件正在派送中，快递员【柳如烟，13900001234】", "", None),
    ],
)
def test_signer_is_read_from_the_text(desc, relation, name_match):
    signer = read_signer(desc, addressee="柳如烟")
    assert (signer.relation, signer.name_match) == (relation, name_match)


def test_without_addressee_no_name_is_judged():
    assert read_signer("您的快件已签收【柳如烟】", addressee=None).name_match is None
