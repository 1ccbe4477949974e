"""An approved model decides and is named; without one the rule does, marked as such; what is left to chance is logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from bank import letters, opened, proposed, rows_of, taken_in

from songda.base import days
from songda.feedback import KINDS, SamePerson, UnknownModel, WrongModelState, approved, keep, listed
from songda.flow.choosing import VITALITY_RULE
from songda.flow.models import approve, data_of, retire, train
from songda.flow.predictions import PAYS_WITHIN, comparable, predictions_of
from songda.flow.worth import HOLD_OUT
from songda.models import selection, sending
from songda.models.errors import TooLittleData
from songda.models.place_features import PLACES
from songda.planning import CHOICE_VERSION, SEND_VERSION
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.store import tables

LEARNING = ("[policy]", "[learning]\nexplore = 0.2\nhold_out = 0.2\n\n[policy]")


def older_is_better() -> Any:
    """A model that was taught the opposite of the rule's second criterion."""
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(dict.fromkeys(PLACES, np.zeros(2000))).with_columns(
        person_id=pl.Series([f"p{n}" for n in range(2000)]),
        place_type=pl.lit("flat"),
        years_since_latest=pl.Series(rng.uniform(0, 10, 2000)),
    )
    return selection.fit(frame, (rng.random(2000) < frame["years_since_latest"].to_numpy() / 10).astype(np.int64))


def decisions(house: Any) -> dict[str, Any]:
    d = tables.decision.c
    [versions] = {tuple(sorted(row.versions.items())) for row in rows_of(house, d.versions, stage="accept")}
    return dict(versions)


def first_addresses(house: Any, batch: str) -> list[str]:
    r, t = tables.address_record.c, tables.letter.c
    chosen = [row.address_record_id for row in rows_of(house, t.address_record_id, batch_id=batch)]
    return [rows_of(house, r.origin, id=record)[0].origin for record in chosen]


def test_without_a_model_the_rule_decides_and_is_marked(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0), case_row(1, 1)))
        versions = decisions(house)
        assert (versions["address"], versions["vitality"], versions["sending"]) == (
            CHOICE_VERSION,
            VITALITY_RULE,
            SEND_VERSION,
        )
        p = tables.prediction.c
        said = rows_of(house, p.model, p.chance, p.propensity, p.explored, p.reasons, kind="address")
        assert [(row.model, row.chance, row.propensity, row.explored) for row in said] == [
            (CHOICE_VERSION, None, 1.0, False)
        ] * 2
        assert said[0].reasons[0][0] == "records_here"
        assert len(letters(house, batch)) == 2
        for kind in ("address", "vitality", "signing", "contacts", "sending", "score"):
            with pytest.raises(TooLittleData):
                train(house.engine, house.tenant, kind, by="ops-7", at=AT)
        with house.engine.connect() as connection:
            assert set(data_of(connection, house.tenant, on=DAY)) == set(KINDS)


def test_an_approved_model_decides_until_it_is_retired(tmp_path: Path) -> None:
    model = older_is_better()
    with opened(tmp_path) as house:
        tenant = house.tenant
        with house.engine.begin() as connection:
            number = keep(connection, tenant.id, "address", model, {"kind": "address"}, by="ops-7", at=AT)
            # Trained is not approved.
            assert approved(connection, tenant.id, "address") is None
        with pytest.raises(SamePerson):
            approve(house.engine, tenant, "address", number, by="ops-7", at=AT)
        with pytest.raises(UnknownModel):
            approve(house.engine, tenant, "address", 9, by="ops-2", at=AT)
        approve(house.engine, tenant, "address", number, by="ops-2", at=AT)
        with pytest.raises(WrongModelState):
            approve(house.engine, tenant, "address", number, by="ops-3", at=AT)
        taken_in(house, write_rows(tmp_path / "cases.csv", case_row(0, 0)))
        assert decisions(house)["address"] == model.version
        p = tables.prediction.c
        [said] = rows_of(house, p.model, p.chance, p.reasons, kind="address")
        assert said.model == model.version
        assert 0 < said.chance < 1
        a = tables.audit.c
        assert rows_of(house, a.actor, action="model.approved") == [("ops-2",)]
        [person] = rows_of(house, tables.person.c.id)
        with house.engine.connect() as connection:
            told = predictions_of(connection, tenant, person.id)
            assert {each["kind"] for each in told} == {"address", "vitality", "sending"}
            assert [each.state for each in listed(connection, tenant.id)] == ["approved"]
        retire(house.engine, tenant, "address", number, by="ops-2", at=AT)
        with house.engine.connect() as connection:
            assert approved(connection, tenant.id, "address") is None


