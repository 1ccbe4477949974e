"""`songda address blocklist`: addresses that must not get a letter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.cli.address.columns import Column, address_column
from songda.cli.address.errors import NoRows, ReasonMissing
from songda.cli.address.options import AsOf, ColumnName, File, Out, TenantList
from songda.cli.address.reading import standardised
from songda.cli.address.rules import (
    list_path,
    load_rules,
    parsed,
    plain,
    reasons,
    rule_row,
    rule_rows,
    store_rules,
    tell_of_lost_rules,
)
from songda.cli.address.screen import SHOWN, show_table
from songda.cli.address.sink import keep_apart, kind_of, to_file
from songda.cli.address.source import name_of, read
from songda.cli.address.words import field, issue
from songda.cli.opening import JsonFlag, day_of, print_json, progress_bar

if TYPE_CHECKING:
    import polars as pl


def add_rule(
    text: Annotated[str | None, typer.Argument(help="The address that the rule is about, in quotation marks.")] = None,
    level: Annotated[str, typer.Option(help="black: no letter goes there; grey: a person looks first.")] = "black",
    reason: Annotated[str | None, typer.Option(help="Code of the reason, e.g. demolished, institution_prison.")] = None,
    at: Annotated[
        str | None,
        typer.Option(help="How far the rule reaches: town, village, road, road_no, poi, building, unit, floor, room."),
    ] = None,
    valid_from: Annotated[str, typer.Option("--from", help="First day, e.g. 2026-11-24.")] = "",
    valid_to: Annotated[str, typer.Option("--to", help="Last day.")] = "",
    source: Annotated[str, typer.Option(help="Who says so, where it is written.")] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Many rules: columns address or key, level, reason, at, valid_from, valid_to, source."),
    ] = None,
    tenant: TenantList = "own",
    as_json: JsonFlag = False,
) -> None:
    """Add a rule: an address with everything inside it. Down to a building it holds for all rooms of that building.

    Example: songda address blocklist add "苏州市姑苏区人民路12号锦绣花园3栋" --reason demolished --source "街道办公告"
    """
    if (text is None) == (file is None):
        raise ReasonMissing(what="要加入的地址", remedy="请写一个地址，或用 --file 给出一份名单")
    if text is not None:
        if reason is None:
            raise ReasonMissing(what="原因", remedy=f"请加 --reason，可用：{reasons()}")
        rows = [(1, rule_row(text, at) | {"level": level, "reason": reason, "valid_from": valid_from})]
        rows[0][1].update(valid_to=valid_to, source=source)
    else:
        assert file is not None
        rows = rule_rows(file)
    known = load_rules(tenant)
    added = parsed(rows, name=file.name if file else None, as_json=as_json)
    fresh = added.join(known, on="rule", how="anti")
    import polars as pl

    path = store_rules(tenant, pl.concat([known, fresh]))
    if as_json:
        print_json(
            {"list": str(path), "added": fresh.height, "already": added.height - fresh.height, "rules": plain(added)}
        )
    else:
        typer.echo(f"已加入 {fresh.height} 条规则，原有 {added.height - fresh.height} 条；名单：{path}")
        _show("加入的规则", added)


def list_rules(tenant: TenantList = "own", as_json: JsonFlag = False) -> None:
    """List the rules of an institution's own list, and those that hold for everybody.

    Example: songda address blocklist list --tenant bank
    """
    import polars as pl

    from songda.address.blocklist import BUILT_IN

    rules = pl.concat([load_rules(tenant), BUILT_IN])
    if as_json:
        print_json({"list": str(list_path(tenant)), "rules": plain(rules)})
    else:
        _show(f"名单 {tenant}", rules)


def check_file(
    file: File = None,
    column: ColumnName = None,
    persons: Annotated[
        str | None, typer.Option(help="Header of a column with the id of the person: finds addresses of many persons.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=2, help="As many different persons make an address suspicious.")] = 20,
    out: Out = None,
    tenant: TenantList = "own",
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Check a file of addresses against the lists, and with --persons for addresses that suspiciously many persons share.

    Example: songda address blocklist check 客户.csv --persons 身份证号 --k 20 --out hits.csv
    """
    import polars as pl

    from songda.address.blocklist import BUILT_IN, DOORS, check, mass_addresses
    from songda.address.dedupe import held

    kind = kind_of(None, out, as_json=as_json)
    keep_apart(file, out)
    columns = [address_column(column)]
    if persons is not None:
        columns.append(Column("person", (), "人员编号", persons))
    rules, day = pl.concat([load_rules(tenant), BUILT_IN]), day_of(as_of)
    tell_of_lost_rules(tenant, rules)
    source = read(file, columns)
    hits: list[pl.DataFrame] = []
    doors: list[pl.DataFrame] = []
    count = 0
    wanted = ("place_key", "place_keys", "level", "standard", "issues")
    with progress_bar(quiet=as_json) as show:
        for rows, frame in standardised(source.frames, keep=lambda frame: frame.select(wanted)):
            found = check(frame, rules, on=day)
            told = found.select(
                pl.Series("row_no", rows["row_no"].gather(found["row"])),
                *("level", "reason", "rule"),
                pl.Series("standard", frame["standard"].gather(found["row"])),
            )
            hits.append(held(told, *told.columns))
            if persons is not None:
                keyed = frame.with_columns(person=blind(rows["person"])).filter(pl.col("level").is_in(DOORS))
                doors.append(held(keyed, "place_key", "place_keys", "level", "person"))
            count += rows.height
            show("核对名单", count, source.total)
    if not hits:
        raise NoRows(file=name_of(file))
    result = pl.concat(hits)
    mass = mass_addresses(pl.concat(doors), persons="person", k=k) if doors else None
    with to_file(kind, out) as writer:
        writer.write(result)
    _tell_hits(result, rows=count, mass=mass, out=out, as_json=as_json)


