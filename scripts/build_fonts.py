"""Build the fonts that the package ships from Debian's OFL fonts (`make fonts`): the same inputs give the same bytes.

    python scripts/build_fonts.py            # writes src/songda/letters/fonts/

Songda Serif and Songda Sans (regular, bold) hold the 8,105 characters of 通用规范汉字表 (kTGH of Unihan), the symbols
of GBK, and Latin. Songda Figures holds what differs from letter to letter: ASCII, and what amounts in capital numerals
and days are made of. Songda Rare holds every other ideograph of Noto Serif CJK SC and Songda Rest the few that only Noto
Sans CJK SC has, so that a rare name is printed and not boxed. A letter then looks the same on every machine.
COVERAGE lists what the faces draw together, as ranges of code points.

Of each standard face there is a hollow one beside, with the same measures and characters, which the engine sets letters with: a
glyph of it draws nothing and says its number, and songda.letters.outlines puts the outlines into the record.

Inputs are Debian packages, pinned by SHA-256 of the file; what is not installed is fetched with `apt-get download`.
"""

from __future__ import annotations

import bz2
import hashlib
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.scaleUpem import scale_upem
from fontTools.ttLib.tables._n_a_m_e import table__n_a_m_e

FONTS = Path(__file__).resolve().parent.parent / "src/songda/letters/fonts"
NOTO = "usr/share/fonts/opentype/noto"
UNIHAN = "usr/share/unicode/Unihan_OtherMappings.txt.bz2"
COPYRIGHT = "usr/share/doc/fonts-noto-cjk/copyright"

#: Input file (below `/`) → the Debian package that holds it and the SHA-256 of the file (bookworm).
INPUTS = {
    f"{NOTO}/NotoSerifCJK-Regular.ttc": (
        "fonts-noto-cjk",
        "a04178ec485dffdff7cc0c0c20e1fce9202d7e2160d805e8e44a4c8841c58481",
    ),
    f"{NOTO}/NotoSerifCJK-Bold.ttc": (
        "fonts-noto-cjk",
        "a5d4b046c127da3d7c72f98b46c41489cd29bf52abfdf18aba920903e920d4ac",
    ),
    f"{NOTO}/NotoSansCJK-Regular.ttc": (
        "fonts-noto-cjk",
        "b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a",
    ),
    f"{NOTO}/NotoSansCJK-Bold.ttc": (
        "fonts-noto-cjk",
        "faa5f3656a78b2e2d450d27fe8382c778bc2b6bb5ea29c986664a6a435056ceb",
    ),
    UNIHAN: (
        "unicode-data",
        "bdeef44d75d914e793b7f27ddc3bee01b2d11dd34f4e52de1a9fba74a1612dc2",
    ),
    COPYRIGHT: ("fonts-noto-cjk", "5bb218343ded506b258d86186d460fc47d9b6b28f0e642cf32676c396b7df763"),
}

#: 1 January 2026 in seconds since 1904, the epoch of `head`: bytes must not depend on the day of the build.
MODIFIED = 3_850_070_400


#: Units per em of the standard faces. Half of the makers' grid is 1/3000 inch at 12 points, finer than any printer, and
#: shorter numbers make the font inside each PDF a sixth smaller.
UNITS_PER_EM = 500


@dataclass(frozen=True, slots=True)
class Face:
    family: str
    style: str
    file: str
    source: str
    #: Takes only ideographs that no earlier face of FACES has.
    rare: bool = False
    #: Takes FIGURES only.
    figures: bool = False


#: What differs from letter to letter in running text: ASCII, and what amounts in capital numerals and dates are made of.
#: In a face of their own they leave the large faces with the same glyphs in every letter: the engine then cuts their
#: subset once, and a print file holds it once.
FIGURES = "".join(map(chr, range(0x20, 0x7F))) + "壹贰叁肆伍陆柒捌玖拾佰仟万亿零元角分整年月日"

