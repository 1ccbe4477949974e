"""`songda address`: read addresses, show why one reads as it does, find duplicates, train, editions of the divisions, block lists.

    $ songda address parse 客户.xlsx --column 联系地址 --out parsed.csv

One command a module; `source` and `columns` read files of any form, `reading` puts the engine to work on them, `sink` writes results,
`screen` shows them, `words.toml` says what things are called. What a command shows or writes is what the user gave: files are made for
their owner alone (mode 0600), nothing of it goes into a log.
"""

from __future__ import annotations

import typer

from songda.cli.address.divisions import import_edition, list_editions, use_edition
from songda.cli.address.duplicates import dedupe
from songda.cli.address.explaining import explain
from songda.cli.address.lists import add_rule, check_file, list_rules
from songda.cli.address.parsing import parse
from songda.cli.address.training import train

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    address = typer.Typer(help="Addresses: parse, explain, dedupe, train.", no_args_is_help=True)
    for command in (parse, explain, dedupe, train):
        address.command()(command)
    editions = typer.Typer(help="Yearly lists of the divisions: import, use, list.", no_args_is_help=True)
    editions.command("import")(import_edition)
    editions.command("use")(use_edition)
    editions.command("list")(list_editions)
    address.add_typer(editions, name="editions")
    blocklist = typer.Typer(help="Addresses that must not get a letter: add, list, check.", no_args_is_help=True)
    blocklist.command("add")(add_rule)
    blocklist.command("list")(list_rules)
    blocklist.command("check")(check_file)
    address.add_typer(blocklist, name="blocklist")
    app.add_typer(address, name="address")
