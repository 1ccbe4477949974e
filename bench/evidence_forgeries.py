"""Bundles of evidence about an invented letter, and forgers of three kinds who change one and rebuild every hash in it.

| forger | has | must be found by |
| --- | --- | --- |
| stranger | no key; signs and stamps with his own, or names the institution's key and cannot sign | the institution's signature |
| insider | the institution's key, so that every signature is right | the timestamps of before |
| insider who stamps | a time-stamping authority of his own besides | the authority whom the reader trusts |
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from songda.evidence import (
    README,
    Trust,
    canonical,
    digests,
    public_pem,
    read_trust,
    run_proof,
    run_statement,
    sealed,
    shipped_tables,
    signing_key,
    write_archive,
)
from songda.evidence.timestamp import new_request
from songda.letters import Approval, ApprovalItem, ApprovalList, exceptions_hash, new_lawyer_key, sign
from songda.sim.authority import Signer, new_signer, stamp

Files = dict[str, bytes]
NUMBER, WAYBILL, PIECE, RUN = "YX2026-000007", "1100000000007", "pce_07", "run_01"
FOLDER = f"letters/{NUMBER}"
POSTED = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
EXPORTED = datetime(2026, 12, 20, 9, 0, tzinfo=UTC)
_SHANGHAI = timezone(timedelta(hours=8))
_PASSWORD = "only for this bench"
#: (hours after the hand-over, code, delivery code, text).
_WAY = (
    (1, "203", "", "已收寄"),
    (5, "954", "", "到达处理中心"),
    (40, "306", "", "到达投递部"),
    (47, "702", "", "正在派送中，请耐心等待"),
    (50, "704", "10", "您的快件已签收【本人】"),
)


@dataclass(frozen=True)
class Keys:
    institution: Ed25519PrivateKey
    authority: Signer
    lawyer_private: bytes
    lawyer_public: bytes

    def stamp(self, message: bytes, *, at: datetime = EXPORTED) -> bytes:
        return stamp(new_request(message).der, self.authority, at=at)

    def trust(self) -> Trust:
        """What a court holds: the institution's public key and the authority's root."""
        pem = public_pem(self.institution).encode() + self.root()
        return read_trust([("trust.pem", pem)])

    def root(self) -> bytes:
        return self.authority.root.public_bytes(Encoding.PEM)


def new_keys(seed: int = 1) -> Keys:
    private, public = new_lawyer_key(_PASSWORD)
    return Keys(signing_key(sha256(b"%d" % seed).digest()), new_signer(), private, public)


def letter_files(keys: Keys, pdf: bytes, *, neighbours: int = 20, way: tuple[Any, ...] = _WAY) -> Files:
    """The files of a bundle about one letter that was signed for, as the house writes them, not sealed yet."""
    number, files = NUMBER, {"README.txt": README.encode()}
    files |= {f"tables/{name}": data for name, data in shipped_tables().items()}
    rows = [
        {
            "seq": seq,
            "piece_id": f"pce_{seq:02}",
            "letter_no": f"YX2026-{seq:06}",
            "waybill_no": f"{1100000000000 + seq}",
        }
        | {"pages": 2, "sheets": 1, "weight_g": 13, "file": "run-000001-001.pdf", "first_page": 2 * seq - 1}
        | {"record_sha256": sha256(pdf if seq == 7 else b"%d" % seq).hexdigest(), "print_sha256": "0" * 64}
        for seq in range(1, neighbours + 1)
    ]
    run = {"run_id": RUN, "day": "2026-11-24", "manifest_sha256": "1" * 64}
    files[f"runs/{RUN}.tsr"] = keys.stamp(run_statement(rows=rows, **run), at=POSTED - timedelta(hours=1))
    files[f"{FOLDER}/letter-1.pdf"] = pdf
    events = []
    for arrival, (hours, code, delivered, text) in enumerate(way, 1):
        at = POSTED + timedelta(hours=hours)
        told = {"waybillNo": WAYBILL, "opTime": at.astimezone(_SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"), "opCode": code}
        words = json.dumps(told | {"opDesc": text, "deliverCode": delivered}, ensure_ascii=False).encode()
        name = f"{FOLDER}/events-1/{arrival:04}.json"
        files[name] = words
        parts = {"op_code": code, "op_time": at.isoformat(), "deliver_code": delivered}
        entry = {"file": name, "sha256": sha256(words).hexdigest(), "waybill_no": WAYBILL, "arrival": arrival}
        events.append(entry | {"received_at": (at + timedelta(hours=2)).isoformat(), "parts": parts})
    piece = {"id": PIECE, "copy": 1, "state": "handed_over", "order_no": "o-1", "order_state": "answered"}
    piece |= {"ordered_at": POSTED.isoformat(), "waybill_no": WAYBILL, "item": f"函件 第{number}号 1份", "run_id": RUN}
    piece |= {"handed_over_at": POSTED.isoformat(), "run_number": 1, "proof": run_proof(rows, 6, **run)}
    attempt = {
        "id": "att_07",
        "n": 1,
        "state": "settled",
        "grade": "A1" if way == _WAY else None,
        "posted_on": "2026-11-24",
        "pdf": {"file": f"{FOLDER}/letter-1.pdf", **digests(pdf)._asdict()},
        "address": {"label": ["上海市示例区", "示例路1号"], "origin": "contract", "basis": "contract_performance"}
        | {"recorded_on": "2025-01-05", "text": "示例路1号"},
        "pieces": [piece | {"token": f"runs/{RUN}.tsr"}],
        "events": events,
        "said": {"outcome": "signed:A1", "mapping": "", "facts": len(events)} if way == _WAY else None,
    }
    record = {
        "exported_on": EXPORTED.date().isoformat(),
        "letter": {
            "id": "ltr_07",
            "no": number,
            "addressee": "赵示例",
            "product": "consumer_loan",
            "amount_fen": 1234500,
        }
        | {"state": "closed", "grade": attempt["grade"], "flags": [], "kind": "lawyer_letter"},
        "template_sha256": "2" * 64,
        "approval": _approval(keys),
        "attempts": [attempt],
        "history": [
            {"object": "piece", "id": PIECE, "source": "printed", "target": "enveloped", "actor": "production"}
            | {"reason": "code read", "at": (POSTED - timedelta(minutes=30)).isoformat()}
        ],
        "decisions": [],
        "stops": [],
        "tasks": [],
        "audit": {"count": 9, "head": "3" * 64, "intact": True, "entries": []},
    }
    files[f"{FOLDER}/record.json"] = canonical(record)
    return files


def header(keys: Keys) -> dict[str, Any]:
    return {
        "kind": "letter",
        "exported_at": EXPORTED.isoformat(),
        "institution": "云溪示例消费金融有限公司",
        "uscc": None,
        "firm": "上海示例律师事务所",
        "drill": False,
        "tsa_certificate": keys.root().decode(),
    }


def bundle(keys: Keys, files: Mapping[str, bytes], *, stamped: bool = True) -> bytes:
    return write_archive(sealed(files, header(keys), key=keys.institution, stamp=keys.stamp if stamped else None))


def _approval(keys: Keys) -> dict[str, Any]:
    item = ApprovalItem("ltr_07", "2" * 64, "4" * 64, "adr_07", 1234500, "contract_performance")
    approval: Approval = sign(
        keys.lawyer_private,
        _PASSWORD,
        template_hashes=["2" * 64],
        list_hash=ApprovalList((item,)).list_hash,
        exceptions_hash=exceptions_hash(()),
        at=POSTED - timedelta(hours=4),
        lawyer="林示例",
    )
    public = keys.lawyer_public.decode()
    return {"document": json.loads(approval.to_json()), "public_key": public, "by_itself": False, "list_checked": True}


Change = Callable[[random.Random, Files], Files]


def _run_of(attempt: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A run that has the row of the attempt's piece in its place, as whoever rebuilds the tree must invent it."""
    proof = attempt["pieces"][0]["proof"]
    rows = [proof["row"] | {"seq": seq, "piece_id": f"pce_{seq:02}"} for seq in range(1, proof["size"] + 1)]
    rows[proof["index"]] = proof["row"]
    return rows, {name: proof[name] for name in ("run_id", "day", "manifest_sha256")}


