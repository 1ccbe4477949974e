import hashlib

from songda.letters import template_hash
from songda.letters.template import FONTS, _parts


def test_the_faces_are_the_ones_that_were_built() -> None:
    sums = (FONTS / "SHA256SUMS").read_text("ascii").splitlines()
    stated = {name: digest for digest, name in (line.split() for line in sums)}
    assert stated == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FONTS.glob("*.otf")}


def test_the_hash_covers_all_that_can_change_a_page() -> None:
    parts = _parts("lawyer_letter")
    frame = "letters/templates/packages/local/frame/1.0.0"
    assert {
        "letters/templates/lawyer_letter/letter.typ",
        f"{frame}/frame.typ",
        f"{frame}/seal.typ",
        "letters/view.py",
        "letters/content.py",
        "base/money.py",
        "version:typst",
        *(f"letters/fonts/{path.name}" for path in FONTS.glob("*.otf")),
    } <= set(parts)
    assert "letters/templates/reminder/letter.typ" not in parts


def test_each_kind_has_a_hash_of_its_own() -> None:
    assert template_hash("lawyer_letter") != template_hash("reminder")
    assert len(template_hash("reminder")) == 64
