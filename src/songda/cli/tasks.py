"""`songda tasks`: what waits for a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from songda.base import days
from songda.cli.holder import holder_id
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.stops import By
from songda.cli.tables import print_table

tasks = typer.Typer(help="Tasks: what waits for a person.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(tasks, name="tasks")


@tasks.command("list")
def list_tasks(
    kind: Annotated[str | None, typer.Option(help="Only tasks of this kind, as --json names it.")] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """List what waits for a person, the oldest first: what it is about, and what is to be done.

    Example: songda tasks list --kind waybill_unused
    """
    from songda.flow.decide import rules_on
    from songda.flow.figures import reason_zh
    from songda.flow.tasks import kind_of, open_tasks

    with open_house(tenant) as house, house.engine.connect() as connection:
        found = open_tasks(connection, house.tenant, kind=kind)
        rules = rules_on(house.tenant, days.business_day(days.now()))
    if as_json:
        print_json({"tasks": [asdict(task) | {"since": task.since.isoformat()} for task in found]})
        return
    print_table(
        "等待人工处理",
        ("任务", "事项", "有关", "原因", "自", "怎么办"),
        [
            (
                task.id,
                kind_of(task.kind).zh,
                _about(task.letter_no, task.waybill_no, task.run_number) or task.object_id,
                reason_zh(task.reason, rules),
                task.since,
                kind_of(task.kind).remedy,
            )
            for task in found
        ],
    )


@tasks.command()
def done(
    ids: Annotated[list[str], typer.Argument(help="Ids of tasks.")],
    by: By,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Write tasks off that only a person knows to be done; kept in the audit log. All others end with their cause.

    Example: songda tasks done tsk_01m8… --by ops-7
    """
    from songda.flow.tasks import finish

    with open_house(tenant) as house:
        finished = finish(house.engine, house.tenant, ids, by=holder_id(by), at=days.now())
    if as_json:
        print_json({"done": [task.id for task in finished]})
    else:
        typer.echo(f"已办结 {len(finished)} 项任务")


def _about(letter_no: str | None, waybill_no: str | None, run_number: int | None) -> str:
    run = "" if run_number is None else f"打印批次 {run_number}"
    return " ".join(filter(None, (letter_no, waybill_no and f"运单 {waybill_no}", run)))
