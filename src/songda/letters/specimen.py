"""A letter to an invented person, for looking at a template: fixed, so that equal templates give equal pictures."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from songda.letters.content import (
    WITHOUT_DEBT,
    Addressee,
    Content,
    DebtLine,
    Firm,
    Institution,
    Lawyer,
    Mandate,
    RepayAccount,
)
from songda.letters.template import Template
from songda.letters.wording import from_example

FIRM = Firm("青石律师事务所", "上海市黄浦区测试路1号18层", "200001", "021-55550000", "23101202600000001")
LAWYER = Lawyer("刘正言", "13101202600000002", "021-55550018")
INSTITUTION = Institution(
    name="云杉消费金融有限公司",
    address="上海市浦东新区样例路9号",
    phone="400-000-1234",
    complaint_phone="400-000-5678",
    query_channel="“云杉金融”应用“我的合同”页面",
    dispute_channel="“云杉金融”应用“异议申请”页面",
    hardship_channel="“云杉金融”应用“还款协商”页面",
    data_protection_contact="privacy@yunshan.example",
    repay_accounts=(RepayAccount("云杉消费金融有限公司", "样例银行上海分行营业部", "31010000000000001234"),),
    official_app="云杉金融",
)
_LINES = tuple(
    DebtLine(
        contract_no_masked=f"尾号{tail}",
        product_name=product,
        disbursed_on=date(2024, 3, 1),
        loan_amount_fen=2_000_000,
        due_on=date(2025, 3, 1),
        overdue_since=date(2025, 3, 2),
        principal_fen=principal,
        interest_fen=12_346,
        penalty_fen=678,
        fees_fen=0,
        paid_fen=500_000,
        total_fen=principal + 12_346 + 678,
    )
    for tail, product, principal in (("000101", "云享贷", 1_013_700), ("000102", "装修分期贷款（第二期）", 1_496_300))
)


def anonymous(content: Content) -> Content:
    """The same letter to somebody who does not exist: nothing of its addressee, debts, numbers or values stays."""
    lines = tuple(_LINES[number % len(_LINES)] for number in range(len(content.lines)))
    return replace(
        content,
        letter_no="（2026）青石函字第000001号",
        addressee=Addressee("柳如烟", ("浙江省杭州市西湖区文一路街道", "文一路18号翠苑小区2幢3单元401室"), "310012"),
        lines=lines,
        total_fen=sum(line.total_fen for line in lines),
        check_url="https://check.qingshi.example/l/000001-bm90IGEgcmVhbCB0b2tlbg",
        # Values of the template's own variables are the profile's, or a court's words about one person.
        extra=tuple((name, _neutral(value)) for name, value in content.extra),
    )


def _neutral(value: str | int | bool) -> str | int | bool:
    if not isinstance(value, str):
        return value
    return "2026-11-24" if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "样例"


def invented(template: Template) -> Content:
    """What a letter of the template would say to somebody who does not exist, as a sample without a seal."""
    debts = () if template.kind in WITHOUT_DEBT else _LINES
    return Content(
        kind=template.kind,
        letter_no="（2026）青石函字第000001号",
        date=date(2026, 11, 25),
        firm=FIRM,
        lawyer=LAWYER,
        institution=INSTITUTION,
        addressee=Addressee("柳如烟", ("浙江省杭州市西湖区文一路街道", "文一路18号翠苑小区2幢3单元401室"), "310012"),
        mandate=Mandate("YS-WT-2026-0017", date(2026, 10, 8)),
        lines=debts,
        total_fen=sum(line.total_fen for line in debts),
        amounts_on=date(2026, 11, 24),
        pay_within_days=15,
        check_url="https://check.qingshi.example/l/000001-bm90IGEgcmVhbCB0b2tlbg",
        decided_by_model=False,
        drill=False,
        extra=tuple(sorted((each.name, from_example(each)) for each in template.wording.variables)),
    )
