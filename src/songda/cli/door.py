"""What all commands share: the application, the way errors are told."""

from __future__ import annotations

import sys

import typer

from songda.base.errors import SongdaError
from songda.cli import files, servers

app = typer.Typer(
    name="songda",
    help="送达 songda: find the address, send the letter, prove that it arrived.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
files.add_to(app)
servers.add_to(app)


def main() -> None:
    """Entry point of `songda`: runs one command and ends with its exit code."""
    try:
        app()
    except SongdaError as error:
        tell(error)
        sys.exit(error.exit_code)


def tell(error: SongdaError) -> None:
    """The Chinese sentence for the person, on stderr so that `--json` on stdout stays one object."""
    typer.secho(f"错误：{error.message_zh}", err=True, fg=typer.colors.RED)
