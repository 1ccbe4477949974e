"""A letter proofread as it will stand on the paper: its words against the word lists, its figures against the record.

    proof = proofread(template, content, accounts=white_list)
    proof.hits, proof.problems, proof.total_fen      # ((12, Hit(…)),), ("printed.account",), 1512345

Figures are read back from the text and not taken from the values that made it: a slip between the two would show. Words and
figures that all letters of a tenant share are read once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from songda.compliance import Hit, lint_paragraphs
from songda.letters.capital import capital_yuan
from songda.letters.content import WITHOUT_DEBT, Content
from songda.letters.printed import CELL, Passage, passages
from songda.letters.template import Template, parse
from songda.letters.view import columns
from songda.letters.wording import Choice, Heading, Inline, Paragraph, Part, Strong, Text, Value

_AMOUNTS: Final = (
    "loan_amount_fen",
    "principal_fen",
    "interest_fen",
    "penalty_fen",
    "fees_fen",
    "paid_fen",
    "total_fen",
)

#: What a firm may state as a fact because the letter's own data hold it: a court's document has its docket number.
KNOWN: Final = {"court_forward": frozenset({"docket_no"})}

_AMOUNT = re.compile(
    r"(?<![\d.,])(?:(\d{1,3}(?:,\d{3})+\.\d{2}|\d+\.\d{2})(?![\d%％])|(\d[\d,]*(?:\.\d+)?)\s*([百千万亿]*)元)"
)
_MANY: Final = {"百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_CAPITAL = re.compile(
    r"[零壹贰叁肆伍陆柒捌玖拾佰仟万亿]+元(?:零?[壹贰叁肆伍陆柒捌玖]角)?(?:零?[壹贰叁肆伍陆柒捌玖]分|整)"
)
#: Twelve digits and more are an account or a card, however they are grouped.
_ACCOUNT = re.compile(r"[\d〇一二三四五六七八九①-⑨](?:[ \u3000-]?[\d〇一二三四五六七八九①-⑨]){11,}")
_DAY = re.compile(r"(?<!\d)(\d{4})(?:年|-)(\d{1,2})(?:月|-)(\d{1,2})(?!\d)")
_CELL_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3})*\.\d{2}")
#: The hash of a document is no account.
_HASH = re.compile(r"[0-9a-fA-F]{40,}")
#: Digits that a person would read as such.
_DIGITS = str.maketrans("０１２３４５６７８９〇一二三四五六七八九①②③④⑤⑥⑦⑧⑨", "0123456789" * 2 + "123456789")
#: Places whose words are the addressee's: names and addresses hold digits and numerals of all kinds.
_NAMES: Final = frozenset({"window", "opening", "seal"})
_TABLES: Final = {"amounts": "amounts", "annex": "statement"}
#: What is older, or falls due later, was mistyped.
_FIRST_DAY: Final = date(1990, 1, 1)
_LONGEST: Final = timedelta(days=366 * 50)


@dataclass(frozen=True, slots=True)
class Proof:
    #: (number of the passage from 0, hit in it), in the order of the paper.
    hits: tuple[tuple[int, Hit], ...]
    #: Codes `printed.…` of figures that do not agree, without the figures.
    problems: tuple[str, ...]
    #: The sum that the letter asks for, as it is read off the text; 0 for letters that state none.
    total_fen: int


def proofread(template: Template, content: Content, *, accounts: Collection[str]) -> Proof:
    """Reads the letter as it will be printed. `accounts`: numbers of the accounts to which the tenant lets anybody pay."""
    found = passages(template, content)
    shared = tuple((n, each.text) for n, each in enumerate(found) if each.shared)
    own = tuple((n, text) for n, each in enumerate(found) if not each.shared and (text := _worded(each)))
    known = KNOWN.get(template.kind, frozenset())
    hits = sorted((*_lint_shared(shared, known), *_lint(own, known)), key=lambda each: (each[0], each[1].start))
    for_all = _shared_figures(template, content, frozenset(map(_plain, accounts)))
    running = "\n".join(
        each.text for each in found if not each.shared and each.place not in _NAMES and CELL not in each.text
    )
    products = "\n".join(text for n, text in own if found[n].place == "amounts")
    amounts, (total_fen, tables) = set(_amounts(running)), _tables(found, content)
    problems = (
        *tables,
        *_strange_in_shared("\n".join(text for _, text in shared), for_all),
        *_strange(running, _own_figures(for_all, template, content), amounts),
        # An account in the name of a product is one too; an amount in it is a name.
        *(() if for_all.numbers.issuperset(_numbers(products)) else ("printed.account",)),
        *_total(running, amounts, template, total_fen),
        *_implausible(content),
    )
    return Proof(tuple(hits), tuple(dict.fromkeys(problems)), total_fen)


def _lint(numbered: tuple[tuple[int, str], ...], known: frozenset[str]) -> list[tuple[int, Hit]]:
    return [(numbered[n][0], hit) for n, hit in lint_paragraphs([text for _, text in numbered], known=known)]


# What all letters of a tenant share names no debtor.
_lint_shared = lru_cache(maxsize=256)(_lint)


def _worded(passage: Passage) -> str:
    """What of a passage can hold words: of a row its product, which stands in both tables. The rest of it is `_tables`'s."""
    if passage.place not in _TABLES or CELL not in passage.text:
        return passage.text
    return CELL.join(passage.text.split(CELL, 2)[:2]) if passage.place == "amounts" else ""


