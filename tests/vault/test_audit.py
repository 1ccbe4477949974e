"""The audit chain: whatever is done to the log afterwards is found."""

import dataclasses
import hmac
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.vault.audit import GENESIS, SEALED, AuditEntry, Break, link, seal_statement, verify

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


def _sign(statement: bytes, key: bytes = KEY) -> str:
    return hmac.digest(key, statement, "sha256").hex()


def _genuine(_holder: str, statement: bytes, signature: str) -> bool:
    return hmac.compare_digest(_sign(statement), signature)


def _sealed(rows: Rows, *, day: str = "2026-11-24", key: bytes = KEY) -> Rows:
    """The rows with a seal behind them."""
    seq, head = (rows[-1][0].seq, rows[-1][1]) if rows else (0, GENESIS)
    details = {"day": day, "signature": _sign(seal_statement("ten_1", day, seq, head), key)}
    entry = AuditEntry(seq + 1, "2026-11-24T23:00:00+08:00", "timer", SEALED, "ten_1", details)
    return [*rows, (entry, link(head, entry))]


def _afresh(rows: Rows, change: Callable[[list[AuditEntry]], list[AuditEntry]]) -> Rows:
    """The log changed, numbered and linked anew by somebody who has no key."""
    entries = change([entry for entry, _ in rows])
    return _chain([dataclasses.replace(entry, seq=seq) for seq, entry in enumerate(entries, 1)])


ROWS = _chain([_entry(seq) for seq in range(1, 11)])


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
    found = verify(_sealed(rows), genuine=_genuine)
    assert (found.breaks, found.entries, found.sealed) == ((), len(rows) + 1, len(rows))


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
    assert verify(rows).breaks == (Break(seq, "changed"),)


def test_a_changed_entry_with_its_own_hash_made_afresh_is_found_at_the_next_row() -> None:
    rows = [*ROWS]
    changed = _entry(5, actor="lawyer:8")
    rows[4] = (changed, link(rows[3][1], changed))
    assert verify(rows).breaks == (Break(6, "changed"),)


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
    assert verify([row for row in ROWS if row[0].seq not in remove]).breaks == tuple(found)


def test_removed_entries_are_found_even_when_the_rest_is_renumbered() -> None:
    rows = [(dataclasses.replace(e, seq=e.seq - (e.seq > 5)), h) for e, h in ROWS if e.seq != 5]
    assert Break(5, "changed") in verify(rows).breaks


def test_entries_out_of_order_or_twice_are_found() -> None:
    swapped = [*ROWS[:4], ROWS[5], ROWS[4], *ROWS[6:]]
    assert Break(5, "reordered") in verify(swapped).breaks
    assert verify([*ROWS[:5], ROWS[4], *ROWS[5:]]).breaks == (Break(5, "reordered"),)


@pytest.mark.parametrize("seq", range(1, 12))
@pytest.mark.parametrize("how", ["changed", "removed", "swapped", "doubled"])
def test_what_is_done_under_a_seal_is_found_even_when_all_hashes_are_made_afresh(seq: int, how: str) -> None:
    rows = _sealed(_sealed(_sealed(ROWS[:4])[:5], day="2026-11-25")[:6], day="2026-11-26")
    rows = _sealed([*rows, *_afresh([*rows, *ROWS[:5]], lambda entries: entries)[len(rows) :]], day="2026-11-27")

    def change(entries: list[AuditEntry]) -> list[AuditEntry]:
        own = entries[seq - 1]
        following = entries[seq]
        return {
            "changed": [*entries[: seq - 1], dataclasses.replace(own, actor="x"), *entries[seq:]],
            "removed": [*entries[: seq - 1], *entries[seq:]],
            "swapped": [*entries[: seq - 1], following, own, *entries[seq + 1 :]],
            "doubled": [*entries[:seq], *entries[seq - 1 :]],
        }[how]

    forged = _afresh(rows, change)
    assert verify(rows, genuine=_genuine).breaks == ()
    assert verify(forged).breaks == ()
    found = verify(forged, genuine=_genuine)
    assert found.breaks
    assert {each.kind for each in found.breaks} == {"forged"}
    # Where: behind the last seal that still holds, and not behind the first one that does not.
    assert found.sealed < min(each.seq for each in found.breaks)


def test_it_is_told_from_where_on_no_seal_covers() -> None:
    rows = _sealed(ROWS)
    grown = _chain([*(entry for entry, _ in rows), _entry(12), _entry(13)])
    found = verify(grown, genuine=_genuine)
    assert (found.breaks, found.sealed, found.sealed_on, found.entries) == ((), 10, "2026-11-24", 13)
    assert verify(ROWS, genuine=_genuine).sealed == 0
    # Unchecked seals prove nothing.
    assert verify(grown).sealed == 0


@pytest.mark.parametrize(
    "change",
    [
        {"details": {"day": "2026-11-25", "signature": _sealed(ROWS)[-1][0].details["signature"]}},
        {"details": {"day": "2026-11-24", "signature": "00"}},
        {"details": {"day": "2026-11-24"}},
        {"object_id": "ten_2"},
    ],
)
def test_a_forged_seal_is_found(change: dict[str, object]) -> None:
    seal = dataclasses.replace(_sealed(ROWS)[-1][0], **change)
    rows = [*ROWS, (seal, link(ROWS[-1][1], seal))]
    assert verify(rows, genuine=_genuine).breaks == (Break(11, "forged"),)
    assert verify(_sealed(ROWS, key=b"another"), genuine=_genuine).breaks == (Break(11, "forged"),)


@pytest.mark.parametrize("value", [0.5, [1], {"a": 1}, b"x"])
def test_a_detail_without_one_spelling_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="audit detail 'amount'"):
        link(GENESIS, _entry(1, details={"amount": value}))


def test_the_order_of_details_does_not_matter_and_their_border_does() -> None:
    assert link(GENESIS, _entry(1, details={"a": 1, "b": 2})) == link(GENESIS, _entry(1, details={"b": 2, "a": 1}))
    assert link(GENESIS, _entry(1, actor="a", action="bc")) != link(GENESIS, _entry(1, actor="ab", action="c"))


def test_hashes_of_existing_logs_never_change() -> None:
    assert ROWS[1][1] == "fc6cee722e075e795081505feb5ca9a8ea2ea0794bda8ff22fc471d800c286af"
