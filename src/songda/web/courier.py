"""The delivery office's page behind a signed link, and the same for the carrier's own program behind a key.

`/courier/{tenant}/{office}#TOKEN` is an empty shell: the token stays in the browser's address and travels only as a bearer
key of `/api/courier/{tenant}/{office}/…`, so that no log and no cache ever holds it beside data.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from typing import Annotated, Any, Literal

import anyio
import orjson
from fastapi import FastAPI, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from songda.web.carrier import read_body
from songda.web.events import key_of
from songda.web.limit import Limiter, refuse_early, slow_down
from songda.web.links import COURIER, Link, LinkExpired, LinkForged, courier_object, verify

#: Tokens a minute of one link, and what it costs to see one item: a number that was typed is dearer than a scanned one,
#: and one that is not on the list is dearest, whatever it claims to be.
PER_MINUTE, SCANNED, TYPED, MISSED = 30, 1, 5, 10

#: Reports of one call, bytes of its body, seconds in which it must have arrived: a photo over a poor line.
MOST_REPORTS, MAX_BODY, BODY_S = 200, 6_000_000, 60.0

_ASSETS = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "store.js": "text/javascript; charset=utf-8",
    "scan.js": "text/javascript; charset=utf-8",
}
#: The page runs our own scripts, talks to us alone and may use the camera.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
}

_NUMBER = re.compile(r"\w{8,40}", re.ASCII)
Tenant = Annotated[str, Path(pattern=r"^ten_\w{1,40}$")]
Office = Annotated[str, Path(pattern=r"^\w{1,16}$")]


class Outcome(BaseModel):
    """What happened to one item at the door."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    id: str = Field(pattern=r"^[\w-]{8,64}$", description="Made by the reporter's device, once for each report.")
    waybill_no: str = Field(pattern=r"^[0-9A-Za-z]{8,40}$")
    # Years at the ends of the calendar cannot be told in another zone.
    at: AwareDatetime = Field(
        ge=datetime(2020, 1, 1, tzinfo=UTC),
        le=datetime(2200, 1, 1, tzinfo=UTC),
        description="When it happened, with its offset.",
    )
    outcome: str = Field(pattern=r"^\w{1,16}$", description="Code of docs/courier.md.")
    relation: str = Field("", max_length=10, description="Of the signer to the addressee; only of `signed`.")
    signer_name: str = Field("", max_length=40)
    slip: str | None = Field(None, max_length=2_800_000, description="Photo of the slip, base64.")

    def photo(self) -> bytes | None:
        """Raises ValueError."""
        return None if self.slip is None else base64.b64decode(self.slip, validate=True)


@dataclass(frozen=True, slots=True)
class CourierDoor:
    """What the page and the carrier's program may see and do; every function answers for one tenant."""

    #: Id of a tenant → the 32 bytes that sign its links; None: no such tenant.
    link_key: Callable[[str], bytes | None]
    #: (tenant, office, holder) → the generation of the holder's links now; those of earlier ones are revoked.
    generation: Callable[[str, str, str], int]
    #: (tenant, office) → {"office", "office_name", "items", "outcomes", "relations", "call", …}.
    worklist: Callable[[str, str], dict[str, Any]]
    #: (tenant, office, waybill, holder, scanned or typed) → name, address, phone; None: not on the list.
    unmask: Callable[[str, str, str, str, str], dict[str, Any] | None]
    #: (tenant, office, holder, courier or app, outcome, photo) → {"status", "reason", "message"}.
    take: Callable[[str, str, str, Literal["courier", "app"], Outcome, bytes | None], dict[str, Any]]
    #: Key of the carrier's program → id of the tenant whose it is; None: nobody's.
    tenant_of_key: Callable[[str], str | None]
    #: (tenant, office) → {"office", "items"}: whole numbers, no person.
    program_list: Callable[[str, str], dict[str, Any]]


def add_courier(app: FastAPI, door: CourierDoor, limiter: Limiter, *, clock: Callable[[], datetime]) -> None:
    """Adds the paths of page and program to `app`."""
    _add_shell(app)
    _add_page(app, door, limiter, clock=clock)
    _add_program(app, door, limiter)


def _add_shell(app: FastAPI) -> None:
    @app.get("/courier/sw.js", include_in_schema=False)
    def worker() -> Response:
        # Another text is another worker to the browser, which then fetches the assets anew.
        text = _asset("sw.js").replace(b"@version@", _version().encode())
        return Response(text, media_type="text/javascript; charset=utf-8", headers=HEADERS)

    @app.get("/courier/assets/{name}", include_in_schema=False)
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise HTTPException(404)
        return Response(_asset(name), media_type=_ASSETS[name], headers=HEADERS)

    @app.get("/courier/{tenant}/{office}", include_in_schema=False)
    def shell(tenant: Tenant, office: Office) -> Response:
        return Response(_asset("index.html"), media_type="text/html; charset=utf-8", headers=HEADERS)


