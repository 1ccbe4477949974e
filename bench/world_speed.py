"""How long a simulated world takes to make and to write, and how fast the stand-in carries its letters.

    .venv/bin/python bench/world_speed.py [--cases 50000] [--letters 30000] [--threads 3]

Prints seconds, rates and peak memory of each process. People and addresses are invented.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from songda.base import days
from songda.carriers import ChinaPost, ContractConfig, Order, Ordered, Party, Trace, open_http
from songda.sim.carrier import ShippedLetter, SimContract, StandIn
from songda.sim.world import Truth, World, generate, load
from songda.sim.world.places import parts

AS_OF = date(2026, 11, 24)
POSTED_AT = days.at(AS_OF, 17)
FIRST_NUMBER = 1_100_000_000_001


@contextmanager
def measured(what: str, count: int = 0) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    print(f"{what:32} {seconds:8.2f} s" + (f" {count / seconds:8.0f} /s" if count else ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--letters", type=int, default=30_000)
    parser.add_argument("--threads", type=int, default=3)
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with measured("world, all of the below"):
            with measured("  generate", arguments.cases):
                world = generate(cases=arguments.cases, seed=7, as_of=AS_OF)
            with measured("  write cases.xlsx", arguments.cases):
                world.write_seen(folder / "cases.xlsx")
            with measured("  write the truth"):
                world.write_truth(folder / "truth")
        print(f"records {len(world.records.text)}, peak memory {peak_mb(resource.RUSAGE_SELF)} MB")
        with measured("write cases.csv", arguments.cases):
            world.write_seen(folder / "cases.csv")
        with measured("load the truth"):
            truth = load(folder / "truth")
        orders = orders_of(world, arguments.letters)
        couriers(truth, orders[:5000])
        carrier(truth, orders, folder / "state", threads=arguments.threads)
    print(f"peak memory of the stand-in {peak_mb(resource.RUSAGE_CHILDREN)} MB")


def peak_mb(who: int) -> int:
    return resource.getrusage(who).ru_maxrss // 1024


def orders_of(world: World, count: int) -> list[Order]:
    """An order to the first record of each of the first debtors, as far as there are any."""
    sender = Party(
        name="示例律所", prov="上海市", city="上海市", county="静安区", address="示例路1号", phone="021-61000000"
    )
    rows = world.records.start[:-1][:count]
    places = parts(world.places, world.records.place[rows])
    orders = []
    for number, (row, place) in enumerate(zip(rows.tolist(), places, strict=True)):
        debtor, line = int(world.records.debtor[row]), world.records.text[row]
        while line.startswith(place.province):
            line = line.removeprefix(place.province).removeprefix(place.city).removeprefix(place.district)
        receiver = Party(
            name=world.debtors.names[debtor],
            prov=place.province,
            city=place.city,
            county=place.district,
            address=line,
            mobile=world.debtors.phones[debtor][0],
        )
        orders.append(
            Order(
                order_no=f"att-{number}-1",
                sender=sender,
                receiver=receiver,
                item_line="函件 1份",
                weight_g=18,
                created_at=POSTED_AT,
                waybill_no=str(FIRST_NUMBER + number),
            )
        )
    return orders


def couriers(truth: Truth, orders: list[Order]) -> None:
    carry, letters = truth.courier(), [shipped(order) for order in orders]
    with measured("couriers: first letter, index"):
        carry(letters[0])
    with measured("couriers", len(letters)):
        for letter in letters:
            carry(letter)


def shipped(order: Order) -> ShippedLetter:
    to = order.receiver
    return ShippedLetter(
        waybill_no=order.waybill_no or "",
        order_no=order.order_no,
        name=to.name,
        mobile=to.mobile,
        prov=to.prov,
        city=to.city,
        county=to.county,
        address=to.address,
        handed_over_at=POSTED_AT,
    )


def carrier(truth: Truth, orders: list[Order], state: Path, *, threads: int) -> None:
    bounds = (str(FIRST_NUMBER), str(FIRST_NUMBER + len(orders)))
    contract = SimContract(number_range=bounds, starts_at=POSTED_AT)
    with StandIn(contract, courier=truth.courier(), state_dir=state, state_key=b"bench") as post:
        settings = ContractConfig(**post.settings())
        with open_http(settings, connections=threads) as http:
            client = ChinaPost(settings, http)
            with measured("orders over HTTP", len(orders)):
                results = list(client.order_many(orders, threads=threads))
            waybills = [result.waybill_no for _, result in results if isinstance(result, Ordered)]
            assert len(waybills) == len(orders), "an order was refused"
            with measured("hand-over", len(waybills)):
                post.hand_over(waybills, at=POSTED_AT)
            for day in (1, 30):
                with measured(f"advance to day {day}"):
                    post.advance(POSTED_AT + timedelta(days=day))
            some = waybills[:5000]
            for what in ("first look", "later look"):
                with measured(f"traces over HTTP, {what}", len(some)):
                    traces = list(client.trace_many(some, threads=threads))
                assert all(isinstance(trace, Trace) for _, trace in traces)
        post.kill()
        with measured("start again after a kill"):
            post.start()
        assert post.stats()["handed_over"] == len(waybills)


if __name__ == "__main__":
    main()
