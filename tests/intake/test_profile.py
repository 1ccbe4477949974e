"""A tenant's profile: no fact has a default, and nothing false can be stated by accident."""

from __future__ import annotations

import copy
import stat
from datetime import date

import pytest

from songda.intake import Profile, ProfileError, read_profile, write_profile_template
from songda.intake.profile import parse_profile, stated

ON = date(2026, 11, 24)

COMPLETE = {
    "data_region": "CN",
    "evidence_pack": ["contract", "disbursement", "repayment_ledger", "overdue_statement", "identity", "mandate"],
    "institution": {
        "name": "安心消费金融有限公司",
        "uscc": "91110000000000000A",
        "address": "北京市西城区金融大街1号",
        "phone": "010-88880000",
        "complaint_phone": "010-88880001",
        "query_channel": "客服热线",
        "dispute_channel": "异议专线",
        "hardship_channel": "帮扶专线",
        "data_protection_contact": "privacy@example.com",
        "repay_accounts": [{"name": "安心消费金融有限公司", "bank": "某某银行", "number": "000011112222"}],
        "official_app": "安心借",
    },
    "firm": {
        "name": "正言律师事务所",
        "licence_no": "31110000000000000X",
        "licence_valid_until": date(2027, 12, 31),
        "address": "北京市朝阳区建国路1号",
        "postcode": "100022",
        "phone": "010-88880002",
        "letter_series": "LH",
    },
    "lawyers": [
        {
            "name": "刘正言",
            "licence_no": "11101200000000000",
            "licence_valid_until": date(2027, 5, 31),
            "phone": "010-88880003",
            "assigned": True,
            "conflict": False,
            "daily_max": 500,
            "public_key": "key",
        }
    ],
    "mandate": {
        "no": "WT-2026-1",
        "signed_on": date(2026, 1, 5),
        "valid_until": date(2027, 1, 4),
        "document_sha256": "ab" * 32,
    },
    "entrusted_processing": {
        "purpose": "催收",
        "term_until": date(2027, 1, 4),
        "method": "寄送函件",
        "kinds": ["姓名", "地址"],
        "safeguards": "加密",
        "duties": "见合同",
        "sub_consent": True,
        "outsourcers": [
            {"id": "agency-1", "name": "某某外包公司", "term_until": date(2027, 1, 4), "channels": ["call", "sms"]}
        ],
    },
    "impact_assessment": {"id": "PIA-1", "done_on": date(2026, 1, 3), "human_route": "010-88880004"},
    "carrier": {
        "kind": "china_post_ems",
        "endpoint": "https://carrier.example/open",
        "sender_no": "1100000000000",
        "authorization_env": "EMS_AUTH",
        "product": "1",
        "number_range": {"first": "1000000000001", "last": "1000000999999"},
        "orders_idempotent": False,
        "label_type": "129",
        "sender": {
            "name": "正言律师事务所",
            "address": "建国路1号",
            "prov": "北京市",
            "city": "北京市",
            "county": "朝阳区",
            "postcode": "100022",
            "phone": "010-88880002",
        },
    },
    "budget": {"max_fen_per_run": 5_000_000, "min_amount_fen": 50_000, "max_letters_per_day": 2_000},
    "policy": {
        "kinds": ["lawyer_letter"],
        "interval_days": 30,
        "pay_within_days": 15,
        "max_attempts": 2,
        "paper_weight_g": 4.99,
        "envelope_weight_g": 8,
    },
}


def leaves(table, path=()):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from leaves(value[0], (*path, key, 0))
        else:
            yield (*path, key)


def without(path):
    table = copy.deepcopy(COMPLETE)
    inner = table
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return table


def with_value(path, value):
    table = copy.deepcopy(COMPLETE)
    inner = table
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return table


