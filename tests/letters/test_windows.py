"""What can be seen of a letter through the windows of its envelope, wherever the sheet slides."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_letters import letter

from songda.letters import BadProducts, Kind, Renderer, house_template, load_products, shows_body
from songda.letters.marks import marks
from songda.letters.postage import Envelope
from songda.letters.windows import always, at_most, hides_address
from songda.letters.zones import ADDRESS_WINDOW, QUIET, SLACK_MM, WAYBILL, Zone

ZL = load_products().envelopes[0]


def test_no_envelope_that_is_shipped_shows_the_body_or_hides_the_address() -> None:
    for envelope in load_products().envelopes:
        assert not shows_body(envelope)
        assert not hides_address(envelope)


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_seen_lies_between_always_and_at_most(across: float, down: float) -> None:
    """The sheet lies `across` and `down` of its play from the upper left corner."""
    window = ZL.windows[0]
    x, y = (ZL.width - 210) * across, (ZL.height - ZL.panel) * down
    seen = Zone(window.x - x, window.y - y, window.width, window.height)
    (widest,), (least,) = at_most(ZL), always(ZL)
    for inner, outer in ((seen, widest), (least, seen)):
        assert outer.holds(inner.x + 1e-9, inner.y + 1e-9)
        assert outer.holds(inner.x + inner.width - 1e-9, inner.y + inner.height - 1e-9)


@pytest.mark.parametrize(
    ("envelope", "body", "address"),
    [
        (replace(ZL, windows=()), False, False),
        (replace(ZL, panel=99.0), True, True),
        (replace(ZL, windows=(Zone(25, 44, 105, 45),)), True, False),
        (replace(ZL, windows=(Zone(25, 30, 105, 52),)), True, False),
        (replace(ZL, windows=(Zone(25, 44, 60, 38),)), False, True),
        (replace(ZL, windows=(Zone(20, 100, 90, 15),)), True, True),
    ],
    ids=["a label", "folded too low", "too low a window", "too high", "too narrow", "somewhere else"],
)
def test_a_window_that_shows_too_much_or_too_little_is_told(envelope: Envelope, body: bool, address: bool) -> None:
    assert (shows_body(envelope), hides_address(envelope)) == (body, address)


KINDS: tuple[Kind, ...] = ("lawyer_letter", "reminder")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lines", [1, 12])
def test_the_band_that_a_window_may_show_holds_nothing_but_the_address(kind: Kind, lines: int) -> None:
    pdf = Renderer(house_template(kind)).render(letter(kind=kind, lines=lines)).pdf
    with pikepdf.open(io.BytesIO(pdf)) as document:
        shown = [mark for mark in marks(document.pages[0]) if mark.touches(QUIET, slack=SLACK_MM)]
    assert shown
    assert all(mark.within(ADDRESS_WINDOW, slack=SLACK_MM) for mark in shown)
    assert QUIET.holds(WAYBILL.x, WAYBILL.y)
    assert QUIET.holds(WAYBILL.x + WAYBILL.width, WAYBILL.y + WAYBILL.height)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("panel = 118.0", "panel = 130.0", "panel"),
        ("width = 105.0", "width = 60.0", "挡住收件地址"),
        ("max_sheets = 6\n", "max_sheets = 0\n", "张数"),
        ('zone = "local"', 'zone = "near"', "zone"),
        ("step_g = 500", "step_g = 0", "克数"),
        ("empty_g = 8.0", "colour = 8.0", "名称与样例一致"),
        ("[paper]", "[papers]", "名称与样例一致"),
        ("[paper]", "[paper", "TOML"),
    ],
)
def test_a_table_that_nobody_can_have_meant_is_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    from importlib.resources import files

    text = files("songda.letters").joinpath("products.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "products.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BadProducts) as refused:
        load_products(tmp_path / "products.toml")
    assert word in refused.value.message_zh
