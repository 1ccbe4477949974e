"""Reading Chinese addresses: from a text as a person wrote it to parts, a canonical line, and a key for the door.

    >>> from songda.address import same_place, standardize, tag
    >>> frame = standardize(["浙江杭州下城区延安路２９５号二单元301", "拱墅区延安路295号2单元301室"])
    >>> frame["standard"][0]
    '浙江省杭州市拱墅区延安路295号2单元301室'
    >>> same_place("浙江杭州下城区延安路２９５号二单元301", "拱墅区延安路295号2单元301室").verdict
    'same_door'
    >>> [(span.text, span.label) for span in tag(["拱墅区延安路295号"])[0]]
    [('拱墅区', 'district'), ('延安路', 'road'), ('295号', 'roadno')]

`standardize(texts, *, context=None)` → frame with the columns of `songda.base.schemas.STANDARD`, one row a text, same order;
never raises on any text.
`divisions(texts)` → province, city, district and adcode alone, ten times as fast.
`tag(texts)` → literal spans. `same_place(a, b)` → Match; `same_places(a, b)` the same for two columns of place keys.
The engine is compiled; its data (divisions, old names, postcodes, weights) ships inside the package and is read once, on first use;
the divisions are those of the imported edition in force, when there is one (`songda.address.editions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.address.compiled.kernel import compiled_before
    from songda.address.identity import Match, same_place, same_places
    from songda.address.standardizing import Span, divisions, load_weights, standardize, tag

__all__ = [
    "Match",
    "Span",
    "compiled_before",
    "divisions",
    "load_weights",
    "same_place",
    "same_places",
    "standardize",
    "tag",
]

_HOME = {
    "compiled_before": "compiled.kernel",
    "standardize": "standardizing",
    "divisions": "standardizing",
    "tag": "standardizing",
    "Span": "standardizing",
    "load_weights": "standardizing",
    "same_place": "identity",
    "same_places": "identity",
    "Match": "identity",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
