"""How fast letters are proofread before the lawyer signs, and their PDFs looked at before they are sealed.

    .venv/bin/python bench/letter_checks.py [--letters 400] [--out letter_checks.json]

Proofreading: words against the word lists, figures back from the text against the record, accounts against the white list.
The look at a fresh record, beside the full reading of the same PDF by `songda press preflight`. Every letter has another
addressee, other amounts and, each third, another number of contracts; all are found without fault, as they are. One process;
processor time, so that other work on the machine counts little. People are invented.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from songda.letters import Content, Renderer, Seal, house_template, invented, load_products, preflight, proofread
from songda.letters.skimming import problems_of_record

TEMPLATE = house_template("lawyer_letter")
SEAL = Seal("ab12cd34ef" * 6 + "abcd", date(2026, 11, 25))
#: PDFs that are read in full for comparison.
FULL = 20


def letters(count: int) -> Iterator[Content]:
    draw = random.Random(1)
    one = invented(TEMPLATE)
    for n in range(count):
        lines = []
        for line in (one.lines * 2)[: 1 + n % 3]:
            principal = draw.randrange(100_000, 9_000_000)
            total = principal + line.interest_fen + line.penalty_fen
            lines.append(replace(line, principal_fen=principal, total_fen=total, contract_no_masked=f"尾号{n:06}"))
        name = "".join(draw.choice("柳周陈林赵安若水如烟明远清和") for _ in range(3))
        road = f"{draw.choice('文建解人')}{draw.choice('一二三民')}路{draw.randrange(1, 900)}号{draw.randrange(1, 30)}幢{n % 900 + 100}室"
        yield replace(
            one,
            letter_no=f"（2026）青石函字第{n:06}号",
            addressee=replace(one.addressee, name=name, address_lines=(one.addressee.address_lines[0], road)),
            lines=tuple(lines),
            total_fen=sum(line.total_fen for line in lines),
            check_url=f"https://check.qingshi.example/c/{draw.randbytes(16).hex()}",
            seal=SEAL,
        )


def ms_each(call: Callable[[Any], object], items: Iterable[Any]) -> float:
    items = list(items)
    began = time.process_time()
    for item in items:
        call(item)
    return (time.process_time() - began) * 1000 / len(items)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=400)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    accounts = [account.number for account in invented(TEMPLATE).institution.repay_accounts]
    contents, renderer, products = list(letters(given.letters)), Renderer(TEMPLATE), load_products()
    records = [(content, renderer.render(content)) for content in contents[: given.letters // 4]]

    def read(content: Content) -> None:
        proof = proofread(TEMPLATE, content, accounts=accounts)
        assert not proof.hits
        assert not proof.problems, proof.problems
        assert proof.total_fen == content.total_fen

    def look(record: Any) -> None:
        assert problems_of_record(TEMPLATE, *record) == ()

    def read_in_full(record: Any) -> None:
        assert not preflight(record[1].pdf, pages=record[1].pages, products=products).problems

    # What all letters share is read with the first.
    ms_each(read, contents[:3])
    ms_each(look, records[:3])
    proofread_ms, look_ms = ms_each(read, contents), ms_each(look, records)
    figures = {
        "letters": given.letters,
        "proofread_cpu_ms": round(proofread_ms, 3),
        "proofread_letters_per_s_of_one_core": round(1000 / proofread_ms),
        "records": len(records),
        "pages": sum(record.pages for _, record in records),
        "look_cpu_ms": round(look_ms, 2),
        "full_reading_cpu_ms": round(ms_each(read_in_full, records[:FULL]), 1),
    }
    text = json.dumps(figures, ensure_ascii=False, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
