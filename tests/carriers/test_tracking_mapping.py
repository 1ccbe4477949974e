from importlib.resources import files

import pytest

from songda.carriers import BadTrackingTable, load_mapping, load_own_mapping, to_fact
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
    assert load_mapping().codes[code, ""][0].voids == {target}


def test_table_is_versioned_and_every_row_names_its_source():
    assert load_mapping().version
    rows = [line.split(",") for line in CODES.splitlines()]
    assert all(len(row) >= 7 and row[6].strip() for row in rows)


@pytest.mark.parametrize(
    "row",
    ["203,,accepted,,,again,test,one,", "900,,no_such_fact,,,odd,test,one,", "901,,void,999,,voids nothing,test,one,"],
)
def test_table_that_contradicts_itself_is_refused(row):
    with pytest.raises(BadTrackingTable):
        read_mapping(codes=CODES + row + "\n", facts=FACTS)


HEAD = CODES.splitlines()[0] + "\n"


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("900,,in_transit,,,odd,test,sure,", "verified"),
        ("900,,in_transit,,,odd,,one,", "source"),
        ("900,,in_transit,,wonderful,odd,test,one,", "address_signal"),
        ("900,,in_transit,,,odd,test,one,1.12.2026", "valid_from"),
        (",,in_transit,,,odd,test,one,", "code"),
        ("kd100:301,,signed_self,,,odd,test,one,", "转述"),
    ],
)
def test_own_row_that_cannot_be_used_is_refused_by_name(tmp_path, row, named):
    own = tmp_path / "own.csv"
    own.write_text(HEAD + row + "\n", encoding="utf-8")
    with pytest.raises(BadTrackingTable) as error:
        load_own_mapping(own)
    assert named in error.value.message_zh


def test_own_rows_add_to_the_shipped_table_replace_its_rows_and_change_its_version(tmp_path, at):
    own = tmp_path / "own.csv"
    assert load_own_mapping(own) == load_mapping()
    own.write_text(
        HEAD + "V_704,,signed_unclear,,fine,妥投,合同附件三,carrier,\n704,60,left_somewhere,,fine,x,test,one,\n",
        "utf-8",
    )
    mine = load_own_mapping(own)
    assert to_fact(at(1, "V_704"), mine) == "signed_unclear"
    assert to_fact(at(1, "704:60"), mine) == "left_somewhere"
    assert to_fact(at(1, "704:70"), mine) == "proxy_weak"
    assert mine.version != load_mapping().version


def test_file_without_the_columns_is_refused(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("code,fact\n900,in_transit\n", encoding="utf-8")
    with pytest.raises(BadTrackingTable, match="valid_from"):
        load_own_mapping(own)


def test_row_holds_from_its_day_on_by_the_day_of_the_event(tmp_path, at):
    own = tmp_path / "own.csv"
    own.write_text(
        HEAD + "651,,tried_failed,,absent,new,notice,carrier,2026-11-26\nN1,,in_transit,,,new,n,one,2026-11-26\n",
        "utf-8",
    )
    mine = load_own_mapping(own)
    # The posting was on the 24th at 17 o'clock.
    assert [to_fact(at(hours, "651"), mine) for hours in (30, 31)] == ["trouble", "tried_failed"]
    assert [to_fact(at(hours, "N1"), mine) for hours in (30, 31)] == [None, "in_transit"]


def test_every_code_that_others_tell_is_second_hand_and_none_is_a_household_signature():
    tellers = ("courier:", "kd100:", "kdniao:")
    told = {key: each for key, each in load_mapping().codes.items() if key[0].startswith(tellers)}
    assert len(told) > 50
    assert all(code.second_hand for each in told.values() for code in each)
    assert not any(code.fact in {"signed_self", "signed_other", "picked_up"} for each in told.values() for code in each)
