"""How fast letters are set, put into print files and checked, and what they weigh.

    .venv/bin/python bench/letters_render.py [--letters 1000] [--workers 2] [--out letters_render.json]

Prints a table; with --out also writes the figures as JSON. CPU figures are steadier than those by the clock on a machine
that others use. People and addresses are invented.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from songda.letters import (
    Addressee,
    Content,
    DebtLine,
    Firm,
    Institution,
    Kind,
    Lawyer,
    Mandate,
    Packing,
    Piece,
    Rendered,
    RepayAccount,
    Seal,
    build_run,
    load_products,
    render_many,
    verify_print,
)

DAY = date(2026, 11, 25)
FIRM = Firm("青石律师事务所", "上海市黄浦区测试路1号青石大厦18层", "200001", "021-55550000", "23101202600000001")
LAWYER = Lawyer("刘正言", "13101202600000002", "021-55550018")
CREDITOR = "云杉消费金融有限公司"
INSTITUTION = Institution(
    name=CREDITOR,
    address="上海市浦东新区样例路9号",
    phone="400-000-1234",
    complaint_phone="400-000-5678",
    query_channel="“云杉金融”应用“我的合同”页面",
    dispute_channel="“云杉金融”应用“异议申请”页面或者电话 400-000-1234",
    hardship_channel="“云杉金融”应用“还款协商”页面或者电话 400-000-1234",
    data_protection_contact="privacy@yunshan.example",
    repay_accounts=(RepayAccount(CREDITOR, "样例银行上海分行营业部", "31010000000000001234"),),
    official_app="云杉金融",
)
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜敏静秀丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英文华玉萍红建国春梅海燕志雪"
PRODUCTS = ("云享贷", "现金分期", "装修分期贷款（第二期）")


def debt_line(number: int) -> DebtLine:
    principal, interest = 500_000 + number * 7_919 % 4_000_000, 10_000 + number * 31 % 90_000
    penalty, fees, paid = number * 17 % 20_000, number % 3 * 1_000, 250_000
    return DebtLine(
        contract_no_masked=f"尾号{number * 7_919 % 10**6:06}",
        product_name=PRODUCTS[number % len(PRODUCTS)],
        disbursed_on=date(2024, number % 12 + 1, number % 28 + 1),
        loan_amount_fen=principal + paid,
        due_on=date(2025, number % 12 + 1, number % 28 + 1),
        overdue_since=date(2025, number % 12 + 1, number % 28 + 1),
        principal_fen=principal,
        interest_fen=interest,
        penalty_fen=penalty,
        fees_fen=fees,
        paid_fen=paid,
        total_fen=principal + interest + penalty + fees,
    )


def letter(number: int) -> Content:
    """A letter about one contract; every sixth is about two or three, every third is a reminder."""
    kind: Kind = "reminder" if number % 3 == 0 else "lawyer_letter"
    lines = tuple(debt_line(number * 3 + place) for place in range(1 if number % 6 else 2 + number % 2))
    name = SURNAMES[number % 20] + GIVEN[number * 7 % len(GIVEN)] + GIVEN[number * 13 % len(GIVEN)]
    street = f"文一路{number % 900 + 1}号翠苑小区{number % 30 + 1}幢{number % 4 + 1}单元{number % 20 + 1}01室"
    return Content(
        kind=kind,
        letter_no=f"（2026）青石函字第{number:06}号",
        date=DAY,
        firm=FIRM,
        lawyer=LAWYER,
        institution=INSTITUTION,
        addressee=Addressee(name, ("浙江省杭州市西湖区文一路街道", street), "310012"),
        mandate=Mandate("YS-WT-2026-0017", date(2026, 10, 8)),
        lines=lines,
        total_fen=sum(line.total_fen for line in lines),
        amounts_on=date(2026, 11, 24),
        pay_within_days=15,
        check_url=f"https://check.qingshi.example/l/{number * 2_654_435_761 % 2**32:08x}-bm90IGEgdG9rZW4",
        decided_by_model=True,
        drill=False,
        seal=Seal("ab12cd34ef" * 6 + "abcd", DAY),
    )


def letters(first: int, count: int) -> Iterator[tuple[str, Content]]:
    for number in range(first, first + count):
        yield f"ltr_{number}", letter(number)


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, seconds by the clock, seconds of CPU of this process and its ended children."""

    def cpu() -> float:
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    wall, before = time.perf_counter(), cpu()
    result = work()
    return result, time.perf_counter() - wall, cpu() - before


