"""The parameters of a world, read from `NAME.toml` beside this module. Their meaning is written there.

>>> read("cn-default").texts.no_province
0.12
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from typing import Any, get_type_hints

from songda.base.errors import SongdaError

#: Log-odds and bounds on normal scales.
_MAY_BE_NEGATIVE = frozenset({"intercept", "unable_below", "kept"})
#: Tables whose entries are no shares of one whole.
_APART = frozenset({"village", "reach", "effect", "number_dead", "confirmed", "denied", "own_region"})
#: Names of alternatives → their shares, which add up to 1.
Shares = Mapping[str, float]


class UnknownConfig(SongdaError):
    zh = "没有名为 {name} 的模拟世界配置"
    remedy = "可用的配置：{known}"
    exit_code = 64


class BadConfig(SongdaError):
    zh = "模拟世界配置 {name} 有误：{what}"
    remedy = "请对照 cn-default.toml 修改"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class Portfolio:
    loans: list[float]
    overdue_days: list[int]
    month_on_book: list[int]
    amount_median_yuan: float
    amount_sigma: float
    amount_min_yuan: float
    repaid_able: float
    cost_median: float
    cost_sigma: float
    roles: Shares


@dataclass(frozen=True, slots=True)
class PersonShares:
    age: list[int]
    floating: float
    tenant_floating: float
    tenant_settled: float
    at_registered_home: float
    rare_name: float
    ethnic_name: float
    household: list[float]
    parents_at_registered_home: float
    patterns: Shares
    mobile_prefixes: list[str]
    phones: list[float]


@dataclass(frozen=True, slots=True)
class PlaceShares:
    #: Share of village homes by the last character of the division's name; not shares of one whole.
    village: Mapping[str, float]
    dormitory: float
    work: Shares
    desk_flat: float
    locker_flat: float
    desk_work: float
    town_named: float


@dataclass(frozen=True, slots=True)
class Moves:
    years_before: int
    owner_moves: float
    tenant_moves: float
    frailty_shape: float
    overdue_factor: float
    back_home: float
    job_changes: float
    days_ahead: int


@dataclass(frozen=True, slots=True)
class RecordShares:
    id_card: float
    application_home: float
    application_work: float
    debtor_update: float
    update_work: float
    update_evasive: float
    reserved: float
    earlier_letter: float
    court: float
    other_spelling: float
    fabricated: float
    fabricated_kinds: Shares
    keep_years: int


@dataclass(frozen=True, slots=True)
class TextErrors:
    no_province: float
    no_district: float
    old_district: float
    no_unit: float
    no_room: float
    typo: float
    glued_phone: float
    glued_remark: float
    full_width: float
    wrong_room: float
    repeated_prefix: float
    spaces: float


@dataclass(frozen=True, slots=True)
class ContactShares:
    number: list[float]
    relations: Shares
    fabricated: float
    fabricated_kinds: Shares
    shared_numbers_per_1000: int
    forbidden_origin: float
    #: Of contacts that somebody has tried to reach.
    checked: float
    #: By how the contact came to be; not shares of one whole.
    number_dead: Mapping[str, float]
    confirmed: Mapping[str, float]
    denied: Mapping[str, float]
    refused: float
    own_region: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PhoneShares:
    monthly_loss: float
    answered: float


@dataclass(frozen=True, slots=True)
class CallShares:
    promises: float
    promises_willing: float
    kept: float
    kept_willing: float
    kept_able: float
    silence_days: float
    silence_willing: float


@dataclass(frozen=True, slots=True)
class Stops:
    dispute: float
    paid: float
    plan_kept: float
    deceased: float
    over_cost: float
    time_barred: float
    protected: float
    small_amount: float
    forbidden_address: float
    missing_fact: float
    one_forbidden_address: float
    assigned: float
    assigned_without_notice: float
    no_credit_notice: float
    small_yuan: list[int]


@dataclass(frozen=True, slots=True)
class Broken:
    share: float
    kinds: Shares


@dataclass(frozen=True, slots=True)
class Delivery:
    #: Chance that a text of this quality leads to the door; not shares of one whole.
    reach: Mapping[str, float]
    wrong_district: float
    skill_sigma: float
    evening_tour: float
    phone_first: float
    phone_helps: float
    phone_finds_door: float
    present_early: list[float]
    present_late: list[float]
    present_office: list[float]
    present_home: list[float]
    present_other: list[float]
    present_parents: float
    present_work: list[float]
    arranged: float
    tries: int
    refused: float
    desk_instead: float
    desk_after: float
    locker_after: float
    locker_fetched: float
    family_passes_on: float
    gone: Shares
    never: Shares
    colleague: float
    reception: float
    lost: float
    silent: float
    wrong_code: float
    late_scan: float
    remote_provinces: list[str]


@dataclass(frozen=True, slots=True)
class PaymentShares:
    intercept: float
    willing: float
    able: float
    per_100_days: float
    days: int
    #: Points that a served letter adds, by who took it; not shares of one whole.
    effect: Mapping[str, float]
    forgetful: float
    young: float
    unable_below: float
    contrary: float
    repeat: float
    kinds: Shares
    instalments: int


@dataclass(frozen=True, slots=True)
class ComplaintShares:
    letter: float
    wrong_person: float
    again: float
    within_days: int
    cost_yuan: list[int]


@dataclass(frozen=True, slots=True)
class Config:
    name: str
    version: str
    portfolio: Portfolio
    persons: PersonShares
    places: PlaceShares
    residence: Moves
    records: RecordShares
    texts: TextErrors
    contacts: ContactShares
    phones: PhoneShares
    calls: CallShares
    stops: Stops
    broken: Broken
    delivery: Delivery
    payments: PaymentShares
    complaints: ComplaintShares
    #: The TOML that said all this.
    text: str = field(repr=False)


def read(name: str) -> Config:
    """The configuration `name`. Raises UnknownConfig, BadConfig."""
    if name not in known():
        raise UnknownConfig(name=name, known="、".join(known()))
    text = _shipped(name)
    base = _base_of(text)
    return parse(name, text if base is None else _laid_over(_shipped(base), text))


def _shipped(name: str) -> str:
    return files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")


def _base_of(text: str) -> str | None:
    base = tomllib.loads(text).get("base")
    return base if isinstance(base, str) else None


def _laid_over(base: str, text: str) -> str:
    """TOML that says what `base` says but for what `text` says otherwise: whole, since truths are kept with it."""
    whole, other = tomllib.loads(base), tomllib.loads(text)
    lines = [f"version = {json.dumps(other['version'])}"]
    for section in [*whole, *(name for name in other if name not in whole)]:
        values = {**_table(whole.get(section)), **_table(other.get(section))}
        if values:
            lines += ["", f"[{section}]", *(f"{json.dumps(key)} = {_written(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _written(value: Any) -> str:
    """A value in TOML; JSON writes all but tables alike."""
    if isinstance(value, dict):
        return (
            "{ "
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_written(each)}" for key, each in value.items())
            + " }"
        )
    return json.dumps(value, ensure_ascii=False)


def known() -> list[str]:
    """Names of the configurations that ship with the package."""
    tables = {"names.toml", "words.toml", "journeys.toml"}
    found = (file.name for file in files(__package__).iterdir() if file.name.endswith(".toml"))
    return sorted(name.removesuffix(".toml") for name in found if name not in tables)


def parse(name: str, text: str) -> Config:
    """The configuration that `text` (TOML) states: every value, no other. Raises BadConfig."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(name=name, what=f"不是 TOML：{error}") from error
    types = get_type_hints(Config)
    sections = {each.name for each in fields(Config)} - {"name", "version", "text"}
    if what := _other_keys(table, sections | {"version"}):
        raise BadConfig(name=name, what=what)
    made = {section: _section(name, section, types[section], table[section]) for section in sections}
    return Config(name=name, version=table["version"], text=text, **made)