def blind(persons: pl.Series) -> pl.Series:
    """Ids of persons as numbers: equal for equal ones, the id itself is not kept; null where none is stated."""
    return persons.hash().set(persons.is_null() | (persons.str.strip_chars() == ""), None)


def _show(title: str, rules: pl.DataFrame) -> None:
    from songda.address.blocklist import LEVELS as NAMES
    from songda.address.blocklist import REASONS

    show_table(
        title,
        ("名单", "原因", "地点或问题", "生效", "失效", "来源", "编号"),
        [
            (
                *(NAMES[row["level"]], REASONS[row["reason"]], row["key"] or issue(row["issue"]).zh),
                *(row["valid_from"] or "", row["valid_to"] or "", row["source"] or "", row["rule"]),
            )
            for row in plain(rules)
        ],
    )


def _tell_hits(result: pl.DataFrame, *, rows: int, mass: pl.DataFrame | None, out: Path | None, as_json: bool) -> None:
    from songda.address.blocklist import LEVELS as NAMES
    from songda.address.blocklist import REASONS

    first = result.unique("row_no", keep="first", maintain_order=True)
    figures: dict[str, object] = {"rows": rows, "hit_rows": first.height, "black": 0, "grey": 0}
    figures |= dict(first["level"].value_counts().iter_rows())
    if as_json:
        answer = figures | {"hits": result.drop("standard").to_dicts()}
        if mass is not None:
            answer["mass_addresses"] = mass.to_dicts()
        print_json(answer | ({"out": str(out)} if out else {}))
        return
    if result.height:
        show_table(
            f"命中的行{f'（列出前 {SHOWN} 条）' if result.height > SHOWN else ''}",
            ("行号", "名单", "原因", "规则", "标准地址"),
            [
                (str(row_no), NAMES[level], REASONS[reason], rule, standard or "")
                for row_no, level, reason, rule, standard in result.head(SHOWN).iter_rows()
            ],
        )
    if mass is not None and mass.height:
        show_table(
            "许多人共用的地址（请人核实，可用 blocklist add 加入灰名单）",
            ("地点键", "读到", "人数", "行数"),
            [(key, field(level), persons, count) for key, level, persons, count in mass.head(SHOWN).iter_rows()],
        )
    typer.echo(
        f"共 {rows:,} 行，黑名单 {figures['black']} 行，灰名单 {figures['grey']} 行"
        + (f"；已写入 {out}" if out else "")
    )
