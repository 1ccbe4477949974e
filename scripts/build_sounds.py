"""Build src/songda/address/data/sounds.csv.zst: how characters sound and which ones are drawn alike. Run by `make data`.

    python scripts/build_sounds.py

Columns: `char`; `pinyin`, its readings without tones (ü is v), joined by blanks; `alike`, the characters that are easily taken for it,
most alike first. A row for every character of a division or town name, and, without `alike`, for every other one of GB 2312: what
people type by mistake.

Inputs: the names of data/*.csv.zst; Debian's unicode-data (Unihan, Unicode licence), pinned by SHA-256, fetched with `apt-get download`
when it is not installed; Songda Sans and Songda Serif (cut from Noto CJK, OFL), whose glyphs are drawn and laid over each other.

Two characters are alike when their pictures nearly cover each other, or cover each other somewhat and are made of the same pieces
(their Cangjie codes differ little), or when no others cover each other better; BY_HAND has pairs that none of this tells.
"""

from __future__ import annotations

import bz2
import csv
import hashlib
import io
import re
import subprocess
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import zstandard
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from songda.address.compiled.lexicon import lexicon
from songda.address.gazetteer import table

SOURCE = Path(__file__).resolve().parent.parent / "src/songda"
UNIHAN = "usr/share/unicode"
#: Files of Debian's unicode-data (bookworm, 15.0.0) and their SHA-256.
INPUTS = {
    f"{UNIHAN}/Unihan_Readings.txt.bz2": "216d9e19e44195522b84a05bf7308e385356615121258869faf919e96824ddd5",
    f"{UNIHAN}/Unihan_DictionaryLikeData.txt.bz2": "58ee7e91841fc5c87cedc1ee03351a898a60fa16532368ebbba04163be777012",
}
FACES = ("SongdaSans-Regular.otf", "SongdaSerif-Regular.otf")
#: Height of the drawn characters, and how far their ink is smeared so that strokes a little apart still meet.
PIXELS, SMEAR = 32, 1.0
#: Two characters are alike when what their pictures share (-1 … 1) plus WORTH times what their codes share (0 … 1) reaches LEAST.
WORTH, LEAST = 0.4, 0.92
#: The NEAREST of a character are alike to it from this sum on: pictures of few strokes share less.
NEAREST, CLOSE = 5, 0.68
#: At most this many for one character.
MOST = 24
#: Taken for each other in handwriting or by a careless eye: a piece is left out, or two are run together.
BY_HAND = """
穴玄 川顺 济齐 卫卸 沧仓 沂沐 坪平 港巷 莆浦 泸庐 庄压 东车 东乐 伊尹 滁涤 郸单
漯累 宿缩 潍维 黄横 辽过 溪奚 廊郎 喀客 枣束 除徐 德得 儋瞻 沪户
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        readings, codes = (properties(find(path, Path(scratch))) for path in INPUTS)
    fold = lexicon().fold
    names = sorted(char for char in named() if fold[ord(char)] == ord(char))
    chars = sorted({*names, *(char for char in gb2312() if fold[ord(char)] == ord(char))})
    pinyin = {char: spoken(readings.get(char, {})) for char in chars}
    similar = alike(names, chars, {char: codes.get(char, {}).get("kCangjie", "") for char in chars})
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("char", "pinyin", "alike"))
    rows.writerows((char, " ".join(pinyin[char]), "".join(similar.get(char, ""))) for char in chars)
    packed = zstandard.ZstdCompressor(level=19).compress(out.getvalue().encode())
    (SOURCE / "address/data/sounds.csv.zst").write_bytes(packed)
    pairs = sum(map(len, similar.values()))
    silent = "".join(char for char in names if not pinyin[char])
    print(f"{len(chars):,} characters, {pairs:,} alike, {len(packed):,} bytes; without reading: {silent or 'none'}")


def find(path: str, scratch: Path) -> Path:
    """The input file itself, installed or fetched; another edition stops the build."""
    found = Path("/") / path
    if not found.exists():
        if not (scratch / "usr").exists():
            subprocess.run(["apt-get", "download", "unicode-data"], cwd=scratch, check=True)
            (archive,) = scratch.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", archive, scratch], check=True)
        found = scratch / path
    if hashlib.sha256(found.read_bytes()).hexdigest() != INPUTS[path]:
        raise SystemExit(f"{found} is another edition than the one this script was written for")
    return found


def properties(path: Path) -> dict[str, dict[str, str]]:
    """Character → property → value."""
    found: dict[str, dict[str, str]] = {}
    for line in bz2.decompress(path.read_bytes()).decode().splitlines():
        if line.startswith("U+"):
            point, name, value = line.split("\t")
            found.setdefault(chr(int(point[2:], 16)), {})[name] = value
    return found


def named() -> set[str]:
    """Characters of today's and former names."""
    names = [row["name"] + row["aliases"] for row in table("divisions")]
    names += [row["old_name"] for name in ("former", "former_towns", "renamed") for row in table(name)]
    return set(re.findall(r"[㐀-鿿]", "".join(names)))