#: Deleting a statement takes away this fact as well as the one of its own name.
DERIVED = {
    ("firm", "licence_no"): "firm.licence",
    ("firm", "licence_valid_until"): "firm.licence",
    ("lawyers", 0, "licence_no"): "lawyer.licence",
    ("lawyers", 0, "licence_valid_until"): "lawyer.licence",
    ("lawyers", 0, "assigned"): "lawyer.assigned",
    ("lawyers", 0, "conflict"): "lawyer.conflict",
    ("lawyers", 0, "daily_max"): "lawyer.daily_max",
    ("lawyers", 0, "public_key"): "lawyer.public_key",
    ("lawyers", 0, "name"): "lawyer.name",
    ("mandate", "no"): "case.mandate_valid",
    ("mandate", "signed_on"): "case.mandate_valid",
    ("mandate", "valid_until"): "case.mandate_valid",
    ("mandate", "document_sha256"): "case.mandate_valid",
    ("evidence_pack",): "case.evidence",
    ("entrusted_processing", "sub_consent"): "chain.sub_consent",
    ("impact_assessment", "id"): "a.pia_id",
    ("impact_assessment", "done_on"): "a.pia_id",
    ("impact_assessment", "human_route"): "a.human_route",
    ("data_region",): "a.region",
    ("carrier", "kind"): "w.carrier",
    ("carrier", "endpoint"): "w.contract",
    ("carrier", "sender_no"): "w.contract",
    ("carrier", "authorization_env"): "w.contract",
    ("carrier", "product"): "w.contract",
    ("carrier", "sender", "name"): "w.sender_name",
    ("carrier", "sender", "address"): "w.sender_address",
    ("carrier", "sender", "prov"): "w.sender_address",
    ("carrier", "sender", "phone"): "w.sender_phone",
}
CHAIN = {
    "purpose": "purpose",
    "term_until": "term",
    "method": "method",
    "kinds": "kinds",
    "safeguards": "safeguards",
    "duties": "duties",
}


def test_a_complete_profile_states_every_fact():
    facts = Profile.model_validate(COMPLETE).facts(ON)
    assert facts["firm.licence"] == facts["lawyer.licence"] == "valid"
    assert facts["case.mandate_valid"] is True
    assert facts["chain.present"] == ["purpose", "term", "method", "kinds", "safeguards", "duties"]
    assert facts["w.sender_address"] == "北京市北京市朝阳区建国路1号"
    assert facts["w.contract"] is True
    assert facts["a.repay_channel"] == "account"
    assert [name for name in DERIVED.values() if facts[name] is None] == []


@pytest.mark.parametrize("path", list(leaves(COMPLETE)), ids=lambda path: ".".join(map(str, path)))
def test_every_fact_that_is_deleted_is_missing_and_nothing_takes_its_place(path):
    whole = Profile.model_validate(COMPLETE).facts(ON)
    profile = Profile.model_validate(without(path))
    facts = profile.facts(ON)
    own = ".".join(map(str, path))
    if path[:2] == ("institution", "repay_accounts"):
        own = f"institution.repay_accounts.0.{path[-1]}"
    assert whole[own] is not None
    assert facts[own] is None
    assert own in profile.unstated()
    if path in DERIVED:
        assert facts[DERIVED[path]] is None
    if path[0] == "entrusted_processing" and path[1] in CHAIN:
        assert CHAIN[path[1]] in whole["chain.present"]
        assert CHAIN[path[1]] not in facts["chain.present"]


@pytest.mark.parametrize("section", [key for key, value in COMPLETE.items() if isinstance(value, dict | list)])
def test_a_whole_section_may_be_absent_and_states_nothing(section):
    facts = Profile.model_validate(without((section,))).facts(ON)
    assert [name for name, value in facts.items() if name.startswith(f"{section}.") and value is not None] == []


def test_an_empty_profile_states_nothing_at_all():
    facts = Profile().facts(ON)
    assert {name: value for name, value in facts.items() if value is not None} == {"chain.present": []}


def test_licences_expire_on_the_day_after_the_last():
    profile = Profile.model_validate(COMPLETE)
    assert profile.facts(date(2027, 12, 31))["firm.licence"] == "valid"
    assert profile.facts(date(2028, 1, 1))["firm.licence"] == "expired"
    assert profile.facts(date(2027, 6, 1))["lawyer.licence"] == "expired"


