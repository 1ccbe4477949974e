"""What is true in a world, apart from what is seen of it: doors, ties of people to them over time, habits, stations.

Written to a folder of its own and read back by the couriers. It holds no name, no number and no written address: a
person is found by a hash. Keys are those of the world; `keys.parquet` alone joins them to case numbers, for benchmarks.

    truth/world.toml                  seed, day, the configuration as it was
    truth/debtors.parquet             home, household, presence, willingness, days on which numbers die …
    truth/finder.parquet              hash of name and number → debtor
    truth/places.parquet              doors in words
    truth/ties.parquet                who lives, has family or works where, from when until when
    truth/records.parquet             the place that each record of the file means, and what its text got wrong
    truth/contacts.parquet            which contacts are fabricated, and how
    truth/cases.parquet, keys.parquet why a row must not be sent or must be refused, what is owed; its case number
    truth/stations.parquet            skill and habits of the couriers of a district
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from songda.base.errors import SongdaError
from songda.sim.world.config import Config, parse
from songda.sim.world.contacts import RELATIONS
from songda.sim.world.divisions import divisions
from songda.sim.world.persons import Debtors, Ints
from songda.sim.world.places import FABRICATED, HOME, HOMES, SLOTS, WORK, Parts, parts
from songda.sim.world.records import KINDS
from songda.sim.world.streams import Streams, number

if TYPE_CHECKING:
    from songda.sim.world.courier import WorldCourier
    from songda.sim.world.world import World

_FORMAT = 3
_ID_DIGITS = 8


class NoTruth(SongdaError):
    zh = "{folder} 不是模拟世界的真相目录"
    remedy = "请指定模拟世界写出的 truth 目录（其中有 world.toml）"
    exit_code = 66


@dataclass(frozen=True, slots=True)
class Truth:
    """Nine tables; see the module's text."""

    seed: int
    as_of: date
    config: Config = field(repr=False)
    debtors: pl.DataFrame = field(repr=False)
    finder: pl.DataFrame = field(repr=False)
    places: pl.DataFrame = field(repr=False)
    ties: pl.DataFrame = field(repr=False)
    records: pl.DataFrame = field(repr=False)
    contacts: pl.DataFrame = field(repr=False)
    cases: pl.DataFrame = field(repr=False)
    keys: pl.DataFrame = field(repr=False)
    stations: pl.DataFrame = field(repr=False)
    #: Where it was read from, None when it was made in this process.
    folder: Path | None = None

    def write(self, folder: Path) -> None:
        """Parquet (zstd) and the configuration into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        head = (
            f'format = {_FORMAT}\nseed = {self.seed}\nas_of = {self.as_of.isoformat()}\nconfig = "{self.config.name}"\n'
        )
        (folder / "world.toml").write_text(f"# Simulated.\n{head}", encoding="utf-8")
        (folder / "config.toml").write_text(self.config.text, encoding="utf-8")
        for name in _TABLES:
            getattr(self, name).write_parquet(folder / f"{name}.parquet", compression="zstd")

    def courier(self, journal: Path | None = None) -> WorldCourier:
        """The couriers of this world: a picklable `Callable[[ShippedLetter], list[PlannedEvent]]`.

        `journal`: file in which they note who truly took each letter (songda.sim.world.history).
        """
        from songda.sim.world.courier import WorldCourier

        return WorldCourier(self, journal)


_TABLES = [each.name for each in fields(Truth) if each.name not in {"seed", "as_of", "config", "folder"}]


def load(folder: Path) -> Truth:
    """The truth that `World.write_truth` wrote. Raises NoTruth."""
    try:
        head = tomllib.loads((folder / "world.toml").read_text(encoding="utf-8"))
        config = parse(head["config"], (folder / "config.toml").read_text(encoding="utf-8"))
        tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in _TABLES}
    except (OSError, KeyError, tomllib.TOMLDecodeError, pl.exceptions.PolarsError) as error:
        raise NoTruth(folder=folder.name) from error
    return Truth(seed=head["seed"], as_of=head["as_of"], config=config, folder=folder.resolve(), **tables)


def person_key(seed: int, name: str, mobile: str = "") -> int:
    """Under which a person is found: by name and number, or by name alone."""
    return number(seed, "person", name, mobile)


def truth_of(world: World) -> Truth:
    return Truth(
        seed=world.seed,
        as_of=world.as_of,
        config=world.config,
        debtors=_debtors(world),
        finder=_finder(world.seed, world.debtors),
        places=_places(world),
        ties=_ties(world),
        records=_records(world),
        contacts=_contacts(world),
        cases=_cases(world),
        keys=pl.DataFrame({"case_no": world.cases.case_no, "case_id": _id("wc", np.arange(len(world.cases)))}),
        stations=_stations(world),
    )


def _id(prefix: str, numbers: Ints) -> pl.Series:
    return prefix + pl.Series(numbers.astype(np.int64)).cast(pl.String).str.zfill(_ID_DIGITS)


def numbers_of(ids: pl.Series) -> list[int]:
    """The bare numbers of a column of ids."""
    return ids.str.slice(2).cast(pl.Int64).to_list()


def _days(numbers: Ints) -> pl.Series:
    return pl.Series(numbers.astype(np.int32)).cast(pl.Date)


def _debtors(world: World) -> pl.DataFrame:
    people = world.debtors
    codes, patterns = divisions().codes, [*world.config.persons.patterns]
    return pl.DataFrame(
        {
            "debtor_id": _id("wd", np.arange(len(people))),
            "registered_code": [codes[n] for n in people.registered.tolist()],
            "lives_code": [codes[n] for n in people.lives.tolist()],
            "born": pl.Series(people.born.astype("datetime64[D]").astype(np.int32)).cast(pl.Date),
            "female": people.female,
            "floating": people.floating,
            "tenant": people.tenant,
            "parents_at_registered_home": people.parents_at_home,
            "household": people.household,
            "presence": [patterns[n] for n in people.pattern.tolist()],
            "willing": people.willing,
            "able": people.able,
            "answers_phone": world.phones.answers,
            "phones_lost_on": [[each for each in days if each] for days in world.phones.lost_on.tolist()],
        }
    )


def _finder(seed: int, people: Debtors) -> pl.DataFrame:
    keys, debtors = [], []
    for debtor, (name, phones) in enumerate(zip(people.names, people.phones, strict=True)):
        for mobile in ("", *phones):
            keys.append(person_key(seed, name, mobile))
            debtors.append(debtor)
    return pl.DataFrame({"key": pl.Series(keys, dtype=pl.UInt64), "debtor_id": _id("wd", np.array(debtors))})


def _used(world: World) -> Ints:
    """Places that somebody lived or worked in, or that a record means."""
    people = np.arange(len(world.debtors)) * SLOTS
    homes = world.residences
    lived = homes.since < homes.until
    slots = (people[:, None] + homes.slot)[lived]
    second = people[homes.job_changed < homes.horizon] + WORK + 1
    return np.unique(np.concatenate([slots, people + HOME, people + WORK, second, world.records.place]))


def _places(world: World) -> pl.DataFrame:
    used = _used(world)
    columns: dict[str, list[object]] = {each.name: [] for each in fields(Parts)}
    for place in parts(world.places, used):
        for name, values in columns.items():
            values.append(getattr(place, name))
    codes = divisions().codes
    return pl.DataFrame(
        {
            "place_id": _id("wp", used),
            "code": [codes[n] for n in world.places.division[used].tolist()],
            **columns,
            "desk": world.places.desk[used],
            "locker": world.places.locker[used],
        }
    )


def _ties(world: World) -> pl.DataFrame:
    """lives, works: from when until when; family: while the debtor is elsewhere; none: an invented address."""
    homes, people = world.residences, np.arange(len(world.debtors))
    start, horizon = homes.since[:, 0], np.full(len(people), homes.horizon)
    frames = []

    def add(tie: str, chosen: Ints, slot: Ints | int, since: Ints, until: Ints) -> None:
        kept = since < until
        frames.append(
            pl.DataFrame(
                {
                    "debtor_id": _id("wd", chosen[kept]),
                    "place_id": _id("wp", (chosen * SLOTS + slot)[kept]),
                    "tie": [tie] * int(kept.sum()),
                    "since": _days(since[kept]),
                    "until": _days(until[kept]),
                }
            )
        )

    for n in range(HOMES):
        add("lives", people, homes.slot[:, n], homes.since[:, n], homes.until[:, n])
    away = people[~world.debtors.settled_at_home]
    parents = away[world.debtors.parents_at_home[away]]
    add("family", parents, HOME, start[parents], horizon[parents])
    others = np.setdiff1d(away, parents)
    # They grew up there: the courier hears that they moved away.
    add("lives", others, HOME, start[others] - 3650, start[others])
    add("works", people, WORK, start, np.minimum(homes.job_changed, homes.horizon))
    add("works", people, WORK + 1, homes.job_changed, horizon)
    kinds, records = [*world.config.records.fabricated_kinds], world.records
    for n, kind in enumerate(kinds):
        liars = np.unique(records.debtor[records.fabricated == n])
        add(kind, liars, FABRICATED, start[liars], horizon[liars])
    return pl.concat(frames).sort("debtor_id", "place_id", "since", maintain_order=True)


def _records(world: World) -> pl.DataFrame:
    records, kinds = world.records, [*KINDS]
    how = [*world.config.records.fabricated_kinds, None]
    return pl.DataFrame(
        {
            "record_id": _id("wr", np.arange(len(records.debtor))),
            "debtor_id": _id("wd", records.debtor),
            "ordinal": records.ordinal,
            "source": [kinds[n] for n in records.kind.tolist()],
            "recorded_on": _days(records.recorded),
            "place_id": _id("wp", records.place),
            "fabricated": pl.Series([how[n] for n in records.fabricated.tolist()], dtype=pl.String),
            "errors": pl.Series(records.errors, dtype=pl.List(pl.String)),
        }
    )


def _contacts(world: World) -> pl.DataFrame:
    contacts, relations = world.contacts, [*RELATIONS]
    how = [*world.config.contacts.fabricated_kinds, None]
    return pl.DataFrame(
        {
            "contact_id": _id("wk", np.arange(len(contacts.debtor))),
            "debtor_id": _id("wd", contacts.debtor),
            "ordinal": contacts.ordinal,
            "stated_relation": [relations[n] for n in contacts.relation.tolist()],
            "fabricated": pl.Series([how[n] for n in contacts.fabricated.tolist()], dtype=pl.String),
        }
    )


def _cases(world: World) -> pl.DataFrame:
    cases = world.cases
    return pl.DataFrame(
        {
            "case_id": _id("wc", np.arange(len(cases))),
            "debtor_id": _id("wd", cases.debtor),
            "must_not_send": pl.Series([stop or None for stop in cases.stop], dtype=pl.String),
            "must_refuse": pl.Series([kind or None for kind in cases.broken], dtype=pl.String),
            "owed_fen": cases.principal_fen + cases.interest_fen + cases.penalty_fen + cases.fees_fen,
            "overdue_days": int(np.datetime64(world.as_of, "D").astype(np.int64)) - cases.overdue,
        }
    )


def _stations(world: World) -> pl.DataFrame:
    """One station a district. Good couriers phone first more often: the habit says something about skill."""
    table, delivery = divisions(), world.config.delivery
    rng = Streams(world.seed)("stations")
    skill = rng.standard_normal(len(table.codes))
    habit = np.clip(delivery.phone_first + 0.15 * skill, 0.02, 0.98)
    return pl.DataFrame(
        {
            "code": table.codes,
            "skill": skill * delivery.skill_sigma,
            "evening_tour": rng.random(len(table.codes)) < delivery.evening_tour,
            "phone_first": habit,
        }
    )
