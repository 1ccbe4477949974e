"""The case file: what an institution would hand over, readable by the product, and nothing of the truth in it."""

import csv
import hashlib
import re
import zipfile
from datetime import date

import polars as pl
import pytest

from songda.intake import read_cases, suggest_mapping
from songda.sim.world import UnknownFormat, generate
from songda.sim.world.cases import FACTS
from songda.sim.world.config import parse, read
from songda.sim.world.seen import HEADERS, rows
from songda.sim.world.world import build

AS_OF = date(2026, 11, 24)
#: Planned breakage → codes with which intake may refuse it.
REFUSALS = {
    "id_checksum": {"id_checksum"},
    "id_as_number": {"id_as_number"},
    "amount": {"amount_form", "amount_negative", "amount_too_large"},
    "day_1900": {"day_1900"},
    "control": {"control_character", "invisible_character", "bidi_character"},
    "template": {"name_character", "name_formula"},
    "duplicate": {"duplicate_case"},
}


@pytest.fixture(scope="module")
def world():
    """With so many broken rows that every kind occurs."""
    text = read("cn-default").text
    config = parse("broken", text.replace("share = 0.01\nkinds", "share = 0.08\nkinds"))
    made = build(cases=1200, seed=8, as_of=AS_OF, config=config)
    assert set(filter(None, made.cases.broken)) == set(REFUSALS)
    return made


@pytest.fixture(scope="module")
def truth(world):
    return world.truth()


@pytest.fixture(scope="module", params=[".xlsx", ".csv"])
def file(request, world, tmp_path_factory):
    path = tmp_path_factory.mktemp("seen") / f"cases{request.param}"
    world.write_seen(path)
    return path, list(read_cases(path, as_of=AS_OF))


def test_exactly_the_rows_that_the_truth_names_are_refused_and_for_their_reason(world, file):
    planned = {row + 2: kind for row, kind in enumerate(world.cases.broken) if kind}
    refused = {row.row_no: {problem.code for problem in row.problems} for chunk in file[1] for row in chunk.rejected}
    assert refused.keys() == planned.keys()
    for row_no, kind in planned.items():
        assert len(refused[row_no]) == 1
        assert refused[row_no] <= REFUSALS[kind]


def test_only_missing_facts_are_warned_of(world, file):
    warned = {problem.row_no for chunk in file[1] for problem in chunk.warnings}
    sound = zip(world.cases.stop, world.cases.broken, strict=True)
    assert warned == {row + 2 for row, (stop, broken) in enumerate(sound) if stop == "missing_fact" and not broken}
    assert len(FACTS) == 6


def test_what_is_read_is_what_was_written(world, file):
    cases = pl.concat([chunk.cases for chunk in file[1]])
    addresses = pl.concat([chunk.addresses for chunk in file[1]])
    row_no, name, identity, principal, overdue = cases.select(
        "row_no", "name", "id_number", "principal_fen", "overdue_since"
    ).row(500)
    debtor = int(world.cases.debtor[row_no - 2])
    assert (name, identity) == (world.debtors.names[debtor], world.debtors.id_numbers[debtor])
    assert principal == world.cases.principal_fen[row_no - 2]
    assert (overdue - date(1970, 1, 1)).days == world.cases.overdue[row_no - 2]
    start, end = world.records.start[debtor], world.records.start[debtor + 1]
    assert addresses.filter(pl.col("row_no") == row_no)["text"].to_list() == world.records.text[start:end]


def test_every_header_is_understood():
    assert len(set(HEADERS)) == len(HEADERS)
    assert suggest_mapping(HEADERS).keys() == set(HEADERS)


def test_stops_are_stated_as_an_institution_states_them(world):
    by_stop = {}
    for row, stop in zip(rows(world), world.cases.stop, strict=True):
        by_stop.setdefault(stop, dict(zip(HEADERS, row, strict=True)))
    assert by_stop["dispute"]["有无争议"] == "是"
    assert by_stop["deceased"]["债务人状态"] == "去世"
    assert by_stop["paid"]["案件状态"] == "已结清"
    assert by_stop["protected"]["特殊情形"] != "无"
    assert by_stop["assigned_without_notice"]["转让通知是否到达"] == "否"
    assert float(by_stop["over_cost"]["综合年化成本"].rstrip("%")) > 24
    assert {by_stop["forbidden_address"][f"地址{n}来源"] for n in range(1, 7)} <= {
        "购买", "通讯录", "快递数据", "来源不明", None,
    }  # fmt: skip


def test_the_file_says_nothing_of_the_truth(world, truth, tmp_path):
    world.write_seen(tmp_path / "cases.csv")
    with (tmp_path / "cases.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = {cell for row in csv.reader(file) for cell in row}
    # A trailing blank would be a mark as good as any.
    assert not [cell for cell in cells if cell != cell.strip(" ")]
    text = "\n".join(cells)
    assert not re.search(r"\bw[dprkc]\d{8}\b", text)
    words = {"fabricated", "simulated", "cn-default", "模拟", *world.config.records.fabricated_kinds}
    words |= {*world.config.contacts.fabricated_kinds, *world.config.persons.patterns, *truth.ties["tie"].unique()}
    words |= {error for errors in world.records.errors for error in errors}
    words |= {stop for stop in world.cases.stop if stop} | {kind for kind in world.cases.broken if kind}
    assert not [word for word in words if word in text]


def test_the_workbook_says_nothing_of_seed_maker_or_hour(tmp_path):
    world = generate(cases=20, seed=31337421, as_of=AS_OF)
    world.write_seen(tmp_path / "cases.xlsx")
    with zipfile.ZipFile(tmp_path / "cases.xlsx") as book:
        parts = {name: book.read(name) for name in book.namelist()}
    assert not [name for name, data in parts.items() if b"31337421" in data or b"songda" in data]
    assert set(re.findall(rb"\d{4}-\d\d-\d\dT[\d:]+Z", parts["docProps/core.xml"])) == {b"2026-11-24T00:00:00Z"}


def test_no_order_of_the_file_tells_which_rows_belong_together(world):
    """Rows of one debtor do not stand side by side, and debtors do not come in the order of their ids."""
    debtor = world.cases.debtor
    assert (debtor[1:] == debtor[:-1]).mean() < 0.01
    assert abs((debtor[1:] > debtor[:-1]).mean() - 0.5) < 0.05


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
def test_same_seed_same_bytes(tmp_path, suffix):
    digests = set()
    for name in ("one", "two"):
        path = tmp_path / f"{name}{suffix}"
        generate(cases=120, seed=7, as_of=AS_OF).write_seen(path)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    other = tmp_path / f"other{suffix}"
    generate(cases=120, seed=8, as_of=AS_OF).write_seen(other)
    assert len(digests) == 1
    assert hashlib.sha256(other.read_bytes()).hexdigest() not in digests


def test_another_format_is_refused_and_leaves_nothing(world, tmp_path):
    with pytest.raises(UnknownFormat) as error:
        world.write_seen(tmp_path / "cases.ods")
    assert ".ods" in error.value.message_zh
    assert not [*tmp_path.iterdir()]
