"""Where a firm's own templates lie: every version ever taken, the highest in force, and no other tenant's.

    version = take(home, tenant_id, template)    # the next version of its kind, or the one in force when nothing changed
    in_force(home, tenant_id)                    # kind → template
    versions(home, tenant_id)

A version is one file `templates/TENANT/KIND/NNNN-SHA256.txt` under SONGDA_HOME that is written once (mode 0600); a file that no
longer has the hash in its name stops everything that would use it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast

from songda.letters.content import Kind
from songda.letters.errors import TemplateChanged
from songda.letters.template import Template, parse

_FILE = re.compile(r"(\d{4})-([0-9a-f]{64})\.txt")
_TENANT = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Version:
    kind: Kind
    #: 1 for the first.
    number: int
    #: Of its text, hex.
    sha256: str
    path: Path


def take(home: Path, tenant_id: str, template: Template) -> Version:
    """Puts the template in force. Raises OSError."""
    data = template.text.encode()
    digest = hashlib.sha256(data).hexdigest()
    earlier = [each for each in versions(home, tenant_id) if each.kind == template.kind]
    if earlier and earlier[-1].sha256 == digest:
        return earlier[-1]
    number = earlier[-1].number + 1 if earlier else 1
    folder = _folder(home, tenant_id) / template.kind
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{number:04}-{digest}.txt"
    # Written beside and renamed: what is half written is never in force.
    beside = folder / f".{number:04}.part"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    return Version(template.kind, number, digest, path)


def versions(home: Path, tenant_id: str) -> list[Version]:
    """All that the tenant has taken, by kind and number."""
    found = []
    for path in _folder(home, tenant_id).glob("*/*.txt"):
        name = _FILE.fullmatch(path.name)
        if name:
            found.append(Version(cast(Kind, path.parent.name), int(name[1]), name[2], path))
    return sorted(found, key=lambda each: (each.kind, each.number))


def in_force(home: Path, tenant_id: str) -> Mapping[Kind, Template]:
    """The highest version of each kind. Raises TemplateChanged, BadTemplate."""
    highest = {each.kind: each for each in versions(home, tenant_id)}
    return MappingProxyType({kind: read(version) for kind, version in highest.items()})


def read(version: Version) -> Template:
    """The template of a version. Raises TemplateChanged, BadTemplate."""
    data = version.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != version.sha256:
        raise TemplateChanged(kind=version.kind, number=version.number)
    return parse(data.decode("utf-8"))


def _folder(home: Path, tenant_id: str) -> Path:
    if not _TENANT.fullmatch(tenant_id):
        raise ValueError("not an id of a tenant")
    return home / "templates" / tenant_id
