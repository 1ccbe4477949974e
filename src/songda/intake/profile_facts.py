"""A tenant's profile as facts for the rules, on one day.

Names follow the rules: `firm.licence`, `lawyer.conflict`, `case.mandate_valid`, `chain.present`, `w.sender_name` …
Beside these derived facts, everything that the profile states appears under its own dotted name
(`institution.query_channel`), secrets only as True. A fact that is not stated is None, and a derived fact is None
as long as anything it is derived from is.
"""

from __future__ import annotations

from datetime import date

from pydantic import SecretStr

from songda.intake.profile import Lawyer, Profile, stated

#: The record of entrusted processing as rule D03 lists it → field of the profile.
_CHAIN = {
    "purpose": "purpose",
    "term": "term_until",
    "method": "method",
    "kinds": "kinds",
    "safeguards": "safeguards",
    "duties": "duties",
}


def profile_facts(profile: Profile, *, on: date, lawyer: str | None) -> dict[str, object]:
    """All facts; `lawyer` names whose facts `lawyer.*` are (unneeded when the profile has one lawyer)."""
    facts: dict[str, object] = {name: _open(value) for name, value in stated(profile)}
    facts |= _lawyer_facts(profile.lawyer(lawyer), on)
    facts["firm.licence"] = _licence(profile.firm.licence_no, profile.firm.licence_valid_until, on)
    facts["case.mandate_valid"] = _mandate_valid(profile, on)
    facts["case.evidence"] = _evidence(profile)
    facts["chain.present"] = _chain_present(profile, on)
    facts["chain.sub_consent"] = profile.entrusted_processing.sub_consent
    facts["a.pia_id"] = _assessment(profile, on)
    facts["a.human_route"] = profile.impact_assessment.human_route
    facts["a.region"] = profile.data_region
    facts |= _waybill_facts(profile)
    facts["a.repay_channel"] = _repay_channel(profile)
    return facts


def _open(value: object) -> object:
    if isinstance(value, SecretStr):
        return True
    return list(value) if isinstance(value, tuple) else value


def _licence(number: str | None, valid_until: date | None, on: date) -> str | None:
    if number is None or valid_until is None:
        return None
    return "valid" if on <= valid_until else "expired"


def _lawyer_facts(lawyer: Lawyer | None, on: date) -> dict[str, object]:
    chosen = lawyer or Lawyer()
    return {
        "lawyer.name": chosen.name,
        "lawyer.licence_no": chosen.licence_no,
        "lawyer.licence": _licence(chosen.licence_no, chosen.licence_valid_until, on),
        "lawyer.phone": chosen.phone,
        "lawyer.assigned": chosen.assigned,
        "lawyer.conflict": chosen.conflict,
        "lawyer.daily_max": chosen.daily_max,
        "lawyer.public_key": chosen.public_key,
    }


def _mandate_valid(profile: Profile, on: date) -> bool | None:
    mandate = profile.mandate
    if mandate.no is None or mandate.document_sha256 is None:
        return None
    if mandate.signed_on is None or mandate.valid_until is None:
        return None
    return mandate.signed_on <= on <= mandate.valid_until


def _evidence(profile: Profile) -> list[str] | None:
    return None if profile.evidence_pack is None else list(profile.evidence_pack)


def _chain_present(profile: Profile, on: date) -> list[str]:
    """Fields of the record that are stated; a term that has run out is none."""
    record = profile.entrusted_processing
    present = [name for name, attribute in _CHAIN.items() if getattr(record, attribute)]
    if record.term_until is not None and record.term_until < on:
        present.remove("term")
    return present


def _assessment(profile: Profile, on: date) -> str | None:
    """Id of the assessment, once it has been made: PIPL art. 55 asks for it beforehand."""
    assessment = profile.impact_assessment
    return assessment.id if assessment.done_on is not None and assessment.done_on <= on else None


def _waybill_facts(profile: Profile) -> dict[str, object]:
    carrier = profile.carrier
    sender = carrier.sender
    parts = (sender.prov, sender.city, sender.county, sender.address)
    secret = carrier.authorization or carrier.authorization_env or carrier.authorization_file
    by_files = carrier.via == "posting_files"
    way = (carrier.folder, carrier.number_range) if by_files else (carrier.endpoint, secret)
    contract = (carrier.kind, carrier.sender_no, carrier.product, *way)
    return {
        "w.carrier": carrier.kind,
        "w.contract": True if all(contract) else None,
        "w.sender_name": sender.name,
        "w.sender_address": "".join(part for part in parts if part) if all(parts) else None,
        "w.sender_postcode": sender.postcode,
        "w.sender_phone": sender.phone,
        "w.name_hidden": carrier.label.hides_name,
        "w.phone_hidden": carrier.label.hides_phone,
        "w.room_hidden": carrier.label.hides_room,
    }


def _repay_channel(profile: Profile) -> str | None:
    """Where a debtor may pay: an account in the creditor's name, or the official application; None is nowhere."""
    institution = profile.institution
    for account in institution.repay_accounts or ():
        if account.bank and account.number and account.name is not None and account.name == institution.name:
            return "account"
    return "app" if institution.official_app else None