def gb2312() -> list[str]:
    both = (bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    return [char for pair in both if (char := pair.decode("gb2312", "ignore"))]


def spoken(values: dict[str, str]) -> list[str]:
    """Readings without tones: those of two dictionaries of today's usage, else the customary one."""
    marked: list[str] = []
    for name in ("kTGHZ2013", "kXHC1983"):
        marked += [reading for item in values.get(name, "").split() for reading in item.split(":")[1].split(",")]
    if not marked:
        marked = values.get("kMandarin", "").split()[:1]
    return list(dict.fromkeys(map(toneless, marked)))


def toneless(syllable: str) -> str:
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFC", syllable).replace("ü", "v"))
    letters = re.sub("u[\u0300\u0301\u0304\u030c]?\u0308", "v", letters)
    return re.sub(r"[^a-z]", "", letters.lower())


def alike(names: list[str], chars: list[str], codes: dict[str, str]) -> dict[str, list[str]]:
    """For each character of `names` those of `chars` that are taken for it."""
    number = {char: i for i, char in enumerate(chars)}
    rows = [number[char] for char in names]
    pictures = [drawn(chars, face) for face in FACES]
    shared = sum(picture[rows] @ picture.T for picture in pictures) / len(FACES)
    by_hand: dict[str, list[str]] = {}
    for one, other in map(tuple, BY_HAND.split()):
        by_hand.setdefault(one, []).append(other)
        by_hand.setdefault(other, []).append(one)
    found = {}
    for row, char in enumerate(names):
        near = np.nonzero(shared[row] >= min(LEAST, CLOSE) - WORTH)[0]
        scores = {chars[i]: float(shared[row, i]) + WORTH * same_code(codes[char], codes[chars[i]]) for i in near}
        del scores[char]
        ranked = sorted(scores, key=lambda c: (-scores[c], c))
        ranked = [c for i, c in enumerate(ranked[:MOST]) if scores[c] >= (CLOSE if i < NEAREST else LEAST)]
        found[char] = list(dict.fromkeys([*by_hand.get(char, []), *ranked]))
    return found


def drawn(chars: list[str], face: str) -> np.ndarray:
    """One row a character: its picture with mean 0 and length 1, so that a product of two rows tells what they share."""
    font = ImageFont.truetype(str(SOURCE / "letters/fonts" / face), PIXELS)
    inks = []
    for char in chars:
        picture = Image.new("L", (PIXELS + 8, PIXELS + 8))
        ImageDraw.Draw(picture).text((4, 0), char, fill=255, font=font)
        inks.append(np.asarray(picture.filter(ImageFilter.GaussianBlur(SMEAR)), np.float32).ravel())
    rows = np.array(inks)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return rows


def same_code(one: str, other: str) -> float:
    """What two Cangjie codes share, 0 … 1: 1 less the edits between them, a letter each, by the longer one's length."""
    if not one or not other:
        return 0.0
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        left = [i]
        for j, facing in enumerate(other, 1):
            left.append(min(above[j] + 1, left[-1] + 1, above[j - 1] + (letter != facing)))
        above = left
    return 1 - above[-1] / max(len(one), len(other))


if __name__ == "__main__":
    main()