@pytest.mark.parametrize(
    ("on", "valid"),
    [(date(2026, 1, 4), False), (date(2026, 1, 5), True), (date(2027, 1, 4), True), (date(2027, 1, 5), False)],
)
def test_a_mandate_holds_from_its_signing_to_its_end(on, valid):
    assert Profile.model_validate(COMPLETE).facts(on)["case.mandate_valid"] is valid


def test_a_term_that_has_run_out_is_no_term():
    assert "term" not in Profile.model_validate(COMPLETE).facts(date(2027, 1, 5))["chain.present"]


def test_an_assessment_that_is_still_to_be_made_is_none():
    assert Profile.model_validate(COMPLETE).facts(date(2026, 1, 2))["a.pia_id"] is None


def test_with_two_lawyers_it_must_be_said_whose_facts_are_meant():
    second = COMPLETE["lawyers"][0] | {"name": "陈守义", "conflict": True}
    profile = Profile.model_validate(COMPLETE | {"lawyers": [*COMPLETE["lawyers"], second]})
    assert profile.facts(ON)["lawyer.licence"] is None
    assert profile.facts(ON, lawyer="陈守义")["lawyer.conflict"] is True
    assert profile.facts(ON, lawyer="刘正言")["lawyer.conflict"] is False
    assert profile.facts(ON, lawyer="无此人")["lawyer.assigned"] is None


def test_without_an_account_the_official_app_is_the_way_to_pay():
    table = without(("institution", "repay_accounts"))
    assert Profile.model_validate(table).facts(ON)["a.repay_channel"] == "app"
    del table["institution"]["official_app"]
    assert Profile.model_validate(table).facts(ON)["a.repay_channel"] is None


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("x = 1", "x", "不认识的项目"),
        ("[firm]\nlicense_no = 'x'", "firm.license_no", "不认识的项目"),
        ("[firm]\nname = 3", "firm.name", "应为文字"),
        ("[firm]\nlicence_valid_until = '2026-01-01'", "firm.licence_valid_until", "应为日期"),
        ("[firm]\npostcode = '1234567'", "firm.postcode", "格式不符"),
        ("[[lawyers]]\nassigned = 'yes'", "lawyers[1].assigned", "true 或 false"),
        ("[[lawyers]]\nassigned = 1", "lawyers[1].assigned", "true 或 false"),
        ("[[lawyers]]\n[[lawyers]]\ndaily_max = -1", "lawyers[2].daily_max", "不得小于 0"),
        ("[[lawyers]]\nname='甲乙'\n[[lawyers]]\nname='甲乙'", "（全文）", "律师姓名重复"),
        ("[policy]\ninterval_days = 29", "policy.interval_days", "不得小于 30"),
        ("[policy]\nkinds = ['x']", "policy.kinds[1]", "lawyer_letter"),
        ("[budget]\nmin_amount_fen = 1.5", "budget.min_amount_fen", "整数"),
        ("[carrier]\nkind = 'other'", "carrier.kind", "china_post_ems"),
        ("[carrier.number_range]\nfirst='9'\nlast='1'", "carrier.number_range", "号段"),
        ("[institution]\nname='甲'\nrepay_accounts=[{name='乙'}]", "institution", "户名必须与机构名称一致"),
        ("[mandate]\ndocument_sha256='zz'", "mandate.document_sha256", "格式不符"),
        ("evidence_pack = 'contract'", "evidence_pack", "列表"),
        ("firm = 3", "firm", "一组项目"),
        ("a =", "", "不是有效的 TOML"),
    ],
)
def test_a_statement_that_cannot_be_meant_is_refused_by_key_and_reason(tmp_path, text, key, reason):
    path = tmp_path / "tenant.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        read_profile(path)
    assert key in caught.value.message_zh
    assert reason in caught.value.message_zh
    assert caught.value.exit_code == 78


