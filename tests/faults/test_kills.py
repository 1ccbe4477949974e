"""A job that is killed with SIGKILL at any moment and taken up again ends as if nothing had happened.

Guaranteed under a number range of our own, when the interrupted command is given again on the same business day: the
same runs, manifests, print files, waybill numbers, states, grades, facts, decisions and histories; one order and one
hand-over a letter; no process, draft or half-written file left over. Not the same: the history of an order whose answer
was lost (it says how it was found again), the clock's times, and one sealed segment that a kill may leave without rows.

What lies before the interrupted command is a copy of the undisturbed job; from there on everything is done anew.
"""

from __future__ import annotations

from typing import Any

import pytest
from fault_job import SMALL
from fault_moments import KINDS, PASSED
from fault_scenes import FIRST_LETTERS, STEPS, differences

#: What the fixtures of conftest.py give.
Undisturbed = Any
OpenBefore = Any

#: Where the job is cut off: stage, kind of moment, and what of it (tables, file) where that matters.
CUTS = (
    ("open", "remove"),
    ("receive", "committed"),
    ("decide", "committed"),
    ("approve", "committed"),
    ("produce", "renamed"),
    ("assemble", "committed"),
    ("order intents", "committed"),
    ("order calls", "ask"),
    ("order calls", "answered"),
    ("order answers", "commit"),
    ("lock", "rename", "posting.csv"),
    ("lock", "file", "manifest.csv"),
    ("lock", "commit"),
    ("acknowledge", "committed"),
    ("report", "commit"),
    ("hand over", "committed"),
    ("follow", "answered"),
    ("settle", "committed"),
    ("further", "committed"),
    ("close", "commit"),
    ("outputs", "rename", "rejected.xlsx"),
)
#: Stages in which the carrier has answered and we do not remember.
ANSWERS_LOST = {"order calls", "order answers"}
#: Kills in one job, each in what is left of it after the one before.
SERIES = (
    (("receive", "commit"), ("produce", "renamed"), ("order calls", "answered"), ("close", "committed")),
    (("order calls", "answered"), ("order answers", "commit"), ("lock", "commit"), ("settle", "commit")),
)


def test_the_cuts_hit_every_stage_and_every_kind_of_moment(undisturbed: Undisturbed) -> None:
    assert {moment.stage for moment in undisturbed.moments} - {"finish"} == set(PASSED)
    assert {cut[0] for cut in CUTS} == set(PASSED)
    assert {cut[1] for cut in CUTS} == set(KINDS)
    assert len({undisturbed.moment(*cut).key for cut in CUTS}) == len(CUTS) >= 20


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: "-".join(cut).replace(" ", "_"))
def test_a_killed_job_ends_as_if_nothing_had_happened(
    cut: tuple[str, ...], undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    moment = undisturbed.moment(*cut)
    early = moment.step in FIRST_LETTERS
    steps, expected = (FIRST_LETTERS, undisturbed.first_letters) if early else (STEPS, undisturbed.end)
    with open_before(moment.step) as scene:
        scene.cut_off(moment.key)
        scene.finish(steps)
        scene.check()
        assert differences(scene.record(), expected, answers_lost=moment.stage in ANSWERS_LOST) == {}


def in_order(undisturbed: Undisturbed, cuts: tuple[tuple[str, ...], ...]) -> list[Any]:
    """The moments in which the job is cut off, as they come: what a kill has passed is not reached again."""
    return sorted((undisturbed.moment(*cut) for cut in cuts), key=undisturbed.moments.index)


@pytest.mark.parametrize("series", SERIES, ids=["one_a_stage", "again_and_again_while_ordering"])
def test_a_job_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    series: tuple[tuple[str, ...], ...], undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    with open_before(STEPS[0]) as scene:
        for moment in in_order(undisturbed, series):
            # The first one of its kind: of those that follow, an earlier kill may have left nothing to do.
            scene.cut_off(f"{moment.step}/{moment.stage}/{moment.kind}/1")
        scene.finish()
        scene.check()
        assert differences(scene.record(), undisturbed.end, answers_lost=True) == {}


def test_a_job_that_is_killed_while_it_looks_for_a_lost_order_loses_none(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    moment = undisturbed.moment("order calls", "answered")
    with open_before(moment.step) as scene:
        for key in (moment.key, f"{moment.step}/resolve/answered/1", f"{moment.step}/resolve/committed/1"):
            scene.cut_off(key)
        scene.finish(FIRST_LETTERS)
        scene.check()
        assert differences(scene.record(), undisturbed.first_letters, answers_lost=True) == {}


def test_no_order_leaves_before_its_intent_is_on_the_disk(undisturbed: Undisturbed) -> None:
    intents = asked = 0
    for moment in undisturbed.moments:
        # Each chunk begins with a transaction that holds its intents.
        intents += (moment.stage, moment.kind) == ("order intents", "committed")
        asked += (moment.stage, moment.kind) == ("order calls", "ask")
        assert asked <= intents * SMALL
    assert asked


def test_every_commit_of_the_job_waits_for_the_disk(undisturbed: Undisturbed) -> None:
    settings = {moment.durable for moment in undisturbed.moments if moment.kind == "commit"}
    assert settings == {("wal", "2")}


def test_who_was_given_the_refused_rows_stands_in_the_audit_log_before_they_have_them(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    moment = undisturbed.moment("outputs", "renamed", "rejected.xlsx")
    with open_before(moment.step) as scene:
        scene.cut_off(moment.key)
        assert (scene.out / "rejected.xlsx").exists()
        assert "rejected.handed_back" in scene.column("audit", "action")


def test_6_a_job_that_is_killed_when_only_its_report_is_missing_still_gets_its_report(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    """6. Dies between commit and answer; asked again: the same letters. (Of a case file; of the API's calls: later.)"""
    moment = undisturbed.moment("outputs", "rename", "report.html", step=STEPS[-1])
    with open_before(moment.step) as scene:
        scene.cut_off(moment.key)
        assert scene.column("batch", "state") == ["done"]
        scene.finish()
        scene.check()
        assert differences(scene.record(), undisturbed.end) == {}


def test_what_is_not_ours_in_the_folder_for_people_is_left_alone(open_before: OpenBefore) -> None:
    with open_before(STEPS[4]) as scene:
        backup, download = scene.out / ".songda-20261124" / "songda.db", scene.out / ".film.mkv.part"
        backup.parent.mkdir()
        backup.write_bytes(b"kept")
        download.write_bytes(b"kept")
        assert scene.resume("2026-11-24").code == 0
        assert (backup.read_bytes(), download.read_bytes()) == (b"kept", b"kept")
