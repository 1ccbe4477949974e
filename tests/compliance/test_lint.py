"""Both sides of every word list: what must be caught however it is spelt, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.compliance import cover_hits, hits, lint, lint_cover, lint_paragraphs, lint_version

FORBIDDEN = [
    ("impersonation", "我是区人民法院的王法官，请马上还款"),
    ("impersonation", "本函由XX市公安局经侦支队发出"),
    ("impersonation", "人民法院已决定对你立案调查"),
    ("impersonation", "附：法院传票一份"),
    ("impersonation", "立案通知书"),
    ("impersonation", "你的案件已立案，请速处理"),
    ("impersonation", "案件已在法院立案"),
    ("impersonation", "执行通知书"),
    ("impersonation", "请接收公安协查函"),
    ("impersonation", "已对您签发冻结令"),
    ("impersonation", "派出所民警将上门核实"),
    ("impersonation", "检察院要求你于三日内到案"),
    ("impersonation", "本院依法通知如下"),
    ("impersonation", "法院通知书"),
    ("impersonation", "法院工作人员明天联系您"),
    ("threat", "再不还款就让你坐牢"),
    ("threat", "公安机关可以对你拘留十五日"),
    ("threat", "我们会安排抓捕"),
    ("threat", "明天上门把人带走"),
    ("threat", "将影响您子女的入学"),
    ("threat", "影响孩子参军、考公"),
    ("threat", "三代不能考公务员，儿子不能参军"),
    ("threat", "我们将通知你的单位"),
    ("threat", "将向您所在村委会通报"),
    ("threat", "逐一联系你的亲友"),
    ("threat", "我们会告诉你的父母和同事"),
    ("threat", "逾期不还，后果自负"),
    ("threat", "为避免拘留，请立即还款"),
    ("threat", "没有还款就坐牢"),
    ("threat", "我们不会放过你，你等着坐牢"),
    ("threat", "你是不是想坐牢"),
    ("threat", "我们不得不通知您的单位"),
    ("threat", "我们会把律师函寄到你公司前台"),
    ("threat", "我们会给你通讯录里的人打电话"),
    ("threat", "您将留下案底"),
    ("threat", "你儿子当兵政审过不了"),
    ("exposure", "把你的名字贴在村口"),
    ("exposure", "将你的身份证照片公布于众"),
    ("overstate", "冻结你微信支付宝银行卡"),
    ("overstate", "将被限制子女就读高收费私立学校"),
    ("fee_extra", "另需支付律师费3000元"),
    ("impersonation", "我们已经联系了法院执行局"),
    ("insult", "你这个老赖"),
    ("insult", "无赖行径"),
    ("insult", "你就是个骗子"),
    ("insult", "你属于恶意逃废债"),
    ("exposure", "将在网上曝光你的信息"),
    ("exposure", "公示您的照片"),
    ("exposure", "在小区张贴欠款通知"),
    ("exposure", "将群发短信给通讯录"),
    ("exposure", "把你的身份证发到微信群"),
    ("overstate", "这是最后通牒"),
    ("overstate", "您必将败诉"),
    ("overstate", "您名下房产一定会被查封"),
    ("overstate", "我所将立即强制执行"),
    ("overstate", "您将成为失信被执行人"),
    ("overstate", "我们百分之百胜诉"),
    ("overstate", "我们将冻结您的全部银行卡"),
    ("overstate", "把您列入征信黑名单"),
    ("crime", "您的行为涉嫌信用卡诈骗"),
    ("crime", "涉嫌贷款诈骗罪"),
    ("crime", "将移送公安机关"),
    ("crime", "我行将向公安机关报案"),
    ("crime", "依法追究您的刑事责任"),
    ("credit_record", "逾期记录将影响您的征信"),
    ("credit_record", "我行将依法向金融信用信息基础数据库报送"),
    ("credit_record", "依法报送征信系统"),
    ("borrow_to_pay", "请向亲友借钱还款"),
    ("borrow_to_pay", "您可以从其他平台贷款来还"),
    ("borrow_to_pay", "先借一笔来还清"),
    ("borrow_to_pay", "可以刷信用卡还款"),
    ("fee_extra", "律师费由您承担"),
    ("fee_extra", "您须另行支付上门费"),
]

LOOK_ALIKES = [
    "我方将依法向人民法院提起诉讼。",
    "我们承诺不公开您的个人信息。",
    "公安机关已发布防诈骗提示，请注意防范。",
    "信用卡诈骗高发，请妥善保管卡片。",
    "请将异议材料寄至本院路8号。",
    "委托人将申请人民法院冻结您的相应财产。",
    "您名下房产的拍卖款已用于抵偿部分本金。",
    "因司法冻结导致扣款失败的，请与开户行联系。",
    "判决生效后不履行的，对方当事人可以向人民法院申请强制执行。",
    "未经您同意，我们不会联系您的紧急联系人。",
    "根据《征信业管理条例》，报送不良信息应当事先告知本人。",
    "如您未在上述期限内还款，委托人有权向有管辖权的人民法院提起诉讼，由人民法院依法判决。",
    "本函由律师事务所受托发出，不是法院传票，也不代表人民法院。",
    "诉讼费用由人民法院依法确定由败诉方负担。",
    "如有人冒充公安机关、人民法院工作人员要求转账，请立即向公安机关报案。",
    "委托人可以依法申请财产保全。",
    "我方将依法申请财产保全，请求法院查封、冻结相应财产。",
    "如您在生效判决确定的期限内仍不履行，委托人可以申请强制执行，您可能被依法纳入失信被执行人名单。",
    "请凭记账传票到柜台查询。",
    "随函附宣传票据一份。",
    "如需协助，请协查询问窗口办理。",
    "请妥协查询后回复。",
    "请坐牢固的椅子。",
    "任何人不得以拘留、坐牢相威胁；如遇此类行为请拨打投诉电话。",
    "我们不会将您的照片曝光，也不会通知您的单位。",
    "严禁以曝光、张贴等方式催收。",
    "谨防骗子冒充本所律师。",
    "如有疑问，请联系我公司客服。",
    "您可以委托亲友代为还款。",
    "您可以告知家人代收本函。",
    "请您联系本单位法务部。",
    "由此产生的法律后果由您自行承担。",
    "古老赖以生存的手艺。",
    "他毫无赖账之意。",
    "照片曝光不足，请重新提交。",
    "本短信为系统群发，请勿回复。",
    "促进客群发展。",
    "邮票张贴处",
    "您已还清百分之百的本金。",
    "持有公司百分之百股权。",
    "请核对您的特征信息。",
    "您有权向征信中心查询本人信用报告。",
    "请勿以贷还贷。",
    "借款人应偿还本金和利息。",
    "借款还款计划见附件。",
    "按照借款合同第八条的约定，律师费由借款人承担。",
    "请警惕贷款诈骗短信。",
    "本函不涉及征信事宜。",
    "自人民法院受理之日起计算。",
    "本网站已在公安机关备案。",
    "若委托人起诉，案件由合同签订地人民法院管辖。",
    "本案尚未立案。",
    "建议您在收到本函之日起十五日内与我们联系，说明困难。",
    "您对金额有异议的，请提供证据，我们会在七个工作日内答复。",
    "影响您账户正常使用的，请与客服联系。",
]

SPELLINGS = [
    "坐 牢",
    "坐　牢",
    "坐\u200b牢",
    "坐\u2060牢",
    "坐\n牢",
    "坐*牢",
    "坐-牢",
    "坐.牢",
    "坐·牢",
    "坐\ufe0f牢",
    "坐/牢",
    "坐——牢",
    "坐~~~~~~牢",
    "做牢",
    "zuo牢",
    "坐LAO",
    "ｚｕｏ　牢",
]


@pytest.mark.parametrize(("name", "text"), FORBIDDEN)
def test_forbidden_wording_is_found_by_its_list(name: str, text: str) -> None:
    found = lint(text)
    assert name in {hit.list for hit in found}
    assert all(text[hit.start : hit.end] == hit.text for hit in found)


@pytest.mark.parametrize("text", [*LOOK_ALIKES, "请把基础做牢固", "店里卖张贴画", "邮箱 zhaolailai@bank.example"])
def test_lawful_wording_that_looks_alike_is_left_alone(text: str) -> None:
    assert lint(text) == []


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_word_is_found_however_it_is_spelt_and_its_span_is_of_the_text_as_given(spelling: str) -> None:
    text = f"三日内不还就{spelling}！"
    (hit,) = lint(text)
    assert (hit.list, hit.severity, hit.start, hit.end) == ("threat", "block", 6, 6 + len(spelling))


@pytest.mark.parametrize(
    "text",
    [
        *("你這個老賴", "法院傳票", "ｐ圖", "涉嫌信用卡詐騙", "老LAI", "lao lai", "老癞", "恶意逃廢債"),
        *("影響子女入學", "我們是人民檢察院", "將告知你的單位領導"),
    ],
)
def test_traditional_and_full_width_forms_are_found(text: str) -> None:
    assert lint(text)


def test_words_do_not_reach_across_a_paragraph_or_a_full_stop() -> None:
    assert lint("请坐\n\n牢记还款日") == []
    assert lint("请坐。牢记还款日") == []


def test_a_fact_of_the_case_may_be_stated_when_its_docket_number_is_on_file() -> None:
    text = "本案已由某区人民法院立案。"
    assert hits(text)["impersonation"] == 1
    assert hits(text, known={"docket_no"})["impersonation"] == 0
    assert hits("法院传票", known={"docket_no"})["impersonation"] == 1


def test_every_list_is_counted_even_when_nothing_was_found() -> None:
    assert hits("") == dict.fromkeys(
        [
            "impersonation",
            "threat",
            "insult",
            "exposure",
            "overstate",
            "crime",
            "credit_record",
            "borrow_to_pay",
            "fee_extra",
        ],
        0,
    )
    assert cover_hits("") == {"debt_words": 0}


def test_an_overlapping_wording_counts_once_a_list() -> None:
    assert hits("涉嫌信用卡诈骗罪")["crime"] == 1
    assert hits("老赖老赖")["insult"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "催收函",
        "逾期通知",
        "某银行信用卡中心",
        "贷 款 通 知",
        "欠款1,234.50元",
        "￥1234",
        "律师函",
        "债权转让",
        "个人消费贷",
        "金额：3万元",
        "DEBT",
    ],
)
def test_the_outside_of_an_envelope_tells_of_no_debt(text: str) -> None:
    assert cover_hits(text)["debt_words"] >= 1


@pytest.mark.parametrize(
    "text",
    [
        "某某律师事务所 北京市朝阳区三元桥东里1号元大都小区 100028",
        "函件 第LH2026-000123号 1份",
        "内蒙古自治区赤峰市元宝山区 张* 收",
        "88号1单元302室",
    ],
)
def test_names_addresses_and_numbers_may_stand_on_an_envelope(text: str) -> None:
    assert lint_cover(text) == []


@given(st.text(alphabet="坐牢老赖法院将依向起诉不得，。 \u200b\n*-Ａa1", max_size=60))
def test_spans_always_point_into_the_text(text: str) -> None:
    for hit in [*lint(text), *lint_cover(text)]:
        assert 0 <= hit.start < hit.end <= len(text)
        assert text[hit.start : hit.end] == hit.text


def test_the_version_names_the_word_lists() -> None:
    version, digest = lint_version().split("+")
    assert version.count(".") == 2
    assert len(digest) == 12


@pytest.mark.parametrize(
    "paragraphs",
    [
        ["否则坐", "牢", "严禁使用坐牢等用语", "老*赖"],
        ["坐\ue000牢", "坐 牢"],
        ["坐\n\n牢", "坐\n牢", ""],
        ["\u200b坐\u200b牢，通知你的\n单位", "无 赖"],
    ],
)
def test_paragraphs_are_read_as_a_text_with_blank_lines_between_them(paragraphs: list[str]) -> None:
    starts = [sum(len(each) + 2 for each in paragraphs[:n]) for n in range(len(paragraphs))]
    whole = [(hit.list, hit.start, hit.end, hit.text) for hit in lint("\n\n".join(paragraphs))]
    parts = [(hit.list, hit.start + starts[n], hit.end + starts[n], hit.text) for n, hit in lint_paragraphs(paragraphs)]
    assert parts == whole