def test_all_wrong_keys_are_told_at_once():
    with pytest.raises(ProfileError) as caught:
        parse_profile("x = 1\n[firm]\nname = 3\npostcode = 'a'")
    assert caught.value.data["count"] == 3


def test_an_error_never_repeats_a_value():
    with pytest.raises(ProfileError) as caught:
        parse_profile("[carrier]\nauthorization = 'top-secret'\nsender_no = 42\nlabel_type = 4711\nkind = 'top-secret'")
    assert "top-secret" not in str(caught.value) + caught.value.message_zh
    assert "4711" not in str(caught.value) + caught.value.message_zh


def test_secrets_show_in_no_repr_and_in_no_fact():
    profile = Profile.model_validate(with_value(("carrier", "authorization"), "top-secret"))
    assert "top-secret" not in repr(profile) + str(profile.facts(ON)) + profile.model_dump_json()
    assert profile.facts(ON)["carrier.authorization"] is True


def test_secrets_are_found_where_the_profile_says(tmp_path):
    key = tmp_path / "sign.key"
    key.write_text("from-file\n")
    table = with_value(("carrier", "sign_key_file"), str(key))
    carrier = Profile.model_validate(table).carrier
    assert carrier.secrets({"EMS_AUTH": "from-env"}) == ("from-env", "from-file")
    with pytest.raises(ProfileError, match="EMS_AUTH"):
        carrier.secrets({})
    key.unlink()
    with pytest.raises(ProfileError, match="读不了"):
        carrier.secrets({"EMS_AUTH": "x"})
    assert Profile().carrier.secrets({}) == (None, None)


def test_a_profile_cannot_be_changed():
    profile = Profile.model_validate(COMPLETE)
    with pytest.raises(ValueError, match="frozen"):
        profile.data_region = "US"


def test_the_example_read_as_it_is_states_nothing(tmp_path):
    path = tmp_path / "tenant.toml"
    write_profile_template(path)
    profile = read_profile(path)
    assert [name for name, value in stated(profile) if value is not None] == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_example_names_every_key(tmp_path):
    path = tmp_path / "tenant.toml"
    write_profile_template(path)
    text = path.read_text("utf-8")
    rare = {
        "authorization",
        "sign_key",
        "sign_key_file",
        "salt",
        "contents_attribute",
        "pickup_type",
        "payment_mode",
        "project_id",
        "user_code",
        "number_pattern",
    }
    tables = {"columns", "letter_values"}
    leaf_names = {name.rpartition(".")[2] for name, _ in stated(Profile.model_validate(COMPLETE))} - rare - tables
    assert [name for name in sorted(leaf_names) if f"{name} = " not in text] == []


def test_the_commented_lines_of_the_example_are_valid_when_uncommented(tmp_path):
    path = tmp_path / "tenant.toml"
    write_profile_template(path)
    import re

    text = re.sub(r"(?m)^# (?=(\[|\"|[a-z_0-9]+ = ))", "", path.read_text("utf-8"))
    profile = parse_profile(text.replace('name = "机构全称"', 'name = "【请填写】"'))
    assert profile.mandate.signed_on == date(2026, 1, 5)
    assert profile.policy.interval_days == 30
    assert profile.lawyers[0].daily_max == 500
    assert profile.columns["现居地"] == "address1.text"
    assert profile.letter_values["转让日期"] == "2026-09-30"


def test_a_missing_or_binary_file_is_told(tmp_path):
    with pytest.raises(ProfileError, match="找不到文件"):
        read_profile(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="UTF-8"):
        read_profile(tmp_path / "bad.toml")


def test_an_institutions_own_headers_are_kept_with_its_profile():
    profile = parse_profile('[columns]\n"委托序列" = "case_no"\n"内部备注" = ""')
    assert profile.columns == {"委托序列": "case_no", "内部备注": ""}
    with pytest.raises(ProfileError, match="columns：“nonsense”不是已知的项目"):
        parse_profile('[columns]\n"委托序列" = "nonsense"')
