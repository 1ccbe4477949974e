"""What the carrier does to a run: answers that get lost, and nobody there. No letter is lost, and none is ordered twice.

With numbers of our own a lost order is found by its number. A contract that promises idempotent orders allows asking
again. With neither, a person has to look: the order is a task and is never repeated.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from fault_scenes import FIRST_LETTERS, IDEMPOTENT, WITHOUT_NUMBERS, Scene, differences

#: What the fixtures of conftest.py give.
Undisturbed = Any
OpenBefore = Any

STEP = "resume 2026-11-24"
DAY = "2026-11-24"
LOST = 3
#: What is lost is looked for by the next run, which prints it.
TWICE = (STEP, "follow 2026-11-24", *FIRST_LETTERS[3:])


@pytest.mark.parametrize("fault", ["reset_after", "truncated"])
def test_orders_whose_answers_are_lost_are_found_by_their_numbers(
    fault: str, undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    with open_before(STEP) as scene:
        scene.post.fault(fault, api_code="020003", count=LOST)
        scene.finish(TWICE)
        scene.check()
        assert scene.post.stats()["calls"]["020003"] == len(undisturbed.first_letters["piece"])
        assert len(scene.column("run", "id")) == 2
        # The numbers were dealt before the calls: each letter has the one that it would have had.
        expected = {part: undisturbed.first_letters[part] for part in ("letter", "attempt", "intent", "task", "fact")}
        assert differences(scene.record(), expected) == {}
        assert sorted(scene.column("piece", "id", "waybill_no")) == numbers(undisturbed)


def test_an_order_without_a_number_whose_answer_is_lost_becomes_a_task_and_is_not_repeated(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    pieces = len(undisturbed.first_letters["piece"])
    with open_before(STEP, WITHOUT_NUMBERS) as scene:
        scene.post.fault("reset_after", api_code="020003", count=LOST)
        scene.finish(TWICE)
        assert_left_to_a_person(scene, LOST)
        stats = scene.post.stats()
        assert stats["calls"]["020003"] == stats["waybills"] == pieces
        assert stats["handed_over"] == pieces - LOST


def test_a_kill_while_orders_without_numbers_are_under_way_leaves_them_to_a_person(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    moment = undisturbed.moment("order calls", "answered")
    with open_before(STEP, WITHOUT_NUMBERS) as scene:
        scene.cut_off(moment.key)
        lost = scene.column("intent", "state").count("written")
        scene.finish(TWICE)
        assert lost
        assert_left_to_a_person(scene, lost)


def test_a_promise_of_idempotent_orders_lets_a_killed_run_ask_again(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    moment = undisturbed.moment("order answers", "commit")
    with open_before(STEP, IDEMPOTENT) as scene:
        scene.cut_off(moment.key)
        scene.finish(FIRST_LETTERS)
        scene.check()
        assert scene.post.stats()["repeats"]
        assert scene.column("task", "id") == []
        assert set(scene.column("piece", "state")) == {"handed_over"}


def test_a_carrier_that_is_not_there_is_told_with_a_remedy_and_the_next_run_goes_on(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    pieces = len(undisturbed.first_letters["piece"])
    with open_before(STEP) as scene:
        scene.post.kill()
        for _ in range(2):
            ended = scene.resume(DAY)
            assert ended.code == 75
            assert ended.stderr.startswith(f"错误：{pieces} 件尚未取得运单号：承运商连续没有应答")
            assert "songda run --resume" in ended.stderr
        scene.post.start()
        scene.finish(FIRST_LETTERS)
        scene.check()
        assert differences(scene.record(), undisturbed.first_letters) == {}


def test_a_carrier_that_goes_away_while_orders_are_under_way_loses_none(
    undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    moment = undisturbed.moment("order calls", "answered")
    with open_before(STEP) as scene:
        process = scene.start(action=("stop", moment.key))
        scene.wait_until_stopped(process)
        scene.post.kill()
        os.kill(process.pid, signal.SIGCONT)
        assert scene.end(process).code == 75
        scene.post.start()
        scene.finish(FIRST_LETTERS)
        scene.check()
        assert differences(scene.record(), undisturbed.first_letters) == {}


def test_a_second_run_beside_one_at_work_is_told_to_wait(undisturbed: Undisturbed, open_before: OpenBefore) -> None:
    with open_before(STEP) as scene:
        process = scene.start(action=("stop", undisturbed.moment("order calls", "ask").key), steps=FIRST_LETTERS)
        scene.wait_until_stopped(process)
        second = scene.resume(DAY)
        assert second.code == 75
        assert second.stderr.startswith("错误：另一个 songda run 正在使用")
        assert "请等它结束后再运行" in second.stderr
        os.kill(process.pid, signal.SIGCONT)
        assert scene.end(process).code == 0
        scene.check()
        assert differences(scene.record(), undisturbed.first_letters) == {}


def assert_left_to_a_person(scene: Scene, lost: int) -> None:
    """The lost ones wait, once each; all others are posted, and the carrier has no order twice."""
    states = scene.column("piece", "state")
    assert (states.count("queued"), states.count("handed_over")) == (lost, len(states) - lost)
    assert scene.column("task", "kind", "state") == [("order_unresolved", "open")] * lost
    waiting = [piece for piece, state in scene.column("piece", "id", "state") if state == "queued"]
    assert scene.column("task", "object_id") == waiting
    stats = scene.post.stats()
    assert (stats["duplicates"], stats["double_ordered"]) == (0, [])


def numbers(undisturbed: Undisturbed) -> list[tuple[str, str]]:
    return sorted(
        (piece["piece_id"], piece["waybill_no"])
        for manifest in undisturbed.first_letters["manifests"].values()
        for piece in manifest["pieces"]
    )
