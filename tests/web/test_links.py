"""Signed links give one right, to one holder, for a time; anything else is a forgery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.web import LinkExpired, LinkForged, press_path, sign, verify

KEY = bytes(range(32))
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SOON = NOW + timedelta(minutes=15)


def check(
    token: str, *, purpose: str = "press", object_id: str = "run_a/1", now: datetime = NOW, key: bytes = KEY
) -> str:
    return verify(token, purpose=purpose, object_id=object_id, now=now, key=key).holder


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_genuine_link_is_recognised(purpose: str, object_id: str, holder: str) -> None:
    token = sign(purpose, object_id, SOON, KEY, holder=holder)
    link = verify(token, purpose=purpose, object_id=object_id, now=NOW, key=KEY)
    assert (link.purpose, link.object_id, link.holder, link.expires) == (purpose, object_id, holder, SOON)


def test_a_link_says_how_many_revocations_went_before_it() -> None:
    token = sign("courier", "ten_a/31000100", SOON, KEY, holder="team-3", generation=17)
    link = verify(token, purpose="courier", object_id="ten_a/31000100", now=NOW, key=KEY)
    assert (link.holder, link.generation) == ("team-3", 17)


def test_a_link_opens_no_other_object_and_no_other_page() -> None:
    token = sign("press", "run_a/1", SOON, KEY)
    for wrong in ({"object_id": "run_a/2"}, {"purpose": "letter"}, {"key": bytes(32)}):
        with pytest.raises(LinkForged):
            check(token, **wrong)  # type: ignore[arg-type]


def test_parts_that_only_look_alike_when_joined_differ() -> None:
    with pytest.raises(LinkForged):
        check(sign("press", "run_a/1", SOON, KEY), purpose="pres", object_id="srun_a/1")


def test_the_last_second_still_counts_and_the_next_does_not() -> None:
    token = sign("press", "run_a/1", SOON, KEY, holder="usr_7")
    assert check(token, now=SOON) == "usr_7"
    with pytest.raises(LinkExpired):
        check(token, now=SOON + timedelta(seconds=1))


def test_nobody_can_prolong_a_link_change_its_holder_or_outlive_a_revocation() -> None:
    expires, generation, holder, mac = sign("press", "run_a/1", SOON, KEY, holder="usr_7").split(".")
    later = sign("press", "run_a/1", SOON + timedelta(days=1), bytes(32), holder="usr_7").split(".")[0]
    other = sign("press", "run_a/1", SOON, bytes(32), holder="usr_8").split(".")[2]
    for forged in (
        f"{later}.{generation}.{holder}.{mac}",
        f"{expires}.{generation}.{other}.{mac}",
        f"{expires}.{generation}.{holder}.",
        f"{expires}.1.{holder}.{mac}",
        f"{expires}.00.{holder}.{mac}",
        f"{expires}.{holder}.{mac}",
    ):
        with pytest.raises(LinkForged):
            check(forged)


def test_a_forged_link_that_is_also_old_is_only_called_forged() -> None:
    with pytest.raises(LinkForged):
        check(sign("press", "run_a/1", NOW - timedelta(days=1), bytes(32)))


@given(st.integers(0, 200), st.characters())
def test_a_changed_character_is_a_forgery(at: int, character: str) -> None:
    token = sign("press", "run_a/1", SOON, KEY, holder="usr_7")
    at %= len(token)
    changed = token[:at] + character + token[at + 1 :]
    if changed != token:
        with pytest.raises(LinkForged):
            check(changed)


@given(st.text())
def test_any_other_text_is_a_forgery(text: str) -> None:
    with pytest.raises(LinkForged):
        check(text)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign("press", "run_a/1", SOON, b"short")


def test_an_expiry_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        sign("press", "run_a/1", datetime(2026, 11, 24), KEY)  # noqa: DTZ001


def test_the_path_of_a_print_file_carries_its_own_right() -> None:
    path = press_path("run_a", 1, holder="usr_7", expires=SOON, key=KEY)
    assert path.startswith("/press/run_a/1?t=")
    assert check(path.partition("=")[2]) == "usr_7"