FACES = (
    Face("Songda Serif", "Regular", "SongdaSerif-Regular.otf", f"{NOTO}/NotoSerifCJK-Regular.ttc"),
    Face("Songda Serif", "Bold", "SongdaSerif-Bold.otf", f"{NOTO}/NotoSerifCJK-Bold.ttc"),
    Face("Songda Sans", "Regular", "SongdaSans-Regular.otf", f"{NOTO}/NotoSansCJK-Regular.ttc"),
    Face("Songda Sans", "Bold", "SongdaSans-Bold.otf", f"{NOTO}/NotoSansCJK-Bold.ttc"),
    Face("Songda Figures", "Regular", "SongdaFigures-Regular.otf", f"{NOTO}/NotoSerifCJK-Regular.ttc", figures=True),
    Face("Songda Figures", "Bold", "SongdaFigures-Bold.otf", f"{NOTO}/NotoSerifCJK-Bold.ttc", figures=True),
    Face("Songda Rare", "Regular", "rare/SongdaRare-Regular.otf", f"{NOTO}/NotoSerifCJK-Regular.ttc", rare=True),
    Face("Songda Rest", "Regular", "rare/SongdaRest-Regular.otf", f"{NOTO}/NotoSansCJK-Regular.ttc", rare=True),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        inputs = {path: _find(path, Path(scratch)) for path in INPUTS}
        standard = _standard_ideographs(inputs[UNIHAN])
        drawn: set[int] = set()
        for face in FACES:
            font = _simplified_chinese(inputs[face.source])
            wanted = _ideographs(font) - drawn if face.rare else standard | _symbols()
            if face.figures:
                wanted = set(map(ord, FIGURES))
            drawn |= _write(face, font, wanted)
            if not face.rare:
                write_hollow(FONTS / face.file)
    (FONTS / "COVERAGE").write_text("".join(f"{low:X}-{high:X}\n" for low, high in _ranges(drawn)), encoding="ascii")
    (FONTS / "OFL.txt").write_text(_licence(inputs[COPYRIGHT].read_text("utf-8")), "utf-8")
    sums = [f"{_sha256(path)}  {path.relative_to(FONTS)}\n" for path in sorted(FONTS.rglob("*.otf"))]
    (FONTS / "SHA256SUMS").write_text("".join(sums), encoding="ascii")


def _find(path: str, scratch: Path) -> Path:
    """The input file itself, installed or fetched; an unknown edition stops the build, glyphs would change silently."""
    package, sha256 = INPUTS[path]
    found = Path("/") / path
    if not found.exists():
        folder = scratch / package
        if not folder.exists():
            folder.mkdir()
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
            (archive,) = folder.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
        found = folder / path
    if _sha256(found) != sha256:
        raise SystemExit(f"{found} is another edition than the one this script was written for")
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _standard_ideographs(unihan: Path) -> set[int]:
    """The 8,105 characters of 通用规范汉字表 (2013)."""
    text = bz2.decompress(unihan.read_bytes()).decode()
    characters = {int(code, 16) for code in re.findall(r"^U\+([0-9A-F]+)\tkTGH\t", text, re.MULTILINE)}
    if len(characters) != 8105:
        raise SystemExit(f"kTGH has {len(characters)} characters instead of 8105")
    return characters


def _symbols() -> set[int]:
    """Latin and every character of GBK that is not an ideograph, with a few more that names and amounts need.

    GBK rows 1-9 are punctuation, numerals, full-width forms, kana, Greek, Cyrillic, pinyin and enclosed numbers.
    """
    gbk = {
        ord(character)
        for high in range(0xA1, 0xAA)
        for low in range(0x40, 0xFF)
        for character in bytes((high, low)).decode("gbk", errors="ignore")
    }
    blocks = {
        *range(0x20, 0x7F),
        *range(0xA0, 0x180),
        *range(0x2010, 0x2028),
        *range(0x2460, 0x24A0),
        *range(0x3000, 0x3040),
    }
    return {code for code in gbk | blocks if not _is_ideograph(code)} | {ord(c) for c in "〇¥￥·•‧・※№℃㎡☐☑□■○●"}


def _ideographs(font: TTFont) -> set[int]:
    return {code for code in font.getBestCmap() if _is_ideograph(code)}


def _ranges(codes: set[int]) -> list[tuple[int, int]]:
    """Runs of neighbours, both ends included."""
    starts = sorted(code for code in codes if code - 1 not in codes)
    ends = sorted(code for code in codes if code + 1 not in codes)
    return list(zip(starts, ends, strict=True))


def _is_ideograph(code: int) -> bool:
    return (
        0x3400 <= code <= 0x4DBF or 0x4E00 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF
    )


def _simplified_chinese(collection: Path) -> TTFont:
    """The SC face: the others draw some characters in the Japanese, Korean or Taiwanese form."""
    for font in TTCollection(str(collection), lazy=True):
        if str(font["name"].getDebugName(1)).endswith("CJK SC") and "Mono" not in str(font["name"].getDebugName(1)):
            return font
    raise SystemExit(f"no SC face in {collection}")


def _write(face: Face, font: TTFont, wanted: set[int]) -> set[int]:
    """Write the face; the characters it draws."""
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.name_IDs = ["*"]
    options.drop_tables += ["BASE", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx", "DSIG"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    if not face.rare:
        scale_upem(font, UNITS_PER_EM)
    _rename(face, font)
    font.recalcTimestamp = False
    font["head"].created = font["head"].modified = MODIFIED
    font.save(FONTS / face.file, reorderTables=True)
    drawn = set(font.getBestCmap())
    print(f"{face.file}: {len(drawn):,} characters, {(FONTS / face.file).stat().st_size:,} bytes")
    return drawn


def write_hollow(path: Path) -> None:
    """Beside the face at `path` the one whose glyphs say their number (as the width, which nobody reads) and end."""
    font = TTFont(path, recalcBBoxes=False, recalcTimestamp=False)
    glyphs = font["CFF "].cff.topDictIndex[0].CharStrings
    for number, name in enumerate(font.getGlyphOrder()):
        glyph = glyphs[name]
        glyph.setBytecode(b"\x1c" + number.to_bytes(2, "big") + b"\x0e")
    (FONTS / "hollow").mkdir(exist_ok=True)
    font.save(FONTS / "hollow" / path.name, reorderTables=True)


def _rename(face: Face, font: TTFont) -> None:
    """Our own family name: the licence keeps the makers' names for the unchanged fonts."""
    old, names = font["name"], table__n_a_m_e("name")
    names.names = []
    postscript = Path(face.file).stem
    for name_id, text in {
        0: f"{old.getDebugName(0)} Subset of {old.getDebugName(4)} for songda.",
        1: face.family,
        2: face.style,
        3: f"songda;{postscript};{old.getDebugName(5)}",
        4: f"{face.family} {face.style}",
        5: str(old.getDebugName(5)).split(";")[0],
        6: postscript,
        13: old.getDebugName(13),
        14: old.getDebugName(14),
    }.items():
        names.setName(str(text), name_id, 3, 1, 0x409)
    font["name"] = names
    cff = font["CFF "].cff
    cff.fontNames = [postscript]
    top = cff.topDictIndex[0]
    top.FullName, top.FamilyName = f"{face.family} {face.style}", face.family


def _licence(debian_copyright: str) -> str:
    """The copyright lines of the fonts and the licence out of Debian's machine-readable copyright file."""
    paragraph = debian_copyright.split("\nLicense: SIL-1.1\n ", 1)[1].split("\n\nLicense:", 1)[0]
    lines = ("" if line in {" .", "."} else line.removeprefix(" ") for line in f" {paragraph}".splitlines())
    return OWNERS + "\n".join(lines) + "\n"


OWNERS = """\
Songda Serif, Songda Sans, Songda Figures, Songda Rare and Songda Rest are subsets of Noto Serif CJK and Noto Sans CJK under new names
(made by scripts/build_fonts.py of the songda project).

Copyright 2014-2021 Adobe (http://www.adobe.com/). Noto Sans CJK.
Copyright 2017-2022 Adobe (http://www.adobe.com/). Noto Serif CJK.
Noto is a trademark of Google Inc.

This Font Software is licensed under the SIL Open Font License, Version 1.1.

"""


if __name__ == "__main__":
    main()
