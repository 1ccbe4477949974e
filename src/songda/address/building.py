"""From tables of divisions to the dictionary of the engine: what every name can mean, as arrays.

    >>> beijing = {"code": "110000", "name": "北京市", "level": "1", "parent": "", "aliases": "北京", "official": "1"}
    >>> Lexicon(**build(Tables([beijing], [], [], []))).spelt(0)
    '北京市'

Deterministic: the same tables give the same arrays, and `packed` the same bytes. `data/lexicon.npz` is made of the shipped tables
(scripts/build_lexicon.py), that of an edition when it is imported (songda.address.editions).
"""

from __future__ import annotations

import io
import re
import tomllib
import unicodedata
import zipfile
from collections import Counter, defaultdict
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled import trie
from songda.address.compiled.lexicon import CHANGED, FORMER, OFFICIAL, SPOKEN, Lexicon
from songda.address.compiled.villages import LONGEST_VILLAGE, add_village
from songda.address.gazetteer import EDITION, Row, Tables, table
from songda.address.naming import SHORT_FORMS, town_stem

#: One spelling each of brackets, dashes and marks.
SAME = {
    "(": "（﹙❨〈<《[［",
    ")": "）﹚❩〉>》]］",
    "【": "〔「『〖｢{",
    "】": "〕」』〗｣}",
    "-": "－—–−﹣‐‑‒―~～〜⁓ー",
    "#": "＃№",
    ",": "，、；;。｡,！!？?\"'“”‘’`^…",
    ":": "：﹕",
    "·": "•‧・･∙⋅",
    "|": "｜¦",
}


def folded(point: int) -> int:
    """What a code point becomes: itself, another one, a blank, or 0 for nothing."""
    char = chr(point)
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk", "Mn"):
        return 32 if char in "\t\n\r\v\f\x85" else 0
    if category in ("Zs", "Zl", "Zp"):
        return 32
    if 0xFF01 <= point <= 0xFF5E:
        return point - 0xFEE0
    if category in ("No", "Nl", "Nd") and point > 0x7F and unicodedata.digit(char, None) is not None:
        return ord(str(unicodedata.digit(char)))
    return point


def fold_table() -> NDArray[Any]:
    points = np.array([folded(point) for point in range(0x10000)], np.uint16)
    for row in table("traditional"):
        if max(ord(row["traditional"]), ord(row["simplified"])) < 0x10000:
            points[ord(row["traditional"])] = ord(row["simplified"])
    for target, sources in SAME.items():
        for source in sources:
            points[ord(source)] = ord(target)
    points[0xFFFD] = 0
    return points


def class_words() -> list[str]:
    told = tomllib.loads(files("songda.address").joinpath("class_words.toml").read_text(encoding="utf-8"))
    return list(dict.fromkeys(told["words"].split()))


