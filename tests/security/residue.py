"""Does any file still hold a person? Searches every file below a folder for given texts, in every usual spelling and
container.

    python tests/security/residue.py FOLDER NEEDLES.txt        one needle a line; exit code 1 when anything is found

Spellings: UTF-8, UTF-16, GB18030, JSON and Python escapes, percent, XML references, hex, base64 at each alignment.
Containers are opened recursively (residue_containers.py). What cannot be opened counts as a hit, so that a scan never
passes because it looked away.

Method: all spellings of all needles become byte patterns; NumPy looks up the last 8 (or 4) bytes of each pattern in a
hash table at every offset of the data at once; the few offsets that pass are compared in full. Cost grows with the
data, hardly with the needles.
"""

from __future__ import annotations

import base64
import codecs
import html
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from residue_containers import Unopened, members

#: Shorter needles (in UTF-8) would be found everywhere by chance.
SHORTEST_NEEDLE = 6
_CHUNK = 4 << 20
_TABLE_BITS = 22
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Hit:
    path: Path
    #: Members from the outermost container to the data, e.g. "xl/sharedStrings.xml"; empty for the file itself.
    container_path: str
    #: Spelling that was found; "file name"; or "unopened" for a container that could not be read (the needle is then
    #: empty).
    encoding: str
    offset: int
    needle: str


# Spellings


def _ascii_escape(text: str, escape: Callable[[str], str]) -> bytes:
    return "".join(c if c.isascii() else escape(c) for c in text).encode()


def _base64_at(alignment: int, urlsafe: bool) -> Callable[[str], bytes]:
    def encode(text: str) -> bytes:
        raw = text.encode()
        encoded = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(bytes(alignment) + raw)
        # Characters that also carry bits of what stands before or after depend on the neighbours: leave them out.
        return encoded[-(-alignment * 8 // 6) : (alignment + len(raw)) * 8 // 6]

    return encode


#: Name of the spelling -> how a text looks in it.
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda text: text.encode(),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "gb18030": lambda text: text.encode("gb18030"),
    "json": lambda text: json.dumps(text)[1:-1].encode(),
    "json-upper": lambda text: re.sub(r"(?<=\\u)....", lambda m: m[0].upper(), json.dumps(text)[1:-1]).encode(),
    "json-twice": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1].encode(),
    "python-bytes": lambda text: repr(text.encode())[2:-1].encode(),
    "python-escape": lambda text: text.encode("unicode_escape"),
    "percent": lambda text: quote(text, safe="").encode(),
    "percent-lower": lambda text: re.sub("%..", lambda m: m[0].lower(), quote(text, safe="")).encode(),
    "percent-gb18030": lambda text: quote(text, safe="", encoding="gb18030").encode(),
    "xml": lambda text: html.escape(text).encode(),
    "xml-decimal": lambda text: _ascii_escape(text, lambda c: f"&#{ord(c)};"),
    "xml-hex": lambda text: _ascii_escape(text, lambda c: f"&#x{ord(c):x};"),
    "xml-hex-upper": lambda text: _ascii_escape(text, lambda c: f"&#x{ord(c):X};"),
    "hex": lambda text: text.encode().hex().encode(),
    "hex-upper": lambda text: text.encode().hex().upper().encode(),
    **{
        f"base64{'url' * urlsafe}-{alignment}": _base64_at(alignment, urlsafe)
        for urlsafe in (False, True)
        for alignment in (0, 1, 2)
    },
}
_WIDE = {"utf-16-le", "utf-16-be", "gb18030"}


def written(needle: str) -> list[str]:
    """The needle as people write it: mobile numbers also with blanks or hyphens."""
    forms = [needle]
    if re.fullmatch(r"1\d{10}", needle):
        forms += [f"{needle[:3]}{gap}{needle[3:7]}{gap}{needle[7:]}" for gap in " -"]
    return forms


# Search


