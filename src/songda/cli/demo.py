"""`songda demo`: invented people, the real job, a stand-in carrier on a virtual clock, day by day to the grades."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.base.settings import load
from songda.cli.opening import JsonFlag, day_of, open_base, print_json, progress_bar, tell_of_compiling
from songda.cli.tables import print_summary

if TYPE_CHECKING:
    from songda.flow.run import House, Watch
    from songda.flow.summary import Summary
    from songda.sim.world import World

#: Short name of the invented institution.
TENANT = "demo"
#: Hour of the day at which the day's work is done.
HOUR = 17
#: What the couriers note beside the truth.
JOURNAL = "journal.jsonl"


class DemoFolderTaken(SongdaError):
    zh = "{out} 里已有一次演示的结果"
    remedy = "请换一个目录（--out），或先删除它"
    exit_code = 73


def add_to(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    cases: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows of the case file.")] = 2000,
    days_played: Annotated[int, typer.Option("--days", min=1, max=120, help="Days that are played.")] = 30,
    seed: Annotated[int, typer.Option(help="Seed of the invented world.")] = 7,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First business day; today when absent.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for everything that the demonstration writes.")] = Path("demo"),
    as_json: JsonFlag = False,
) -> None:
    """Invent a portfolio of people and do the whole job on it, day by day, against the stand-in carrier.

    Every result says 演练 and 模拟结果: the people, the firm and the outcomes are invented; the work is the real code's.

    Example: songda demo --cases 2000 --out demo
    """
    tell_of_compiling()
    with progress_bar(quiet=as_json) as show:
        from songda.flow.run import Watch

        summary, batch_id, sample = play(
            cases=cases, seed=seed, first=day_of(as_of), days_played=days_played, out=out, watch=Watch(show)
        )
    if as_json:
        print_json({**summary.to_json(), "batch": batch_id, "seed": seed, "home": str(out / "home")})
        return
    print_summary(summary, batch_id=batch_id)
    command = f"SONGDA_HOME={out / 'home'} {sys.argv[0]}"
    typer.echo(
        f"案件文件（虚构人员）：{out / 'input' / 'cases.xlsx'}\n"
        f"看一封函：{command} letters show {sample} --to 函件.pdf\n"
        f"看打印批次：{command} press list\n"
        f"查审计链：{command} audit verify"
    )


def play(
    *,
    cases: int,
    seed: int,
    first: date,
    days_played: int,
    out: Path,
    watch: Watch,
    config: str = "cn-default",
    learning: str = "",
    each_day: Callable[[House, date], None] = lambda house, on: None,
) -> tuple[Summary, str, str]:
    """The whole demonstration; returns its figures, its batch and the number of a posted letter.

    `learning`: what the invented profile says about chance (section `[learning]`).

    `each_day`: what else happens on a day, before its work is done; the couriers' journal lies in `out`/truth/journal.jsonl.
    Raises DemoFolderTaken, CannotWriteOut.
    """
    from songda.cli.drill import join, open_stand_in
    from songda.flow.figures import summarise
    from songda.flow.outputs import prepare_out, write_outputs
    from songda.flow.run import alone, carry_on, take_in
    from songda.sim.world import load as load_truth

    if (out / "home").exists():
        raise DemoFolderTaken(out=str(out))
    prepare_out(out)
    file = out / "input" / "cases.xlsx"
    with watch.stage("生成虚构案件", cases) as progress:
        invent(cases=cases, seed=seed, first=first, config=config, file=file, truth=out / "truth")
        progress(cases)
    began, opening = time.monotonic(), days.at(first, HOUR)
    with invented_house(out / "home", opening, learning=learning) as (house, key, password), alone(house):
        courier = load_truth(out / "truth").courier(out / "truth" / JOURNAL)
        with (
            open_stand_in(house, seed=seed, courier=courier, starts_at=days.at(first, 8)) as post,
            join(post) as carrier,
        ):
            batch_id, sheet = take_in(house, file, as_of=first, drill=True, at=opening, watch=watch)
            _approve(house, batch_id, key=key, password=password, on=first, at=opening, watch=watch)
            for number in range(days_played):
                on = first + timedelta(days=number)
                at = days.at(on, HOUR)
                post.advance(to=at)
                each_day(house, on)
                carry_on(house, [batch_id], carrier=carrier, on=on, at=at, watch=watch)
        summary = summarise(
            house.engine,
            house.tenant,
            batch_id,
            on=on,
            stages=watch.stages,
            elapsed_s=time.monotonic() - began,
            out=str(out),
            simulated=True,
            config=f"{config} 种子 {seed}",
        )
        write_outputs(house.engine, house.tenant, batch_id, summary, out=out, home=house.home, sheet=sheet, at=at)
        return summary, batch_id, _a_letter(house, batch_id)


def invent(*, cases: int, seed: int, first: date, config: str, file: Path, truth: Path) -> None:
    """Writes the case file of an invented world, and its truth apart."""
    from songda.sim.world import generate

    file.parent.mkdir(parents=True, exist_ok=True)
    world: World = generate(cases=cases, seed=seed, as_of=first, config=config)
    world.write_seen(file)
    world.write_truth(truth)


@contextmanager
def invented_house(
    home: Path, at: datetime, *, letters_per_day: int = 100_000, learning: str = ""
) -> Iterator[tuple[House, bytes, str]]:
    """A house of its own for an invented institution, with its lawyer's key and password."""
    from songda.cli.drill import invented_profile
    from songda.flow.run import House
    from songda.flow.tenants import import_tenant

    profile, key, password = invented_profile(letters_per_day=letters_per_day, learning=learning)
    with open_base(load({}, home=home)) as (engine, master, settings):
        tenant = import_tenant(engine, master, name=TENANT, profile_toml=profile, at=at, actor="system:demo")
        yield House(engine, tenant, settings.home, settings.workers), key, password


def _approve(house: House, batch_id: str, *, key: bytes, password: str, on: date, at: datetime, watch: Watch) -> None:
    """The invented firm approves by itself, which the record marks for good."""
    from songda.flow.approve import approve
    from songda.flow.proposal import NothingToApprove, propose

    with watch.stage("审批（自动，演练）") as progress:
        try:
            proposal = propose(house.engine, house.tenant, batch_id, lawyer_name=None, on=on, workers=house.workers)
        except NothingToApprove:
            return
        approve(house.engine, house.tenant, proposal, private_key=key, password=password, at=at, by_itself=True)
        progress(len(proposal.letters))


def _a_letter(house: House, batch_id: str) -> str:
    from sqlalchemy import func, select

    from songda.store import tables

    t = tables.letter.c
    with house.engine.connect() as connection:
        return (
            connection.scalar(
                select(func.min(t.letter_no)).where(t.batch_id == batch_id, t.state.in_(("active", "closed")))
            )
            or ""
        )
