"""Figures on a terminal: the summary of a run and small lists, as Rich tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from songda.flow.summary import Summary


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; columns whose cells are all numbers are set flush right. Ids are never broken: people copy them."""
    import re

    from rich.console import Console
    from rich.table import Table

    cells = [[_text(cell) for cell in row] for row in rows]
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        numeric = all(row[index].replace(",", "").replace(".", "").lstrip("-").isdigit() for row in cells if row[index])
        named = any(re.fullmatch(r"[a-z]{3}_[0-9a-z]{26}", row[index]) for row in cells)
        table.add_column(column, justify="right" if numeric and cells else "left", overflow="fold", no_wrap=named)
    for row in cells:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        # A file or another program has no right edge.
        console.width = 400
    console.print(table)


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def print_summary(summary: Summary, *, batch_id: str) -> None:
    """What a run came to, where to look, and what comes next."""
    from rich.console import Console
    from rich.markup import escape

    from songda.base.money import yuan
    from songda.flow.summary import GRADES

    marks = "".join(
        f"【{word}】"
        for word, holds in (
            ("演练", summary.drill),
            ("模拟结果", summary.simulated),
            ("自动审批", summary.self_approved),
        )
        if holds
    )
    rows: list[Sequence[object]] = [(step.label_zh, step.count, step.note) for step in summary.funnel]
    rows += [
        ("退回的数据行", summary.rejected_rows, "见 rejected.xlsx" if summary.rejected_rows else ""),
        ("地址", summary.addresses, f"其中标准化 {summary.addresses_standardised:,}"),
        ("未发出的函件", summary.not_sent, _reasons(summary)),
        ("封件 / 打印批次 / 运单", f"{summary.pieces:,} / {summary.runs:,} / {summary.waybills:,}", ""),
        ("第二次投递", summary.second_attempts, ""),
        ("等待人工处理", summary.tasks, "songda tasks list" if summary.tasks else ""),
        ("邮资（元）", yuan(summary.cost_fen), ""),
    ]
    rows += [
        (f"证明等级 {grade.code}", summary.grade(grade.code), grade.short_zh) for grade in GRADES if summary.settled
    ]
    rows += [
        (f"速度：{s.stage}", f"{s.per_s:,.0f}/秒", f"{s.items:,} 项，{s.seconds:.1f} 秒")
        for s in summary.stages
        if s.per_s
    ]
    title = f"{marks}{escape(summary.institution)} · {summary.as_of}"
    print_table(title, ("项目", "数量", "说明"), rows)
    console = Console()
    console.print(
        f"用时 {summary.elapsed_s:.1f} 秒，峰值内存 {summary.peak_rss_mb:.0f} MB。批次 {batch_id}", highlight=False
    )
    console.print(f"报告：{escape(summary.out)}/report.html", highlight=False, soft_wrap=True)
    waiting = next((step.count for step in summary.funnel if step.label_zh == "决定发函"), 0) - next(
        (step.count for step in summary.funnel if step.label_zh == "律师审批"), 0
    )
    if waiting:
        console.print(
            f"有 {waiting:,} 封等待律师审批：songda letters approve {batch_id} --lawyer 姓名 --key 密钥文件",
            highlight=False,
            soft_wrap=True,
        )


def _reasons(summary: Summary) -> str:
    return "；".join(f"{reason.label_zh} {reason.count:,}" for reason in summary.not_sent_reasons[:4])
