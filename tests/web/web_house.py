"""A law firm at work on invented people, and its web door: a real record, a real server, a stand-in carrier that pushes."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pikepdf
import pytest
import typst
import uvicorn
import zxingcpp
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import select

from songda.base import days
from songda.base.settings import Settings, load
from songda.cli.drill import invented_profile
from songda.cli.opening import open_base
from songda.dispatch import pull_pieces, taken_out
from songda.flow import factory
from songda.flow.approve import approve
from songda.flow.compose import check_token
from songda.flow.post import contract_of, open_carrier, post_run
from songda.flow.press import read_manifest
from songda.flow.proposal import propose
from songda.flow.run import House, Watch, carry_on, take_in
from songda.flow.samples import letter_pdf
from songda.flow.sealed import open_person
from songda.flow.tenants import import_tenant
from songda.sim.carrier import SimContract, StandIn
from songda.sim.world import generate
from songda.sim.world import load as load_truth
from songda.store import tables
from songda.vault import MasterKey
from songda.web import create_app, push_path, record_doors

DAY = date(2026, 11, 24)
OPENING = days.at(DAY, 8)
EVENING = days.at(DAY, 17)
NAME = "示例行"


@dataclass
class Office:
    house: House
    master: MasterKey
    settings: Settings
    stand_in: StandIn
    #: Address of the server.
    base: str
    #: Posted in earnest, but for one letter that was withdrawn.
    batch_id: str
    run_id: str
    #: A drill, approved.
    drill_id: str
    #: What the server's clock shows.
    now: datetime = EVENING
    _clients: int = field(default=1, repr=False)

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """A client with an address of its own, so that no test uses up the rate of another."""
        self._clients += 1
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{self._clients}")
        with httpx.Client(base_url=self.base, transport=transport, trust_env=False) as client:
            yield client

    def letter(self, state: str, *, batch_id: str | None = None) -> Any:
        """The first letter in `state`: id, number, day, amount, addressee."""
        return self.letters(state, batch_id=batch_id)[0]

    def letters(self, *states: str, batch_id: str | None = None) -> list[Any]:
        t = tables.letter.c
        query = select(t.id, t.letter_no, t.letter_date, t.amount_fen, t.person_id, t.state).order_by(t.letter_no)
        with self.house.engine.connect() as connection:
            return list(connection.execute(query.where(t.batch_id == (batch_id or self.batch_id), t.state.in_(states))))

    def token(self, letter_id: str) -> str:
        return check_token(self.house.tenant, letter_id)

    def record(self, letter_no: str) -> bytes:
        """The letter's PDF."""
        found = letter_pdf(self.house.engine, self.house.tenant, letter_no, home=self.house.home, lawyer_name=None)
        assert found is not None
        return found[1]

    def persons(self) -> list[dict[str, Any]]:
        """Everything that is known of every addressee."""
        p = tables.person.c
        with self.house.engine.connect() as connection:
            rows = connection.execute(select(p.id, p.sealed)).all()
        return [open_person(self.house.tenant.key, row.id, row.sealed) for row in rows]

    def column(self, table: str, name: str, **where: Any) -> list[Any]:
        t = tables.metadata.tables[table].c
        query = select(t[name]).where(*(t[key] == value for key, value in where.items()))
        with self.house.engine.connect() as connection:
            return list(connection.scalars(query))

    def audited(self, action: str) -> list[tuple[str, str, dict[str, Any]]]:
        a = tables.audit.c
        query = select(a.actor, a.object_id, a.details).where(a.action == action).order_by(a.seq)
        with self.house.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def push_path(self) -> str:
        return push_path(NAME, self.house.tenant.key.token("carrier.push"))


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with ExitStack() as stack:
        yield open_office(folder, stack)


