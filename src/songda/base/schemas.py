"""Schemas of the frames that travel between rooms. One declaration each; a room that makes a frame casts to it, others rely on it.

Null means "the file did not say": it is never replaced by a guess, and a rule that needs the fact then blocks (fail closed).
"""

from __future__ import annotations

import polars as pl

_DATE, _TEXT, _FEN, _FLAG = pl.Date(), pl.String(), pl.Int64(), pl.Boolean()

#: One overdue contract as the institution's file states it (intake → flow). Holds personal data: memory only.
CASES = pl.Schema(
    {
        "row_no": pl.Int64(),  # the row number that the person sees in the spreadsheet
        "case_no": _TEXT,
        "contract_no": _TEXT,
        "product": _TEXT,  # consumer_loan | credit_card | cash_loan | auto_loan | mortgage | business_loan
        "product_name": _TEXT,  # as the institution calls it
        "role": _TEXT,  # of the addressee: debtor | co_debtor | guarantor | guardian | estate
        "name": _TEXT,
        "id_number": _TEXT,  # 18 characters, checksum verified, upper case
        "phones": pl.List(_TEXT),  # 11 digits each
        "loan_amount_fen": _FEN,  # paid out at the start
        "principal_fen": _FEN,  # outstanding, as the three that follow
        "interest_fen": _FEN,
        "penalty_fen": _FEN,
        "fees_fen": _FEN,
        "paid_fen": _FEN,  # repaid so far, for information; not subtracted again
        "amount_on": _DATE,  # the day for which the amounts hold
        "disbursed_on": _DATE,
        "due_on": _DATE,
        "overdue_since": _DATE,
        "annual_cost": pl.Float64(),  # all-in cost a year, 0.24 = 24 %
        "limitation_event_on": _DATE,  # last event that interrupted limitation
        "promises_made": pl.Int64(),  # to pay, on the telephone
        "promises_kept": pl.Int64(),
        "last_answered_on": _DATE,  # the debtor answered a call
        "state": _TEXT,  # open | paid | plan_kept | written_off_forgiven | wrong_person
        "dispute_open": _FLAG,
        "debtor_state": _TEXT,  # normal | deceased | no_capacity | limited_capacity | bankruptcy
        "debtor_flags": pl.List(
            _TEXT
        ),  # serious_illness, disability, over_70, disaster, … ; empty list = stated as none
        "assigned": _FLAG,  # the claim was sold
        "assignment_notice_arrived": _FLAG,
        "credit_notice_given": _FLAG,
        "own_values": _TEXT,  # JSON object: variable of the firm's own templates → [type, value]
    }
)

#: The 1-6 addresses of each case (intake → flow). Holds personal data: memory only.
ADDRESSES = pl.Schema(
    {
        "row_no": pl.Int64(),
        "ordinal": pl.Int64(),  # 1..6, column group of the file
        "text": _TEXT,
        "origin": _TEXT,  # contract | id_card | debtor_update | reserved | earlier_letter | court | public_register | or a forbidden one
        "basis": _TEXT,  # legal basis: contract_performance | consent | legal_duty | court_record
        "recorded_on": _DATE,
        "expires_on": _DATE,
        "owner_role": _TEXT,  # whose address it is: debtor | co_debtor | guarantor | guardian | estate | contact
    }
)

#: The 0-4 contacts of each case (intake → flow). Holds personal data: memory only. Kept sealed; no letter ever goes to a contact.
CONTACTS = pl.Schema(
    {
        "row_no": pl.Int64(),
        "ordinal": pl.Int64(),
        "name": _TEXT,
        "phone": _TEXT,
        "relation": _TEXT,  # parent | spouse | child | sibling | relative | friend | colleague | other
        "named_by": _TEXT,  # named_by_debtor | contract | or a forbidden origin
        "named_on": _DATE,
        "number_state": _TEXT,  # alive | vacant | stopped | unchecked
        "region": _TEXT,  # province of the number
        "answer": _TEXT,  # confirmed | denied | refused | unchecked: what the contact said
    }
)

#: What `address.standardize` answers, one row a text. `text` and the fine parts are personal once linked to a person: memory only.
STANDARD = pl.Schema(
    {
        "text": _TEXT,
        "province": _TEXT,
        "city": _TEXT,
        "district": _TEXT,
        "town": _TEXT,
        "village": _TEXT,
        "group": _TEXT,
        "road": _TEXT,
        "road_no": _TEXT,
        "poi": _TEXT,
        "building": _TEXT,
        "unit": _TEXT,
        "floor": _TEXT,
        "room": _TEXT,
        "landmark": _TEXT,
        "noise": _TEXT,
        "also": _TEXT,  # a second address in the same text
        "adcode": _TEXT,  # 6 digits of the deepest of province, city, district
        "town_code": _TEXT,  # 9 digits
        "postcode": _TEXT,
        "standard": _TEXT,  # the one canonical line
        "label": pl.List(_TEXT),  # lines that fit an envelope
        "place_key": _TEXT,  # equal when all stated parts mean the same
        "place_keys": pl.List(_TEXT),  # prefix key a level, coarse to fine
        "level": _TEXT,  # deepest known: none province city district town village road road_no poi building unit floor room
        "completeness": pl.Float64(),  # share of what a courier needs, 0-1
        "confidence": pl.Float64(),  # probability that the standard form is right, 0-1
        "alternatives": pl.List(_TEXT),  # ranked, when ambiguous
        "issues": pl.List(_TEXT),  # codes
        "corrections": pl.List(_TEXT),  # "district:下城区>拱墅区:merged 2021"
        "inferred": pl.List(_TEXT),  # names of the columns that the text did not state
    }
)
