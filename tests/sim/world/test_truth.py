"""The truth lies apart: it says who is where, and holds no name, number or written address."""

import re
from datetime import date

import numpy as np
import polars as pl
import pytest

from songda.sim.world import NoTruth, generate, load, people
from songda.sim.world.truth import person_key


@pytest.fixture(scope="module")
def world():
    return generate(cases=600, seed=7, as_of=date(2026, 11, 24))


@pytest.fixture(scope="module")
def truth(world):
    return world.truth()


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth")
    world.write_truth(folder)
    return folder


def tables(folder):
    return {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def cells(table):
    for column in table.get_columns():
        flat = column.explode(empty_as_null=True, keep_nulls=True) if column.dtype == pl.List(pl.String) else column
        yield from (str(each) for each in flat.unique().to_list() if each is not None)


def test_no_text_that_identifies_a_person_lies_in_the_truth(world, folder):
    written = {name: set(cells(table)) for name, table in tables(folder).items()}
    persons = set(people(world))
    assert len(persons) > 4_000
    for name, found in written.items():
        assert not found & persons, name
    # Nor as a part of a longer cell: names apart, which occur by chance in words.
    long = [text for text in persons if len(text) > 8]
    everything = "\n".join(text for found in written.values() for text in found)
    assert not [text for text in long if text in everything]
    plain = "".join((folder / name).read_text("utf-8") for name in ("world.toml", "config.toml"))
    assert not [text for text in persons if text in plain]


def test_no_cell_is_an_id_number_or_a_phone(folder):
    for name, table in tables(folder).items():
        # The hashes of the finder are numbers, and any length of digits may occur in them.
        for cell in cells(table.select(pl.col(pl.String, pl.List(pl.String)))):
            assert not re.fullmatch(r"\d{17}[\dX]|1\d{10}", cell), name


def test_case_numbers_stand_only_in_the_key_table(world, folder):
    numbers = set(world.cases.case_no) | set(world.cases.contract_no)
    holding = {name for name, table in tables(folder).items() if set(cells(table)) & numbers}
    assert holding == {"keys"}


def test_what_is_written_is_read_again(truth, folder):
    again = load(folder)
    assert (again.seed, again.as_of, again.config) == (truth.seed, truth.as_of, truth.config)
    for name, table in tables(folder).items():
        assert table.equals(getattr(truth, name)), name
    assert again.folder == folder.resolve()
    assert truth.folder is None


def test_tables_hang_together(world, truth):
    debtors, places = set(truth.debtors["debtor_id"]), set(truth.places["place_id"])
    assert len(debtors) == len(world.debtors)
    for table in (truth.ties, truth.records, truth.contacts, truth.cases, truth.finder):
        assert set(table["debtor_id"]) <= debtors
    for table in (truth.ties, truth.records):
        assert set(table["place_id"]) <= places
    assert truth.places["place_id"].is_unique().all()
    assert set(truth.places["code"]) <= set(truth.stations["code"])
    assert truth.cases["case_id"].to_list() == truth.keys["case_id"].to_list()
    assert truth.cases["must_refuse"].fill_null("").to_list() == world.cases.broken
    assert (truth.ties["since"] < truth.ties["until"]).all()


def test_every_person_is_found_by_name_and_by_each_number(world, truth):
    finder = dict.fromkeys(truth.finder["key"], 0)
    for name, phones in zip(world.debtors.names, world.debtors.phones, strict=True):
        for mobile in ("", *phones):
            assert person_key(world.seed, name, mobile) in finder
    assert person_key(world.seed, "查无此人") not in finder


def test_good_couriers_telephone_more_often(truth):
    """The habit is confounded with skill, so that no model may take it for a cause."""
    assert np.corrcoef(truth.stations["skill"], truth.stations["phone_first"])[0, 1] > 0.9


@pytest.mark.parametrize("spoil", ["nothing", "no_head", "no_table", "torn"])
def test_a_folder_that_is_no_truth_is_refused(world, tmp_path, spoil):
    if spoil != "nothing":
        world.truth().write(tmp_path)
        match spoil:
            case "no_head":
                (tmp_path / "world.toml").unlink()
            case "no_table":
                (tmp_path / "ties.parquet").unlink()
            case "torn":
                (tmp_path / "ties.parquet").write_bytes(b"PAR1")
    with pytest.raises(NoTruth) as error:
        load(tmp_path)
    assert tmp_path.name in error.value.message_zh
