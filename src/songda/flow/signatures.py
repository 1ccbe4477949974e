"""Electronic signatures of the PDFs of record, by the firm's certificate that the profile names.

    keep_key(home, tenant, data, password=…, certificate=…, at=now)    # the private key, sealed by the vault
    sign_records(engine, tenant, home=home, at=now)                    # every record that has no signature yet
    signature_of(home, tenant, attempt)                                # what stands beside a record, or None

A record stays as it was rendered: same content, same hash, under any certificate (docs/decisions/015). The signatures of a segment lie
sealed beside it. RSA and ECDSA sign inside the PDF (PAdES: what is kept is what was appended), SM2 beside it: the bare
signature over the bytes of the record. Letters are printed without waiting for it; what could not be signed is a task.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, Engine, select

from songda.base.errors import SongdaError
from songda.dispatch.tasks import keep_tasks
from songda.evidence import Stamper, answer_to
from songda.flow.press import record_reader
from songda.flow.stamps import stamp_by
from songda.flow.tenants import Tenant
from songda.intake.profile import Profile
from songda.signatures import Signer, Stamp, UnfitKey, WrongKey, check, open_signer, sign_pdf, verifying_keys
from songda.store import tables
from songda.vault.durable import new_file

if TYPE_CHECKING:
    from songda.signatures import VerifyingKey

#: Kind of the tasks about batches some of whose records should bear a signature and do not.
UNSIGNED = "record_unsigned"
_n, _t = tables.attempt.c, tables.letter.c


class NoSigningKey(SongdaError):
    zh = "机构档案 [signature] 写明的证书，其私钥还没有导入（指纹 {fingerprint}）"
    remedy = "请运行 songda signature import 私钥文件（PEM 或 PKCS#12）"
    exit_code = 78


class NoSigningCertificate(SongdaError):
    zh = "机构档案没有写明电子签名的证书，没有签名"
    remedy = "请在机构档案 [signature] 的 certificate 中填写律所的证书（PEM）后重新导入"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class SignedRecords:
    signed: int
    #: Records that bear no signature still, and why: the first error.
    left: int
    error: SongdaError | None


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature of one record."""

    #: PEM.
    certificate: str = field(repr=False)
    #: ISO 8601, by the house's clock.
    at: str
    #: Whether `data` is what is appended to the record (PAdES); else it stands beside it (SM2, DER).
    inside: bool
    data: bytes = field(repr=False)


def unfit_keys(profile: Profile, *, at: datetime) -> dict[str, UnfitKey]:
    """Keys and certificates of the profile with which nothing could be signed on the day, under their places in it."""
    firm: tuple[str | None, ...] = (profile.firm.name, profile.institution.name)
    stated = [(f"lawyers[{n}].public_key", each.public_key, (each.name,)) for n, each in enumerate(profile.lawyers, 1)]
    found = {}
    for place, pem, names in [*stated, ("signature.certificate", profile.signature.certificate, firm)]:
        try:
            # Several stand there while one replaces another: the first is the one to come.
            key = None if pem is None else verifying_keys(pem.encode())[0]
            if key is not None and key.certificate is not None:
                check(key.certificate, names=names, at=at)
        except UnfitKey as error:
            found[place] = error
    return found


def certified(tenant: Tenant) -> VerifyingKey | None:
    """The key of the certificate that the profile names first, the firm's own; None when it names none. Raises UnfitKey."""
    pem = tenant.profile.signature.certificate
    return None if pem is None else verifying_keys(pem.encode())[0]


def keep_key(
    home: Path, tenant: Tenant, data: bytes, *, password: str, certificate: bytes | None, at: datetime
) -> Signer:
    """Seals the private key of the profile's certificate. The same key again changes nothing.

    Raises NoSigningCertificate, WrongKey (another key than the certificate's), UnfitKey, NoSm2.
    """
    stated = certified(tenant)
    if stated is None:
        raise NoSigningCertificate
    pem = (tenant.profile.signature.certificate or "").encode() + b"\n" + (certificate or b"")
    signer = open_signer(data, password, certificate=pem)
    if signer.key != stated:
        raise WrongKey
    _check(tenant, stated, at)
    path = _key_path(home, tenant, stated)
    if not path.exists():
        kept = {"key": base64.b64encode(data).decode(), "password": password}
        with new_file(path) as file:
            file.write(tenant.key.seal(orjson.dumps(kept), context=_key_context(stated)))
    return signer


def open_key(home: Path, tenant: Tenant) -> Signer | None:
    """The key of the profile's certificate; None when the profile names none. Raises NoSigningKey, UnfitKey, NoSm2, Unsealable."""
    stated = certified(tenant)
    if stated is None:
        return None
    try:
        sealed = _key_path(home, tenant, stated).read_bytes()
    except FileNotFoundError:
        raise NoSigningKey(fingerprint=_fingerprint(stated)) from None
    kept = orjson.loads(tenant.key.unseal(sealed, context=_key_context(stated)))
    chain = (tenant.profile.signature.certificate or "").encode()
    return open_signer(base64.b64decode(kept["key"]), kept["password"], certificate=chain)


