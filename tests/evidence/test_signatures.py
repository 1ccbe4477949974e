"""Bundles whose approval or PDF was signed under a certificate: RSA, ECDSA and SM2, with and without the libraries they need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bench.evidence_forgeries import FOLDER, POSTED, Files, Keys, bundle
from bench.letters_render import letter

from certificates import DAY, FIRM, PASSWORD, Holder, holder, rsa_key, sm2_pair
from songda.evidence import BadBundle, Trust, canonical, digests, read_trust, run_proof, sentences, verify_bundle
from songda.letters import Approval, Renderer, house_template, sign
from songda.signatures import NoSm2, open_signer, sign_pdf, sm2
from songda.sim.authority import stamp

KINDS = ("rsa", "ecdsa", "sm2")
LAWYER = "林示例"
ANOTHER_KEY: dict[str, Any] = {"rsa": lambda: rsa_key(3072), "ecdsa": lambda: None, "sm2": sm2_pair}


def changed(files: Files, change: Callable[[Any], None]) -> Files:
    record = json.loads(files[f"{FOLDER}/record.json"])
    change(record)
    return {**files, f"{FOLDER}/record.json": canonical(record)}


def approved(files: Files, owner: Holder, *, at: datetime = POSTED, **changes: Any) -> Files:
    """The files with an approval by `owner`."""
    hashes: Any = {"template_hashes": ["2" * 64], "list_hash": "5" * 64, "exceptions_hash": "6" * 64}
    approval = replace(sign(owner.pem, PASSWORD, **hashes, at=at, lawyer=LAWYER), **changes)
    document = json.loads(approval.to_json())
    return changed(files, lambda record: record["approval"].update(document=document, public_key=owner.certificate))


def said(data: bytes, trust: Trust) -> str:
    return "\n".join(sentences(verify_bundle(data, trust)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_lawyers_certificate_is_told_and_believed_when_the_reader_knows_it(
    keys: Keys, files: Files, kind: Any
) -> None:
    authority = holder(kind, name="示例证书机构", authority=True, key=ANOTHER_KEY[kind]())
    owner = holder(kind, name=LAWYER, issuer=authority)
    data = bundle(keys, approved(files, owner))
    text = said(data, keys.trust())
    assert "签名成立（证书为包内自称）" in text
    assert "签发者 CN=示例证书机构" in text
    for known in (owner, authority):
        trust = replace(keys.trust(), certificates=(*keys.trust().certificates, *_certificates(known)))
        assert "签名成立（证书由你提供，或由你信任的机构签发）" in said(data, trust)
        assert verify_bundle(data, trust).exit_code == 0
    namesake = holder(kind, name="示例证书机构", authority=True)
    trust = replace(keys.trust(), certificates=(*keys.trust().certificates, *_certificates(namesake)))
    assert "证书为包内自称" in said(data, trust)
    (told,) = verify_bundle(data, keys.trust()).to_json()["letters"]  # type: ignore[misc]
    assert told["signatures"][0]["checked"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_lawyers_certificate_alone_is_no_word_about_timestamps(keys: Keys, files: Files, kind: Any) -> None:
    owner = holder(kind, name=LAWYER)
    data = bundle(keys, approved(files, owner))
    assert "由你信任的机构签发" in said(data, Trust(certificates=tuple(_certificates(owner))))


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_character_of_the_approval_is_found_whoever_sealed_it(keys: Keys, files: Files, kind: Any) -> None:
    owner = holder(kind, name=LAWYER)
    for changes in (
        {"list_hash": "5" * 63 + "4"},
        {"lawyer": "林示列"},
        {"certificate": "0" * 64},
        {"scheme": "ed25519"},
    ):
        with pytest.raises(BadBundle):
            verify_bundle(bundle(keys, approved(files, owner, **changes)), keys.trust())


def test_an_approval_outside_the_certificates_days_or_by_another_is_refused(keys: Keys, files: Files) -> None:
    own = holder(name=LAWYER)
    for other in (
        holder(name=LAWYER, key=own.private, until=POSTED - DAY),
        holder(name="别人", key=own.private),
        holder(name=LAWYER, key=own.private, usage="encrypt"),
    ):
        good = approved(files, own)
        with pytest.raises(BadBundle):
            verify_bundle(bundle(keys, changed(good, lambda record, it=other: _claim(record, it, own))), keys.trust())


def _claim(record: Any, other: Holder, own: Holder) -> None:
    """Signed anew, by another program, with a certificate that nobody would sign with here."""
    from songda.letters.approval import _message
    from songda.signatures import certificates

    (certificate,) = certificates(other.certificate.encode())
    document = Approval.from_json(json.dumps(record["approval"]["document"]))
    unsigned = replace(document, certificate=certificate.fingerprint, signature="")
    signature = open_signer(own.pem, PASSWORD).sign(_message(unsigned)).hex()
    record["approval"].update(
        document=json.loads(replace(unsigned, signature=signature).to_json()), public_key=other.certificate
    )


def test_sm2_without_its_library_is_said_in_words(keys: Keys, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bundle(keys, approved(files, holder("sm2", name=LAWYER)))

    def none() -> Any:
        raise NoSm2

    monkeypatch.setattr(sm2, "_library", none)
    verdict = verify_bundle(data, keys.trust())
    assert verdict.exit_code == 2
    text = "\n".join(sentences(verdict))
    assert "国密 SM2（SM3）签名未能核对，本机没有安装国密 SM2 算法库" in text
    assert "有签名在本机未能核对" in text
    assert "签名成立" not in text.partition("签发批次名单")[2].partition("\n")[0]


def test_the_strangers_program_loads_neither_of_the_optional_libraries(
    keys: Keys, files: Files, tmp_path: Path
) -> None:
    """Before a bundle needs them: neither is there for one who installed three packages."""
    (tmp_path / "b.zip").write_bytes(bundle(keys, approved(files, holder("rsa", name=LAWYER))))
    program = (
        "import sys; from songda.evidence.verify import main; rc = main(sys.argv[1:]); "
        "print(rc, [m for m in ('gmssl_pyx', 'pyhanko', 'asn1crypto', 'sqlalchemy') if m in sys.modules])"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "b.zip")]
    answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert answer.stdout.rstrip().endswith("2 []"), answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def record() -> bytes:
    return Renderer(house_template("lawyer_letter")).render(letter(7)).pdf


def with_signed_pdf(keys: Keys, files: Files, record: bytes, owner: Holder, *, stamped: bool = False) -> Files:
    """The files about `record`, with an electronic signature of it by `owner`."""
    signer = open_signer(owner.pem, PASSWORD)
    if owner.pkcs12 is None:
        name, data = f"{FOLDER}/letter-1.pdf.sm2", signer.sign(record)
    else:
        by = (lambda request, hashed: stamp(request, keys.authority, at=POSTED)) if stamped else None
        name, data = f"{FOLDER}/letter-1.signed.pdf", sign_pdf(record, signer, stamp=by)

    def change(told: Any) -> None:
        attempt = told["attempts"][0]
        signature = {"file": name, "certificate": owner.certificate, "at": POSTED.isoformat()}
        attempt["pdf"] |= {**digests(record)._asdict(), "signature": signature}
        piece = attempt["pieces"][0]
        rows = [piece["proof"]["row"] | {"record_sha256": attempt["pdf"]["sha256"]}]
        run = {key: piece["proof"][key] for key in ("run_id", "day", "manifest_sha256")}
        piece |= {"proof": run_proof(rows, 0, **run), "token": None}

    return changed({**files, f"{FOLDER}/letter-1.pdf": record, name: data}, change)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_pdf_is_checked_offline_and_told(keys: Keys, files: Files, record: bytes, kind: Any) -> None:
    owner = holder(kind, name="某某", organization=FIRM)
    data = bundle(keys, with_signed_pdf(keys, files, record, owner, stamped=True))
    text = said(data, keys.trust())
    assert "函件 PDF 有电子签名" in text
    assert "没有电子印章证书" not in text
    assert ("该签名不晚于" in text) is (kind != "sm2")


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_byte_of_a_signed_pdf_is_found_whoever_sealed_it(
    keys: Keys, files: Files, record: bytes, kind: Any
) -> None:
    owner = holder(kind, name=FIRM)
    good = with_signed_pdf(keys, files, record, owner)
    (name,) = [each for each in good if each.endswith((".signed.pdf", ".sm2"))]
    for place in (9, len(good[name]) // 2, len(good[name]) - 1):
        broken = bytearray(good[name])
        broken[place] ^= 1
        with pytest.raises(BadBundle):
            verify_bundle(bundle(keys, {**good, name: bytes(broken)}), keys.trust())
    other = with_signed_pdf(keys, files, Renderer(house_template("lawyer_letter")).render(letter(8)).pdf, owner)
    with pytest.raises(BadBundle):
        verify_bundle(bundle(keys, {**good, name: other[name]}), keys.trust())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [{"name": "别的律所"}, {"until": POSTED - DAY}, {"usage": "encrypt"}])
def test_a_pdf_under_an_unfit_certificate_is_refused(
    keys: Keys, files: Files, record: bytes, kind: Any, changes: Any
) -> None:
    owner = holder(kind, **{"name": FIRM, **changes})
    with pytest.raises(BadBundle):
        verify_bundle(bundle(keys, with_signed_pdf(keys, files, record, owner)), keys.trust())


def test_a_signed_pdf_without_the_library_is_said_in_words_but_compared_with_the_record(
    keys: Keys, files: Files, record: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = with_signed_pdf(keys, files, record, holder("ecdsa", name=FIRM))
    for module in ("pyhanko.sign.general", "asn1crypto"):
        monkeypatch.setitem(sys.modules, module, None)
    verdict = verify_bundle(bundle(keys, good), keys.trust())
    assert verdict.exit_code == 2
    assert "本机没有安装 PDF 签名库" in "\n".join(sentences(verdict))
    name = f"{FOLDER}/letter-1.signed.pdf"
    with pytest.raises(BadBundle):
        verify_bundle(bundle(keys, {**good, name: b"%PDF-2.0" + good[name][8:]}), keys.trust())


def test_no_shape_of_a_signature_does_more_than_be_refused(keys: Keys, files: Files, record: bytes) -> None:
    good = with_signed_pdf(keys, files, record, holder("ecdsa", name=FIRM))
    for field in ("file", "certificate", "at"):
        for value in (None, 7, "x", [], "9999-12-31T23:59:59", "letter.pdf"):
            wrong = changed(good, lambda told, f=field, v=value: told["attempts"][0]["pdf"]["signature"].update({f: v}))
            with pytest.raises(BadBundle):
                verify_bundle(bundle(keys, wrong), Trust())


def _certificates(owner: Holder) -> tuple[Any, ...]:
    return read_trust([("holder.pem", owner.certificate.encode())]).certificates
