"""Commands about the files that people exchange with songda: examples of the formats, and the check of a case file."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from songda.base import days

JsonFlag = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def add_to(app: typer.Typer) -> None:
    app.command()(template)
    app.command()(check)


def template(
    path: Annotated[
        Path,
        typer.Argument(
            help="cases.xlsx: an example case file; tenant.toml: an example tenant profile; payments.csv: payments."
        ),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Write an example of a format: what each column or key means, and what may stand there.

    Example: songda template cases.xlsx
    """
    from songda import intake

    if path.suffix == ".toml":
        intake.write_profile_template(path)
    elif path.name.startswith("payments"):
        from songda.flow.payment_file import EXAMPLE

        with intake.private_file(path) as draft:
            draft.write_text(EXAMPLE, "utf-8-sig")
    else:
        intake.write_template(path)
    _show({"written": str(path)}, f"已写出 {path}", as_json=as_json)


def check(
    cases: Annotated[Path, typer.Argument(help="The case file: .xlsx, .xls or .csv.")],
    out: Annotated[Path, typer.Option(help="Folder for rejected.xlsx (your own rows, with reason and remedy).")] = Path(
        "out"
    ),
    template: Annotated[
        Path | None, typer.Option(help="A template of your own, whose variables the columns 自定义:… feed.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business day; today when absent.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Read a case file to its end and say what is wrong with it; nothing is stored or sent.

    Example: songda check cases.xlsx --template letter.txt --out result
    """
    from songda import intake

    own = _own_types(template) if template else {}

    day: date = as_of.date() if as_of else days.business_day(days.now())
    sheet = intake.sniff(cases)
    rejected: list[intake.RejectedRow] = []
    accepted = addresses = warnings = unknown = 0
    for chunk in intake.read_cases(cases, as_of=day, own=own):
        accepted += chunk.cases.height
        addresses += chunk.addresses.height
        warnings += len(chunk.warnings)
        unknown += sum(each.code == "unknown_column" for each in chunk.warnings)
        rejected.extend(chunk.rejected)
    figures: dict[str, object] = {
        "cases": accepted,
        "addresses": addresses,
        "rejected_rows": len(rejected),
        "warnings": warnings,
        "unknown_columns": unknown,
    }
    text = f"可用案件 {accepted} 行，地址 {addresses} 个，退回 {len(rejected)} 行，提示 {warnings} 条"
    if rejected:
        from songda.flow.outputs import prepare_out

        prepare_out(out)
        intake.write_rejected(out / "rejected.xlsx", sheet, rejected)
        figures["rejected"] = str(out / "rejected.xlsx")
        text += f"；退回的行及处理办法见 {out / 'rejected.xlsx'}"
    _show(figures, text, as_json=as_json)


def _own_types(template: Path) -> dict[str, str]:
    """Variable → type that the template declares. Raises BadTemplate, NoSuchTemplate."""
    from songda.cli.letter_templates import template_source
    from songda.letters import parse

    return parse(template_source(str(template))).types


def _show(figures: dict[str, object], text: str, *, as_json: bool) -> None:
    import orjson

    typer.echo(orjson.dumps(figures).decode() if as_json else text)