def sign_records(
    engine: Engine,
    tenant: Tenant,
    *,
    home: Path,
    at: datetime,
    batch_id: str | None = None,
    progress: Callable[[int], None] = lambda signed: None,
) -> SignedRecords:
    """Signs the records of the tenant (or of one batch) that bear no signature yet; stops at the first error.

    Where the profile names a certificate, a batch with unsigned records is a person's task until all are signed.
    """
    if tenant.profile.signature.certificate is None:
        return SignedRecords(0, 0, None)
    with engine.connect() as connection:
        segments = _segments(connection, tenant, batch_id)
    todo = [segment for segment in segments if not _path(home, segment).exists()]
    signed, error = 0, None
    try:
        signer = open_key(home, tenant) if todo else None
        if signer is not None:
            _check(tenant, signer.key, at)
            stamp, read = _stamp(tenant), record_reader(tenant, home)
            while todo:
                with engine.connect() as connection:
                    records = _records(connection, todo[0])
                signatures = {row.attempt_id: _sign(read(row), signer, stamp) for row in records}
                _store(home, tenant, todo[0], signer, signatures, at=at)
                todo.pop(0)
                signed += len(signatures)
                progress(signed)
    except SongdaError as refused:
        error = refused
    with engine.begin() as connection:
        left = {segment: len(_records(connection, segment)) for segment in todo}
        reasons = {segments[segment]: type(error).__name__ for segment in todo}
        keep_tasks(connection, UNSIGNED, reasons, among=set(segments.values()), actor="dispatch", at=at)
    return SignedRecords(signed, sum(left.values()), error)


def signature_of(home: Path, tenant: Tenant, attempt: Any) -> Signature | None:
    """The signature of the record of an attempt's row (attempt_id, segment); None: it bears none. Raises Unsealable."""
    import zstandard

    try:
        sealed = _path(home, attempt.segment).read_bytes()
    except FileNotFoundError:
        return None
    plain = tenant.key.unseal(sealed, context=_context(attempt.segment))
    kept = orjson.loads(zstandard.decompress(plain))
    data = kept["signatures"].get(attempt.attempt_id)
    if data is None:
        return None
    return Signature(kept["certificate"], kept["at"], kept["inside"], base64.b64decode(data))


def last_signature(engine: Engine, tenant: Tenant, letter_id: str, *, home: Path) -> Signature | None:
    """The signature of the letter's last record."""
    query = select(_n.id.label("attempt_id"), _n.segment).where(_n.letter_id == letter_id, _n.segment.is_not(None))
    with engine.connect() as connection:
        row = connection.execute(query.order_by(_n.n.desc())).first()
    return None if row is None else signature_of(home, tenant, row)


def _sign(record: bytes, signer: Signer, stamp: Stamp | None) -> bytes:
    if signer.key.scheme == "sm2-sm3":
        return signer.sign(record)
    return sign_pdf(record, signer, stamp=stamp)[len(record) :]


def _store(
    home: Path, tenant: Tenant, segment: str, signer: Signer, signatures: dict[str, bytes], *, at: datetime
) -> None:
    import zstandard

    kept = {
        "certificate": signer.key.pem,
        "at": at.isoformat(),
        "inside": signer.key.scheme != "sm2-sm3",
        "signatures": {attempt: base64.b64encode(data).decode() for attempt, data in signatures.items()},
    }
    # What is reserved for a signature in a PDF and not used is zeros.
    packed = zstandard.compress(orjson.dumps(kept))
    with new_file(_path(home, segment)) as file:
        file.write(tenant.key.seal(packed, context=_context(segment)))


def _segments(connection: Connection, tenant: Tenant, batch_id: str | None) -> dict[str, str]:
    """Segments that hold records, in their order, with their batches."""
    query = (
        select(_n.segment, _t.batch_id)
        .join(tables.letter, _t.id == _n.letter_id)
        .where(_t.tenant_id == tenant.id, _n.segment.is_not(None))
        .distinct()
        .order_by(_n.segment)
    )
    if batch_id is not None:
        query = query.where(_t.batch_id == batch_id)
    return {row.segment: row.batch_id for row in connection.execute(query)}


def _records(connection: Connection, segment: str) -> Sequence[Any]:
    columns = (_n.id.label("attempt_id"), _n.segment, _n.offset, _n.length, _n.model_length)
    return connection.execute(select(*columns).where(_n.segment == segment).order_by(_n.offset)).all()


def _stamp(tenant: Tenant) -> Stamp | None:
    """The tenant's authority, unless the profile wants no timestamp in each signature. Raises NoAuthority."""
    if tenant.profile.signature.timestamp is False or stamp_by(tenant) is None:
        return None
    stated = tenant.profile.timestamp
    return partial(answer_to, Stamper(stated.url or "", (stated.certificate or "").encode()))


def _check(tenant: Tenant, key: VerifyingKey, at: datetime) -> None:
    """Raises UnfitKey when the certificate is not the firm's (or the institution's), not valid, or not for signing."""
    if key.certificate is None:
        raise NoSigningCertificate
    check(key.certificate, names=[tenant.profile.firm.name, tenant.profile.institution.name], at=at)


def _path(home: Path, segment: str) -> Path:
    return (home / "letters" / segment).with_suffix(".sig")


def _key_path(home: Path, tenant: Tenant, key: VerifyingKey) -> Path:
    return home / "signatures" / tenant.id / f"{_fingerprint(key)}.key"


def _fingerprint(key: VerifyingKey) -> str:
    if key.certificate is None:
        raise NoSigningCertificate
    return key.certificate.fingerprint


def _context(segment: str) -> str:
    return f"signatures:{segment}"


def _key_context(key: VerifyingKey) -> str:
    return f"signing-key:{_fingerprint(key)}"
