"""The world behind the stand-in, reached by the product's own client over HTTP: order, hand over, follow, fold."""

import re
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta

import pytest

from songda.base import days
from songda.carriers import ChinaPost, ContractConfig, Order, Ordered, Party, Trace, fold, load_mapping, open_http
from songda.sim.carrier import SimContract, StandIn
from songda.sim.world import generate, load, people

POSTED_AT = days.at(date(2026, 11, 24), 17)
CONTRACT = SimContract(number_range=("1100000000001", "1100000009999"), starts_at=POSTED_AT)
SENDER = Party(
    name="示例律所", prov="上海市", city="上海市", county="静安区", address="示例路1号", phone="021-61000000"
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "truth"
    world = generate(cases=150, seed=7, as_of=date(2026, 11, 24))
    world.write_truth(folder)
    return world, load(folder)


@pytest.fixture(scope="module")
def orders(small):
    """One order to the identity card's address of everybody who has one."""
    world, truth = small
    places = dict(zip(truth.places["place_id"], truth.places.iter_rows(named=True), strict=True))
    made = []
    for row, (place_id, source) in enumerate(truth.records.select("place_id", "source").iter_rows()):
        place, debtor = places[place_id], int(world.records.debtor[row])
        if source == "id_card" and not world.records.errors[row]:
            line = world.records.text[row].removeprefix(place["province"]).removeprefix(place["city"])
            receiver = Party(
                name=world.debtors.names[debtor],
                prov=place["province"],
                city=place["city"],
                county=place["district"],
                address=line.removeprefix(place["district"]),
                mobile=world.debtors.phones[debtor][0],
            )
            made.append(
                Order(
                    order_no=f"att-{row}-1",
                    sender=SENDER,
                    receiver=receiver,
                    item_line="函件 1份",
                    weight_g=18,
                    created_at=POSTED_AT,
                    waybill_no=str(1100000000001 + row),
                )
            )
    return made


def client_of(post):
    contract = ContractConfig(**post.settings())
    return ChinaPost(contract, open_http(contract, connections=2))


def ordered(client, orders):
    results = list(client.order_many(orders, threads=2))
    assert all(isinstance(result, Ordered) for _, result in results)
    return [result.waybill_no for _, result in results]


def outcomes(client, waybills, *, day):
    now = POSTED_AT + timedelta(days=day)
    return {
        number: fold(
            trace.events, mapping=load_mapping(), handed_over_at=POSTED_AT, as_of=now, address_basis="contract"
        )
        for number, trace in client.trace_many(waybills, threads=2)
        if isinstance(trace, Trace)
    }


def test_letters_of_a_world_are_followed_day_by_day_to_their_ends(small, orders):
    with StandIn(CONTRACT, courier=small[1].courier()) as post:
        client = client_of(post)
        waybills = ordered(client, orders)
        assert post.hand_over(waybills, at=POSTED_AT) == []
        open_letters = []
        for day in range(1, 25):
            post.advance(POSTED_AT + timedelta(days=day))
            if day in {1, 3, 8, 24}:
                found = outcomes(client, waybills, day=day)
                open_letters.append(sum(each.state not in {"signed", "returned_to_sender"} for each in found.values()))
    assert open_letters[0] == len(orders)
    assert open_letters == sorted(open_letters, reverse=True)
    states = Counter(each.state for each in found.values())
    grades = Counter(each.grade for each in found.values())
    assert states["signed"] > states["returned_to_sender"] > 5
    assert states["signed"] + states["returned_to_sender"] > 0.95 * len(orders)
    assert {"A1", "A2", "E"} <= grades.keys()
    assert not any(each.parked for each in found.values())


def test_state_survives_a_kill_and_another_parent_and_names_nobody(small, orders, tmp_path, capfd):
    world, truth = small
    key = bytes(range(32))
    some = orders[:60]
    with StandIn(CONTRACT, courier=truth.courier(), state_dir=tmp_path, state_key=key) as post:
        client = client_of(post)
        waybills = ordered(client, some)
        post.hand_over(waybills, at=POSTED_AT)
        post.advance(POSTED_AT + timedelta(days=4))
        before = outcomes(client, waybills, day=4)
        post.kill()
        post.start()
        assert outcomes(client_of(post), waybills, day=4) == before
    with StandIn(CONTRACT, courier=truth.courier(), state_dir=tmp_path, state_key=key) as post:
        assert outcomes(client_of(post), waybills, day=4) == before
        assert post.stats()["orders"] == len(some)

    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    said = "".join(capfd.readouterr()).encode()
    assert waybills[0].encode() in written
    needles = {text.encode() for text in people(world)} | {order.receiver.address.encode() for order in some}
    assert not [needle for needle in needles if needle in written or needle in said]
    assert key not in written
    assert key.hex().encode() not in written


def songda(*arguments):
    command = [sys.executable, "-c", "from songda.cli import main; main()", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_command_serves_a_truth_that_was_written_before(small):
    with songda("sim", "carrier", "--port", "0", "--truth", str(small[1].folder)) as process:
        address = process.stdout.readline()
        process.terminate()
    assert re.match(r"http://127\.0\.0\.1:\d+/", address)


def test_command_refuses_a_folder_that_is_no_truth(tmp_path):
    with songda("sim", "carrier", "--port", "0", "--truth", str(tmp_path)) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 66
    assert "不是模拟世界的真相目录" in said
    assert "Traceback" not in said