# Figures.


@dataclass(frozen=True, slots=True)
class _Figures:
    """Figures that may stand in a text."""

    amounts: frozenset[int]
    days: frozenset[date]
    #: Numbers of twelve digits and more.
    numbers: frozenset[str]


def _shared_figures(template: Template, content: Content, accounts: frozenset[str]) -> _Figures:
    written = _written(template.text)
    numbers = (content.firm.licence_no, content.lawyer.licence_no, content.mandate.no)
    return _Figures(written.amounts, written.days | {content.mandate.signed_on}, accounts.union(map(_plain, numbers)))


def _own_figures(shared: _Figures, template: Template, content: Content) -> _Figures:
    fen = [content.total_fen]
    for name in _AMOUNTS:
        each = [getattr(line, name) for line in content.lines]
        fen += [*each, sum(each)]
    types = template.types
    extra = [(types.get(name), value) for name, value in content.extra]
    fen += [value for type_, value in extra if type_ == "amount" and isinstance(value, int)]
    days = [content.date, content.amounts_on]
    days += [date.fromisoformat(str(value)) for type_, value in extra if type_ == "date" and _DAY.fullmatch(str(value))]
    return _Figures(shared.amounts.union(fen), shared.days.union(days), shared.numbers | {_plain(content.letter_no)})


@lru_cache(maxsize=64)
def _written(template: str) -> _Figures:
    """What the template itself writes, and whoever approves it has read: amounts and days. Accounts it may not write."""
    texts = list(_texts(parse(template).wording.parts))
    amounts = {fen for text in texts for fen in _amounts(text)}
    return _Figures(frozenset(amounts), frozenset(day for text in texts for day in _days(text) if day), frozenset())


def _strange(text: str, may: _Figures, amounts: AbstractSet[int]) -> Iterator[str]:
    """Codes of figures that stand in the text and may not. `amounts`: those in it."""
    if not amounts <= may.amounts:
        yield "printed.amount"
    if not may.days.issuperset(_days(text)):
        yield "printed.day"
    if not may.numbers.issuperset(_numbers(text)):
        yield "printed.account"


@lru_cache(maxsize=256)
def _strange_in_shared(text: str, may: _Figures) -> tuple[str, ...]:
    return tuple(_strange(text, may, set(_amounts(text))))


def _amounts(text: str) -> Iterator[int]:
    """Amounts in a running text, fen; -1 for one with more than two decimals."""
    for found in _AMOUNT.finditer(text):
        exact, rough, many = found.groups()
        if exact:
            yield int(exact.replace(",", "").replace(".", ""))
            continue
        fen = Decimal(rough.replace(",", "")) * 100
        for each in many or "":
            fen *= _MANY[each]
        yield int(fen) if fen == fen.to_integral_value() else -1


