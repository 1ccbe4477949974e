"""How fast letters are ordered, traced and folded: the client against the stand-in carrier in a process of its own.

    .venv/bin/python bench/carrier_orders.py [--orders 5000] [--threads 4] [--out carrier_orders.json]

Prints a table; with --out also writes the figures as JSON. People and addresses are invented.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from songda.base import days
from songda.carriers import (
    ChinaPost,
    ContractConfig,
    NoAnswer,
    Order,
    Ordered,
    Party,
    Trace,
    fold,
    load_mapping,
    open_http,
)
from songda.sim.carrier import StandIn


def orders(count: int) -> Iterator[Order]:
    sender = Party(
        name="青石律师事务所", prov="上海市", city="上海市", county="黄浦区", address="测试路1号", phone="021-55550000"
    )
    for number in range(count):
        receiver = Party(
            name="柳如烟",
            prov="浙江省",
            city="杭州市",
            county="西湖区",
            address=f"文一路{number % 900 + 1}号2幢3单元401室",
            mobile=f"139{number:08d}",
        )
        yield Order(
            order_no=f"att-{number}-1",
            sender=sender,
            receiver=receiver,
            item_line=f"函件 第LH2026-{number:06d}号 1份",
            weight_g=18,
            created_at=days.now(),
        )


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, seconds by the clock, seconds of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def measure(*, count: int, threads: int) -> dict[str, Any]:
    with StandIn() as post:
        contract = ContractConfig(**post.settings())
        with open_http(contract, connections=threads) as http:
            client = ChinaPost(contract, http)
            results, wall, cpu = timed(lambda: list(client.order_many(orders(count), threads=threads)))
            numbers = [result.waybill_no for _, result in results if isinstance(result, Ordered)]
            assert len(numbers) == count, "an order went unanswered"
            posted_at = days.now()
            _, hand_over, _ = timed(lambda: post.hand_over(numbers, at=posted_at))
            post.advance(posted_at + timedelta(days=40))
            traces, trace_wall, trace_cpu = timed(lambda: list(client.trace_many(numbers, threads=threads)))
    assert not any(isinstance(trace, NoAnswer) for _, trace in traces)
    events = [trace.events for _, trace in traces if isinstance(trace, Trace)]
    mapping, total = load_mapping(), sum(map(len, events))
    _, fold_wall, _ = timed(lambda: [fold(each, mapping=mapping, handed_over_at=posted_at) for each in events])
    return {
        "orders": count,
        "threads": threads,
        "orders_per_s": round(count / wall),
        "client_cpu_ms_per_order": round(cpu / count * 1000, 3),
        "hand_over_per_s": round(count / hand_over),
        "traces_per_s": round(count / trace_wall),
        "client_cpu_ms_per_trace": round(trace_cpu / count * 1000, 3),
        "events": total,
        "events_folded_per_s": round(total / fold_wall),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(count=arguments.orders, threads=arguments.threads)
    for name, value in figures.items():
        print(f"{name:26} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
