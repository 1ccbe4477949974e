"""One letter of a bundle, computed anew: hashes, proofs, signatures, and the outcome from the carrier's own words.

    letter = check_letter(files, "letters/LH2026-000001", header=header, mapping=mapping, trust=trust)
    letter.grade, letter.agrees

Raises BadBundle for whatever does not fit together. What is merely not there is no error: `links` tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from songda.carriers import Mapping as Codes
from songda.carriers import Outcome
from songda.dispatch import best_grade
from songda.evidence.deposit import check_proof
from songda.evidence.errors import BadBundle
from songda.evidence.hashing import digests
from songda.evidence.manifest import Origin, Stamped, read_json, read_stamped
from songda.evidence.outcome import Heard, refold
from songda.evidence.trust import Trust
from songda.letters import Approval, ApprovalVoid, signing_key_of, verify
from songda.signatures import (
    BadSignature,
    Certificate,
    NoPades,
    NoSm2,
    SignedPdf,
    UnfitKey,
    VerifyingKey,
    check,
    verify_pdf,
    verifying_keys,
)

#: What a record may do wrong when its shape is not ours.
SHAPE_ERRORS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Countersigner:
    lawyer: str
    #: ISO 8601 with offset.
    at: str
    signatory: Signatory
    #: Whether the list is the very one that the first lawyer signed; else the house's word says that the letter stands on both.
    same_list: bool


@dataclass(frozen=True, slots=True)
class Signatory(Origin):
    """Who signed an approval or a PDF of record, by the key that did."""

    #: A key of songda.signatures.SCHEMES_ZH.
    scheme: str
    #: None: a bare key.
    certificate: Certificate | None
    #: What the reader's machine lacks to compute the signature; None: it was computed and holds.
    unchecked: NoSm2 | NoPades | None


@dataclass(frozen=True, slots=True)
class SignedRecord:
    signatory: Signatory
    #: The authority's timestamp inside the signature; None: none, or not looked at.
    stamped: Stamped | None


@dataclass(frozen=True, slots=True)
class CheckedLetter:
    #: `record.json` of the letter; its shape is told in docs/evidence.md.
    record: Mapping[str, Any]
    #: Attempt → waybill → outcome, computed here.
    outcomes: Mapping[str, Mapping[str, Outcome]]
    #: Piece → timestamp over its print run; pieces whose run has none are not here.
    stamps: Mapping[str, Stamped]
    #: Pieces of which it is proven that they were in their run.
    proven_pieces: frozenset[str]
    #: Whose signature approved the letter; None: no approval, or no key to check it with.
    lawyer: Signatory | None
    #: Attempt → the electronic signature of its PDF of record; PDFs that bear none are not here.
    signed: Mapping[str, SignedRecord]
    #: Of letters that forward a court's document: who signed besides; the document is the recorded one.
    countersigners: tuple[Countersigner, ...]
    #: The best grade over the attempts as the ledger has it, provisional ones included, and as computed here.
    grade: str | None
    computed: str | None
    #: Whether every attempt that is under way has come to its end.
    final: bool
    #: Whether the ledger said of each attempt what was computed here.
    agrees: bool

    @property
    def attempts(self) -> list[Mapping[str, Any]]:
        return list(self.record["attempts"])


def check_letter(
    files: Mapping[str, bytes], folder: str, *, header: Mapping[str, Any], mapping: Codes, trust: Trust
) -> CheckedLetter:
    """The letter that lies in `folder`. Raises BadBundle."""
    record = read_json(files[f"{folder}/record.json"])
    try:
        return _check(files, record, header=header, mapping=mapping, trust=trust)
    except SHAPE_ERRORS:
        raise BadBundle(reason=f"{folder} 的记录不完整") from None


def _check(
    files: Mapping[str, bytes], record: Mapping[str, Any], *, header: Mapping[str, Any], mapping: Codes, trust: Trust
) -> CheckedLetter:
    stamps: dict[str, Stamped] = {}
    proven = set()
    outcomes = {}
    signed = {}
    for attempt in record["attempts"]:
        _check_pdf(files, attempt)
        if attempt["pdf"] is not None and attempt["pdf"].get("signature") is not None:
            signed[attempt["id"]] = _signed(files, attempt["pdf"], header=header, trust=trust)
        for piece in attempt["pieces"]:
            if piece["proof"] is None:
                continue
            stamped = _check_piece(files, record, attempt, piece, header=header, trust=trust)
            proven.add(piece["id"])
            if stamped is not None:
                stamps[piece["id"]] = stamped
        outcomes[attempt["id"]] = _outcomes(files, record, attempt, header=header, mapping=mapping)
    return CheckedLetter(
        record=record,
        outcomes=outcomes,
        stamps=stamps,
        proven_pieces=frozenset(proven),
        signed=signed,
        lawyer=_lawyer(record["approval"], trust),
        countersigners=_check_court(files, record, trust),
        grade=best_grade(
            grade for attempt in record["attempts"] for grade in _grades(attempt, outcomes[attempt["id"]])
        ),
        computed=best_grade(
            grade for attempt in record["attempts"] for grade in _computed(attempt, outcomes[attempt["id"]])
        ),
        final=all(attempt["state"] not in _UNDER_WAY for attempt in record["attempts"]),
        agrees=all(_agrees(attempt, outcomes[attempt["id"]]) for attempt in record["attempts"]),
    )


#: States of an attempt in which its grade may still come.
_UNDER_WAY = frozenset({"locked", "posted", "carried", "reported", "silent"})


def _check_pdf(files: Mapping[str, bytes], attempt: Mapping[str, Any]) -> None:
    pdf = attempt["pdf"]
    if pdf is None:
        return
    if digests(files[pdf["file"]]) != (pdf["sha256"], pdf["sm3"]):
        raise BadBundle(reason="函件 PDF 与记录的哈希不符")


def _check_piece(
    files: Mapping[str, bytes],
    record: Mapping[str, Any],
    attempt: Mapping[str, Any],
    piece: Mapping[str, Any],
    *,
    header: Mapping[str, Any],
    trust: Trust,
) -> Stamped | None:
    """The proof must be that of this piece, of this letter and of this PDF."""
    proof = piece["proof"]
    row = proof["row"]
    statement = check_proof(proof)
    expected = {
        "piece_id": piece["id"],
        "letter_no": record["letter"]["no"],
        "waybill_no": piece["waybill_no"],
        "record_sha256": attempt["pdf"]["sha256"],
    }
    court = record.get("court")
    if (court is None) != (row.get("annex") is None) or (court and row["annex"]["sha256"] != court["document_sha256"]):
        raise BadBundle(reason="打印批次中所附的文书不是登记的文书")
    if any(row[name] != value for name, value in expected.items()):
        raise BadBundle(reason="打印批次中的那一行不是这封函件")
    if piece["token"] is None:
        return None
    return read_stamped(files[piece["token"]], statement, header, trust)


def _outcomes(
    files: Mapping[str, bytes],
    record: Mapping[str, Any],
    attempt: Mapping[str, Any],
    *,
    header: Mapping[str, Any],
    mapping: Codes,
) -> dict[str, Outcome]:
    heard = []
    for event in attempt["events"]:
        words = files[event["file"]]
        if sha256(words).hexdigest() != event["sha256"]:
            raise BadBundle(reason="承运商的原始轨迹与记录的哈希不符")
        # Bundles of earlier versions know no slips.
        slip = event.get("slip")
        if slip is not None and sha256(files[slip["file"]]).hexdigest() != slip["sha256"]:
            raise BadBundle(reason="签收联照片与记录的哈希不符")
        heard.append(Heard(event["waybill_no"], event["arrival"], words, event["parts"]))
    return refold(
        heard,
        mapping=mapping,
        handed_over={
            piece["waybill_no"]: datetime.fromisoformat(piece["handed_over_at"])
            for piece in attempt["pieces"]
            if piece["handed_over_at"] is not None and piece["waybill_no"] is not None
        },
        addressee=record["letter"]["addressee"],
        address_basis=attempt["address"]["origin"],
        product=record["letter"]["product"],
        as_of=datetime.fromisoformat(header["exported_at"]),
    )


def _grades(attempt: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> list[str | None]:
    """What an attempt settled as; before that, what its events say so far."""
    return [attempt["grade"]] if attempt["grade"] is not None else [each.grade for each in outcomes.values()]


def _computed(attempt: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> list[str | None]:
    """What the events say; where an attempt is over and they say nothing, that nothing was proven."""
    nothing = "F" if attempt["grade"] is not None else None
    return [each.grade or nothing for each in outcomes.values()] or [nothing]


def _agrees(attempt: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> bool:
    """An attempt with several waybills goes by one of them. What settled by a deadline has no outcome, and proves nothing."""
    said = attempt["said"]
    if said is None:
        return not any(each.grade for each in outcomes.values()) and attempt["grade"] in (None, "F")
    computed = {f"{each.state}:{each.grade or '-'}" for each in outcomes.values()}
    settled = attempt["grade"] is None or attempt["grade"] == (said["outcome"].partition(":")[2].replace("-", "F"))
    return said["outcome"] in computed and settled


def _check_court(files: Mapping[str, bytes], record: Mapping[str, Any], trust: Trust) -> tuple[Countersigner, ...]:
    """Raises BadBundle when the document is not the recorded one, or a second signature is not its lawyer's own."""
    court = record.get("court")
    if court is None:
        return ()
    pdf = court["pdf"]
    if digests(files[pdf["file"]]) != (pdf["sha256"], pdf["sm3"]) or pdf["sha256"] != court["document_sha256"]:
        raise BadBundle(reason="法院文书与登记的哈希不符")
    found = []
    for each in court["countersigned"]:
        signatory = _lawyer(each, trust)
        first = record["approval"]["document"]
        # The same key twice is one pair of eyes.
        if signatory is not None and each["document"]["key_id"] != first["key_id"]:
            same = each["document"]["list_hash"] == first["list_hash"]
            found.append(Countersigner(each["document"]["lawyer"], each["document"]["at"], signatory, same))
    return tuple(found)


