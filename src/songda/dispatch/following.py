"""Asking the carrier what became of the letters (040001), chunk by chunk; where it does not answer, an aggregator.

    report = follow(engine, tenant_id=tenant, key=key, post=post, fallback=kuaidi100, at=now)
    report.news, report.unanswered

A chunk is asked with no transaction open and stored in one of its own: a kill loses the answers of one chunk, which
the carrier gives again. One waybill without an answer is left for the next time and costs the others nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, Engine

from songda.base.days import business_day
from songda.carriers import NoAnswer, Refused, Trace, Tracker, read_words
from songda.dispatch import tasks
from songda.dispatch.addressees import addressees
from songda.dispatch.deadlines import Deadlines, load_deadlines
from songda.dispatch.facts import Told, known_words, lock_attempts, store_events
from songda.dispatch.followed import Followed, note_answered, note_asked, revisable, shuffled, under_way
from songda.store import chunks
from songda.vault import DataKey

ACTOR = "dispatch"

#: So many calls in a row without an answer: the carrier is not there.
_GIVE_UP = 24


@dataclass(frozen=True, slots=True)
class FollowReport:
    #: Waybills for which an answer came.
    asked: int
    #: Facts that were new.
    news: int
    #: The carrier does not know the number: not the same as "nothing happened yet"; a person has a task.
    unknown: int
    #: The carrier said no to the question.
    refused: int
    #: No answer: asked again next time.
    unanswered: int
    #: Not asked any more, because the carrier answered nobody or the limit was reached.
    left: int
    #: Events that carry no time: kept by the carrier, of no use to us.
    malformed: int
    #: Waybills of `asked` that the fallback answered.
    second_hand: int = 0


def follow(
    engine: Engine,
    *,
    tenant_id: str,
    key: DataKey,
    post: Tracker,
    at: datetime,
    fallback: Tracker | None = None,
    threads: int = 8,
    limit: int | None = None,
    chunk: int = 500,
    deadlines: Deadlines | None = None,
    drill: bool = False,
) -> FollowReport:
    """Asks for every waybill under way that is due, and every few days for those settled within the revision window.

    What `post` does not answer is asked at `fallback`, whose word counts until the carrier itself has spoken of that
    time. A `drill` asks about its own letters only, and about them asks nobody else. Stops early when nobody answers. Raises Unsealable.
    """
    waits = deadlines or load_deadlines()
    with engine.connect() as connection:
        late = shuffled(
            revisable(
                connection, tenant_id, at=at, days=waits.revision_days, every=waits.revision_every_days, drill=drill
            ),
            at=at,
        )
        every = (
            shuffled(under_way(connection, tenant_id, at=at, every=waits.ask_every_hours, drill=drill), at=at) + late
        )
    todo = every[:limit]
    counts: Counter[str] = Counter(left=len(every) - len(todo))
    for first, part in zip(range(0, len(todo), chunk), chunks(todo, chunk), strict=True):
        answers = _ask(post, part, threads=threads)
        silent = [each for each in part if not isinstance(answers.get(each.waybill_no), Trace)]
        if silent and fallback is not None:
            told = _ask(fallback, silent, threads=threads)
            traced = {number: answer for number, answer in told.items() if isinstance(answer, Trace)}
            counts["second_hand"] += len(traced)
            answers |= traced
        with engine.begin() as connection:
            counts += _store(connection, part, answers, key=key, at=at)
        if not any(isinstance(answer, Trace) for answer in answers.values()):
            counts["left"] += len(part) - len(answers) + len(todo) - first - len(part)
            return _report(counts)
        counts["left"] += len(part) - len(answers)
    if len(late) > counts["left"]:
        with engine.begin() as connection:
            note_asked(connection, tenant_id, day=business_day(at))
    return _report(counts)


def _ask(post: Tracker, part: Sequence[Followed], *, threads: int) -> dict[str, Trace | Refused | NoAnswer]:
    """What came back by waybill; cut short when nobody has answered for long."""
    answers: dict[str, Trace | Refused | NoAnswer] = {}
    silent = 0
    calls = post.trace_many([each.waybill_no for each in part], threads=threads)
    for number, answer in calls:
        answers[number] = answer
        silent = silent + 1 if isinstance(answer, NoAnswer) else 0
        if silent >= max(_GIVE_UP, 2 * threads):
            break
    return answers


def _store(
    connection: Connection,
    part: Sequence[Followed],
    answers: Mapping[str, Trace | Refused | NoAnswer],
    *,
    key: DataKey,
    at: datetime,
) -> Counter[str]:
    traced = [(each, answer) for each in part if isinstance(answer := answers.get(each.waybill_no), Trace)]
    told, malformed = _told(connection, traced, key=key)
    unknown = {each.piece_id: "unknown" for each, trace in traced if not trace.known}
    asked = [each.piece_id for each, _ in traced]
    tasks.keep_tasks(connection, tasks.WAYBILL_UNKNOWN, unknown, among=asked, actor=ACTOR, at=at)
    note_answered(connection, (each.attempt_id for each, _ in traced), at=at)
    return Counter(
        asked=len(traced),
        news=store_events(connection, key=key, told=told, received_at=at),
        unknown=len(unknown),
        refused=sum(isinstance(answer, Refused) for answer in answers.values()),
        unanswered=sum(isinstance(answer, NoAnswer) for answer in answers.values()),
        malformed=malformed,
    )


def _told(connection: Connection, traced: Sequence[tuple[Followed, Trace]], *, key: DataKey) -> tuple[list[Told], int]:
    """The events whose words are new, read again beside the addressee's name; and how many could not be read."""
    attempts = [each.attempt_id for each, _ in traced]
    lock_attempts(connection, attempts)
    known = known_words(connection, attempts)
    fresh = [
        (each, words)
        for each, trace in traced
        for words in trace.words
        if (each.attempt_id, sha256(words).hexdigest()) not in known
    ]
    names = addressees(connection, {each.person_id for each, _ in fresh}, key=key)
    told, malformed = [], 0
    for each, words in fresh:
        event = read_words(words, waybill_no=each.waybill_no, addressee=names[each.person_id])
        if event is None:
            malformed += 1
        else:
            told.append(Told(each.attempt_id, event, words))
    return told, malformed


def _report(counts: Counter[str]) -> FollowReport:
    return FollowReport(**{name: counts[name] for name in FollowReport.__slots__})
