"""Black and grey lists: addresses that must not get a letter, or not without a person's look.

    >>> import polars as pl
    >>> from datetime import date
    >>> rules, problems = parse_rules([(1, {"level": "black", "reason": "demolished", "key": "330105;r=延安路;n=295"})])
    >>> frame = pl.DataFrame({
    ...     "place_key": ["330105;r=延安路;n=295;b=2;m=301", "330105;r=延安路;n=2951"],
    ...     "place_keys": [["330105;r=延安路;n=295"], []], "issues": [[], []]})
    >>> check(frame, rules, on=date(2026, 11, 24)).rows()[0][:3]
    (0, 'black', 'demolished')

A rule is data: a prefix of a place key, which holds for every key that goes on from it at the border of a part (a building holds
its rooms, number 295 does not hold number 2951), or the code of an issue of the reading. Rules of a tenant come as rows of a CSV;
`parse_rules` is their door.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

#: Rules as a frame. Keys name places, never persons; null means: not limited, not stated.
RULES = pl.Schema(
    {
        "rule": pl.String(),  # id, derived from what the rule says
        "level": pl.String(),  # black | grey
        "reason": pl.String(),  # a key of REASONS
        "key": pl.String(),  # place key or a prefix of one; null for a rule about an issue
        "issue": pl.String(),  # issue code of the reading; null for a rule about a place
        "valid_from": pl.Date(),  # first day
        "valid_to": pl.Date(),  # last day
        "source": pl.String(),  # who says so, where it is written
    }
)
HITS = pl.Schema({"row": pl.UInt32(), "level": pl.String(), "reason": pl.String(), "rule": pl.String()})

#: black: no letter goes there. grey: a person looks first.
LEVELS = {"black": "黑名单", "grey": "灰名单"}
REASONS = {
    "placeholder": "占位或无法辨认的文字，不是地址",
    "demolished": "已拆除或已搬空",
    "not_deliverable": "邮路不到，或查无此址",
    "institution_prison": "监狱、看守所、戒毒所",
    "institution_hospital": "医院、疗养院",
    "institution_care": "养老、救助机构",
    "institution_school": "学校",
    "institution_other": "其他机构",
    "agency_mass_address": "代办机构的集中地址",
    "collective_register": "集体户口地址",
    "refused": "住户要求不再寄送，与债务人无关",
    "other": "其他",
}
#: What holds for everybody: a text that is no address gets no letter.
BUILT_IN = pl.DataFrame(
    [
        (f"built-in:{issue}", "black", "placeholder", None, issue, None, None, "songda")
        for issue in ("empty", "placeholder", "no_chinese", "mojibake")
    ],
    schema=RULES,
    orient="row",
)
#: Levels at which a key names one door: below them many persons share an address by nature (a village, an estate).
DOORS = ("road_no", "building", "unit", "floor", "room")
#: Letter of each level in a key (see songda.address.place).
TAGS = {
    "town": "t",
    "village": "v",
    "group": "g",
    "road": "r",
    "road_no": "n",
    "poi": "p",
    "building": "b",
    "unit": "u",
    "floor": "f",
    "room": "m",
}

_KEY = re.compile(r"\d{6}(?:;([a-z])=[^;=\s]+)+")
_WHOLE_DIVISION = re.compile(r"\d{6}(?:\d{3})?")
#: Rows whose keys are spread out at one time.
_SLICE = 100_000


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row of a list is no rule."""

    #: The row number that the person sees.
    row_no: int
    column: str
    #: What is wrong and what to do, Chinese.
    message: str
    remedy: str


def parse_rules(rows: Iterable[tuple[int, Mapping[str, str]]]) -> tuple[pl.DataFrame, list[Problem]]:
    """Rules from rows of texts (number of the row, column → text), and what is wrong with the others.

    Columns: level, reason, key or issue, valid_from, valid_to (YYYY-MM-DD), source. A rule that stands there twice counts once.
    """
    rules: dict[str, tuple[object, ...]] = {}
    problems: list[Problem] = []
    for row_no, row in rows:
        text = {name: (row.get(name) or "").strip() for name in RULES}
        wrong = list(_wrong(row_no, text))
        problems += wrong
        if not wrong:
            rule = rule_id(text)
            days = (_day(text["valid_from"]), _day(text["valid_to"]))
            rules[rule] = (
                *(rule, text["level"], text["reason"], text["key"] or None, text["issue"] or None),
                *(*days, text["source"] or None),
            )
    return pl.DataFrame(list(rules.values()), schema=RULES, orient="row"), problems


def rule_id(text: Mapping[str, str]) -> str:
    """The id of a rule: the same whenever the same is said about the same place for the same days."""
    said = "\n".join(text.get(name) or "" for name in ("level", "reason", "key", "issue", "valid_from", "valid_to"))
    return "rule-" + hashlib.sha256(said.encode()).hexdigest()[:12]


