"""The words of `words.toml`: what columns, labels and issues are called, and the headers by which columns are known.

>>> words().fields["road_no"], issue("empty").remedy
('门牌号', '请补上地址，或删去这一行')
>>> issue("not yet in the table").zh
'not yet in the table'
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple


class Issue(NamedTuple):
    """An issue of a reading, for people."""

    #: What is the matter.
    zh: str
    #: What to do; empty for a code that the table does not have.
    remedy: str

    @property
    def told(self) -> str:
        """Both in one line."""
        return f"{self.zh}：{self.remedy}" if self.remedy else self.zh


class Words(NamedTuple):
    #: Kind of column (address, code, name) → headers.
    headers: dict[str, tuple[str, ...]]
    #: Column of a file of rules → headers.
    rule_headers: dict[str, tuple[str, ...]]
    #: 黑名单 → black.
    rule_levels: dict[str, str]
    #: Columns of STANDARD and values of `level`.
    fields: dict[str, str]
    #: Labels of spans.
    labels: dict[str, str]
    #: Label → colour on a terminal.
    colours: dict[str, str]
    #: Reasons of corrections.
    corrections: dict[str, str]
    issues: dict[str, Issue]


@cache
def words() -> Words:
    import tomllib
    from importlib.resources import files

    told: dict[str, Any] = tomllib.loads(files("songda.cli.address").joinpath("words.toml").read_text("utf-8"))
    return Words(
        headers={kind: tuple(each) for kind, each in told["headers"].items()},
        rule_headers={name: tuple(each) for name, each in told["rule_headers"].items()},
        rule_levels=told["rule_levels"],
        fields=told["fields"],
        labels=told["labels"],
        colours={label: colour for colour, labels in told["colours"].items() for label in labels},
        corrections=told["corrections"],
        issues={code: Issue(**each) for code, each in told["issues"].items()},
    )


def field(code: str) -> str:
    """A column or a level by its Chinese name."""
    return words().fields.get(code, code)


def issue(code: str) -> Issue:
    """A code of the column `issues`; one that the table does not have speaks for itself."""
    return words().issues.get(code) or Issue(code, "")
