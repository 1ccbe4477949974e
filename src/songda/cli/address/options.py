"""Arguments and options that several commands share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

File = Annotated[
    Path | None,
    typer.Argument(help="CSV, Excel, Parquet, JSON lines, or text with one address a line; - or nothing reads stdin."),
]
ColumnName = Annotated[
    str | None, typer.Option("--column", help="Header of the column with the addresses; found when there is only one.")
]
Out = Annotated[Path | None, typer.Option(help="File to write (mode 0600, whole or not at all).")]
WeightsFolder = Annotated[
    Path | None,
    typer.Option("--weights", help="Folder with weights of your own (songda address train); else those that ship."),
]
TenantList = Annotated[str, typer.Option("--tenant", help="Short name of the institution whose list it is.")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Business day; today when absent.")
]