@dataclass(frozen=True, slots=True)
class _Pattern:
    content: bytes
    needle: str
    encoding: str


class _Lookup:
    """Patterns whose last `width` bytes are looked up. `width` is 4 or 8."""

    def __init__(self, patterns: Sequence[_Pattern], width: int) -> None:
        self.width = width
        self.by_key: dict[int, list[_Pattern]] = {}
        for pattern in patterns:
            self.by_key.setdefault(int.from_bytes(pattern.content[-width:], "little"), []).append(pattern)
        self.keys = np.array(sorted(self.by_key), dtype=np.uint64)
        self.table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self.table[_hashed(self.keys.astype(np.uint32), (self.keys >> np.uint64(32)).astype(np.uint32), width)] = True

    def candidates(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offsets at which a pattern's last bytes stand, and which key stands there. `words`: 4 bytes from each
        offset on, uint32.
        """
        low = words[: len(words) - (self.width - 4)]
        high = words[self.width - 4 :] if self.width == 8 else low
        maybe = np.flatnonzero(self.table[_hashed(low, high, self.width)])
        found = low[maybe].astype(np.uint64)
        if self.width == 8:
            found |= high[maybe].astype(np.uint64) << np.uint64(32)
        place = np.searchsorted(self.keys, found)
        sure = self.keys[np.minimum(place, len(self.keys) - 1)] == found
        return maybe[sure], found[sure]


def _hashed(low: np.ndarray, high: np.ndarray, width: int) -> np.ndarray:
    mixed = low * np.uint32(0x9E3779B1)
    if width == 8:
        mixed ^= high * np.uint32(0x85EBCA77)
        mixed *= np.uint32(0xC2B2AE3D)
    return mixed >> np.uint32(32 - _TABLE_BITS)


class Searcher:
    """Finds thousands of needles in bytes. Raises ValueError for a needle that is too short to mean anything."""

    def __init__(self, needles: Sequence[str]) -> None:
        patterns: dict[bytes, _Pattern] = {}
        for needle in needles:
            if len(needle.encode()) < SHORTEST_NEEDLE:
                raise ValueError(f"needle {needle!r}: at least {SHORTEST_NEEDLE} bytes in UTF-8, or chance finds it")
            for form in written(needle):
                for encoding, encode in ENCODINGS.items():
                    content = encode(form)
                    patterns.setdefault(content, _Pattern(content, needle, encoding))
        short = [pattern for pattern in patterns.values() if len(pattern.content) < 8]
        long = [pattern for pattern in patterns.values() if len(pattern.content) >= 8]
        self._lookups = [_Lookup(group, width) for group, width in ((short, 4), (long, 8)) if group]
        self._longest = max(map(len, patterns), default=0)

    def search(self, data: bytes) -> dict[tuple[str, str], int]:
        """(needle, spelling) -> its first offset in `data`."""
        found: dict[tuple[str, str], int] = {}
        for start in range(0, len(data), _CHUNK):
            chunk = memoryview(data)[start : start + _CHUNK + self._longest]
            if len(chunk) < 4:
                break
            words = _words(chunk)
            for lookup in self._lookups:
                if len(words) <= lookup.width - 4:
                    continue
                offsets, keys = lookup.candidates(words)
                for offset, key in zip(offsets.tolist(), keys.tolist(), strict=True):
                    for pattern in lookup.by_key[key]:
                        self._compare(data, start + offset + lookup.width, pattern, found)
        return found

    @staticmethod
    def _compare(data: bytes, end: int, pattern: _Pattern, found: dict[tuple[str, str], int]) -> None:
        begin = end - len(pattern.content)
        name = (pattern.needle, pattern.encoding)
        if begin < 0 or found.get(name, end) < begin or data[begin:end] != pattern.content:
            return
        if len(pattern.content) < 6 and pattern.encoding in _WIDE and _by_chance(data, begin, end, pattern.encoding):
            return
        found[name] = begin


def _words(chunk: memoryview) -> np.ndarray:
    words = np.empty(len(chunk) - 3, dtype=np.uint32)
    for shift in range(4):
        part = chunk[shift : shift + (len(chunk) - shift) // 4 * 4]
        words[shift::4] = np.frombuffer(part, dtype="<u4")
    return words


def _by_chance(data: bytes, begin: int, end: int, encoding: str) -> bool:
    """Whether a name of two characters (4 bytes) stands in noise, i.e. in sealed or compressed data, and not between
    text; or is four letters of plain ASCII, whose pairs are characters of UTF-16.

    4 given bytes occur by chance once in 4 GiB of noise, so thousands of names would. Noise has nearly as many
    different bytes as chance gives; text has far fewer. A name that was really written into noise is still found when
    its neighbours on both sides are text.
    """
    near = data[max(0, begin - 16) : end + 16]
    if encoding.startswith("utf-16") and len(near) >= 20 and re.fullmatch(rb"[\t\n\r -~]+", near):
        return True
    around = data[max(0, begin - 1024) : end + 1024]
    if len(set(around)) < 0.85 * 256 * (1 - (255 / 256) ** len(around)):
        return False
    before, after = data[max(0, begin - 6) : begin], data[end : end + 6]
    # What stands before may start in the middle of a character.
    return not (_is_text(after, encoding) and any(_is_text(before[cut:], encoding) for cut in (0, 1)))


def _is_text(side: bytes, encoding: str) -> bool:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(side)
    return bool(re.fullmatch(r"[\t\n\r -~\u3000-\u303f\u4e00-\u9fa5\uff01-\uff5e]*", text))


# Scan


def scan(root: Path, needles: Sequence[str], *, skip: Sequence[Path] = ()) -> list[Hit]:
    """Every needle in every file below `root` (and in file names), except the files of `skip`. Links are not followed.

    One hit for each file, member, needle and spelling: the first place.
    """
    searcher = Searcher(needles)
    hits: list[Hit] = []
    for path in _files(root):
        if path in skip:
            continue
        name = os.fsencode(path.relative_to(root))
        hits += [Hit(path, "", "file name", at, needle) for (needle, _), at in searcher.search(name).items()]
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # e.g. a WAL that its database removed meanwhile
            continue
        wal = path.with_name(path.name + "-wal")
        hits += _scan_data(searcher, path, data, inside=(), wal=wal.read_bytes() if wal.is_file() else b"")
    return hits


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            path = Path(folder, file)
            if path.is_file() and not path.is_symlink():
                yield path


def _scan_data(searcher: Searcher, path: Path, data: bytes, *, inside: tuple[str, ...], wal: bytes = b"") -> list[Hit]:
    where = " > ".join(inside)
    hits = [Hit(path, where, encoding, at, needle) for (needle, encoding), at in searcher.search(data).items()]
    if len(inside) >= _DEEPEST:
        return [*hits, Hit(path, where, "unopened", 0, "")]
    try:
        for name, content in members(data, wal=wal):
            named = name.encode("utf-8", "surrogatepass")
            hits += [
                Hit(path, " > ".join([*inside, name]), "file name", at, needle)
                for (needle, _), at in searcher.search(named).items()
            ]
            hits += _scan_data(searcher, path, content, inside=(*inside, name))
    except Unopened:
        hits.append(Hit(path, where, "unopened", 0, ""))
    return hits


def main(folder: str, needles: str) -> int:
    from residue_plant import assert_scanner_works

    with tempfile.TemporaryDirectory() as temporary:
        assert_scanner_works(Path(temporary))
    hits = scan(Path(folder), [line for line in Path(needles).read_text(encoding="utf-8").splitlines() if line])
    for hit in hits:
        print(f"{hit.path}\t{hit.container_path}\t{hit.encoding}\t{hit.offset}\t{hit.needle}")
    print(f"{len(hits)} hits", file=sys.stderr)
    return 1 if hits else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
