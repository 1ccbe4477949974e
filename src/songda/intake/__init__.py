"""Intake: an institution's case file in, checked cases out; what is wrong goes back to the person, in Chinese.

>>> from datetime import date
>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> from songda.intake import read_cases, write_template
>>> with TemporaryDirectory() as folder:
...     file = Path(folder) / "cases.xlsx"
...     write_template(file)
...     [(chunk.cases.height, len(chunk.rejected)) for chunk in read_cases(file, as_of=date(2026, 11, 24))]
[(6, 0)]

Reading workbooks and frames needs heavy libraries; they load with the first name that is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.intake.cases import MAX_ROWS, read_cases
    from songda.intake.cells import displayed
    from songda.intake.delimited import DelimitedTable, find_encoding
    from songda.intake.errors import (
        AmbiguousColumn,
        BrokenQuoting,
        CannotRead,
        CannotWrite,
        EmptyFile,
        FileChanged,
        MissingColumns,
        NoCaseSheet,
        NoSuchFile,
        NotAWorkbook,
        PasswordProtected,
        TooLarge,
        TooManyColumns,
        TooManyRows,
        UnknownEncoding,
        UnknownField,
    )
    from songda.intake.headers import suggest_mapping
    from songda.intake.output import private_file, why_refused
    from songda.intake.problems import Chunk, Problem, RejectedRow, problem_label
    from songda.intake.profile import Profile, ProfileError, read_profile, write_profile_template
    from songda.intake.rejected import rejected_workbook, write_rejected
    from songda.intake.sheets import Sheet, sniff
    from songda.intake.template import write_template
    from songda.intake.workbook import SheetTable, tables

_HOMES = {
    "cases": ("MAX_ROWS", "read_cases"),
    "cells": ("displayed",),
    "delimited": ("DelimitedTable", "find_encoding"),
    "errors": (
        "AmbiguousColumn",
        "BrokenQuoting",
        "CannotRead",
        "CannotWrite",
        "EmptyFile",
        "FileChanged",
        "MissingColumns",
        "NoCaseSheet",
        "NoSuchFile",
        "NotAWorkbook",
        "PasswordProtected",
        "TooLarge",
        "TooManyColumns",
        "TooManyRows",
        "UnknownEncoding",
        "UnknownField",
    ),
    "headers": ("suggest_mapping",),
    "output": ("private_file", "why_refused"),
    "problems": ("Chunk", "Problem", "RejectedRow", "problem_label"),
    "profile": ("Profile", "ProfileError", "read_profile", "write_profile_template"),
    "rejected": ("rejected_workbook", "write_rejected"),
    "sheets": ("Sheet", "sniff"),
    "template": ("write_template",),
    "workbook": ("SheetTable", "tables"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 -- grouped as above
    "AmbiguousColumn",
    "BrokenQuoting",
    "CannotRead",
    "CannotWrite",
    "Chunk",
    "DelimitedTable",
    "EmptyFile",
    "FileChanged",
    "MAX_ROWS",
    "MissingColumns",
    "NoCaseSheet",
    "NoSuchFile",
    "NotAWorkbook",
    "PasswordProtected",
    "Problem",
    "Profile",
    "ProfileError",
    "RejectedRow",
    "Sheet",
    "SheetTable",
    "TooLarge",
    "TooManyColumns",
    "TooManyRows",
    "UnknownEncoding",
    "UnknownField",
    "displayed",
    "find_encoding",
    "private_file",
    "problem_label",
    "read_cases",
    "read_profile",
    "sniff",
    "suggest_mapping",
    "tables",
    "why_refused",
    "write_profile_template",
    "rejected_workbook",
    "write_rejected",
    "write_template",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
