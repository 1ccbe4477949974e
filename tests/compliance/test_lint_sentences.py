"""The linter on sentences that were written without its word lists at hand.

They were judged once before anything was mended (recall 51.3 %, false alarms 7.3 %), and the lists were mended with them; what is held here
is that nothing of it is lost again. How the lists fare on sentences written later to get past them is measured, and no good
(bench/lint_sentences.py, bench/notes.md): word lists know what they have seen.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.lint_sentences import SENTENCES, measured, read_sentences


def test_the_set_is_whole() -> None:
    sentences = read_sentences()
    assert len({each.text for each in sentences}) == 300
    assert sum(each.forbidden for each in sentences) == 150


def test_what_was_caught_stays_caught_and_the_harmless_stay_free() -> None:
    found = measured(read_sentences())
    assert float(found["recall_percent"]) >= 98.0
    assert float(found["false_alarm_percent"]) <= 3.0


def test_sentences_written_to_get_past_the_lists_are_read_too() -> None:
    later = read_sentences(SENTENCES.with_name("lint_sentences_later.csv"))
    assert len({each.text for each in later}) == 60