def _lawyer(approval: Mapping[str, Any] | None, trust: Trust) -> Signatory | None:
    """Raises BadBundle when the approval was signed by another key than the one it names."""
    if approval is None or approval["public_key"] is None:
        return None
    document = Approval(**{**approval["document"], "template_hashes": tuple(approval["document"]["template_hashes"])})
    public = approval["public_key"].encode()
    try:
        return _signatory(verify(document, public), trust)
    except ApprovalVoid:
        raise BadBundle(reason="律师签发的签名不成立") from None
    except NoSm2 as lacking:
        return _signatory(signing_key_of(document, public), trust, unchecked=lacking)


def _signed(
    files: Mapping[str, bytes], pdf: Mapping[str, Any], *, header: Mapping[str, Any], trust: Trust
) -> SignedRecord:
    """The signature beside a PDF of record, or behind its bytes. Raises BadBundle when it is not the certificate's, or not theirs."""
    stated, record = pdf["signature"], files[pdf["file"]]
    data = files[stated["file"]]
    inside, stamped, unchecked = stated["file"].endswith(".pdf"), None, None
    broken = BadBundle(reason="函件 PDF 的电子签名不成立")
    try:
        (key,) = verifying_keys(stated["certificate"].encode())
        if key.certificate is None or (inside and not data.startswith(record)):
            raise broken
        check(key.certificate, names=[header["firm"], header["institution"]], at=datetime.fromisoformat(stated["at"]))
        if inside:
            found = verify_pdf(data, record)
            if found.key != key:
                raise broken
            stamped = _stamped(found, header, trust)
        else:
            key.verify(record, data)
    except (BadSignature, UnfitKey):
        raise broken from None
    except (NoSm2, NoPades) as lacking:
        unchecked = lacking
    return SignedRecord(_signatory(key, trust, unchecked=unchecked), stamped)


def _stamped(found: SignedPdf, header: Mapping[str, Any], trust: Trust) -> Stamped | None:
    return None if found.token is None else read_stamped(found.token, found.signature, header, trust)


def _signatory(key: VerifyingKey, trust: Trust, *, unchecked: NoSm2 | NoPades | None = None) -> Signatory:
    return Signatory(trust.vouches_for(key), key.id, key.scheme, key.certificate, unchecked)
