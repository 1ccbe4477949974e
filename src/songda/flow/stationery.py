"""Paper, envelopes and postage of a tenant: the table of the installation with the weights that the tenant's profile states."""

from __future__ import annotations

from dataclasses import replace

from songda.flow.tenants import Tenant
from songda.letters import Products, load_products


def products_of(tenant: Tenant) -> Products:
    """Envelopes and prices. The profile's weight of an envelope is that of the smallest, in which nearly all letters go."""
    products, policy = tenant.products or load_products(), tenant.profile.policy
    if policy.paper_weight_g is not None:
        products = replace(products, sheet_g=policy.paper_weight_g)
    if policy.envelope_weight_g is not None:
        smallest, *others = products.envelopes
        products = replace(products, envelopes=(replace(smallest, empty_g=policy.envelope_weight_g), *others))
    return products
