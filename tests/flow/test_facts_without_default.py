"""No fact has a default: whatever the profile does not state stops the letters that need it, and says so."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from flow_house import AT, DAY, House
from sqlalchemy import select

from songda.base.errors import SongdaError
from songda.flow.approve import approve
from songda.flow.assemble import assemble
from songda.flow.decide import decide
from songda.flow.post import contract_of, sender_of
from songda.flow.produce import produce
from songda.flow.proposal import propose
from songda.flow.receive import open_batch, receive
from songda.flow.tenants import Tenant, import_tenant
from songda.intake.profile import parse_profile, stated
from songda.letters import new_lawyer_key
from songda.sim.world import generate
from songda.store import tables

PASSWORD = "only-for-tests"
PRIVATE, PUBLIC = new_lawyer_key(PASSWORD)
EVIDENCE = ("contract", "disbursement", "repayment_ledger", "overdue_statement", "identity", "mandate")

#: Line of the profile (its beginning) → what the stopped letters say.
AT_DECISION = {
    'data_region = "CN"': "D06",
    "evidence_pack = ": "L04",
    'licence_no = "31310000E': "L01",
    "licence_valid_until = 2036-12-31\naddress": "L01",
    'no = "YX-2026-001"': "L01",
    "signed_on = ": "L01",
    "valid_until = 2036-01-04": "L01",
    "document_sha256 = ": "L01",
    "purpose = ": "D03",
    "term_until = 2036-01-04\nmethod": "D03",
    "method = ": "D03",
    'kinds = ["姓名"': "D03",
    "safeguards = ": "D03",
    "duties = ": "D03",
    "sub_consent = ": "D03",
    "max_fen_per_run = ": "limits_unset",
    "min_amount_fen = ": "limits_unset",
    "max_letters_per_day = ": "limits_unset",
}
AT_APPROVAL = {
    'name = "上海示例律师事务所"\nlicence_no': "unstated:firm.name",
    'address = "上海市静安区示例西路200号12楼"': "unstated:firm.address",
    'postcode = "200040"\nphone = "021-61000000"\ncheck_url': "unstated:firm.postcode",
    'phone = "021-61000000"\ncheck_url': "unstated:firm.phone",
    "check_url = ": "unstated:firm.check_url",
    'phone = "021-61000001"': "unstated:lawyer.phone",
    'licence_no = "13101202000000000"': "unstated:lawyer.licence_no",
    "licence_valid_until = 2036-12-31\nphone": "L02",
    "assigned = true": "L02",
    "conflict = false": "L02",
    'name = "云溪示例消费金融有限公司"\naddress': "unstated:institution.name",
    'address = "上海市浦东新区示例路100号"': "unstated:institution.address",
    'phone = "021-60000000"': "unstated:institution.phone",
    "complaint_phone = ": "unstated:institution.complaint_phone",
    "query_channel = ": "unstated:institution.query_channel",
    "dispute_channel = ": "unstated:institution.dispute_channel",
    "hardship_channel = ": "unstated:institution.hardship_channel",
    "data_protection_contact = ": "unstated:institution.data_protection_contact",
    'kinds = ["lawyer_letter"]': "unstated:policy.kinds",
    "pay_within_days = ": "unstated:policy.pay_within_days",
}
NOBODY_SIGNS = {
    'name = "林示例"': "NoSuchLawyer",
    "public_key = ": "NoSuchLawyer",
    "daily_max = ": "DailyMaximumReached",
}
AT_THE_LOCK = {
    "hides_name = ": "E02",
    "hides_phone = ": "E02",
    "hides_room = ": "E02",
    'name = "上海示例律师事务所"\nprov': "E05",
    'prov = "上海市"': "E05",
    'city = "上海市"': "E05",
    'county = "静安区"': "E05",
    'address = "示例西路200号12楼"': "E05",
    'phone = "021-61000000"\n\n[budget]': "E05",
}
NO_CONTRACT = {
    'kind = "china_post_ems"': "kind",
    'endpoint = "': "endpoint",
    'sender_no = "': "sender_no",
    "authorization_env = ": "authorization",
    'product = "': "product",
}


#: An account in the creditor's name or the official application, either of them complete: somewhere to pay.
WAYS_TO_PAY = ('bank = "示例银行上海分行营业部"', 'number = "6200000000000000000"', "official_app = ")
#: What no letter needs, and why.
NOT_NEEDED = {
    'name = "云溪示例消费金融有限公司"\nbank': "the account is then none: one of two ways to pay",
    "letter_series = ": "numbers are then the year and the serial alone",
    'id = "PIA-2026-001"': "rule D04 asks for it where a model decided; here rules decide",
    "done_on = ": "as above",
    "human_route = ": "as above",
    "sign_key_env = ": "the carrier's document then signs with the authorization",
    "label_type = ": "chooses the paper on which the carrier prints the label",
    'postcode = "200040"\nphone = "021-61000000"\n\n[budget]': "the waybill goes without the sender's postcode",
    "interval_days = ": "rule T07 has the 30 days of its own; a tenant may only be stricter",
    "max_attempts = ": "one attempt, the fewest there can be",
    "paper_weight_g = ": "the weight of products.toml",
    "envelope_weight_g = ": "the weight of products.toml",
    'id = "agency-1"': "whoever calls for the institution is asked about in permits (decision 020), not in letters",
    'name = "示例外包服务有限公司"': "as above",
    "term_until = 2036-01-04\nchannels": "as above",
    'channels = ["call"': "as above",
    "phone_origin = ": "as above",
}


@pytest.fixture(scope="module")
def case_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cases") / "cases.csv"
    generate(cases=8, seed=11, as_of=DAY).write_seen(path)
    return path


def whole_text() -> str:
    return resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")


def text_without(*beginnings: str) -> str:
    """The invented profile without the lines that begin so; what stands behind a line break tells equal lines apart."""
    text = whole_text()
    for beginning in beginnings:
        assert text.count("\n" + beginning) == 1 or beginning.startswith("# "), beginning
        start = text.index(beginning)
        end = text.index("\n", start) + 1
        if beginning.startswith("public_key"):
            end = text.index('"""', text.index('"""', start) + 3) + 4
        text = text[:start] + text[end:]
    for name, value in (
        ("public_key", PUBLIC.decode()),
        ("endpoint", "https://c.invalid"),
        ("sender_no", "1"),
        ("product", "1"),
    ):
        text = text.replace(f"@{name}@", value)
    return text


def without(house: House, *beginnings: str) -> Tenant:
    profile = text_without(*beginnings)
    return import_tenant(house.engine, house.master, name="bank", profile_toml=profile, at=AT, actor="test")


def decided(house: House, tenant: Tenant, case_file: Path) -> str:
    batch, sheet = open_batch(house.engine, tenant, case_file, as_of=DAY, drill=False)
    receive(house.engine, tenant, case_file, batch_id=batch, sheet=sheet, at=AT)
    decide(house.engine, tenant, batch, price_fen=2000, at=AT)
    return batch


def letters(house: House, *states: str) -> list[Any]:
    t = tables.letter.c
    with house.engine.connect() as connection:
        return list(connection.execute(select(t.id, t.state, t.reasons).where(t.state.in_(states))))


def signed(house: House, tenant: Tenant, batch: str) -> None:
    proposal = propose(house.engine, tenant, batch, lawyer_name=None, on=DAY)
    approve(house.engine, tenant, proposal, private_key=PRIVATE, password=PASSWORD, at=AT)


def test_the_whole_profile_lets_letters_go(house: House, case_file: Path) -> None:
    tenant = without(house)
    signed(house, tenant, decided(house, tenant, case_file))
    assert len(letters(house, "approved")) >= 4


@pytest.mark.parametrize("line", AT_DECISION)
def test_a_letter_is_not_decided_on(house: House, case_file: Path, line: str) -> None:
    decided(house, without(house, line), case_file)
    assert letters(house, "ready", "approved", "active") == []
    reasons = Counter(reason for each in letters(house, "held", "not_sent") for reason in each.reasons)
    assert reasons[AT_DECISION[line]] >= 4, reasons


@pytest.mark.parametrize("item", EVIDENCE)
def test_every_piece_of_evidence_is_needed(house: House, case_file: Path, item: str) -> None:
    pack = ", ".join(f'"{each}"' for each in EVIDENCE)
    rest = ", ".join(f'"{each}"' for each in EVIDENCE if each != item)
    tenant = house.tenant((f"evidence_pack = [{pack}]", f"evidence_pack = [{rest}]"))
    decided(house, tenant, case_file)
    assert letters(house, "ready", "approved", "active") == []
    reasons = Counter(reason for each in letters(house, "held", "not_sent") for reason in each.reasons)
    assert reasons["L04"] >= 4, reasons


@pytest.mark.parametrize("line", AT_APPROVAL)
def test_a_letter_is_not_approved(house: House, case_file: Path, line: str) -> None:
    tenant = without(house, line)
    signed(house, tenant, decided(house, tenant, case_file))
    assert letters(house, "ready", "approved", "active") == []
    reasons = Counter(reason for each in letters(house, "held") for reason in each.reasons)
    assert reasons[AT_APPROVAL[line]] >= 4, reasons


@pytest.mark.parametrize("account", WAYS_TO_PAY[:2])
def test_a_letter_without_a_way_to_pay_is_not_approved(house: House, case_file: Path, account: str) -> None:
    tenant = without(house, account, "official_app = ")
    signed(house, tenant, decided(house, tenant, case_file))
    assert letters(house, "ready", "approved", "active") == []
    reasons = Counter(reason for each in letters(house, "held") for reason in each.reasons)
    assert reasons["institution.repay_accounts.missing"] >= 4, reasons


@pytest.mark.parametrize("line", WAYS_TO_PAY)
def test_one_way_to_pay_is_enough(house: House, case_file: Path, line: str) -> None:
    tenant = without(house, line)
    signed(house, tenant, decided(house, tenant, case_file))
    assert len(letters(house, "approved")) >= 4


@pytest.mark.parametrize("line", NOBODY_SIGNS)
def test_nobody_can_sign(house: House, case_file: Path, line: str) -> None:
    tenant = without(house, line)
    batch = decided(house, tenant, case_file)
    with pytest.raises(SongdaError) as caught:
        propose(house.engine, tenant, batch, lawyer_name=None, on=DAY)
    assert type(caught.value).__name__ == NOBODY_SIGNS[line]
    assert letters(house, "approved", "active") == []


@pytest.mark.parametrize("line", AT_THE_LOCK)
def test_a_letter_is_not_printed(house: House, case_file: Path, line: str, tmp_path: Path) -> None:
    tenant = without(house, line)
    batch = decided(house, tenant, case_file)
    signed(house, tenant, batch)
    produce(house.engine, tenant, batch, home=tmp_path, workers=1, at=AT)
    assert assemble(house.engine, tenant, batch, on=DAY, at=AT) is None
    assert letters(house, "approved", "active") == []
    reasons = Counter(reason for each in letters(house, "held", "withdrawn") for reason in each.reasons)
    assert reasons[AT_THE_LOCK[line]] >= 4, reasons


@pytest.mark.parametrize("line", NO_CONTRACT)
def test_nothing_is_ordered_without_a_contract(house: House, line: str) -> None:
    tenant = without(house, line)
    environ = {"SONGDA_EMS_AUTHORIZATION": "YQ==", "SONGDA_EMS_SIGN_KEY": "YQ=="}
    with pytest.raises(SongdaError) as caught:
        contract_of(tenant, os.environ | environ)
    assert type(caught.value).__name__ == "NoCarrierContract"
    assert NO_CONTRACT[line] in caught.value.message_zh
    with pytest.raises(SongdaError):
        sender_of(without(house, 'county = "静安区"'))


def test_a_licence_that_has_run_out_is_none(house: House, case_file: Path) -> None:
    tenant = house.tenant(
        ("licence_valid_until = 2036-12-31\naddress", f"licence_valid_until = {date(2026, 11, 23)}\naddress")
    )
    decided(house, tenant, case_file)
    assert letters(house, "ready") == []


def test_every_line_of_the_profile_is_needed_somewhere_or_is_said_not_to_be() -> None:
    """The tables above, and those of what is not needed, leave out no fact that the invented profile states."""
    whole = dict(stated(parse_profile(text_without())))
    lines = [*AT_DECISION, *AT_APPROVAL, *NOBODY_SIGNS, *AT_THE_LOCK, *NO_CONTRACT, *WAYS_TO_PAY, *NOT_NEEDED]
    covered: list[str] = []
    for line in lines:
        left = dict(stated(parse_profile(text_without(line))))
        gone = [name for name, value in whole.items() if value is not None and left.get(name) is None]
        assert len(gone) == 1, (line, gone)
        covered += gone
    assert sorted(covered) == sorted(name for name, value in whole.items() if value is not None)