def _other_pdf(chance: random.Random, files: Files) -> Files:
    """The letter says something else; every hash of it is put right."""
    pdf = bytearray(files[f"{FOLDER}/letter-1.pdf"])
    pdf[chance.randrange(len(pdf))] ^= 1 << chance.randrange(8)
    changed = files | {f"{FOLDER}/letter-1.pdf": bytes(pdf)}
    record = json.loads(files[f"{FOLDER}/record.json"])
    attempt = record["attempts"][0]
    attempt["pdf"] |= digests(bytes(pdf))._asdict()
    attempt["pieces"][0]["proof"]["row"]["record_sha256"] = attempt["pdf"]["sha256"]
    rows, run = _run_of(attempt)
    attempt["pieces"][0]["proof"] = run_proof(rows, attempt["pieces"][0]["proof"]["index"], **run)
    return changed | {f"{FOLDER}/record.json": canonical(record)}


def _other_events(chance: random.Random, files: Files) -> Files:
    """The carrier told something else; every hash of it is put right."""
    record = json.loads(files[f"{FOLDER}/record.json"])
    event = chance.choice(record["attempts"][0]["events"])
    words = json.loads(files[event["file"]])
    words["opTime"] = f"2026-11-2{chance.randrange(4, 9)} {chance.randrange(10, 20)}:{chance.randrange(10, 60)}:07"
    event["parts"]["op_time"] = datetime.fromisoformat(words["opTime"]).replace(tzinfo=_SHANGHAI).isoformat()
    data = json.dumps(words, ensure_ascii=False).encode()
    event["sha256"] = sha256(data).hexdigest()
    return files | {event["file"]: data, f"{FOLDER}/record.json": canonical(record)}


