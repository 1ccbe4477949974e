"""`songda run`: from a case file to letters that stand for approval, and with `--resume` on to posted letters and proof."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.opening import JsonFlag, TenantName, day_of, open_house, print_json, progress_bar, tell_of_compiling
from songda.cli.tables import print_summary

if TYPE_CHECKING:
    from songda.flow.post import Carrier
    from songda.flow.run import House, Watch
    from songda.intake import Sheet


class NothingToRun(SongdaError):
    zh = "没有给出案件文件，也没有可以继续的批次"
    remedy = "请运行 songda run 案件.xlsx --out 目录；格式样例见 songda template cases.xlsx"
    exit_code = 64


class UnknownCarrier(SongdaError):
    zh = "不认识的承运商 {carrier}"
    remedy = "可以不写（按机构档案下单），或写 --carrier sim（演练，不会真正寄出）"
    exit_code = 64


def add_to(app: typer.Typer) -> None:
    app.command()(run)


def run(
    cases: Annotated[
        Path | None,
        typer.Argument(
            help="The case file: .xlsx, .xls or .csv, or one of them as .age. With --resume only to name its batch."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for report.html, rejected.xlsx, decisions.csv, manifests.")] = Path(
        "out"
    ),
    tenant: TenantName = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business day; today when absent.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with approved letters: print, order, post, follow.")
    ] = False,
    carrier: Annotated[
        str | None, typer.Option(help="sim: a drill against the stand-in carrier; every artefact says 演练.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the stand-in's chances (with --carrier sim).")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Read a case file, decide on every letter, and stop when the letters are ready for the lawyer.

    Then: songda letters approve BATCH --lawyer NAME --key FILE, and songda run --resume prints, orders and posts.
    Where that goes on with several batches, each has a folder of its own in --out, and --json has them under "batches".

    Example: songda run cases.xlsx --out result
    """
    from songda.flow.outputs import prepare_out
    from songda.flow.run import Watch, alone

    tell_of_compiling()
    if carrier not in (None, "sim"):
        raise UnknownCarrier(carrier=carrier)
    if cases is None and not resume:
        raise NothingToRun
    prepare_out(out)
    day, began = day_of(as_of), time.monotonic()
    with open_house(tenant) as house, alone(house), progress_bar(quiet=as_json) as show:
        watch, at = Watch(show), _instant(as_of)
        sheet: Sheet | None = None
        if resume:
            batches = _going(house, cases, drill=carrier == "sim")
            with _carrier(house, carrier, seed=seed) as chosen:
                _carry_on(house, batches, chosen, on=day, at=at, watch=watch)
        else:
            assert cases is not None
            from songda.flow.exchange import opened
            from songda.flow.run import take_in

            with opened(house.home, house.tenant, cases) as file:
                batch_id, sheet = take_in(house, file, as_of=day, drill=carrier == "sim", at=at, watch=watch)
            batches = [batch_id]
        answers = []
        for batch_id in batches:
            folder = out if len(batches) == 1 else out / batch_id
            answers.append(
                _finish(house, batch_id, folder, sheet, watch=watch, on=day, at=at, began=began, as_json=as_json)
            )
        if as_json:
            print_json(answers[0] if len(answers) == 1 else {"batches": answers})


def _instant(as_of: datetime | None) -> datetime:
    """Now, or office hours of the day that was asked for."""
    return days.at(as_of.date(), 17) if as_of else days.now()


def _going(house: House, cases: Path | None, *, drill: bool) -> list[str]:
    """The batch of the file, or every batch of the tenant that has letters to go on with; when all are done, the last one.

    A batch that is done may still want its report, and news of its letters may come late. Raises NothingToRun.
    """
    from sqlalchemy import select

    from songda.flow.exchange import opened
    from songda.intake import sniff
    from songda.store import tables

    b = tables.batch.c
    states = b.state.in_(("decided", "done"))
    query = select(b.id, b.state).where(b.tenant_id == house.tenant.id, states).order_by(b.as_of, b.id)
    if cases is not None:
        with opened(house.home, house.tenant, cases) as file:
            query = query.where(b.file_sha256 == sniff(file, mapping=house.tenant.profile.columns).sha256)
    else:
        query = query.where(b.drill == drill)
    with house.engine.connect() as connection:
        found = connection.execute(query).all()
    if not found:
        raise NothingToRun
    return [batch.id for batch in found if batch.state == "decided"] or [found[-1].id]


@contextmanager
def _carrier(house: House, name: str | None, *, seed: int) -> Iterator[Carrier]:
    """The tenant's carrier, or a stand-in that remembers its orders in the house's folder."""
    from songda.flow.post import carrier_of

    if name is None:
        with carrier_of(house.tenant, os.environ) as carrier:
            yield carrier
        return
    from songda.cli.drill import stand_in

    with stand_in(house, seed=seed) as carrier:
        yield carrier


def _carry_on(house: House, batches: list[str], carrier: Carrier, *, on: date, at: datetime, watch: Watch) -> None:
    from songda.flow.run import carry_on

    carry_on(house, batches, carrier=carrier, on=on, at=at, watch=watch)


def _finish(
    house: House,
    batch_id: str,
    out: Path,
    sheet: Sheet | None,
    *,
    watch: Watch,
    on: date,
    at: datetime,
    began: float,
    as_json: bool,
) -> dict[str, object]:
    """Writes what people read of the batch; returns its figures."""
    from songda.flow.figures import summarise
    from songda.flow.outputs import prepare_out, write_outputs

    prepare_out(out)
    summary = summarise(
        house.engine,
        house.tenant,
        batch_id,
        on=on,
        stages=watch.stages,
        elapsed_s=time.monotonic() - began,
        out=str(out),
    )
    write_outputs(house.engine, house.tenant, batch_id, summary, out=out, home=house.home, sheet=sheet, at=at)
    if not as_json:
        print_summary(summary, batch_id=batch_id)
    return {**summary.to_json(), "batch": batch_id}