def _section(name: str, section: str, kind: type, table: Any) -> Any:
    hints = get_type_hints(kind)
    what = _other_keys(table, set(hints)) if isinstance(table, dict) else "应为一节"
    for key, hint in hints.items():
        what = what or _fault(key, hint, table[key])
    if what:
        raise BadConfig(name=name, what=f"[{section}] {what}")
    return kind(**table)


def _other_keys(table: Mapping[str, Any], expected: set[str]) -> str:
    missing, unknown = sorted(expected - set(table)), sorted(set(table) - expected)
    said = [f"缺少 {'、'.join(missing)}"] * bool(missing) + [f"不认识 {'、'.join(unknown)}"] * bool(unknown)
    return "；".join(said)


def _fault(key: str, hint: Any, value: Any) -> str:
    """What is wrong with one value; empty when nothing is."""
    if hint == Shares:
        if not isinstance(value, dict) or not all(_is_share(share) for share in value.values()):
            return f"{key} 的每一项应在 0 到 1 之间"
        if key not in _APART and abs(sum(value.values()) - 1) > 1e-9:
            return f"{key} 各项之和应为 1，现为 {sum(value.values()):g}"
        return ""
    if hint in (int, float):
        good = isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
        good = good and (value >= 0 or key in _MAY_BE_NEGATIVE)
        return "" if good else f"{key} 应为不小于 0 的{'整数' if hint is int else '数'}"
    entry = {list[int]: int, list[float]: int | float, list[str]: str}[hint]
    good = isinstance(value, list) and bool(value) and all(isinstance(each, entry) for each in value)
    return "" if good else f"{key} 应为非空的列表"


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1
