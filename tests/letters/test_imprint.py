"""Scans of seals and signatures: one ink without its paper, laid on approved letters alone."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sample_letters import letter

from scans import RED, pictures, scan
from songda.letters import (
    NotAnImprint,
    Renderer,
    UnknownImprint,
    from_scan,
    house_template,
    imprint_id,
    invented,
    load_products,
    preflight,
    render_many,
)
from songda.letters.content import Seal
from songda.letters.imprint import pixels_of
from songda.letters.pool import RenderFailure
from songda.letters.skimming import problems_of_record

SEAL = from_scan(scan(), "seal")
SIGNATURE = from_scan(scan((900, 320), ink=(20, 20, 60)), "signature")
IMPRINTS = {imprint_id(each): each for each in (SEAL, SIGNATURE)}
APPROVED = replace(
    letter(),
    seal=Seal("ab" * 32, letter().date, seal_imprint=imprint_id(SEAL), signature_imprint=imprint_id(SIGNATURE)),
)


def test_paper_and_grain_are_gone_and_one_ink_is_left() -> None:
    rgb, alpha = pixels_of(SEAL)
    colours = np.unique(np.frombuffer(rgb, np.uint8).reshape(-1, 3), axis=0)
    assert len(colours) == 1
    assert np.abs(colours[0].astype(int) - RED).max() <= 6
    cover = np.frombuffer(alpha, np.uint8)
    assert 0.6 < (cover == 0).mean() < 0.95
    assert len(np.unique(cover)) <= 16
    with Image.open(io.BytesIO(SEAL)) as kept:
        assert max(kept.size) <= 496
        assert kept.info.keys() <= {"transparency"}
    assert len(SEAL) < 20_000


def test_equal_scans_are_kept_as_equal_bytes_without_what_else_the_file_said() -> None:
    assert from_scan(scan(), "seal") == SEAL
    exif = Image.Exif()
    exif[0x013B] = "拍摄者"
    assert "拍摄者".encode() not in from_scan(scan(format="JPEG", quality=95, exif=exif), "seal")


def test_a_transparent_scan_lies_on_white() -> None:
    with Image.open(io.BytesIO(SEAL)) as kept:
        out = io.BytesIO()
        kept.convert("RGBA").save(out, "PNG")
    again = from_scan(out.getvalue(), "seal")
    theirs, ours = (np.frombuffer(pixels_of(each)[1], np.uint8).astype(int) for each in (again, SEAL))
    assert abs(theirs.mean() - ours.mean()) < 12


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "unreadable"),
        (b"%PDF-1.7", "unreadable"),
        (scan()[:2000], "unreadable"),
        (scan((60, 60)), "small"),
        (scan(ink=(250, 250, 250)), "empty"),
        (scan(paper=90), "full"),
    ],
)
def test_what_is_no_imprint_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(NotAnImprint) as caught:
        from_scan(data, "seal")
    assert caught.value.data["reason"] == reason
    assert "扫描" in caught.value.message_zh


def test_a_picture_too_large_for_memory_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000), 1).save(out, "PNG")
    with pytest.raises(NotAnImprint, match=r"large|unreadable"):
        from_scan(out.getvalue(), "seal")


@pytest.mark.parametrize("kind", ["lawyer_letter", "reminder", "mediation", "assignment_notice"])
def test_an_approved_letter_bears_both_and_passes_every_look(kind: Any) -> None:
    content = replace(invented(house_template(kind)), seal=APPROVED.seal)
    renderer = Renderer(house_template(kind), IMPRINTS)
    record = renderer.render(content)
    assert pictures(record.pdf) == 3
    assert record.pages == renderer.render(replace(content, seal=Seal("ab" * 32, content.date))).pages
    assert preflight(record.pdf, pages=record.pages, products=load_products()).problems == ()
    assert problems_of_record(renderer.template, content, record, IMPRINTS) == ()
    # What the quick look expects is what it finds: another seal is not passed by it.
    other = {imprint_id(SEAL): SIGNATURE, imprint_id(SIGNATURE): SEAL}
    assert problems_of_record(renderer.template, content, record, other) == ()


def test_the_quick_look_itself_knows_the_imprints(monkeypatch: pytest.MonkeyPatch) -> None:
    from songda.letters import skimming

    monkeypatch.setattr(skimming, "preflight", lambda *_, **__: pytest.fail("read in full"))
    renderer = Renderer(house_template("lawyer_letter"), IMPRINTS)
    assert problems_of_record(renderer.template, APPROVED, renderer.render(APPROVED), IMPRINTS) == ()


@pytest.mark.parametrize("content", [replace(APPROVED, seal=None), replace(APPROVED, drill=True)])
def test_a_sample_and_a_drill_bear_neither(content: Any) -> None:
    renderer = Renderer(house_template("lawyer_letter"), IMPRINTS)
    assert pictures(renderer.render(content).pdf) == 1


def test_equal_inputs_give_equal_bytes_in_every_process() -> None:
    contents = [(str(n), replace(letter(n), seal=APPROVED.seal)) for n in range(10)]
    here = [result for _, result in render_many(contents, 1, imprints=IMPRINTS)]
    assert here == [result for _, result in render_many(contents, 2, imprints=IMPRINTS)]


def test_an_imprint_that_is_not_there_holds_the_letter() -> None:
    [(_, result)] = render_many([("1", APPROVED)], 1, imprints={imprint_id(SEAL): SEAL})
    assert isinstance(result, RenderFailure)
    assert result.code == UnknownImprint.__name__
