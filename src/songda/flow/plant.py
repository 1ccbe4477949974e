"""What the envelope factory is like: `SONGDA_HOME/factory.toml`.

    plant = read_plant(home)                # without a file: no bars, the usual tolerance, nowhere to deliver to
    plant.delivery, plant.age, plant.omr, plant.tolerance

Keys: docs/press.zh-CN.md. Envelopes, paper and postage stand in products.toml.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songda.base.errors import SongdaError
from songda.flow.delivery import Sftp, parse_sftp
from songda.letters import TOLERANCE, Omr, parse_omr

#: A tolerance of half a sheet or more would let an envelope with a sheet too many pass.
_LESS_THAN = 0.5


class BadPlant(SongdaError):
    """`reason`: what is wrong in the file."""

    zh = "印制方设置 factory.toml 不可用：{reason}"
    remedy = "请按提示修改；样例见 docs/press.zh-CN.md"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class Plant:
    #: Where its files go.
    delivery: Path | Sftp | None = None
    #: Its public key (age1…).
    age: str | None = None
    omr: Omr | None = None
    #: The scale's share of a sheet within which an envelope passes.
    tolerance: float = TOLERANCE


def read_plant(home: Path) -> Plant:
    """The settings of this installation. Raises BadPlant, BadDelivery, BadMarks."""
    try:
        data = tomllib.loads((home / "factory.toml").read_text("utf-8-sig"))
    except FileNotFoundError:
        return Plant()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise BadPlant(reason="读不了，或不是有效的 TOML") from None
    delivery = _table(data, "delivery", {"to", "host_key", "identity_file", "age"})
    scale = _table(data, "scale", {"tolerance"})
    if strange := set(data) - {"delivery", "scale", "omr"}:
        raise BadPlant(reason=f"没有名为 {min(strange)} 的一节")
    tolerance = scale.get("tolerance", TOLERANCE)
    if not isinstance(tolerance, float) or not 0 < tolerance < _LESS_THAN:
        raise BadPlant(reason="scale.tolerance 应大于 0、小于 0.5（张）")
    if strange := {name for name, value in delivery.items() if not isinstance(value, str)}:
        raise BadPlant(reason=f"delivery.{min(strange)} 应为文字")
    omr = data.get("omr")
    if omr is not None and not isinstance(omr, dict):
        raise BadPlant(reason="omr 应为一节")
    return Plant(_where(delivery), delivery.get("age"), parse_omr(omr), tolerance)


def _where(delivery: dict[str, str]) -> Path | Sftp | None:
    to = delivery.get("to")
    if to is None:
        return None
    if not to.startswith("sftp:"):
        return Path(to)
    if missing := {"host_key", "identity_file"} - delivery.keys():
        raise BadPlant(reason=f"delivery 缺少 {min(missing)}")
    return parse_sftp(to, host_key=delivery["host_key"], identity=Path(delivery["identity_file"]).expanduser())


def _table(data: dict[str, Any], name: str, known: set[str]) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise BadPlant(reason=f"{name} 应为一节")
    if strange := set(table) - known:
        raise BadPlant(reason=f"没有名为 {name}.{min(strange)} 的设置")
    return table
