"""The stand-in authority: stamps requests and nothing else. What a stamp is worth is tested where it is used (tests/evidence)."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response

from songda.sim.authority import new_signer, stamping

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
QUERY = {"Content-Type": "application/timestamp-query"}


def test_a_request_is_stamped_with_the_clock_and_the_nonce() -> None:
    signer = new_signer()
    request = TimestampRequestBuilder().data(b"message").hash_algorithm(HashAlgorithm.SHA256).build()
    with stamping(signer, clock=lambda: AT) as authority:
        answer = httpx.post(authority.url, content=request.as_bytes(), headers=QUERY)
    assert answer.headers["Content-Type"] == "application/timestamp-reply"
    token = decode_timestamp_response(answer.content)
    assert (
        VerifierBuilder.from_request(request)
        .add_root_certificate(signer.root)
        .build()
        .verify_message(token, b"message")
    )
    assert token.tst_info.gen_time == AT


def test_what_is_no_request_is_refused() -> None:
    sha512 = TimestampRequestBuilder().data(b"message").hash_algorithm(HashAlgorithm.SHA512).build().as_bytes()
    with stamping() as authority:
        for content, headers in ((b"", QUERY), (b"rubbish", QUERY), (sha512, QUERY), (b"x" * 5000, QUERY), (b"", {})):
            assert httpx.post(authority.url, content=content, headers=headers).status_code == 400
