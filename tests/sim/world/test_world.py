"""The world as a whole: a seed makes it, one stream does not disturb another, and nothing of it shows in a repr."""

import hashlib
import os
import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from songda.sim.world import generate, people
from songda.sim.world.config import parse, read
from songda.sim.world.world import build

AS_OF = date(2026, 11, 24)
SCRIPT = """
import hashlib, sys
from datetime import date
from pathlib import Path
from songda.sim.world import generate
world = generate(cases=80, seed=3, as_of=date(2026, 11, 24))
world.write_seen(Path(sys.argv[1]) / "cases.csv")
world.write_truth(Path(sys.argv[1]) / "truth")
"""


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_files_in_another_process(tmp_path):
    found = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], check=True, env=environment)
        found.append(digests(folder))
    assert len(found[0]) == 12
    assert found[0] == found[1]


def test_another_share_of_typing_slips_leaves_people_places_and_moves_as_they_were(world):
    text = read("cn-default").text
    other = build(cases=4000, seed=7, as_of=AS_OF, config=parse("slips", text.replace("typo = 0.03", "typo = 0.30")))
    assert other.debtors.names == world.debtors.names
    assert np.array_equal(other.residences.since, world.residences.since)
    assert np.array_equal(other.records.place, world.records.place)
    assert other.cases.case_no == world.cases.case_no
    changed = [one != two for one, two in zip(world.records.text, other.records.text, strict=True)]
    assert 0.15 < np.mean(changed) < 0.30


def test_another_policy_of_records_leaves_the_luck_at_the_doors_as_it_was(world, truth):
    text = read("cn-default").text
    changed = parse("records", text.replace("reserved = 0.18", "reserved = 0.50"))
    other = build(cases=4000, seed=7, as_of=AS_OF, config=changed).truth()
    assert other.ties.filter(other.ties["tie"] == "lives").equals(truth.ties.filter(truth.ties["tie"] == "lives"))
    assert other.debtors.equals(truth.debtors)
    assert other.stations.equals(truth.stations)


def test_loans_a_debtor_are_as_configured(world):
    counts = np.bincount(np.bincount(world.cases.debtor))
    assert counts[1:] / counts.sum() == pytest.approx(world.config.portfolio.loans, abs=0.02)


def test_people_lists_everything_that_must_not_be_found_in_the_clear(world):
    found = set(people(world))
    row = 17
    debtor = int(world.records.debtor[row])
    wanted = [world.debtors.names[debtor], world.debtors.id_numbers[debtor], world.records.text[row]]
    assert found >= {*wanted, *world.debtors.phones[debtor], *world.contacts.name, *world.contacts.phone}


def test_no_person_shows_in_a_repr(world, truth):
    shown = repr(world) + repr(truth) + repr(truth.courier())
    assert len(shown) < 500
    assert not [name for name in world.debtors.names if name in shown]


@pytest.mark.parametrize("cases", [1, 2, 7])
def test_a_small_world_is_a_world(cases, tmp_path):
    for seed in range(5):
        world = generate(cases=cases, seed=seed, as_of=AS_OF)
        assert len(world.cases) == cases
        world.write_seen(tmp_path / "cases.csv")
        world.write_truth(tmp_path / "truth")


def test_a_world_without_cases_is_refused():
    with pytest.raises(ValueError, match="at least one case"):
        generate(cases=0, seed=1, as_of=AS_OF)