def test_the_lawyers_list_begins_with_the_address_that_was_drawn(tmp_path: Path) -> None:
    with opened(tmp_path, LEARNING) as house:
        rows = [case_row(n, n) for n in range(12)]
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        t, p = tables.letter.c, tables.prediction.c
        ready = {row.id: row.address_record_id for row in rows_of(house, t.id, t.address_record_id, state="ready")}
        drawn = {row.letter_id: row.explored for row in rows_of(house, p.letter_id, p.explored, kind="address")}
        assert ready.keys() <= drawn.keys()
        first = {letter.letter_id: letter.places[0][0] for letter in proposed(house, batch).letters}
        assert first == ready


def test_whoever_is_held_out_is_never_written_to(tmp_path: Path) -> None:
    with opened(tmp_path, LEARNING) as house:
        small = case_row(30, 30) | {"剩余本金": "50.00", "利息": "0", "罚息": "0", "费用": "0"}
        rows = [*(case_row(n, n) for n in range(30)), small]
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *rows))
        found = letters(house, batch)
        held = {row.person_id for row in found if row.reasons == [HOLD_OUT]}
        assert 1 <= len(held) <= 15
        assert {row.state for row in found if row.person_id in held} == {"not_sent"}
        # Only what would have gone is withheld, and only that is compared: as it stood, whatever a later file says.
        assert found[-1].reasons == ["below_minimum"]
        with house.engine.begin() as connection:
            connection.execute(tables.case.update().values(annual_cost=0.99))
            assert comparable(connection, house.tenant, until=DAY).is_empty()
            told = comparable(connection, house.tenant, until=days.add_days(DAY, PAYS_WITHIN))
        assert told.height == 30
        assert set(told.filter(~pl.col("sent"))["person_id"].to_list()) == held
        assert told["propensity"].unique().to_list() == [0.8]
        assert told["annual_cost"].max() < 0.3
        assert told["amount_log"].null_count() == 0
        assert not told["paid"].any()
        # For ever: the same persons again, in another file of another day.
        later = days.add_days(DAY, 40)
        again = taken_in(house, write_rows(tmp_path / "later.csv", *(case_row(n, n) for n in range(30))), on=later)
        assert held <= {row.person_id for row in letters(house, again) if row.reasons == [HOLD_OUT]}


def test_a_payment_counts_from_the_day_of_the_letter_on_and_for_ninety_days(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", *(case_row(n, n) for n in range(4))))
        cases = [row.id for row in rows_of(house, tables.case.c.id, tables.case.c.row_no)]
        paid_on = [days.add_days(DAY, n) for n in (0, 1, PAYS_WITHIN, PAYS_WITHIN + 1)]
        with house.engine.begin() as connection:
            for n, (case, day) in enumerate(zip(sorted(cases), paid_on, strict=True)):
                connection.execute(
                    tables.payment.insert().values(
                        id=f"pay_{n}", tenant_id=house.tenant.id, case_id=case, lookup=f"{n}", paid_on=day,
                        amount_fen=100, received_at=AT,
                    )
                )  # fmt: skip
            told = comparable(connection, house.tenant, until=days.add_days(DAY, 100))
        paid = dict(told.select("person_id", "paid").iter_rows())
        whose = {row.id: row.person_id for row in rows_of(house, tables.case.c.id, tables.case.c.person_id)}
        assert [paid[whose[case]] for case in sorted(cases)] == [False, True, True, False]
        assert len(letters(house, batch)) == 4


def test_a_model_that_found_an_effect_decides_by_value_and_one_that_found_none_does_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frame = pl.DataFrame({name: rng.uniform(size=3000) for name in sending.FEATURES})
    sent = rng.random(3000) < 0.5
    for effect, wanted in ((0.2, None), (0.0, SEND_VERSION)):
        model = sending.fit(frame, sent, rng.random(3000) < 0.1 + effect * sent, np.full(3000, 0.5))
        assert model.found is (wanted is None)
        folder = tmp_path / f"{effect}"
        folder.mkdir()
        with opened(folder) as house:
            with house.engine.begin() as connection:
                number = keep(connection, house.tenant.id, "sending", model, {}, by="ops-7", at=AT)
            approve(house.engine, house.tenant, "sending", number, by="ops-2", at=AT)
            batch = taken_in(house, write_rows(folder / "cases.csv", *(case_row(n, n) for n in range(6))))
            assert decisions(house)["sending"] == (wanted or model.version)
            p = tables.prediction.c
            values = [row.value_fen for row in rows_of(house, p.value_fen, kind="sending")]
            assert [value is None for value in values] == [wanted is not None] * len(values)
            reasons = {reason for row in letters(house, batch) for reason in row.reasons}
            assert reasons <= {"chosen", HOLD_OUT, "below_value"}
