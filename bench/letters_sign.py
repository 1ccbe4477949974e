"""What an electronic signature of a PDF of record costs, and how much longer the file gets.

    .venv/bin/python bench/letters_sign.py [--letters 100] [--out letters_sign.json]

The records are those of bench/letters_render.py. `cpu_ms` is processor time of this process a letter, on one core: signing, and
verifying as the reader of a bundle does. `kept_bytes` is what lies beside a record at rest (compressed, before sealing). B-T asks
an authority in the same process: its work counts too, the way to a real one does not.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.letters_render import letter
from songda.letters import Renderer, house_template
from songda.signatures import Signer, Stamp, open_signer, sign_pdf, sm2, verify_pdf
from songda.sim.authority import new_signer, stamp

_WARM = 5
_PASSWORD = "only for this bench"


def signer(private: Any) -> Signer:
    """An invented firm's key under a certificate of its own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "上海示例律师事务所")])
    now = datetime.now(tz=UTC)
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(usage, critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(_PASSWORD.encode()))
    return open_signer(pem + certificate.public_bytes(Encoding.PEM), _PASSWORD)


def timed(work: Callable[[bytes], bytes], given: list[bytes]) -> tuple[list[bytes], float]:
    """Results, and milliseconds of processor time each."""
    for each in given[:_WARM]:
        work(each)
    began = time.process_time()
    made = [work(each) for each in given]
    return made, (time.process_time() - began) / len(given) * 1000


def in_pdf(name: str, own: Signer, records: list[bytes], stamp_by: Stamp | None) -> dict[str, Any]:
    made, signing = timed(lambda record: sign_pdf(record, own, stamp=stamp_by), records)
    pairs = dict(zip(made, records, strict=True))
    assert all(signed.startswith(record) for signed, record in pairs.items())
    _, verifying = timed(lambda signed: verify_pdf(signed, pairs[signed]).signature, made)
    added = [signed[len(record) :] for signed, record in pairs.items()]
    return row(name, signing, verifying, added)


def beside(records: list[bytes]) -> dict[str, Any]:
    import gmssl_pyx

    point, private = gmssl_pyx.sm2_key_generate()
    made, signing = timed(lambda record: sm2.sign(private, point, record), records)
    pairs = dict(zip(made, records, strict=True))

    def verify(signature: bytes) -> bytes:
        sm2.verify(point, pairs[signature], signature)
        return signature

    _, verifying = timed(verify, made)
    return row("SM2 beside the PDF", signing, verifying, made)


def row(name: str, signing: float, verifying: float, added: list[bytes]) -> dict[str, Any]:
    kept = zstandard.compress(json.dumps([base64.b64encode(each).decode() for each in added]).encode())
    return {
        "signature": name,
        "sign_cpu_ms": round(signing, 1),
        "verify_cpu_ms": round(verifying, 1),
        "added_bytes": round(sum(map(len, added)) / len(added)),
        "kept_bytes": round(len(kept) / len(added)),
    }


def measure(count: int) -> dict[str, Any]:
    renderers = {kind: Renderer(house_template(kind)) for kind in ("lawyer_letter", "reminder")}
    records, rendering = list[bytes](), time.process_time()
    for number in range(1, count + 1):
        records.append(renderers[letter(number).kind].render(letter(number)).pdf)
    rendering = (time.process_time() - rendering) / count * 1000
    authority = new_signer()

    def stamp_by(request: bytes, hashed: bytes) -> bytes:
        return stamp(request, authority, at=datetime.now(tz=UTC))

    own, curve = signer(rsa.generate_private_key(65537, 2048)), signer(ec.generate_private_key(ec.SECP256R1()))
    return {
        "letters": count,
        "render_cpu_ms": round(rendering, 1),
        "record_bytes": round(sum(map(len, records)) / count),
        "signatures": [
            in_pdf("RSA-2048, PAdES B-B", own, records, None),
            in_pdf("ECDSA P-256, PAdES B-B", curve, records, None),
            in_pdf("ECDSA P-256, PAdES B-T", curve, records, stamp_by),
            beside(records),
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--letters", type=int, default=100)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    figures = measure(asked.letters)
    text = json.dumps(figures, ensure_ascii=False, indent=2)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
