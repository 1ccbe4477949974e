"""What factory and carrier can take, and what tenants have declared: `SONGDA_HOME/plan.toml`.

    plan = read_plan(home)                                  # None: no file, nothing is limited
    capacity_on(plan, day, {"bank": "ten_…"}).per_day

Every value holds from its `valid_from` on, that day included (docs/planning.zh-CN.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from songda.base.calendar import CalendarUnknown, load_calendar
from songda.base.days import business_day
from songda.base.errors import SongdaError
from songda.base.hours import Hours
from songda.intake.profile_messages import in_chinese
from songda.planning import Capacity

#: Reasons why nothing at all is printed on a day.
CLOSED, AFTER_CUT_OFF, NO_CALENDAR = "factory_closed", "after_cut_off", "calendar_unknown"
#: Printed letters do not lie about until the carrier comes.
NOT_COLLECTED = "carrier_closed"


class BadPlan(SongdaError):
    zh = "排产设置 {file} 有 {count} 处问题：{problems}"
    remedy = "请按提示修改；样例见 docs/planning.zh-CN.md"
    exit_code = 78


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Days = Annotated[tuple[date, ...], BeforeValidator(_tuple)]
Count = Annotated[int, Field(ge=0)]
Works = Literal["working_days", "every_day"]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Factory(_Section):
    """When letters are printed, and how many."""

    valid_from: date
    #: Letters that are printed in a day.
    per_day: Count
    #: In Shanghai, 17:30. What comes at this minute belongs to the next day.
    cut_off: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    works: Works
    closed: Days = ()
    opened: Days = ()


class Carrier(_Section):
    """On which days the carrier collects what was printed."""

    valid_from: date
    works: Works
    closed: Days = ()
    opened: Days = ()


class Province(_Section):
    valid_from: date
    #: First two digits of the division codes (GB/T 2260).
    code: Annotated[str, Field(pattern=r"^[1-8]\d$")]
    #: Letters that the carrier takes for it in a day.
    per_day: Count


class Share(_Section):
    valid_from: date
    #: Short name of the institution.
    tenant: Annotated[str, Field(min_length=1, max_length=80)]
    #: Letters a day that it has declared; shares are in proportion to them.
    per_day: Count


class Plan(_Section):
    factory: Annotated[tuple[Factory, ...], BeforeValidator(_tuple), Field(min_length=1)]
    carrier: Annotated[tuple[Carrier, ...], BeforeValidator(_tuple)] = ()
    province: Annotated[tuple[Province, ...], BeforeValidator(_tuple)] = ()
    share: Annotated[tuple[Share, ...], BeforeValidator(_tuple)] = ()
    #: Part of the capacity that is dealt by shares. Below 1, so that what goes by age alone never comes to nothing.
    guaranteed: Annotated[float, Field(ge=0, le=0.95)] = 0.9
    #: Days before the end of limitation from which on a claim is urgent.
    urgent_days: Count = 30


_Dated = TypeVar("_Dated", Factory, Carrier, Province, Share)


def read_plan(home: Path) -> Plan | None:
    """The settings of this installation; None: there are none. Raises BadPlan, which names every wrong key but no value."""
    path = home / "plan.toml"
    try:
        return Plan.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise BadPlan(file=path.name, count=1, problems="读不了，或不是有效的 TOML") from None
    except ValidationError as error:
        problems = in_chinese(error.errors(include_url=False, include_input=False))
        raise BadPlan(file=path.name, count=len(problems), problems="；".join(problems)) from None


def capacity_on(plan: Plan, day: date, tenants: Mapping[str, str]) -> Capacity:
    """What can be taken on `day`. `tenants`: short name → id; shares of others are left out."""
    factory = _in_force(plan.factory, day, lambda _: "")
    provinces = _in_force(plan.province, day, lambda each: each.code)
    shares = _in_force(plan.share, day, lambda each: each.tenant)
    return Capacity(
        per_day=sum(each.per_day for each in factory),
        per_province={each.code: each.per_day for each in provinces},
        declared={tenants[each.tenant]: each.per_day for each in shares if each.tenant in tenants},
        guaranteed=plan.guaranteed,
        urgent_days=plan.urgent_days,
    )


def shut(plan: Plan, *, on: date, at: datetime) -> str | None:
    """Why what is asked for at `at` cannot be printed on `on`; None: it can."""
    factory = _in_force(plan.factory, on, lambda _: "")
    if not factory:
        return CLOSED
    hours, calendar = _hours(factory[0], time.fromisoformat(factory[0].cut_off)), load_calendar()
    carrier = _in_force(plan.carrier, on, lambda _: "")
    try:
        if not hours.is_open(on, calendar):
            return CLOSED
        if carrier and not _hours(carrier[0], time.max).is_open(on, calendar):
            return NOT_COLLECTED
        # A run for an earlier day that is taken up later keeps its day; one of today has to come in time.
        late = business_day(at) == on and hours.day_of(at, calendar) != on
    except CalendarUnknown:
        return NO_CALENDAR
    return AFTER_CUT_OFF if late else None


def _hours(of: Factory | Carrier, cut_off: time) -> Hours:
    return Hours(cut_off=cut_off, works=of.works, closed=frozenset(of.closed), opened=frozenset(of.opened))


def _in_force(rows: Iterable[_Dated], day: date, key: Callable[[_Dated], str]) -> list[_Dated]:
    """Of each key the row that holds on `day`: the last whose first day is not later."""
    held: dict[str, _Dated] = {}
    for row in sorted(rows, key=lambda row: row.valid_from):
        if row.valid_from <= day:
            held[key(row)] = row
    return list(held.values())
