"""The linter on 300 sentences that were written without seeing its word lists: what it catches, and where it cries wolf."""

from __future__ import annotations

from bench.lint_sentences import measured, read_sentences, wrong

# The targets are recall 99 % and false alarms 3 %, and they are not reached. At first contact 73 of 150 forbidden sentences were missed
# and 11 of 150 others taken for forbidden (bench/notes.md). What is asserted is what is reached, so that it can only get better.
MISSED_AT_MOST = 73
ALARMS_AT_MOST = 11


def test_the_linter_does_not_fall_behind_what_it_reached_on_foreign_sentences() -> None:
    sentences = read_sentences()
    result = measured(sentences)
    assert (result["forbidden"], result["allowed"]) == (150, 150)
    missed, alarms = wrong(sentences)
    assert len(missed) <= MISSED_AT_MOST
    assert len(alarms) <= ALARMS_AT_MOST