def _days(text: str) -> Iterator[date | None]:
    for found in _DAY.finditer(text):
        try:
            yield date(*map(int, found.groups()))
        except ValueError:
            yield None


def _numbers(text: str) -> Iterator[str]:
    if _ACCOUNT.search(text):
        for found in _ACCOUNT.finditer(_HASH.sub("", _DAY.sub("日", text))):
            yield _plain(found[0])


def _plain(number: str) -> str:
    """The digits of a number alone."""
    return re.sub(r"\D", "", number.translate(_DIGITS))


def _texts(parts: Iterable[Part | Inline]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text(text, _):
                yield text
            case Strong(inner) | Heading(inner) | Paragraph(inner):
                yield from _texts(inner)
            case Choice(_, then, otherwise):
                yield from _texts((*then, *otherwise))


# Tables and sums.


def _tables(found: Iterable[Passage], content: Content) -> tuple[int, list[str]]:
    """The sum at the foot of the table of amounts, read off it, and codes of what does not agree."""
    rows: dict[str, list[dict[str, str]]] = {place: [] for place in _TABLES}
    for each in found:
        if each.place in _TABLES and CELL in each.text and not each.shared:
            names = [name for name, _ in columns(_TABLES[each.place])]
            rows[each.place].append(dict(zip(names, each.text.split(CELL), strict=True)))
    if content.kind in WITHOUT_DEBT:
        return 0, ["printed.sums"] if any(rows.values()) else []
    problems = []
    read = {place: [_fen(row) for row in table] for place, table in rows.items()}
    for place, table in read.items():
        lines, foot = table[: len(content.lines)], table[len(content.lines) :]
        if len(table) != len(content.lines) + (len(content.lines) > 1):
            problems.append("printed.rows")
        if any(
            name in row and row[name] != getattr(line, f"{name}_fen")
            for line, row in zip(content.lines, lines, strict=False)
            for name in row
        ):
            problems.append("printed.ledger")
        if any(value != sum(row.get(name, 0) for row in lines) for each in foot for name, value in each.items()):
            problems.append("printed.sums")
        if place == "annex" and any(
            row[name] != getattr(line, name).isoformat()
            for line, row in zip(content.lines, rows[place], strict=False)
            for name in ("disbursed_on", "due_on", "overdue_since")
        ):
            problems.append("printed.ledger")
    parts = ("principal", "interest", "penalty", "fees")
    if any(sum(row.get(name, 0) for name in parts) != row.get("total") for row in read["amounts"]):
        problems.append("printed.sums")
    return (read["amounts"][-1].get("total", 0) if read["amounts"] else 0), problems


def _fen(row: Mapping[str, str]) -> dict[str, int]:
    return {
        name: int(cell.replace(",", "").replace(".", "")) for name, cell in row.items() if _CELL_AMOUNT.fullmatch(cell)
    }


def _total(text: str, amounts: AbstractSet[int], template: Template, total_fen: int) -> Iterator[str]:
    """The sum in the text must be the sum of the table, and its capital numerals must say the same."""
    if total_fen and total_fen not in amounts:
        yield "printed.total"
    capitals = _CAPITAL.findall(text)
    if any(each != capital_yuan(total_fen) for each in capitals) or (_prints_capitals(template.text) and not capitals):
        yield "printed.capital"


@lru_cache(maxsize=64)
def _prints_capitals(template: str) -> bool:
    """Whether every letter of the template writes its sum in capital numerals."""
    return any(
        isinstance(each, Value) and each.variable.path == "total_capital"
        for part in parse(template).wording.parts
        if isinstance(part, Heading | Paragraph)
        for inline in part.parts
        for each in (inline.parts if isinstance(inline, Strong) else (inline,))
    )


def _implausible(content: Content) -> Iterator[str]:
    for line in content.lines:
        if line.disbursed_on < _FIRST_DAY or line.due_on - line.disbursed_on > _LONGEST:
            yield "printed.implausible_day"
