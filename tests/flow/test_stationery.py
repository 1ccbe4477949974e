"""Envelopes, paper and postage of an installation, and the letters that they must not show."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from bank import letters, opened, signed, taken_in

from songda.flow.assemble import assemble
from songda.flow.produce import produce
from songda.flow.stationery import products_of
from songda.flow.tenants import with_products
from songda.letters import BadProducts, load_products
from songda.sim.case_rows import AT, DAY, case_row, write_rows

TABLE = files("songda.letters").joinpath("products.toml").read_text("utf-8")


def test_an_installation_states_its_own_envelopes_and_postage(tmp_path: Path) -> None:
    with opened(tmp_path, ("envelope_weight_g = 8.0", "envelope_weight_g = 9.5")) as house:
        plain = products_of(with_products(house.tenant, tmp_path))
        # The weights that the profile states go before those of the table.
        assert plain.envelopes[0].empty_g == 9.5
        assert plain.envelopes[1:] == load_products().envelopes[1:]
        (tmp_path / "products.toml").write_text(TABLE.replace("first_fen = 1200", "first_fen = 1150"), "utf-8")
        own = products_of(with_products(house.tenant, tmp_path))
        assert {product.first_fen for product in own.products if product.zone == "local"} == {1150}
        (tmp_path / "products.toml").write_text(TABLE.replace("panel = 118.0", "panel = 0"), "utf-8")
        with pytest.raises(BadProducts):
            with_products(house.tenant, tmp_path)


def test_no_letter_is_locked_for_an_envelope_whose_window_can_show_the_body(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        batch = taken_in(house, write_rows(tmp_path / "cases.csv", case_row(1, 1)))
        signed(house, batch)
        produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)
        wide = TABLE.replace("width = 105.0, height = 38.0", "width = 105.0, height = 60.0", 1)
        (tmp_path / "products.toml").write_text(wide, "utf-8")
        tenant = with_products(house.tenant, tmp_path)
        assert assemble(house.engine, tenant, batch, on=DAY, at=AT) is None
        (stopped,) = letters(house, batch)
        assert (stopped.state, "E01" in stopped.reasons) == ("held", True)
