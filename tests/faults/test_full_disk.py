"""A disk that fills at any moment: a sentence with a remedy, nothing half-done, and the next run goes on.

The disk is filled from outside: from that moment on no file of the process may grow (RLIMIT_FSIZE), database included.
"""

from __future__ import annotations

from typing import Any

import pytest
from fault_scenes import FIRST_LETTERS, differences

#: What the fixtures of conftest.py give.
Undisturbed = Any
OpenBefore = Any

#: When it fills, and the exit code: 74 where the house cannot be written, 73 where the folder for people cannot.
FILLED = (
    (("receive", "commit"), 74),
    (("produce", "file"), 74),
    (("order answers", "commit"), 74),
    (("lock", "file", "run-000001"), 74),
    (("lock", "commit"), 74),
    (("outputs", "file", "draft"), 73),
    (("outputs", "file", "report.html"), 73),
)


@pytest.mark.parametrize(
    ("moment", "code"), FILLED, ids=lambda part: "-".join(part).replace(" ", "_") if isinstance(part, tuple) else ""
)
def test_a_full_disk_leaves_nothing_half_done(
    moment: tuple[str, ...], code: int, undisturbed: Undisturbed, open_before: OpenBefore
) -> None:
    found = undisturbed.moment(*moment, step=" 2026-11-24")
    with open_before(found.step) as scene:
        ended = scene.work(action=("fill", found.key))
        assert ended.code == code, ended.stderr
        assert ended.stderr.startswith("错误：")
        # What the spreadsheet library mutters while it is cleared away comes after our sentence.
        said, _, _ = ended.stderr.partition("Exception ignored")
        assert "Traceback" not in said
        assert "磁盘" in said
        assert scene.litter() == []
        scene.finish(FIRST_LETTERS)
        scene.check()
        lost = moment[0] == "order answers"
        assert differences(scene.record(), undisturbed.first_letters, answers_lost=lost) == {}
