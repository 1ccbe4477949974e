"""Third stage, second half: a lawyer signs for what was proposed (songda.flow.proposal), or does not.

`approve` signs exactly the list that was shown and moves its letters in one transaction; a character changed in between makes
another list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, insert

from songda.base import ids
from songda.base.errors import SongdaError
from songda.compliance import lint_version
from songda.flow.audit import write_audit
from songda.flow.compose import check_token, token_hash
from songda.flow.decide import write_decisions
from songda.flow.imprints import imprints_for
from songda.flow.proposal import Proposal, Proposed, lawyer_index
from songda.flow.tenants import Tenant
from songda.letters import (
    Approval,
    ApprovalVoid,
    Pulled,
    exceptions_hash,
    sign,
    signing_key_of,
    verify,
    verify_list,
)
from songda.signatures import WrongKey
from songda.store import chunks, insert_missing, move, tables


class UnknownPulled(SongdaError):
    zh = "要撤下的函号 {letter_no} 不在待审批名单中"
    remedy = "请核对函号；名单可用 songda letters list 批次号 查看"
    exit_code = 65


def approve(
    engine: Engine,
    tenant: Tenant,
    proposal: Proposal,
    *,
    private_key: bytes,
    password: str,
    at: datetime,
    certificate: bytes | None = None,
    pulled: Mapping[str, str] | None = None,
    by_itself: bool = False,
) -> Approval:
    """Signs the proposal and moves its letters to `approved`, its exceptions and the pulled ones to `held`.

    Letters that two lawyers sign stay `ready` with the first signature.
    `pulled`: letter number → reason, taken out by the lawyer. `by_itself`: an invented firm of a drill that approves
    without a person; marked for good. Raises WrongKey (not a key of the lawyer's profile), UnfitKey, UnknownPulled, UnknownImprint,
    Conflict.
    """
    taken_out = _pulled(proposal, pulled or {})
    imprints = imprints_for(tenant, proposal.writer)
    listing = proposal.listing(each.letter_id for each in taken_out)
    approval = sign(
        private_key,
        password,
        template_hashes=[proposal.template_hash],
        list_hash=listing.list_hash,
        exceptions_hash=exceptions_hash(taken_out),
        at=at,
        lawyer=proposal.lawyer.name or "",
        certificate=certificate,
        seal_imprint=imprints["seal"],
        signature_imprint=imprints["signature"],
    )
    try:
        verify(approval, (proposal.lawyer.public_key or "").encode())
    except ApprovalVoid as error:
        raise WrongKey from error
    verify_list(approval, listing, taken_out)
    with engine.begin() as connection:
        _store(connection, tenant, proposal, approval, taken_out, at=at, by_itself=by_itself)
    return approval


def _pulled(proposal: Proposal, pulled: Mapping[str, str]) -> list[Pulled]:
    by_number = {letter.letter_no: letter.letter_id for letter in proposal.letters}
    for number in pulled:
        if number not in by_number:
            raise UnknownPulled(letter_no=number)
    return [Pulled(by_number[number], reason) for number, reason in pulled.items()]


def _store(
    connection: Connection,
    tenant: Tenant,
    proposal: Proposal,
    approval: Approval,
    pulled: Sequence[Pulled],
    *,
    at: datetime,
    by_itself: bool,
) -> None:
    out = {each.letter_id: each.reason for each in pulled}
    going = [letter for letter in proposal.letters if letter.letter_id not in out]
    approval_id = ids.derive("apv", proposal.on, tenant.key.id_secret(), approval.id)
    document = {
        "approval": approval.to_json(),
        "pulled": [[each.letter_id, each.reason] for each in pulled],
        # Kept for proofs: the profile may name another key by then.
        "key": signing_key_of(approval, (proposal.lawyer.public_key or "").encode()).pem,
    }
    connection.execute(
        insert(tables.approval),
        {
            "id": approval_id,
            "batch_id": proposal.batch_id,
            "lawyer": lawyer_index(tenant, proposal.lawyer),
            "day": proposal.on,
            "letters": len(going),
            "list_sha256": approval.list_hash,
            "document": tenant.key.seal(orjson.dumps(document), context=f"approval:{approval_id}"),
            "by_itself": by_itself,
        },
    )
    # One of two signatures moves nothing: the letters wait for the other.
    signed_for = [] if proposal.is_first_of_two else going
    move(
        connection,
        "letter",
        [(letter.letter_id, letter.version) for letter in signed_for],
        source="ready",
        target="approved",
        actor="lawyer",
        reason="by_itself_in_a_drill" if by_itself else "batch_signed",
        at=at,
        values=[
            {
                "approval_id": proposal.first.approval_id if proposal.first else approval_id,
                "content_sha256": letter.places[0][1],
                "template_sha256": proposal.template_hash,
                "check_token_hash": token_hash(check_token(tenant, letter.letter_id)),
                "letter_date": proposal.dated,
                "address_record_id": letter.places[0][0],
            }
            for letter in signed_for
        ],
    )
    for part in chunks(going):
        insert_missing(
            connection, tables.approved, [row for letter in part for row in _rows(letter, approval_id, proposal)]
        )
    held = [(each.letter_id, each.version, list(each.reasons)) for each in proposal.exceptions]
    held += [
        (letter.letter_id, letter.version, ["pulled_by_lawyer"])
        for letter in proposal.letters
        if letter.letter_id in out
    ]
    for why in ("gate_approve", "pulled_by_lawyer"):
        group = [each for each in held if (each[2] == ["pulled_by_lawyer"]) == (why == "pulled_by_lawyer")]
        move(
            connection,
            "letter",
            [(letter_id, version) for letter_id, version, _ in group],
            source="ready",
            target="held",
            actor="lawyer",
            reason=why,
            at=at,
            values=[{"reasons": reasons} for _, _, reasons in group],
        )
    inputs = {each.letter_id: each.inputs_hash for each in proposal.exceptions}
    write_decisions(
        connection,
        tenant,
        [
            (letter.letter_id, "signed_first" if proposal.is_first_of_two else "approved", letter.places[0][3], [])
            for letter in going
        ]
        + [(letter_id, "held", inputs.get(letter_id), reasons) for letter_id, _, reasons in held],
        stage="approve",
        versions={"rules": proposal.rule_set, "words": lint_version(), "template": proposal.template_hash},
        on=proposal.on,
    )
    write_audit(
        connection,
        at=at,
        actor=f"lawyer:{lawyer_index(tenant, proposal.lawyer)}",
        action="letters.approve",
        object_id=proposal.batch_id,
        details={"letters": len(going), "held": len(held), "list_sha256": approval.list_hash, "by_itself": by_itself},
    )


def _rows(letter: Proposed, approval_id: str, proposal: Proposal) -> list[dict[str, Any]]:
    return [
        {
            "approval_id": approval_id,
            "letter_id": letter.letter_id,
            "n": n,
            "address_record_id": record,
            "content_sha256": content_hash,
            "template_sha256": proposal.template_hash,
            "basis": basis,
        }
        for n, (record, content_hash, basis, _) in enumerate(letter.places, 1)
    ]
