"""The record behind the doors: what flow knows, handed to the web application in the application's own words.

doors = record_doors(engine, master, home, environ=os.environ)
app = create_app(settings, **doors)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from songda.base.days import now as shanghai_now
from songda.base.errors import SongdaError
from songda.flow import doors
from songda.flow.recipients import recipient_page, take_answer
from songda.flow.shared_secrets import tenant_of_key
from songda.flow.stop import letters_stopped, stop_case, stop_letter
from songda.web.carrier import Pushed, ReceivePushes
from songda.web.contacts import ContactsDoor
from songda.web.courier import CourierDoor
from songda.web.events import ReadFeed
from songda.web.letter_check import Answered, Desk, FindLetter, LetterCheck, RecipientDoor
from songda.web.links import Link, LinkKey, press_parts
from songda.web.press import AuditPress, OpenPrintFile, PrintFile
from songda.web.record_contacts import contacts_door
from songda.web.record_courier import courier_door
from songda.web.stops import StopAsk, StopsDoor

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from songda.vault import MasterKey


class Doors(TypedDict):
    """The arguments of `create_app` that open a door."""

    find_letter: FindLetter
    recipients: RecipientDoor
    open_print_file: OpenPrintFile
    audit_press: AuditPress
    link_key: LinkKey
    receive_pushes: ReceivePushes
    read_feed: ReadFeed
    courier: CourierDoor
    contacts: ContactsDoor
    stops: StopsDoor


def record_doors(
    engine: Engine,
    master: MasterKey,
    home: Path,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], datetime] = shanghai_now,
) -> Doors:
    """Every door of the record in `engine` and `home`. `environ` may hold the secrets of the carriers' contracts."""
    reader = doors.reading(engine)

    def find_letter(token: str) -> LetterCheck | None:
        letter = doors.find_letter(reader, master, token)
        if letter is None:
            return None
        return LetterCheck(
            letter_no=letter.letter_no,
            kind=letter.kind,
            firm_name=letter.firm_name,
            firm_phone=letter.firm_phone,
            letter_date=letter.letter_date,
            state=letter.state,
            drill=letter.drill,
            posted=letter.posted,
        )

    def desk(token: str) -> Desk | None:
        page = recipient_page(reader, master, token)
        if page is None:
            return None
        answered = tuple(Answered(each.receipt, each.kind, each.at, each.done) for each in page.answered)
        return Desk(page.kinds, answered, page.channels)

    def answer(token: str, kind: str, text: str) -> str | None:
        return take_answer(engine, master, token, kind=kind, text=text, at=clock())

    def open_print_file(run_id: str, number: int) -> PrintFile | None:
        file = doors.open_print_file(reader, master, home, run_id, number)
        return PrintFile(file.name, file.chunks, file.close) if file else None

    def audit_press(link: Link) -> None:
        run_id, number = press_parts(link.object_id)
        doors.audit_press(engine, run_id, number, holder=link.holder, expires=link.expires, at=clock())

    def receive_pushes(pushes: Sequence[Pushed]) -> Sequence[dict[str, Any] | SongdaError | None]:
        return doors.receive_carrier_pushes(engine, master, pushes, environ=environ, at=clock())

    def give_stop(key: str, asked: StopAsk) -> dict[str, Any] | None:
        at = clock()
        tenant = tenant_of_key(engine, master, key, at=at, name="stops")
        if tenant is None:
            return None
        if asked.letter_no is not None:
            stopped = stop_letter(
                engine, tenant, asked.letter_no, reason=asked.reason, by="api", at=at, debtor=asked.debtor
            )
        else:
            stopped = stop_case(engine, tenant, asked.case_no or "", reason=asked.reason, by="api", at=at)
        with engine.connect() as connection:
            return {"stop": stopped.stop_id, "letters": [e._asdict() for e in letters_stopped(connection, stopped)]}

    def read_feed(key: str, after: int, limit: int) -> dict[str, object] | None:
        page = doors.read_feed(engine, master, key, after=after, limit=limit, at=clock())
        return None if page is None else {"events": list(page.events), "next": page.next, "more": page.more}

    return Doors(
        find_letter=find_letter,
        recipients=RecipientDoor(desk, answer),
        open_print_file=open_print_file,
        audit_press=audit_press,
        link_key=partial(doors.link_key_of_run, reader, master),
        receive_pushes=receive_pushes,
        read_feed=read_feed,
        courier=courier_door(engine, master, home, clock=clock),
        contacts=contacts_door(engine, master, clock=clock),
        stops=StopsDoor(give_stop),
    )