def open_office(folder: Path, stack: ExitStack) -> Office:
    settings = load({"SONGDA_WORKERS": "1"}, home=folder / "home")
    engine, master, _ = stack.enter_context(open_base(settings))
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    profile, key, password = invented_profile()
    simulated = SimContract()
    for variable, name, secret in (
        ("SONGDA_EMS_AUTHORIZATION", "authorization", simulated.authorization),
        ("SONGDA_EMS_SIGN_KEY", "sign_key", simulated.sign_key),
    ):
        profile = profile.replace(f'{name}_env = "{variable}"', f'{name} = "{secret}"')
    tenant = import_tenant(engine, master, name=NAME, profile_toml=profile, at=OPENING, actor="test")
    world = generate(cases=24, seed=7, as_of=DAY)
    world.write_truth(folder / "truth")
    stand_in = stack.enter_context(
        StandIn(
            SimContract(starts_at=OPENING, push_url=base + push_path(NAME, tenant.key.token("carrier.push"))),
            courier=load_truth(folder / "truth").courier(),
        )
    )
    profile = profile.replace("http://127.0.0.1/stand-in", stand_in.url)
    tenant = import_tenant(engine, master, name=NAME, profile_toml=profile, at=OPENING, actor="test")
    office = Office(
        house=House(engine, tenant, settings.home, workers=1),
        master=master,
        settings=settings,
        stand_in=stand_in,
        base=base,
        batch_id="",
        run_id="",
        drill_id="",
    )
    world.write_seen(folder / "cases.xlsx")
    office.batch_id = _approved(office, folder / "cases.xlsx", drill=False, key=key, password=password)
    generate(cases=8, seed=8, as_of=DAY).write_seen(folder / "drill.xlsx")
    office.drill_id = _approved(office, folder / "drill.xlsx", drill=True, key=key, password=password)
    office.run_id = _posted(office)
    doors = record_doors(engine, master, settings.home, environ={}, clock=lambda: office.now)
    app = create_app(settings, **doors, clock=lambda: office.now)
    stack.enter_context(serving(app, listener))
    return office


def _approved(office: Office, file: Path, *, drill: bool, key: bytes, password: str) -> str:
    house = office.house
    batch_id, _ = take_in(house, file, as_of=DAY, drill=drill, at=EVENING, watch=Watch())
    proposal = propose(house.engine, house.tenant, batch_id, lawyer_name=None, on=DAY)
    approve(house.engine, house.tenant, proposal, private_key=key, password=password, at=EVENING)
    return batch_id


def _posted(office: Office) -> str:
    """Prints, orders and posts the letters in earnest; the first one is stopped before it leaves."""
    house = office.house
    with open_carrier(contract_of(house.tenant, {})) as carrier:
        carry_on(house, [office.batch_id], carrier=carrier, on=DAY, at=EVENING, watch=Watch())
    (run_id,) = office.column("run", "id", batch_id=office.batch_id)
    factory.acknowledge(house.engine, run_id, manifest_sha256=read_manifest(house.home, run_id).run_sha256, at=EVENING)
    factory.report(house.engine, house.tenant, run_id, at=EVENING)
    stopped, *_ = office.column("piece", "id", run_id=run_id)
    pull_pieces(house.engine, {stopped: "stop:paid"}, at=EVENING, actor="rules")
    with house.engine.begin() as connection:
        taken_out(connection, [stopped], at=EVENING)
    post_run(house.engine, house.tenant, run_id, carrier=None, on=DAY, at=EVENING)
    office.stand_in.advance(to=EVENING)
    waybills = office.column("piece", "waybill_no", run_id=run_id, state="handed_over")
    assert office.stand_in.hand_over(waybills, at=EVENING) == []
    return run_id


@contextmanager
def serving(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    """`app` on the socket, in a thread, while the block runs."""
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def qr_code(pdf: bytes, folder: Path) -> str:
    """What the letter's one QR code says to a camera."""
    (folder / "letter.pdf").write_bytes(pdf)
    with pikepdf.open(io.BytesIO(pdf)) as letter:
        numbers = range(1, len(letter.pages) + 1)
    (text,) = [code for number in numbers for code in _codes(folder, number)]
    return text


def _codes(folder: Path, number: int) -> list[str]:
    source = f'#set page(width: 210mm, height: 297mm, margin: 0pt)\n#image("letter.pdf", page: {number}, width: 210mm)'
    files: Any = {"main": source.encode()}
    drawn = typst.Compiler(root=folder).compile(files, format="png", ppi=200)
    assert isinstance(drawn, bytes)
    image = Image.open(io.BytesIO(drawn)).convert("L")
    return [code.text for code in zxingcpp.read_barcodes(image, zxingcpp.BarcodeFormat.QRCode)]


def later(days_on: int) -> datetime:
    return EVENING + timedelta(days=days_on)
