"""The audit chain: whatever is done to the log afterwards is found."""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.vault.audit import GENESIS, Anchor, AuditEntry, Break, anchor, link, verify

KEY = b"k" * 32
Rows = list[tuple[AuditEntry, str]]


def _entry(seq: int, **changes: object) -> AuditEntry:
    entry = AuditEntry(
        seq, f"2026-11-24T09:00:{seq:02d}+08:00", "lawyer:7", "letter.approved", f"ltr_{seq}", {"n": seq}
    )
    return dataclasses.replace(entry, **changes)


def _chain(entries: list[AuditEntry]) -> Rows:
    rows, previous = [], GENESIS
    for entry in entries:
        previous = link(previous, entry)
        rows.append((entry, previous))
    return rows


ROWS = _chain([_entry(seq) for seq in range(1, 11)])
ANCHORS = [anchor(ROWS[9][1], 10, KEY)]


@given(
    st.lists(
        st.builds(
            _entry,
            seq=st.just(1),
            actor=st.text(max_size=5),
            details=st.dictionaries(
                st.text(max_size=3), st.none() | st.booleans() | st.integers() | st.text(max_size=5)
            ),
        ),
        max_size=20,
    )
)
def test_an_untouched_log_has_no_breaks(entries: list[AuditEntry]) -> None:
    rows = _chain([dataclasses.replace(entry, seq=seq) for seq, entry in enumerate(entries, 1)])
    anchors = [anchor(stored, entry.seq, KEY) for entry, stored in rows]
    assert verify(rows, anchors=anchors, key=KEY) == []


@pytest.mark.parametrize("seq", [1, 5, 10])
@pytest.mark.parametrize(
    "change",
    [
        {"at": "2026-11-24T09:00:00+08:00"},
        {"actor": "lawyer:8"},
        {"action": "letter.dropped"},
        {"object_id": "ltr_99"},
        {"details": {}},
        {"details": {"n": 999}},
        {"details": {"n": "5"}},
    ],
)
def test_a_changed_entry_is_found_at_its_place(seq: int, change: dict[str, object]) -> None:
    rows = [*ROWS]
    rows[seq - 1] = (_entry(seq, **change), rows[seq - 1][1])
    assert verify(rows) == [Break(seq, "changed")]


def test_a_changed_entry_with_its_own_hash_made_afresh_is_found_at_the_next_row() -> None:
    rows = [*ROWS]
    changed = _entry(5, actor="lawyer:8")
    rows[4] = (changed, link(rows[3][1], changed))
    assert verify(rows) == [Break(6, "changed")]


@pytest.mark.parametrize(
    ("remove", "found"),
    [
        ([1], [Break(1, "removed")]),
        ([5], [Break(5, "removed")]),
        ([5, 6, 7], [Break(5, "removed")]),
        ([2, 8], [Break(2, "removed"), Break(8, "removed")]),
    ],
)
def test_removed_entries_are_found(remove: list[int], found: list[Break]) -> None:
    assert verify([row for row in ROWS if row[0].seq not in remove]) == found


def test_removed_entries_are_found_even_when_the_rest_is_renumbered() -> None:
    rows = [(dataclasses.replace(e, seq=e.seq - (e.seq > 5)), h) for e, h in ROWS if e.seq != 5]
    assert Break(5, "changed") in verify(rows)


def test_entries_out_of_order_or_twice_are_found() -> None:
    swapped = [*ROWS[:4], ROWS[5], ROWS[4], *ROWS[6:]]
    assert Break(5, "reordered") in verify(swapped)
    assert verify([*ROWS[:5], ROWS[4], *ROWS[5:]]) == [Break(5, "reordered")]


def test_a_log_cut_short_is_found_only_with_an_anchor() -> None:
    assert verify(ROWS[:8]) == []
    assert verify(ROWS[:8], anchors=ANCHORS, key=KEY) == [Break(10, "truncated")]
    assert verify([], anchors=ANCHORS, key=KEY) == [Break(10, "truncated")]


def test_a_log_computed_afresh_is_found_with_an_anchor() -> None:
    forged = _chain([_entry(seq, actor="lawyer:8") for seq in range(1, 13)])
    assert verify(forged) == []
    assert verify(forged, anchors=ANCHORS, key=KEY) == [Break(10, "rewritten")]


@pytest.mark.parametrize(
    "forge",
    [
        lambda found: dataclasses.replace(found, seq=8),
        lambda found: dataclasses.replace(found, head=ROWS[7][1]),
        lambda found: dataclasses.replace(found, mac="0" * 64),
        lambda found: anchor(found.head, found.seq, b"another key"),
    ],
)
def test_a_forged_anchor_is_found(forge: Callable[[Anchor], Anchor]) -> None:
    forged = forge(ANCHORS[0])
    assert verify(ROWS, anchors=[forged], key=KEY) == [Break(forged.seq, "forged")]


def test_anchors_without_their_key_prove_nothing() -> None:
    with pytest.raises(ValueError, match="key"):
        verify(ROWS, anchors=ANCHORS)


def test_the_log_may_grow_after_an_anchor() -> None:
    grown = _chain([_entry(seq) for seq in range(1, 15)])
    assert verify(grown, anchors=ANCHORS, key=KEY) == []


@pytest.mark.parametrize("value", [0.5, [1], {"a": 1}, b"x"])
def test_a_detail_without_one_spelling_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="audit detail 'amount'"):
        link(GENESIS, _entry(1, details={"amount": value}))


def test_the_order_of_details_does_not_matter_and_their_border_does() -> None:
    assert link(GENESIS, _entry(1, details={"a": 1, "b": 2})) == link(GENESIS, _entry(1, details={"b": 2, "a": 1}))
    assert link(GENESIS, _entry(1, actor="a", action="bc")) != link(GENESIS, _entry(1, actor="ab", action="c"))


def test_hashes_of_existing_logs_never_change() -> None:
    assert ROWS[1][1] == "fc6cee722e075e795081505feb5ca9a8ea2ea0794bda8ff22fc471d800c286af"