def _add_page(app: FastAPI, door: CourierDoor, limiter: Limiter, *, clock: Callable[[], datetime]) -> None:
    by_link = Limiter(per_minute=PER_MINUTE)
    base = "/api/courier/{tenant}/{office}"

    async def right(request: Request, tenant: str, office: str) -> Link:
        """The link that is shown. Raises HTTPException: 404 forged or of another office, 410 expired, 403 revoked."""
        token = key_of(request.headers.get("authorization", ""), longest=400)
        key = await anyio.to_thread.run_sync(door.link_key, tenant) if token else None
        try:
            if token is None or key is None:
                raise LinkForged
            link = verify(token, purpose=COURIER, object_id=courier_object(tenant, office), now=clock(), key=key)
        except LinkForged:
            slow_down(request, limiter)
            raise HTTPException(404) from None
        except LinkExpired:
            raise HTTPException(410) from None
        if link.generation < await anyio.to_thread.run_sync(door.generation, tenant, office, link.holder):
            raise HTTPException(403)
        return link

    @app.get(f"{base}/items", include_in_schema=False)
    async def items(tenant: Tenant, office: Office, request: Request) -> JSONResponse:
        link = await right(request, tenant, office)
        found = await anyio.to_thread.run_sync(door.worklist, tenant, office)
        return JSONResponse(found | {"expires": link.expires.isoformat()})

    @app.post(f"{base}/unmask", include_in_schema=False)
    async def unmask(tenant: Tenant, office: Office, request: Request) -> JSONResponse:
        link = await right(request, tenant, office)
        asked = _json(await read_body(request))
        number, how = asked.get("waybill_no"), asked.get("how")
        if not isinstance(number, str) or not _NUMBER.fullmatch(number) or how not in ("scanned", "typed"):
            raise HTTPException(422)
        client = f"{tenant}/{office}/{link.holder}"
        # Taken for the dearest case before the look, so that many at once guess no more than one after another.
        refuse_early(by_link, client, cost=MISSED)
        found = await anyio.to_thread.run_sync(door.unmask, tenant, office, number, link.holder, how)
        if found is None:
            raise HTTPException(404)
        by_link.give_back(client, now=time.monotonic(), tokens=MISSED - (TYPED if how == "typed" else SCANNED))
        return JSONResponse(found)

    @app.post(f"{base}/outcomes", include_in_schema=False)
    async def outcomes(tenant: Tenant, office: Office, request: Request) -> JSONResponse:
        link = await right(request, tenant, office)
        body = _json(await read_body(request, most=MAX_BODY, within_s=BODY_S))
        # Photos take their time: the link may have been revoked while they came.
        await right(request, tenant, office)
        take = partial(door.take, tenant, office, link.holder, "courier")
        return JSONResponse({"answers": await _answers(body, take)})


def _add_program(app: FastAPI, door: CourierDoor, limiter: Limiter) -> None:
    async def whose(request: Request) -> str:
        """Id of the tenant whose key is shown. Raises HTTPException 401."""
        key = key_of(request.headers.get("authorization", ""))
        tenant = None if key is None else await anyio.to_thread.run_sync(door.tenant_of_key, key)
        if tenant is None:
            # Only who shows no key of ours is slowed down.
            slow_down(request, limiter)
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return tenant

    @app.get("/api/v1/courier/worklist")
    async def worklist(
        request: Request, office: Annotated[str, Query(pattern=r"^\w{1,16}$", description="The office's 8-digit code.")]
    ) -> JSONResponse:
        """What lies at an office, and what is advised. Shown with `Authorization: Bearer KEY` (songda secrets show courier)."""
        tenant = await whose(request)
        return JSONResponse(await anyio.to_thread.run_sync(door.program_list, tenant, office))

    @app.post("/api/v1/courier/outcomes")
    async def outcomes(
        request: Request, office: Annotated[str, Query(pattern=r"^\w{1,16}$", description="The office's 8-digit code.")]
    ) -> JSONResponse:
        """What the carrier's couriers report: {"outcomes": [{id, waybill_no, at, outcome, relation, signer_name, slip}]}.

        One answer each, in their order; the same report may be sent again.
        """
        tenant = await whose(request)
        body = _json(await read_body(request, most=MAX_BODY, within_s=BODY_S))
        return JSONResponse({"answers": await _answers(body, partial(door.take, tenant, office, "carrier", "app"))})


async def _answers(
    body: Mapping[str, Any], take: Callable[[Outcome, bytes | None], dict[str, Any]]
) -> list[dict[str, Any]]:
    """An answer to each report. Raises HTTPException 422 for what is no list of at most MOST_REPORTS."""
    told = body.get("outcomes")
    if not isinstance(told, list) or len(told) > MOST_REPORTS:
        raise HTTPException(422)
    return [await _answer(each, take) for each in told]


async def _answer(told: Any, take: Callable[[Outcome, bytes | None], dict[str, Any]]) -> dict[str, Any]:
    try:
        outcome = Outcome.model_validate(told)
        photo = outcome.photo()
    except ValidationError as error:
        # The field's name only: what stood in it may be a person's name.
        fields = "、".join(sorted({str(each["loc"][0]) if each["loc"] else "回报" for each in error.errors()}))
        return _malformed(told, f"填写有误：{fields}")
    except ValueError:
        return _malformed(told, "填写有误：slip")
    return {"id": outcome.id, **await anyio.to_thread.run_sync(take, outcome, photo)}


def _malformed(told: Any, message: str) -> dict[str, Any]:
    named = told.get("id") if isinstance(told, dict) else None
    return {
        "id": named if isinstance(named, str) else None,
        "status": "refused",
        "reason": "malformed",
        "message": f"{message}。请按 docs/courier.md 的格式填写",
    }


def _json(body: bytes) -> dict[str, Any]:
    """Raises HTTPException 422."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(422) from None
    if not isinstance(read, dict):
        raise HTTPException(422)
    return read


@cache
def _asset(name: str) -> bytes:
    return files("songda.web").joinpath("courier_page", name).read_bytes()


@cache
def _version() -> str:
    return hashlib.sha256(b"".join(map(_asset, ("index.html", "sw.js", *_ASSETS)))).hexdigest()[:16]