def set_all(first: int, count: int, workers: int) -> list[Rendered]:
    results = [result for _, result in render_many(letters(first, count), workers=workers)]
    done = [result for result in results if isinstance(result, Rendered)]
    assert len(done) == count, "a letter was held"
    return done


def pdf_of(record: Rendered) -> bytes:
    return record.pdf


def packed_bytes(records: list[Rendered]) -> int:
    """Size of all records, each packed against the first of its kind."""
    packings: dict[Kind, Packing] = {}
    total = 0
    for number, record in enumerate(records, 1):
        kind = letter(number).kind
        if kind not in packings:
            packings[kind] = Packing(record.pdf)
        total += len(packings[kind].pack(record.pdf))
    return total


def peak_mib() -> tuple[int, int]:
    """Largest resident size of this process and of any one child, MiB."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    here, child = (usage.ru_maxrss // 1024 for usage in usages)
    return here, child


def measure(*, count: int, workers: int) -> dict[str, Any]:
    alone = max(count // 4, 100)
    set_all(1, 20, workers=1)
    _, alone_wall, alone_cpu = timed(lambda: set_all(1, alone, workers=1))
    # A few letters first: starting processes and opening fonts is paid once a batch, so it stands in a line of its own.
    _, start_wall, _ = timed(lambda: set_all(1, workers, workers=workers))
    records, wall, cpu = timed(lambda: set_all(1, count, workers=workers))
    here, child = peak_mib()
    pieces = [
        Piece(
            f"pc_{seq}",
            seq,
            f"（2026）{seq}号",
            f"{12 * 10**11 + seq}",
            partial(pdf_of, record),
            record.sha256,
            record.pages,
        )
        for seq, record in enumerate(records, 1)
    ]
    files: dict[str, bytes] = {}
    manifest, build_wall, build_cpu = timed(
        lambda: build_run(pieces, run_id="run_1", job=1, day=DAY, products=load_products(), write=files.__setitem__)
    )
    by_id = {piece.piece_id: piece for piece in pieces}
    problems, check_wall, check_cpu = timed(
        lambda: [
            p for name, data in files.items() for p in verify_print(data, name, manifest, lambda i: by_id[i].record())
        ]
    )
    assert not problems
    packed, _, pack_cpu = timed(lambda: packed_bytes(records))
    return {
        "letters": count,
        "workers": workers,
        "set_per_s_one_process": round(alone / alone_wall, 1),
        "set_cpu_ms_one_process": round(alone_cpu / alone * 1000, 2),
        "set_per_s": round(count / wall, 1),
        "set_per_s_without_start": round(count / max(wall - start_wall, 0.001), 1),
        "set_cpu_ms": round(cpu / count * 1000, 2),
        "build_per_s": round(count / build_wall, 1),
        "build_cpu_ms": round(build_cpu / count * 1000, 2),
        "verify_per_s": round(count / check_wall, 1),
        "verify_cpu_ms": round(check_cpu / count * 1000, 2),
        "pages_per_letter": round(sum(record.pages for record in records) / count, 3),
        "record_bytes": round(sum(len(record.pdf) for record in records) / count),
        "record_bytes_packed": round(packed / count),
        "pack_cpu_ms": round(pack_cpu / count * 1000, 2),
        "print_bytes": round(sum(map(len, files.values())) / count),
        "peak_mib_this_process": here,
        "peak_mib_one_worker": child,
        "load": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(count=arguments.letters, workers=arguments.workers)
    for name, value in figures.items():
        print(f"{name:26} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
