"""PDFs that are signed by appending: the record stays, and one changed byte is found, by us and by pyHanko's own validator."""

from __future__ import annotations

import io
import random
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from bench.letters_render import letter

from certificates import FIRM, LAWYER, PASSWORD, Holder, holder
from songda.evidence.timestamp import read_stamp
from songda.letters import Renderer, house_template
from songda.signatures import BadSignature, UnfitKey, open_signer, sign_pdf, verify_pdf
from songda.sim.authority import new_signer, stamp

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AUTHORITY = new_signer()


@pytest.fixture(scope="module")
def record() -> bytes:
    return Renderer(house_template("lawyer_letter")).render(letter(7)).pdf


@pytest.fixture(scope="module", params=["rsa", "ecdsa"])
def firm(request: pytest.FixtureRequest) -> Holder:
    return holder(request.param, name=FIRM)


def by_authority(request: bytes, hashed: bytes) -> bytes:
    assert hashed in request
    return stamp(request, AUTHORITY, at=AT)


def pyhanko_says(signed: bytes, firm: Holder) -> Any:
    from asn1crypto import pem, x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    def loaded(data: bytes) -> Any:
        return x509.Certificate.load(pem.unarmor(data)[2] if pem.detect(data) else data)

    roots = [loaded(firm.certificate.encode()), loaded(AUTHORITY.root.public_bytes(Encoding.DER))]
    context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=AT)
    (embedded,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    return validate_pdf_signature(embedded, context, context)


@pytest.mark.parametrize("stamped", [False, True])
def test_the_record_stays_and_the_signature_stands_behind_it(record: bytes, firm: Holder, stamped: bool) -> None:
    signed = sign_pdf(record, open_signer(firm.pem, PASSWORD), stamp=by_authority if stamped else None)
    assert signed.startswith(record)
    assert sha256(signed[: len(record)]).digest() == sha256(record).digest()
    found = verify_pdf(signed, record)
    assert found.key.pem == firm.certificate
    assert (found.token is not None) is stamped
    if found.token is not None:
        assert read_stamp(found.token, found.signature, roots=[AUTHORITY.root]).at == AT
    status = pyhanko_says(signed, firm)
    assert status.bottom_line
    assert status.coverage.name == "ENTIRE_FILE"
    assert (status.timestamp_validity is not None) is stamped


def test_it_is_signed_as_pades_asks(record: bytes, firm: Holder) -> None:
    added = sign_pdf(record, open_signer(firm.pem, PASSWORD), stamp=None)[len(record) :]
    assert b"/SubFilter /ETSI.CAdES.detached" in added
    # Nothing is drawn: the page stays as it was printed.
    assert b"/Rect [ 0 0 0 0 ]" in added


def test_one_changed_byte_breaks_it(record: bytes, firm: Holder) -> None:
    signed = sign_pdf(record, open_signer(firm.pem, PASSWORD), stamp=None)
    start = signed.index(b"/Contents <", len(record)) + len(b"/Contents ")
    end = signed.index(b">", start) + 1
    chance = random.Random(3)
    behind = [*range(len(record), start + 1), *range(end - 9, len(signed))]
    for place in chance.sample(range(len(record)), 40) + chance.sample(behind, 80):
        changed = bytearray(signed)
        changed[place] ^= 1
        with pytest.raises(BadSignature):
            verify_pdf(bytes(changed), record)
    # Within the CMS object some bytes mean nothing; none makes it another's signature, or one over something else.
    for place in chance.sample(range(start + 1, end - 1), 120):
        changed = bytearray(signed)
        changed[place] = chance.choice(b"0123456789abcdef")
        with suppress(BadSignature, UnfitKey):
            assert verify_pdf(bytes(changed), record).key.pem == firm.certificate
    place = len(record) // 2
    changed = bytearray(signed)
    changed[place] ^= 1
    assert not pyhanko_says(bytes(changed), firm).intact
    # Another record under the same signature, and bytes behind it.
    with pytest.raises(BadSignature):
        verify_pdf(bytes(changed), bytes(changed[: len(record)]))
    for other in (signed + b"\n", signed[:-1], record, record + b" " * 5000):
        with pytest.raises(BadSignature):
            verify_pdf(other, record)


def test_keys_that_have_no_place_in_pdf_are_refused(record: bytes) -> None:
    from songda.letters import new_lawyer_key

    with pytest.raises(UnfitKey, match="algorithm"):
        sign_pdf(record, open_signer(holder("sm2", name=FIRM).pem, PASSWORD), stamp=None)
    with pytest.raises(UnfitKey, match="algorithm"):
        sign_pdf(record, open_signer(new_lawyer_key(PASSWORD)[0], PASSWORD), stamp=None)


def test_the_issuers_travel_with_the_signature(record: bytes) -> None:
    authority = holder("rsa", name="示例证书机构", authority=True)
    firm = holder("rsa", name=FIRM, issuer=authority)
    signer = open_signer(firm.pem, PASSWORD, certificate=authority.certificate.encode())
    signed = sign_pdf(record, signer, stamp=None)
    assert verify_pdf(signed, record).key.pem == firm.certificate
    assert pyhanko_says(signed, authority).bottom_line
    assert LAWYER.encode() not in signed[len(record) :]
