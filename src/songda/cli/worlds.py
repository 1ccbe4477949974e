"""`songda sim world` and `songda sim run`: an invented world, and the product at work in it. Every figure is simulated."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base import days
from songda.base.money import yuan
from songda.cli.opening import JsonFlag, day_of, print_json, progress_bar, tell_of_compiling
from songda.cli.servers import sim
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.flow.run import House
    from songda.sim.world.history import History

Cases = Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows of the case file.")]
Seed = Annotated[int, typer.Option(help="Seed of the invented world.")]
ConfigName = Annotated[
    str,
    typer.Option(help="cn-default, rural, city-tenants, dirty-text, null-effect, no-anomaly or drift."),
]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the case file; today when absent.")]

#: What the invented institution leaves to chance, so that its models have something to learn from.
LEARNING = "explore = 0.12\nhold_out = 0.05"


def add_to(app: typer.Typer) -> None:
    sim.command()(world)
    sim.command()(run)


def world(
    out: Annotated[Path, typer.Option(help="Folder for cases.xlsx and, apart, truth/.")],
    cases: Cases = 2000,
    seed: Seed = 7,
    config: ConfigName = "cn-default",
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Invent a portfolio of people: the case file that an institution would hand over, and the truth about it apart.

    Example: songda sim world --out world --cases 2000 --config rural
    """
    from songda.cli.demo import invent

    file, truth = out / "cases.xlsx", out / "truth"
    invent(cases=cases, seed=seed, first=day_of(as_of), config=config, file=file, truth=truth)
    if as_json:
        print_json({"cases": str(file), "truth": str(truth), "simulated": True, "config": config, "seed": seed})
    else:
        typer.echo(f"案件文件（虚构人员）：{file}\n真相（只供模拟承运商和评测使用）：{truth}")


def run(
    out: Annotated[Path, typer.Option(help="Folder for everything that is written.")],
    cases: Cases = 2000,
    days_played: Annotated[int, typer.Option("--days", min=1, max=240, help="Days that are played.")] = 60,
    seed: Seed = 7,
    config: ConfigName = "cn-default",
    as_of: AsOf = None,
    as_json: JsonFlag = False,
) -> None:
    """Let the product work in an invented world: letters are signed for or not, debtors pay or complain, and it hears of it as an
    institution would tell it (payment files, stop orders).

    Prints what came of it beside what would have been paid without any letter. Simulated: it says nothing about the field.

    Example: songda sim run --out world --cases 2000 --days 60
    """
    tell_of_compiling()
    from songda.cli.demo import JOURNAL, play
    from songda.flow.run import Watch
    from songda.sim.world import load
    from songda.sim.world.history import History

    first, heard = day_of(as_of), Counter[str]()
    history: list[History] = []

    def each_day(house: House, on: date) -> None:
        if not history:
            history.append(History(load(out / "truth"), out / "truth" / JOURNAL))
        heard.update(_hear(house, history[0], on, out / "input"))

    with progress_bar(quiet=as_json) as show:
        summary, batch_id, _ = play(
            cases=cases,
            seed=seed,
            first=first,
            days_played=days_played,
            out=out,
            watch=Watch(show),
            config=config,
            learning=LEARNING,
            each_day=each_day,
        )
    last = days.add_days(first, days_played - 1)
    told: dict[str, Any] = {
        "simulated": True,
        "config": config,
        "seed": seed,
        "batch": batch_id,
        "days": days_played,
        "letters": summary.letters,
        "posted": summary.posted,
        "grades": dict(summary.grades),
        "cost_fen": summary.cost_fen,
        "payments": heard["payments"],
        "paid_fen": heard["paid_fen"],
        "paid_without_letters_fen": history[0].without_letters(last),
        "settled_cases": heard["settled"],
        "complaints": heard["complaints"],
    }
    if as_json:
        print_json(told)
        return
    print_table(
        f"模拟结果（{config} 种子 {seed}，{days_played} 日），不代表实际",
        ("项目", "数值"),
        [
            ("函件 / 已寄出", f"{summary.letters:,} / {summary.posted:,}"),
            ("签收 A1+A2", f"{summary.signed:,}"),
            ("寄递费用（元）", yuan(summary.cost_fen)),
            ("还款笔数", f"{heard['payments']:,}"),
            ("还款金额（元）", yuan(heard["paid_fen"])),
            ("一封不寄也会还的（元）", yuan(int(told["paid_without_letters_fen"]))),
            ("结清的案件", f"{heard['settled']:,}"),
            ("投诉", f"{heard['complaints']:,}"),
        ],
    )


def _hear(house: House, history: History, on: date, folder: Path) -> dict[str, int]:
    """What the institution hears on the day, through the product's own doors."""
    from songda.flow.payment_file import read_payments
    from songda.flow.payments import book
    from songda.flow.stop import UnknownCase, stop_case
    from songda.sim.world.payments import write_payments

    at, heard = days.at(on, 9), Counter[str]()
    paid = history.payments(on)
    if paid:
        path = folder / f"payments-{on.isoformat()}.csv"
        write_payments(path, paid, case_no=history.case_numbers)
        # Rows that intake has refused are in no ledger: their payments are unknown cases, as they would be.
        done = book(house.engine, house.tenant, read_payments(path.read_bytes(), today=on), by="sim", at=at)
        known = len(paid) - len(done.refused)
        heard.update(payments=known, settled=done.settled, paid_fen=sum(each.amount_fen for each in paid))
    for case_no in history.complaints(on):
        try:
            stop_case(house.engine, house.tenant, case_no, reason="complaint", by="sim", at=at)
        except UnknownCase:
            continue
        heard["complaints"] += 1
    return heard