class Names:
    """What every name can mean: name → (division, within) → (kind, reason, further successors)."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = {row["code"]: row for row in rows}
        self.children: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            self.children[row["parent"]].append(row["code"])
        self.order: list[str] = []
        self.last: dict[str, int] = {}
        for province in sorted(self.children[""]):
            self._walk(province)
        self.number = {code: i for i, code in enumerate(self.order)}
        self.current: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            if row["level"] in "123":
                self.current[row["name"]].append(row["code"])
        self.meanings: dict[str, dict[tuple[int, int], tuple[int, str, str]]] = defaultdict(dict)

    def _walk(self, code: str) -> None:
        self.order.append(code)
        for child in sorted(self.children[code]):
            self._walk(child)
        self.last[code] = len(self.order)

    def add(self, name: str, code: str, kind: int, *, within: str = "", reason: str = "", others: str = "") -> None:
        key = self.number[code], self.number[within] if within else -1
        known = self.meanings[name].get(key)
        if len(name) > 1 and (known is None or known[0] > kind):
            self.meanings[name][key] = kind, reason, others

    def chain(self, code: str) -> list[str]:
        found = []
        while code:
            found.append(code)
            code = self.rows[code]["parent"]
        return found[::-1]

    def add_current(self) -> None:
        for code, row in self.rows.items():
            self.add(row["name"], code, OFFICIAL)
            for alias in filter(None, [*row["aliases"].split("|"), *SHORT_FORMS.get(row["name"], "").split("|")]):
                self.add(alias, code, SPOKEN)
            if row["level"] == "4":
                self.add(town_stem(row["name"]), code, SPOKEN)

    def add_class_changes(self) -> None:
        """萧山市, 双流县, 毕节地区: the stem of today with the class of another day, unless a sibling bears that very name."""
        taken = {(row["parent"], row["name"]) for row in self.rows.values()}
        for code, row in self.rows.items():
            if row["level"] not in "23" or row["official"] != "1":
                continue
            stem = re.sub(r"(?:地区|[市县区盟])$", "", row["name"])
            if len(stem) < 2 or stem == row["name"] or row["name"].endswith(("自治县", "自治州")):
                continue
            for suffix in ("地区", "市") if row["level"] == "2" else ("县", "市", "区"):
                if (row["parent"], stem + suffix) not in taken:
                    self.add(stem + suffix, code, CHANGED, reason="class changed")

    def add_former(self, row: Row) -> None:
        """An old name, within the prefecture it stood in when today's divisions of the province bear the name too, else
        within its province.
        """
        codes = [code for code in (row.get("new_codes") or row["new_code"]).split(";") if code in self.number]
        if not codes or row["reason"] == "moved":
            return
        reason = f"{row['reason']} {row['valid_to']}"
        homes = {row["province"], codes[0][:2] + "0000"} & self.number.keys()
        cities = (
            [code for code in self.current[row["city"]] if code[:2] in {home[:2] for home in homes}]
            if row["city"]
            else []
        )
        cities += [self.chain(code)[1] for code in codes if row["city"] and len(self.chain(code)) > 2]
        same = [code for code in self.current[row["old_name"]] if code[:2] in {home[:2] for home in homes}]
        for within in set(cities) if same else set(cities) | homes:
            if not any(within in self.chain(code) for code in same):
                self.add(row["old_name"], codes[0], FORMER, within=within, reason=reason, others=";".join(codes[1:]))
        key = self.number[codes[0]], -1
        if row.get("how") == EDITION and self.meanings[row["old_name"]].get(key, ("",))[0] == CHANGED:
            self.meanings[row["old_name"]][key] = CHANGED, reason, ""

    def add_former_town(self, row: Row) -> None:
        codes = [code for code in row["new_code"].split(";") if code in self.number]
        siblings = {self.rows[code]["name"] for code in self.children[row["county"]]}
        if not codes or row["old_name"] in siblings:
            return
        if any(town_stem(self.rows[code]["name"]) == town_stem(row["old_name"]) for code in codes) and not row[
            "how"
        ].startswith("moved"):
            return  # only the class word changed: the stem finds it
        if row["how"].startswith("moved"):
            if row["county"] in self.number:
                self.add(row["old_name"], codes[0], FORMER, within=row["county"], reason=f"moved {row['valid_to']}")
            return
        how = row["how"].removesuffix(" before").strip()
        reason = f"{'merged' if how in ('villages', 'seat') else how} {row['valid_to']}"
        self.add(row["old_name"], codes[0], FORMER, reason=reason, others=";".join(codes[1:]))


def build(tables: Tables) -> dict[str, NDArray[Any]]:
    """The arrays of a Lexicon, by name."""
    known = Names(tables.divisions)
    known.add_current()
    known.add_class_changes()
    # 胶南市 ended in 1995 under one code and in 2012 under another: the last year is meant, so it comes first.
    for row in sorted(tables.former, key=lambda row: row["valid_to"], reverse=True):
        known.add_former(row)
    for row in tables.former_towns:
        known.add_former_town(row)
    postcode = {row["code"]: row["postcode"] for row in tables.postcodes}
    names, spelling = _spelling(sorted(name for name in known.meanings if known.meanings[name]))
    return {
        "fold": fold_table(),
        **spelling,
        **_hits(known, names),
        **_tree(known),
        "postcode": np.array([int(postcode.get(code, "0")) for code in known.order], np.int32),
        "villages": _villages(tables),
    }


def _villages(tables: Tables) -> NDArray[np.uint16]:
    """The set of (county, village): a table of fingerprints, twice as large as it need be."""
    names = {
        (int(row["town"][:6]), name)
        for row in tables.villages
        for name in row["names"].split("|")
        if 1 < len(name) <= LONGEST_VILLAGE
    }
    table = np.zeros(1 << max(4, int(len(names) * 1.7).bit_length()), np.uint16)
    for county, name in sorted(names):
        add_village(table, county, np.array([folded(ord(char)) for char in name], np.int32))
    return table


def _spelling(names: list[str]) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """The names that can be spelt in symbols, in the order of their entries; the symbols and the tries."""
    words = class_words()
    frequency = Counter(char for name in names for char in name) + Counter(char for word in words for char in word)
    ranked = sorted(frequency, key=lambda char: (-frequency[char], char))
    symbol = np.zeros(0x10000, np.uint16)
    for i, char in enumerate(ranked):
        if ord(char) < 0x10000:
            symbol[ord(char)] = i + 1
    keys = [np.array([symbol[ord(c)] if ord(c) < 0x10000 else 65535 for c in name], np.int32) for name in names]
    kept = [i for i, key in enumerate(keys) if (key > 0).all() and (key < 65535).all()]
    classes = [np.array([symbol[ord(c)] for c in word], np.int32) for word in words]
    return [names[i] for i in kept], {
        "symbol": symbol,
        "names": trie.build([keys[i] for i in kept], alphabet=len(ranked)),
        "classes": trie.build(classes, alphabet=len(ranked)),
    }


def _hits(known: Names, names: list[str]) -> dict[str, NDArray[Any]]:
    """What the names mean."""
    reasons, others = [""], [""]
    starts, towns = [0], []
    columns: dict[str, list[int]] = defaultdict(list)
    town = [known.rows[code]["level"] == "4" for code in known.order]
    for name in names:
        found = sorted(known.meanings[name].items(), key=lambda item: (town[item[0][0]], item[0]))
        towns.append(starts[-1] + sum(not town[division] for (division, _), _ in found))
        for (division, within), (kind, reason, rest) in found:
            for texts, text in ((reasons, reason), (others, rest)):
                if text not in texts:
                    texts.append(text)
            columns["division"].append(division)
            columns["kind"].append(kind)
            columns["within"].append(within)
            columns["reason"].append(reasons.index(reason))
            columns["others"].append(others.index(rest))
        starts.append(len(columns["division"]))
    return {
        "hit_start": np.array(starts, np.int32),
        "town_start": np.array(towns, np.int32),
        "hit_division": np.array(columns["division"], np.int32),
        "hit_kind": np.array(columns["kind"], np.int8),
        "hit_within": np.array(columns["within"], np.int32),
        "hit_reason": np.array(columns["reason"], np.int16),
        "hit_others": np.array(columns["others"], np.int16),
        "other_start": np.cumsum([0, *(len(text.split(";")) if text else 0 for text in others)]).astype(np.int32),
        "others": np.array([known.number[code] for text in others for code in text.split(";") if text], np.int32),
        "reasons": np.frombuffer("\n".join(reasons).encode(), np.uint8),
    }


def _tree(known: Names) -> dict[str, NDArray[Any]]:
    """The divisions in the order of the walk."""
    order, number = known.order, known.number
    ranks = [int(known.rows[code]["level"]) for code in order]
    chains = [known.chain(code) for code in order]
    at: dict[int, list[int]] = {1: [], 2: [], 3: []}
    for chain in chains:
        for rank, values in at.items():
            values.append(next((number[code] for code in chain if ranks[number[code]] == rank), -1))
    spelt = [known.rows[code]["name"].encode() for code in order]
    return {
        "code": np.array([int(code) for code in order], np.int32),
        "level": np.array(ranks, np.int8),
        "parent": np.array([number[chain[-2]] if len(chain) > 1 else -1 for chain in chains], np.int32),
        "last": np.array([known.last[code] for code in order], np.int32),
        "province": np.array(at[1], np.int32),
        "city": np.array(at[2], np.int32),
        "county": np.array(at[3], np.int32),
        "official": np.array([int(known.rows[code]["official"]) for code in order], np.int8),
        "name_bytes": np.frombuffer(b"".join(spelt), np.uint8),
        "name_start": np.concatenate([[0], np.cumsum([len(text) for text in spelt])]).astype(np.int32),
    }


def packed(arrays: dict[str, NDArray[Any]]) -> bytes:
    """The arrays as a compressed .npz without times, so that the same arrays are the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in Lexicon._fields:
            content = io.BytesIO()
            np.save(content, arrays[name])
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), content.getvalue(), zipfile.ZIP_DEFLATED
            )
    return out.getvalue()
