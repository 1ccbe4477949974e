"""Contact permits: may this person be called, texted or written to now, by whom, and what may be said; asked before the act.

    with engine.begin() as connection:
        hold(connection, tenant_id, names_to_hold(ask, person_id, number))
        answers = decide(connection, tenant_id, candidates, at=now, calendar=load_calendar())
        settle(connection, tenant_id, [("prm_…", "unanswered")], at=later)

>>> words_of("actor_unknown").short
'委托处理约定中没有该委外机构'
>>> [each.text for each in constraints("sms", "debtor") if each.rule == "C08"]
['未事先告知本人的，不得提及征信']

What is known of case, person and institution comes in as facts (flow/contacts.py); counted is what the ledger of permits
says (`counting`). Nothing here dials, sends or prints.
"""

from songda.contacts.asking import (
    CALLS,
    GATES,
    INSTITUTION,
    OUTCOMES,
    Ask,
    Channel,
    Mode,
    Outcome,
    Purpose,
    plain_number,
)
from songda.contacts.counting import CONNECTED, DIALS, EFFECTIVE, TEXTS, TEXTS_7D, hold, last_letters
from songda.contacts.deciding import Answer, Candidate, decide, foresee, names_to_hold
from songda.contacts.declarations import (
    ABOUT_DEBTOR,
    ABOUT_NUMBER,
    CONSENTS,
    Declaration,
    end,
    new_declaration_id,
    record,
    standing,
)
from songda.contacts.errors import (
    BadDeclaration,
    KeyReused,
    NoSuchDeclaration,
    NoSuchPermit,
    NotGranted,
    OtherOutcome,
    WrongOutcome,
)
from songda.contacts.permits import Permit, Settled, find_permits, permits_of, settle
from songda.contacts.said import facts_of_text
from songda.contacts.scripts import LIABLE, Constraint, constraints
from songda.contacts.windows import Window, on_holiday
from songda.contacts.words import words_of

__all__ = [
    "ABOUT_DEBTOR",
    "ABOUT_NUMBER",
    "CALLS",
    "CONNECTED",
    "CONSENTS",
    "DIALS",
    "EFFECTIVE",
    "GATES",
    "INSTITUTION",
    "LIABLE",
    "OUTCOMES",
    "TEXTS",
    "TEXTS_7D",
    "Answer",
    "Ask",
    "BadDeclaration",
    "Candidate",
    "Channel",
    "Constraint",
    "Declaration",
    "KeyReused",
    "Mode",
    "NoSuchDeclaration",
    "NoSuchPermit",
    "NotGranted",
    "OtherOutcome",
    "Outcome",
    "Permit",
    "Purpose",
    "Settled",
    "Window",
    "WrongOutcome",
    "constraints",
    "decide",
    "end",
    "facts_of_text",
    "find_permits",
    "foresee",
    "hold",
    "last_letters",
    "names_to_hold",
    "new_declaration_id",
    "on_holiday",
    "permits_of",
    "plain_number",
    "record",
    "settle",
    "standing",
    "words_of",
]
