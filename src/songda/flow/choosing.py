"""Which address of a letter comes first: by the model that a person has approved, or by the rule, and a logged share by chance.

    chooser = open_chooser(connection, tenant, salt=batch.id)
    features = chooser.features(connection, persons, on=day)
    order = chooser.order(links, eligible, features)

The draw of a letter belongs for ever to its person and batch, so that a run that was cut off, and the lawyer's list, come to the
same addresses. Only addresses that pass every rule are ever drawn. Without an approved model the rule decides, and every prediction
names it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl
from sqlalchemy import Connection, Select

from songda.feedback import address_evidence, approved, features_of
from songda.flow.tenants import Tenant
from songda.models import selection, vitality
from songda.models.boosting import Fitted
from songda.planning import CHOICE_VERSION, rank_addresses

#: What stands where a model would, before there is one.
VITALITY_RULE: Final = "vitality-priors/1"
_ORDER: Final = ("letter", "record", "n", "chance", "propensity", "explored", "why")


@dataclass(frozen=True, slots=True)
class Chooser:
    tenant_id: str
    address: Fitted | None
    vitality: Fitted | None
    #: Share of letters whose first address is drawn.
    explore: float
    secret: bytes
    salt: str

    @property
    def labels(self) -> dict[str, str]:
        """What decisions name, by kind: the model, or the rule in its place."""
        return {
            selection.KIND: CHOICE_VERSION if self.address is None else self.address.version,
            vitality.KIND: VITALITY_RULE if self.vitality is None else self.vitality.version,
        }

    def draws(self, people: pl.Series) -> pl.Series:
        """The uniform in [0, 1) of each person in this batch."""
        known = {each: uniform(self.secret, "address", self.salt, each) for each in people.unique().to_list()}
        return pl.Series([known[each] for each in people.to_list()], dtype=pl.Float64)

    def order(self, links: pl.DataFrame, eligible: pl.Expr, features: pl.DataFrame) -> pl.DataFrame:
        """The addresses of each letter in the order in which they are tried.

        In: links of songda.flow.links with `letter`, and the `features` of their persons. An address is eligible when it is for at
        least one case of the letter. Out: letter, record, n, chance (of a signature; null by the rule), propensity (of being first),
        explored, why ([[feature, by how much]]).
        """
        records = (
            links.filter(pl.col("record").is_not_null())
            .with_columns(eligible=eligible)
            .group_by("letter", "record", maintain_order=True)
            .agg(
                pl.first("person_id", "place", "address_recorded_on", "address_completeness"),
                pl.col("eligible").any(),
            )
            .rename({"address_recorded_on": "recorded_on", "address_completeness": "completeness"})
        )
        ordered = self._by_rule(records) if self.address is None else self._by_model(records, features, self.address)
        return ordered.select(_ORDER)

    def _by_rule(self, records: pl.DataFrame) -> pl.DataFrame:
        ranked = rank_addresses(records)
        place = pl.coalesce(pl.col("place").cast(pl.String), pl.concat_str(pl.lit("?"), "record"))
        candidates = ranked.with_columns(
            _place=place, chance=1 / pl.col("n"), eligible=pl.lit(value=True), draw=self.draws(ranked["person_id"])
        )
        why = [[["records_here", str(count)]] for count in ranked["agreeing"].to_list()]
        candidates = candidates.with_columns(why=pl.Series(why, dtype=pl.List(pl.List(pl.String))))
        return selection.rank(candidates.drop("n"), explore=self.explore).with_columns(chance=pl.lit(None, pl.Float64))

    def _by_model(self, records: pl.DataFrame, features: pl.DataFrame, model: Fitted) -> pl.DataFrame:
        scored = features.select("record", "_place").with_columns(
            chance=pl.Series(selection.predict(model, features), dtype=pl.Float64)
        )
        candidates = records.join(scored, on="record", how="inner")
        candidates = candidates.with_columns(draw=self.draws(candidates["person_id"]))
        ordered = selection.rank(candidates, explore=self.explore)
        first = features.join(ordered.filter(pl.col("n") == 1).select("record"), on="record", how="semi")
        told = pl.DataFrame(
            {"record": first["record"], "why": _texts(selection.reasons(model, first))},
            schema={"record": pl.String(), "why": pl.List(pl.List(pl.String()))},
        )
        return ordered.join(told, on="record", how="left", maintain_order="left")

    def features(self, connection: Connection, persons: Select[tuple[str]], *, on: date) -> pl.DataFrame:
        """Features of all address records of the persons, as of the day."""
        return features_of(address_evidence(connection, self.tenant_id, persons, on=on))

    def alive(self, features: pl.DataFrame) -> pl.DataFrame:
        """record, alive: chance that the debtor can still be reached at each address."""
        said = vitality.rule(features) if self.vitality is None else vitality.predict(self.vitality, features)
        return features.select("record", alive=pl.Series(said.round(4), dtype=pl.Float64))


def open_chooser(connection: Connection, tenant: Tenant, *, salt: str) -> Chooser:
    """What decides for the tenant now. `salt`: the batch, so that another one is another draw."""
    address, alive = (approved(connection, tenant.id, kind) for kind in (selection.KIND, vitality.KIND))
    return Chooser(
        tenant_id=tenant.id,
        address=address if isinstance(address, Fitted) else None,
        vitality=alive if isinstance(alive, Fitted) else None,
        explore=tenant.profile.learning.explore or 0.0,
        secret=tenant.key.id_secret(),
        salt=salt,
    )


def uniform(secret: bytes, *key: str) -> float:
    """The draw in [0, 1) that belongs to `key` under the tenant's secret for ever."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in key)
    digest = hmac.digest(secret, message, hashlib.sha256)
    return int.from_bytes(digest[:7], "big") / 2**56


def _texts(reasons: list[list[tuple[str, float]]]) -> list[list[list[str]]]:
    return [[[name, f"{value:+.3f}"] for name, value in each] for each in reasons]
