"""The lists that institutions keep: reading, checking and storing their rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songda.cli.address.columns import Column, rule_columns
from songda.cli.address.errors import BadList, BadRule, NoSuchLevel, NotOnePlace
from songda.cli.address.screen import Complaint, complain
from songda.cli.address.sink import to_file
from songda.cli.address.source import read
from songda.cli.address.words import field, words

if TYPE_CHECKING:
    import polars as pl


def list_path(tenant: str) -> Path:
    from songda.base.settings import load

    if not re.fullmatch(r"[\w.-]{1,40}", tenant):
        from songda.flow.tenants import BadTenantName

        raise BadTenantName
    return load().home / "address" / "blocklists" / f"{tenant}.csv"


def load_rules(tenant: str) -> pl.DataFrame:
    """The list of an institution; empty when it has none. Raises BadList."""
    from songda.address.blocklist import RULES

    path = list_path(tenant)
    if not path.exists():
        return RULES.to_frame()
    columns = [Column(name, (name,), name, required=name in ("level", "reason")) for name in RULES if name != "rule"]
    frames = list(read(path, columns).frames)
    rows = [(row.pop("row_no"), row) for frame in frames for row in frame.iter_rows(named=True)]
    return parsed(rows, name=str(path), as_json=False)


def parsed(rows: Iterable[tuple[int, Mapping[str, Any]]], *, name: str | None, as_json: bool) -> pl.DataFrame:
    """Rules from the rows of a file, all of them or none, or from the command line (no name). Raises BadList, BadRule."""
    from songda.address.blocklist import parse_rules

    rules, problems = parse_rules(rows)
    if problems and name is None:
        raise BadRule(problem=problems[0].message, remedy=problems[0].remedy)
    if problems:
        found = [Complaint(each.row_no, each.column, each.message, each.remedy) for each in problems]
        complain(found, as_json=as_json)
        raise BadList(file=name, count=len(found))
    return rules


def lost_rules(rules: pl.DataFrame) -> pl.DataFrame:
    """Rules whose key has the code of no division, or of no town, that addresses are read by: they hit nothing."""
    import polars as pl

    from songda.address.editions import dictionary

    codes = [str(code) for code in dictionary().code.tolist()]
    division, town = pl.col("key").str.slice(0, 6), pl.col("key").str.extract(r";t=(\d{9})(?:;|$)")
    return rules.filter(~division.is_in(codes) | ~town.is_in(codes).fill_null(value=True))


def tell_of_lost_rules(tenant: str, rules: pl.DataFrame) -> None:
    """Say on stderr how many rules of a list hit nothing."""
    import typer

    lost = lost_rules(rules).height
    if lost:
        typer.echo(
            f"名单 {tenant} 有 {lost} 条规则的地点用的是已不用的区划代码，不会命中；请用原来的地址重新加入（blocklist add）",
            err=True,
        )


def list_names() -> list[str]:
    """The institutions that keep a list."""
    return sorted(path.stem for path in list_path("own").parent.glob("*.csv"))


def store_rules(tenant: str, rules: pl.DataFrame) -> Path:
    from songda.address.blocklist import RULES

    path = list_path(tenant)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with to_file("csv", path) as writer:
        writer.write(rules.select(RULES.names()))
    return path


def rule_row(text: str, at: str | None) -> dict[str, str]:
    """The key under which a rule about this address stands. Raises NotOnePlace, NoSuchLevel."""
    from songda.address import standardize
    from songda.address.blocklist import key_at, meeting_key

    frame = standardize([text])
    if frame["place_key"].item() is None or frame["alternatives"].item().len():
        raise NotOnePlace
    key = frame.select(meeting_key()).item() if at is None else key_at(frame["place_keys"].item().to_list(), at)
    if key is None:
        raise NoSuchLevel(level=field(at or ""))
    return {"key": key}


def rule_rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Rules of a file that somebody wrote. Raises BadList."""
    rows: list[tuple[int, dict[str, str]]] = []
    wrong: list[Complaint] = []
    for frame in read(file, rule_columns()).frames:
        for row in frame.iter_rows(named=True):
            row_no = row.pop("row_no")
            said = {name: value or "" for name, value in row.items()}
            said["level"] = words().rule_levels.get(said["level"], said["level"])
            if not said["key"]:
                try:
                    said |= rule_row(said["address"], said["at"] or None)
                except (NotOnePlace, NoSuchLevel) as error:
                    wrong.append(Complaint(row_no, "地址", error.zh.format_map(error.data), error.remedy))
                    continue
            rows.append((row_no, said))
    if wrong:
        complain(wrong, as_json=False)
        raise BadList(file=file.name, count=len(wrong))
    return rows


def reasons() -> str:
    from songda.address.blocklist import REASONS

    return "、".join(f"{code}（{zh}）" for code, zh in REASONS.items())


def plain(rules: pl.DataFrame) -> list[dict[str, Any]]:
    import polars as pl

    return rules.with_columns(pl.col(pl.Date).dt.to_string()).to_dicts()