def _wrong(row_no: int, text: Mapping[str, str]) -> Iterator[Problem]:
    if text["level"] not in LEVELS:
        yield Problem(row_no, "level", "级别不是 black 或 grey", "黑名单写 black（不发函），灰名单写 grey（先由人看）")
    if text["reason"] not in REASONS:
        yield Problem(row_no, "reason", "原因代码不认识", f"请用其中之一：{'、'.join(REASONS)}")
    if bool(text["key"]) == bool(text["issue"]):
        yield Problem(
            row_no, "key", "地点和问题代码须恰好填一项", "地点写 key（可由 blocklist add 得到），问题代码写 issue"
        )
    elif text["key"]:
        yield from _wrong_key(row_no, text["key"])
    days = {}
    for column in ("valid_from", "valid_to"):
        try:
            days[column] = _day(text[column])
        except ValueError:
            yield Problem(row_no, column, "日期的写法不对", "请写成 2026-11-24；不限日期就留空")
    first, last = days.get("valid_from"), days.get("valid_to")
    if first and last and last < first:
        yield Problem(row_no, "valid_to", "失效日期早于生效日期", "请核对两个日期")


def _wrong_key(row_no: int, key: str) -> Iterator[Problem]:
    if _WHOLE_DIVISION.fullmatch(key):
        yield Problem(row_no, "key", "规则包括整个行政区", "请写到街道、村、道路、小区或楼栋")
    elif not _KEY.fullmatch(key):
        yield Problem(
            row_no, "key", "地点的写法不对", "请用 songda address blocklist add 加地址，或照抄 place_keys 中的一项"
        )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def check(frame: pl.DataFrame, rules: pl.DataFrame, *, on: date) -> pl.DataFrame:
    """Every rule that holds on day `on` for a row of `frame` (columns of STANDARD: place_key, place_keys, issues).

    Out: row (index in `frame`), level, reason, rule; by row, black before grey, the more precise rule first, so that the first of a
    row is what to follow. Rows without a rule do not appear. Memory is bounded: rows are taken in slices.
    """
    valid = rules.filter(
        pl.col("valid_from").is_null() | (pl.col("valid_from") <= on),
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= on),
    )
    places = valid.filter(pl.col("key").is_not_null())
    issues = valid.filter(pl.col("issue").is_not_null())
    depths = places["key"].str.count_matches(";", literal=True).unique().to_list()
    numbered = frame.select(
        pl.col("place_key").cast(pl.String), pl.col("place_keys", "issues").cast(pl.List(pl.String))
    ).with_row_index("row")
    found = [
        _hits(numbered.slice(start, _SLICE), places=places, issues=issues, depths=depths)
        for start in range(0, max(frame.height, 1), _SLICE)
    ]
    hits = pl.concat(found).join(valid, on="rule")
    return (
        hits.with_columns(depth=pl.col("key").str.count_matches(";", literal=True).fill_null(0))
        .sort("row", "level", "depth", "rule", descending=[False, False, True, False])
        .select(HITS.names())
        .cast(HITS)
    )


def _hits(part: pl.DataFrame, *, places: pl.DataFrame, issues: pl.DataFrame, depths: Collection[int]) -> pl.DataFrame:
    """row, rule: keys of the list of keys, prefixes of the whole key at the borders of its parts, issues."""
    pieces = pl.col("place_key").str.split(";")
    keys = [part.select("row", key="place_keys").explode("key", empty_as_null=True).drop_nulls()]
    keys += [
        part.filter(pieces.list.len() > depth).select("row", key=pieces.list.head(depth + 1).list.join(";"))
        for depth in depths
    ]
    named = part.select("row", issue="issues").explode("issue", empty_as_null=True).drop_nulls()
    return pl.concat(
        [
            pl.concat(keys).join(places.select("key", "rule"), on="key").select("row", "rule"),
            named.join(issues.select("issue", "rule"), on="issue").select("row", "rule"),
        ]
    ).unique()


def mass_addresses(frame: pl.DataFrame, *, persons: str, k: int, levels: Collection[str] = DOORS) -> pl.DataFrame:
    """Addresses that at least `k` different persons give: agencies, collective registers, dormitories.

    `persons` names the column of `frame` with the id of the person (null = unknown, not counted). Only keys that name a door count
    (`levels`): a whole village is the address of many by nature. Out: key, level, persons, rows; most persons first.
    """
    return (
        frame.lazy()
        .filter(pl.col("place_key").is_not_null(), pl.col(persons).is_not_null(), pl.col("level").is_in(list(levels)))
        .select(key=meeting_key(), level="level", person=persons)
        .group_by("key", "level")
        .agg(persons=pl.col("person").n_unique(), rows=pl.len())
        .filter(pl.col("persons") >= k)
        .sort("persons", "key", descending=[True, False])
        .collect()
    )


def meeting_key() -> pl.Expr:
    """The key at which texts of one place meet whether they name the town or not: the last but one of `place_keys` where it
    states the same parts below the town as the whole key, else the whole key."""
    before = pl.col("place_keys").list.get(-2, null_on_oob=True)
    below = _below_village(pl.col("place_key"))
    same = (_below_village(before) == below) & below.str.contains(";", literal=True)
    return pl.when(same.fill_null(value=False)).then(before).otherwise(pl.col("place_key"))


def key_at(place_keys: Sequence[str], level: str) -> str | None:
    """The key of a place at one level (town … room), without the town where it may be left out; None when the text did not go so far."""
    tag = TAGS.get(level)
    fitting = [key for key in place_keys if tag and key.rpartition(";")[2].startswith(f"{tag}=")]
    return min(fitting, key=len, default=None)


def _below_village(key: pl.Expr) -> pl.Expr:
    return key.str.replace_all(r";[tv]=[^;]*", "")