def _other_amount(chance: random.Random, files: Files) -> Files:
    record = json.loads(files[f"{FOLDER}/record.json"])
    record["letter"]["amount_fen"] += chance.randrange(1, 10**6)
    return files | {f"{FOLDER}/record.json": canonical(record)}


_CHANGES: tuple[Change, ...] = (_other_pdf, _other_events, _other_amount)


def _stranger_signs(chance: random.Random, keys: Keys, files: Files, *, change: Change, old: bytes) -> bytes:
    """Everything signed and stamped anew, by a key and an authority of his own: whole, to one who trusts nobody."""
    return _stamped_anew(change(chance, files), keys, key=signing_key(chance.randbytes(32)))


def _stranger_keeps_the_key(chance: random.Random, keys: Keys, files: Files, *, change: Change, old: bytes) -> bytes:
    """The manifest names the institution's key; the signature is another's."""
    forged = sealed(change(chance, files), header(keys), key=keys.institution, stamp=lambda _message: old)
    return write_archive(forged | {"manifest.sig": signing_key(chance.randbytes(32)).sign(forged["manifest.json"])})


def _insider(chance: random.Random, keys: Keys, files: Files, *, change: Change, old: bytes) -> bytes:
    """All signatures are right; the timestamps are those of before."""
    return write_archive(sealed(change(chance, files), header(keys), key=keys.institution, stamp=lambda _message: old))


def _insider_stamps(chance: random.Random, keys: Keys, files: Files, *, change: Change, old: bytes) -> bytes:
    """All signatures are right, and an authority of his own has stamped everything anew, at the old times."""
    return _stamped_anew(change(chance, files), keys, key=keys.institution)


def _stamped_anew(files: Files, keys: Keys, *, key: Ed25519PrivateKey) -> bytes:
    """Run and bundle under the timestamps of a fresh authority, which the bundle names as its own."""
    own = new_signer()
    record = json.loads(files[f"{FOLDER}/record.json"])
    rows, run = _run_of(record["attempts"][0])
    piece = record["attempts"][0]["pieces"][0]
    piece["proof"] = run_proof(rows, piece["proof"]["index"], **run)
    token = stamp(new_request(run_statement(rows=rows, **run)).der, own, at=POSTED - timedelta(hours=1))
    certificate = own.root.public_bytes(Encoding.PEM).decode()
    return write_archive(
        sealed(
            files | {f"runs/{RUN}.tsr": token, f"{FOLDER}/record.json": canonical(record)},
            header(keys) | {"tsa_certificate": certificate},
            key=key,
            stamp=lambda message: stamp(new_request(message).der, own, at=EXPORTED),
        )
    )


def forgeries(keys: Keys, files: Files, *, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` forgeries of the bundle of `files`, of every kind in turn: (kind, archive)."""
    chance = random.Random(seed)
    old = sealed(files, header(keys), key=keys.institution, stamp=keys.stamp)["manifest.tsr"]
    makers = (_stranger_signs, _stranger_keeps_the_key, _insider, _insider_stamps)
    for number in range(count):
        maker, change = makers[number % len(makers)], _CHANGES[number // len(makers) % len(_CHANGES)]
        kind = f"{maker.__name__[1:]}: {change.__name__[1:]}".replace("_", " ")
        yield kind, maker(chance, keys, files, change=change, old=old)
