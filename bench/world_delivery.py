"""What becomes of letters in the simulated world: written file → address engine → carrier's client → stand-in → fold.

    .venv/bin/python bench/world_delivery.py [--cases 2000] [--seed 7] [--config cn-default]

Every letter goes to the latest address of its debtor. Prints how the letters end, by how the debtor truly stands to the
place, and how fast the couriers answer. All figures are simulated: they follow from the parameters of the world, and say
nothing about the field.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from songda.address import standardize
from songda.base import days
from songda.carriers import ChinaPost, ContractConfig, Order, Ordered, Party, Trace, fold, load_mapping, open_http
from songda.sim.carrier import ShippedLetter, SimContract, StandIn
from songda.sim.world import Truth, World, generate, load

AS_OF = date(2026, 11, 24)
POSTED_AT = days.at(AS_OF, 17)
#: After that many days every letter has come to its end.
DAYS = 30
RANGE = ("1100000000001", "1100009999999")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--config", default="cn-default")
    arguments = parser.parse_args()
    world = generate(cases=arguments.cases, seed=arguments.seed, as_of=AS_OF, config=arguments.config)
    with TemporaryDirectory() as folder:
        world.write_truth(Path(folder))
        truth = load(Path(folder))
        records = latest_records(truth)
        letters = list(receivers(world, records))
        print(f"letters {len(letters)} of {len(world.debtors)} debtors, couriers {rate(truth, letters):.0f} letters/s")
        ends = delivered(truth, letters)
    ties = true_ties(truth, records, on=AS_OF + timedelta(days=3))
    joined = records.with_columns(tie=ties).join(ends, on="debtor_id")
    print(f"simulated, parameters from {arguments.config}: share of letters by true tie and end")
    print(table(joined))


def latest_records(truth: Truth) -> pl.DataFrame:
    """The youngest record of each debtor, whatever it is worth."""
    return truth.records.with_row_index("row").sort("recorded_on", "row").unique("debtor_id", keep="last").sort("row")


def receivers(world: World, records: pl.DataFrame) -> Iterator[tuple[str, Party]]:
    """Debtor's id and receiver for every letter whose address the engine reads down to a street."""
    texts = [world.records.text[row] for row in records["row"]]
    read = standardize(texts).select("province", "city", "district", "standard").iter_rows()
    for debtor_id, (province, stated_city, district, standard) in zip(records["debtor_id"], read, strict=True):
        debtor = int(debtor_id[2:])
        city = stated_city or province
        line = standard.removeprefix(province or "").removeprefix(city or "").removeprefix(district or "")
        if province and city and line:
            yield (
                debtor_id,
                Party(
                    name=world.debtors.names[debtor],
                    prov=province,
                    city=city,
                    county=district or "",
                    address=line,
                    mobile=world.debtors.phones[debtor][0],
                ),
            )


def rate(truth: Truth, letters: Sequence[tuple[str, Party]]) -> float:
    carry = truth.courier()
    shipped = [
        ShippedLetter(
            waybill_no=f"11{number:011d}",
            order_no=f"{number}",
            name=to.name,
            mobile=to.mobile,
            prov=to.prov,
            city=to.city,
            county=to.county,
            address=to.address,
            handed_over_at=POSTED_AT,
        )
        for number, (_, to) in enumerate(letters)
    ]
    carry(shipped[0])
    start = time.perf_counter()
    for letter in shipped:
        carry(letter)
    return len(shipped) / (time.perf_counter() - start)


def delivered(truth: Truth, letters: Sequence[tuple[str, Party]]) -> pl.DataFrame:
    """Each letter ordered, handed over and followed day by day to its end: debtor_id, state, grade, fact."""
    sender = Party(
        name="示例律所", prov="上海市", city="上海市", county="静安区", address="示例路1号", phone="021-61000000"
    )
    debtor_of = {f"att-{number}-1": debtor_id for number, (debtor_id, _) in enumerate(letters)}
    orders = [
        Order(
            order_no=order_no,
            sender=sender,
            receiver=to,
            item_line="函件 1份",
            weight_g=18,
            created_at=days.now(),
            waybill_no=str(int(RANGE[0]) + number),
        )
        for number, (order_no, (_, to)) in enumerate(zip(debtor_of, letters, strict=True))
    ]
    contract = SimContract(number_range=RANGE, starts_at=POSTED_AT)
    with StandIn(contract, courier=truth.courier()) as post, open_http(ContractConfig(**post.settings())) as http:
        client = ChinaPost(ContractConfig(**post.settings()), http)
        waybills = {
            result.waybill_no: debtor_of[order_no]
            for order_no, result in client.order_many(orders, threads=2)
            if isinstance(result, Ordered)
        }
        assert len(waybills) == len(orders), "an order was refused"
        assert not post.hand_over(waybills, at=POSTED_AT)
        for day in range(1, DAYS + 1):
            post.advance(POSTED_AT + timedelta(days=day))
        traces = list(client.trace_many(waybills, threads=2))
    rows = [end(waybills[number], trace, POSTED_AT + timedelta(days=DAYS)) for number, trace in traces]
    return pl.DataFrame(rows)


def end(debtor_id: str, trace: Any, now: datetime) -> dict[str, str | None]:
    assert isinstance(trace, Trace)
    outcome = fold(trace.events, mapping=load_mapping(), handed_over_at=POSTED_AT, as_of=now, address_basis="contract")
    return {
        "debtor_id": debtor_id,
        "state": outcome.state,
        "grade": outcome.grade,
        "fact": outcome.fact,
        "signal": outcome.address_signal,
    }


def true_ties(truth: Truth, records: pl.DataFrame, *, on: date) -> pl.Series:
    """How the debtor of each record stands to its place on the day: lives, family, works, gone, or how it is invented."""
    order = ["lives", "family", "works"]
    ties = truth.ties.filter(pl.col("tie").is_in(order), pl.col("since") <= on, pl.col("until") > on)
    nearest = (
        ties.with_columns(rank=pl.col("tie").replace_strict(order, [0, 1, 2]))
        .sort("rank")
        .unique(["debtor_id", "place_id"], keep="first")
    )
    joined = records.join(nearest, on=["debtor_id", "place_id"], how="left", maintain_order="left")
    return joined.select(pl.coalesce("fabricated", "tie", pl.lit("gone")).alias("tie"))["tie"]


def table(joined: pl.DataFrame) -> str:
    counted = joined.with_columns(end=pl.col("state") + " " + pl.col("grade").fill_null("-"))
    wide = (
        counted.group_by("tie", "end")
        .len()
        .with_columns(share=(pl.col("len") / pl.col("len").sum().over("tie")).round(3))
        .pivot("tie", index="end", values="share", sort_columns=True)
        .fill_null(0)
        .sort("end")
    )
    sizes = counted.group_by("tie").len().sort("tie")
    with pl.Config(tbl_rows=40, tbl_cols=12, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        return f"{sizes}\n{wide}\n{counted.group_by('state').len().sort('len', descending=True)}"


if __name__ == "__main__":
    main()
