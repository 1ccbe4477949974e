"""`songda address editions`: yearly lists of the divisions, and by which of them addresses are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base import days
from songda.cli.address.columns import code_and_name, division_columns
from songda.cli.address.errors import NoRows
from songda.cli.address.rules import list_names, load_rules, lost_rules
from songda.cli.address.screen import SHOWN, Complaint, complain, show_table
from songda.cli.address.source import read
from songda.cli.opening import JsonFlag, print_json

if TYPE_CHECKING:
    import polars as pl


def import_edition(
    file: Annotated[Path, typer.Argument(help="The ministry's four-level list, CSV or Excel: code and name per row.")],
    year: Annotated[int | None, typer.Option(min=1980, max=2100, help="Year; else from the file's name.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the edition of that year.")] = False,
    accept_gone: Annotated[
        bool, typer.Option("--accept-gone", help="Import although more than a tenth of the divisions is gone.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a yearly list of the divisions, compare it with the edition before, and read addresses by it from now on.

    Example: songda address editions import 2026年行政区划代码.xlsx --year 2026
    """
    import hashlib

    import polars as pl

    from songda.address import editions as kept
    from songda.address.changes import CHANGES, compare, require_whole
    from songda.address.listing import EditionRefused, parse, year_of

    source = read(file, division_columns(), bare=code_and_name)
    chosen = year_of(file.name, year)
    rows = list(source.frames)
    if not rows:
        raise NoRows(file=file.name)
    divisions, problems = parse(pl.concat(rows))
    if problems.height:
        found = [Complaint(*row) for row in problems.rows()]
        complain(found, as_json=as_json)
        raise EditionRefused(count=len(found))
    until_now = _until_now()
    against = kept.base_of(chosen)
    before = kept.read(against)
    diff = compare(divisions, before)
    if not accept_gone:
        require_whole(diff, before)
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    folder = kept.keep(
        divisions,
        diff,
        year=chosen,
        against=against,
        source=file.name,
        sha256=sha256,
        at=days.now(),
        replace=replace,
    )
    told = kept.about(folder)
    effect = _effect(until_now)
    if as_json:
        print_json(told | {"folder": str(folder), "current": str(chosen)} | effect)
        return
    typer.echo(f"{chosen} 年区划，与{'随附清单' if against == kept.SHIPPED else f' {against} 年的'}相比：")
    show_table("", ("变化", "个数"), [(word, told["changes"][change]) for change, word in CHANGES.items()])
    typer.echo(f"已导入 {divisions.height:,} 个区划：{folder}（逐项变化见 diff.csv）")
    unknown = told["changes"]["gone"]
    if unknown:
        typer.echo(f"{unknown} 个撤销的区划看不出去向；知道的，请在 diff.csv 该行的 code 列写上现代码，下次运行即采用")
    _tell_effect(str(chosen), effect)


def use_edition(
    name: Annotated[str, typer.Argument(help="Year of an imported edition, or `shipped`.")], as_json: JsonFlag = False
) -> None:
    """Read addresses by another edition: an imported one, or the list that ships with songda.

    Example: songda address editions use shipped
    """
    from songda.address import editions as kept

    until_now = _until_now()
    kept.use(name)
    effect = _effect(until_now)
    if as_json:
        print_json({"current": name} | effect)
    else:
        _tell_effect(name, effect)


def list_editions(as_json: JsonFlag = False) -> None:
    """List the imported editions, and which one addresses are read by.

    Example: songda address editions list
    """
    from songda.address import editions as kept
    from songda.address.changes import CHANGES

    found = [kept.about(kept.edition(str(year))) for year in kept.years()]
    current = kept.chosen()
    if as_json:
        print_json({"current": current, "editions": found})
        return

    def named(name: str) -> str:
        return ("随附清单" if name == kept.SHIPPED else name) + ("（现行）" if name == current else "")

    rows = [(named(kept.SHIPPED), kept.shipped().height, "", "", "")]
    for each in found:
        changes = "、".join(
            f"{word} {each['changes'][key]}" for key, word in CHANGES.items() if each["changes"].get(key)
        )
        divisions = sum(each["divisions"].values())
        rows.append((named(str(each["year"])), divisions, changes, each["imported_at"][:10], each["source"]))
    show_table("行政区划的版本", ("年份", "区划", "变化", "导入日期", "来源"), rows)


def _until_now() -> pl.DataFrame:
    """The divisions in force; the shipped ones when the edition's folder is gone or damaged, which these commands are to mend."""
    from songda.address import editions as kept

    try:
        return kept.read(kept.chosen())
    except (kept.NoSuchEdition, kept.DamagedEdition):
        return kept.shipped()


def _effect(until_now: pl.DataFrame) -> dict[str, Any]:
    """What the edition now in force means for what was stored: codes that keys begin with no more, rules that hit nothing."""
    from songda.address import editions as kept
    from songda.address.changes import compare, new_codes

    # Zones are read on even when the list has none.
    read_by = [str(code) for code in kept.dictionary().code.tolist()]
    lost = new_codes(compare(kept.read(kept.chosen()), until_now))
    lost = lost.filter(~lost["old_code"].is_in(read_by))
    return {
        "other_codes": lost.to_dicts(),
        "lost_rules": {name: count for name in list_names() if (count := lost_rules(load_rules(name)).height)},
    }


def _tell_effect(name: str, effect: dict[str, Any]) -> None:
    typer.echo(f"从下一次运行起，地址按{'随附清单' if name == 'shipped' else f' {name} 年区划'}读；已在运行的程序不变")
    if effect["other_codes"]:
        codes = effect["other_codes"]
        typer.echo(
            f"{len({each['old_code'] for each in codes})} 个区划换了代码或区县：那里的地址键（place_key）从此以新代码开头，"
            "与以前存下的不再相同；存下的键请用原地址重新生成"
        )
        show_table(
            f"地址键以新代码开头的区划{f'（列出前 {SHOWN} 处）' if len(codes) > SHOWN else ''}",
            ("原代码", "原名称", "现代码", "现名称"),
            [tuple(each[key] or "" for key in ("old_code", "old_name", "code", "name")) for each in codes[:SHOWN]],
        )
    for tenant, count in effect["lost_rules"].items():
        typer.echo(
            f"名单 {tenant} 有 {count} 条规则因此不再命中，请用原来的地址重新加入（songda address blocklist add）"
        )
