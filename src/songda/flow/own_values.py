"""Values that a case file states for the variables of the templates, in its columns `自定义:变量`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from songda.flow.tenants import Tenant
from songda.letters import Kind
from songda.letters.content import WITHOUT_DEBT

#: Stands for the values of one variable that the cases of one letter, or they and the template, do not agree on.
DIFFER: Final = object()


def declared_types(tenant: Tenant) -> dict[str, str]:
    """Variable → type, of all that the tenant's templates of debts declare. A court's words come from its entrustment only.

    A name that two templates declare with two types is left out: 100 would be yuan to the one and a count to the other.
    """
    types: dict[str, set[str]] = {}
    for kind in get_args(Kind):
        if kind not in WITHOUT_DEBT:
            for name, type_ in tenant.template(kind).types.items():
                types.setdefault(name, set()).add(type_)
    return {name: next(iter(each)) for name, each in types.items() if len(each) == 1}


def of_cases(cases: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> dict[str, Any]:
    """Variable → value that the opened `cases` of one letter state, or DIFFER. A case that is silent contradicts none.

    `types`: of the template in force. A value that was read as another type counts as DIFFER: 100 yuan are no 10,000 days.
    """
    found: dict[str, Any] = {}
    for case in cases:
        for name, (type_, value) in case.get("own", {}).items():
            if name in types:
                same = type_ == types[name] and found.get(name, value) == value
                found[name] = value if same else DIFFER
    return found
