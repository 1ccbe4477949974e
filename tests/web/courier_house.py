"""Letters that lie at two delivery offices, the teams that hold links to them, and a server whose clock we set."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw
from sqlalchemy import select
from web_house import Office, open_office

from songda.base import days
from songda.carriers import Event
from songda.dispatch import Told, store_events
from songda.flow.courier_links import give, signing_key
from songda.flow.sealed import open_person
from songda.flow.shared_secrets import valid
from songda.store import tables
from songda.web import courier_path

OFFICE, OTHER = "33000100", "33000200"
#: A Thursday.
MORNING = days.at(date(2026, 11, 26), 10)
#: What nothing on a courier's page may say: that there is a debt, and who is behind it.
DEBT_WORDS = (
    *("欠", "债", "催", "逾期", "贷", "金额", "律师", "律所", "法院", "还款", "信用卡", "违约", "诉讼", "老赖"),
    *("lawyer", "debt", "loan", "overdue", "reminder"),
)


@dataclass(frozen=True)
class Letter:
    waybill_no: str
    attempt_id: str
    name: str
    phone: str
    address: dict[str, Any]


@dataclass
class Tour:
    house: Office
    #: At OFFICE, then at OTHER.
    here: list[Letter]
    there: list[Letter]

    @property
    def tenant(self) -> Any:
        return self.house.house.tenant

    def link(self, office: str = OFFICE, *, holder: str = "team-3", hours: float = 12) -> str:
        expires = self.house.now.replace(microsecond=0) + timedelta(hours=hours)
        engine, at = self.house.house.engine, self.house.now
        generation = give(engine, self.tenant, office, holder=holder, expires=expires, at=at)
        right = {"holder": holder, "expires": expires, "key": signing_key(self.tenant), "generation": generation}
        return self.house.base + courier_path(self.tenant.id, office, **right)

    @contextmanager
    def team(self, office: str = OFFICE, **link: Any) -> Iterator[httpx.Client]:
        """A client that calls the page's own paths with the link's token."""
        path, token = self.link(office, **link).removeprefix(self.house.base).split("#")
        with self.house.browser() as client:
            client.base_url = f"{self.house.base}/api{path}/"
            client.headers["Authorization"] = f"Bearer {token}"
            yield client

    @contextmanager
    def program(self) -> Iterator[httpx.Client]:
        """A client of the carrier's own program."""
        (shared,) = valid(self.house.house.engine, self.tenant, "courier", at=self.house.now)
        with self.house.browser() as client:
            client.base_url = f"{self.house.base}/api/v1/courier/"
            client.headers["Authorization"] = f"Bearer {shared.text}"
            yield client

    def tell(self, letter: Letter, code: str, at: datetime, office: str, **fields: Any) -> None:
        event = Event(waybill_no=letter.waybill_no, op_time=at, op_code=code, office=office, **fields)
        with self.house.house.engine.begin() as connection:
            store_events(
                connection,
                key=self.tenant.key,
                told=[Told(letter.attempt_id, event, f"{code} {at}".encode())],
                received_at=at,
            )

    def codes(self, letter: Letter) -> list[str]:
        """Codes of the events that were told of a letter, in the order of their arrival."""
        f = tables.fact.c
        query = select(f.event).where(f.attempt_id == letter.attempt_id).order_by(f.arrival)
        with self.house.house.engine.connect() as connection:
            return [event["op_code"] for event in connection.scalars(query)]

    def fresh(self) -> Letter:
        """A letter at OFFICE of which no test has told anything."""
        return self.here.pop(0)


def open_tour(folder: Any, stack: ExitStack) -> Tour:
    office = open_office(folder, stack)
    office.now = MORNING
    p, a, t, n = tables.piece.c, tables.attempt.c, tables.letter.c, tables.person.c
    query = (
        select(p.waybill_no, a.id, a.address_record_id, n.id.label("person_id"), n.sealed)
        .join(tables.attempt, a.id == p.attempt_id)
        .join(tables.letter, t.id == a.letter_id)
        .join(tables.person, n.id == t.person_id)
        .where(p.state == "handed_over")
        .order_by(p.waybill_no)
    )
    with office.house.engine.connect() as connection:
        rows = connection.execute(query).all()
    letters = []
    for row in rows:
        person = open_person(office.house.tenant.key, row.person_id, row.sealed)
        address = person["addresses"][row.address_record_id]
        letters.append(Letter(row.waybill_no, row.id, person["name"], person["phones"][0], address))
    tour = Tour(office, letters[:-3], letters[-3:])
    for which, code, name in ((tour.here, OFFICE, "西湖投递部"), (tour.there, OTHER, "滨江投递部")):
        for letter in which:
            tour.tell(letter, "203", MORNING - timedelta(hours=36), "11000000")
            tour.tell(letter, "306", MORNING - timedelta(hours=3), code, office_name=name)
    return tour


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    with ExitStack() as stack:
        yield open_tour(tmp_path_factory.mktemp("tour"), stack)


def slip(*, secret: bytes = b"") -> bytes:
    """A photo of a slip, with what a camera writes beside it."""
    image = Image.new("RGB", (2400, 1800), "white")
    ImageDraw.Draw(image).line((200, 900, 2200, 1000), fill="black", width=20)
    exif = Image.Exif()
    exif[0x010E] = secret.decode() or "taken at 30.27N 120.15E"
    target = io.BytesIO()
    image.save(target, "JPEG", exif=exif)
    return target.getvalue()
