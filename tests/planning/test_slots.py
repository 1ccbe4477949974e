"""Who is printed today: letters.md §11, 31 to 33."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.planning import Capacity, Used, Waiting, plan

ON = date(2026, 11, 24)
TENANTS, PROVINCES = ("a", "b", "c"), ("31", "44", "65")

days = st.integers(0, 40).map(lambda n: ON - timedelta(days=n))
limitation = st.none() | st.integers(-10, 60).map(lambda n: ON + timedelta(days=n))
letters = st.lists(
    st.builds(
        Waiting,
        id=st.uuids().map(str),
        tenant=st.sampled_from(TENANTS),
        province=st.sampled_from(PROVINCES),
        since=days,
        limitation_on=limitation,
        n=st.sampled_from((1, 1, 1, 2)),
    ),
    max_size=60,
)
capacities = st.builds(
    Capacity,
    per_day=st.integers(0, 50),
    per_province=st.dictionaries(st.sampled_from(PROVINCES), st.integers(0, 20)),
    declared=st.dictionaries(st.sampled_from(TENANTS), st.integers(0, 100)),
    guaranteed=st.floats(0, 1),
    urgent_days=st.integers(0, 40),
)
slots_used = st.lists(
    st.builds(
        Used,
        tenant=st.sampled_from(TENANTS),
        province=st.sampled_from(PROVINCES),
        lane=st.sampled_from(("urgent", "again", "share", "leftover")),
    ),
    max_size=10,
)


def is_urgent(letter: Waiting, capacity: Capacity) -> bool:
    return letter.limitation_on is not None and 0 <= (letter.limitation_on - ON).days <= capacity.urgent_days


@given(letters, capacities, slots_used)
def test_no_cap_is_ever_exceeded(waiting: list[Waiting], capacity: Capacity, used: list[Used]) -> None:
    today = {slot.id for slot in plan(waiting, capacity, on=ON, used=used) if slot.today}
    going = [letter for letter in waiting if letter.id in today]
    assert len(going) <= max(0, capacity.per_day - len(used))
    provinces = Counter(letter.province for letter in going)
    taken = Counter(slot.province for slot in used)
    assert all(provinces[p] <= max(0, limit - taken[p]) for p, limit in capacity.per_province.items())


@given(letters, capacities, st.randoms(use_true_random=False))
def test_the_order_of_the_letters_changes_nothing(
    waiting: list[Waiting], capacity: Capacity, chance: random.Random
) -> None:
    mixed = list(waiting)
    chance.shuffle(mixed)
    assert plan(mixed, capacity, on=ON) == plan(waiting, capacity, on=ON)


@given(letters, capacities)
def test_every_letter_has_a_reason_and_capacity_is_left_only_where_none_can_use_it(
    waiting: list[Waiting], capacity: Capacity
) -> None:
    slots = {slot.id: slot for slot in plan(waiting, capacity, on=ON)}
    assert set(slots) == {letter.id for letter in waiting}
    going = [letter for letter in waiting if slots[letter.id].today]
    provinces = Counter(letter.province for letter in going)
    for letter in waiting:
        slot = slots[letter.id]
        if slot.today:
            assert slot.reason in ("urgent", "again", "share", "leftover")
        elif slot.reason == "print_cap":
            assert len(going) == capacity.per_day
        else:
            assert slot.reason == "province_cap"
            assert provinces[letter.province] == capacity.per_province[letter.province]


@given(letters, capacities)
def test_urgent_letters_go_first_and_the_nearest_limitation_before_the_others(
    waiting: list[Waiting], capacity: Capacity
) -> None:
    today = {slot.id for slot in plan(waiting, capacity, on=ON) if slot.today}
    for letter in waiting:
        if not is_urgent(letter, capacity) or letter.id in today:
            continue
        # Whoever took its place, in the whole or in its province, is as urgent.
        ahead = [each for each in waiting if each.id in today and is_urgent(each, capacity)]
        ahead = [each for each in ahead if each.limitation_on <= letter.limitation_on]  # type: ignore[operator]
        same = [each for each in ahead if each.province == letter.province]
        limit = capacity.per_province.get(letter.province, math.inf)
        assert len(ahead) >= capacity.per_day or len(same) >= limit


@given(letters, capacities)
def test_32_shares_are_kept_whatever_the_others_have(waiting: list[Waiting], capacity: Capacity) -> None:
    plain = [letter._replace(limitation_on=None, n=1) for letter in waiting]
    today = {slot.id for slot in plan(plain, capacity, on=ON) if slot.today}
    total = sum(capacity.declared.values())
    for tenant in TENANTS:
        weight = capacity.declared.get(tenant, 0) / total if total else 0.0
        share = math.floor(capacity.per_day * capacity.guaranteed * weight + 1e-9)
        possible = 0
        for province, count in Counter(each.province for each in plain if each.tenant == tenant).items():
            limit = capacity.per_province.get(province)
            own = count if limit is None else math.floor(limit * capacity.guaranteed * weight - 1e-9)
            possible += max(0, min(count, own))
        got = sum(letter.tenant == tenant and letter.id in today for letter in plain)
        assert got >= min(share, possible) - 1e-9
    if total:
        shares = [
            math.floor(capacity.per_day * capacity.guaranteed * each / total) for each in capacity.declared.values()
        ]
        assert sum(shares) <= capacity.per_day


@given(st.integers(1, 20), st.floats(0, 0.9), st.integers(0, 60))
def test_32_no_letter_starves_behind_a_flood(per_day: int, guaranteed: float, before: int) -> None:
    """A tenant without a share has one letter; others deliver more than is printed, every day."""
    capacity = Capacity(per_day=per_day, guaranteed=guaranteed, declared={"a": 5, "b": 5})
    old = [Waiting(f"0-{n:04}", "ab"[n % 2], "31", ON - timedelta(days=1)) for n in range(before)]
    waiting = {each.id: each for each in [*old, Waiting("mine", "c", "31", ON)]}
    open_a_day = per_day - math.floor(per_day * guaranteed)
    longest = math.ceil((before + 1) / max(1, open_a_day)) + 1
    for n in range(longest + 1):
        on = ON + timedelta(days=n)
        fresh = [Waiting(f"{n + 1}-{m:04}", "ab"[m % 2], "31", on) for m in range(2 * per_day)] if n else []
        waiting |= {each.id: each for each in fresh}
        for slot in plan(waiting.values(), capacity, on=on):
            if slot.today:
                del waiting[slot.id]
        if "mine" not in waiting:
            return
    pytest.fail(f"still waiting after {longest} days")


@given(letters, capacities)
def test_planning_again_on_the_same_day_keeps_to_the_same_caps(waiting: list[Waiting], capacity: Capacity) -> None:
    first = {slot.id: slot for slot in plan(waiting, capacity, on=ON)}
    used = [Used(each.tenant, each.province, first[each.id].reason) for each in waiting if first[each.id].today]
    rest = [each for each in waiting if not first[each.id].today]
    assert not any(slot.today for slot in plan(rest, capacity, on=ON, used=used))


def test_33_second_attempts_pass_the_share_but_not_the_print_cap() -> None:
    capacity = Capacity(per_day=3, guaranteed=1.0, declared={"a": 1, "b": 1})
    waiting = [Waiting(f"a{n}", "a", "31", ON, n=2) for n in range(4)]
    slots = plan([*waiting, Waiting("b", "b", "31", ON - timedelta(days=9))], capacity, on=ON)
    assert [(slot.id, slot.today, slot.reason) for slot in slots] == [
        ("a0", True, "again"),
        ("a1", True, "again"),
        ("a2", True, "again"),
        ("a3", False, "print_cap"),
        ("b", False, "print_cap"),
    ]


def test_a_flooding_tenant_takes_what_others_leave_and_no_more() -> None:
    capacity = Capacity(per_day=10, guaranteed=1.0, declared={"a": 8, "b": 2})
    flood = [Waiting(f"b{n:02}", "b", "31", ON - timedelta(days=30)) for n in range(50)]
    few = [Waiting(f"a{n:02}", "a", "31", ON) for n in range(5)]
    going = Counter(slot.reason for slot in plan([*flood, *few], capacity, on=ON))
    assert going == {"share": 5 + 2, "leftover": 3, "print_cap": 45}


def test_a_full_province_lets_others_pass() -> None:
    capacity = Capacity(per_day=3, per_province={"65": 1}, declared={})
    waiting = [Waiting(f"x{n}", "a", "65", ON - timedelta(days=9)) for n in range(2)]
    slots = plan([*waiting, Waiting("y", "a", "31", ON)], capacity, on=ON)
    assert [(slot.today, slot.reason) for slot in slots] == [
        (True, "leftover"),
        (False, "province_cap"),
        (True, "leftover"),
    ]
