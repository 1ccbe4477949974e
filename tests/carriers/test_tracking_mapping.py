from importlib.resources import files

import pytest

from songda.carriers import BadTrackingTable, load_mapping, to_fact
from songda.carriers.tracking_mapping import read_mapping

HOME = files("songda.carriers")
CODES = HOME.joinpath("tracking_codes.csv").read_text(encoding="utf-8")
FACTS = HOME.joinpath("tracking_facts.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        *[(code, "accepted") for code in ("203", "208")],
        *[(code, "accepted_voided") for code in ("207", "212")],
        *[(code, "in_transit") for code in ("305", "954", "389", "345", "989", "912")],
        *[(code, "at_office") for code in ("306", "713")],
        ("702", "out_for_delivery"),
        ("704:10", "signed_self"),
        ("704:20", "signed_other"),
        *[(f"704:{code}", "proxy_weak") for code in (60, 70, 160, 162)],
        *[(f"704:{code}", "left_somewhere") for code in (30, 50, 80, 90, 150, 161, *range(163, 170))],
        ("747", "left_somewhere"),
        ("748", "picked_up"),
        ("704:180", "compensation"),
        *[(f"704:{code}", "left_elsewhere") for code in (120, 181)],
        *[(f"705:{code}", "tried_failed") for code in (1, 2, 3, 4, 5, 6, 8, 9)],
        *[(code, "refused") for code in ("705:7", "O_012")],
        *[(code, "lost") for code in ("705:13", "987", "988")],
        *[(code, "returning") for code in ("708", "741", "750")],
        ("711", "returned"),
        *[(code, "redirected") for code in ("802", "803", "756")],
        *[(code, "void") for code in ("742", "743", "744")],
    ],
)
def test_code_states_its_fact(at, code, fact):
    assert to_fact(at(1, code), load_mapping()) == fact


@pytest.mark.parametrize("code", ["", "999", "704:999", "705:99", "７０４"])
def test_unknown_code_has_no_fact(at, code):
    assert to_fact(at(1, code), load_mapping()) is None


@pytest.mark.parametrize(
    ("signer", "fact"),
    [("本人", "signed_self"), ("家人", "signed_other"), ("物业", "proxy_weak"), ("", "signed_unclear")],
)
def test_text_fills_in_for_a_missing_delivery_code(at, signer, fact):
    assert to_fact(at(1, "704", signer=signer), load_mapping()) == fact


def test_text_that_names_another_weakens_the_code_in_person_and_never_strengthens(at):
    assert to_fact(at(1, "704:10", signer="家人"), load_mapping()) == "signed_other"
    assert to_fact(at(1, "704:50", signer="本人"), load_mapping()) == "left_somewhere"


@pytest.mark.parametrize(
    ("code", "target"), [("742", "702"), ("743", "704"), ("744", "705"), ("207", "203"), ("212", "208")]
)
def test_corrections_name_what_they_take_back(code, target):
    assert load_mapping().codes[code, ""].voids == {target}


def test_table_is_versioned_and_every_row_names_its_source():
    assert load_mapping().version
    rows = [line.split(",") for line in CODES.splitlines()]
    assert all(len(row) >= 7 and row[6].strip() for row in rows)


@pytest.mark.parametrize(
    "row", ["203,,accepted,,,again,test", "900,,no_such_fact,,,odd,test", "901,,void,999,,voids nothing,test"]
)
def test_table_that_contradicts_itself_is_refused(row):
    with pytest.raises(BadTrackingTable):
        read_mapping(codes=CODES + row + "\n", facts=FACTS)
