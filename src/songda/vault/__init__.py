"""Keys, sealed records, masks and the audit chain: the one room that knows how personal data lies at rest.

A master key (file, environment or key service) wraps one data key a tenant. The data key seals a person's record for
its own row, finds the person again by a blind index, and makes ids and tokens that nobody without it can compute.

>>> from songda.base.settings import load
>>> master = load_master_key(load())                         # doctest: +SKIP
>>> key = open_data_key(master, wrapped := new_data_key(master))     # doctest: +SKIP
>>> sealed = key.seal(b'{"name": "..."}', context="person:per_01kb")     # doctest: +SKIP

`cryptography` is imported when the first key is made, not here. Audit functions: `songda.vault.audit`; masks:
`songda.vault.mask`; both are also reached through this face (`vault.audit.verify`, `vault.mask.show`).
"""

from songda.vault import audit, mask
from songda.vault.durable import sweep
from songda.vault.errors import (
    BadMasterKey,
    CannotWrite,
    DiskFull,
    KeyFileExposed,
    KeyServiceFailed,
    MasterKeyMissing,
    PersonErased,
    SegmentDamaged,
    SegmentExists,
    Unsealable,
    WrongMasterKey,
)
from songda.vault.keys import (
    DataKey,
    PersonKey,
    drop_old_secrets,
    is_personal,
    key_versions,
    new_data_key,
    open_data_key,
    rewrap_data_key,
    rotate_data_key,
)
from songda.vault.master import (
    LocalMasterKey,
    MasterKey,
    add_master_key,
    drop_old_master_keys,
    load_master_key,
    wrapped_by,
)
from songda.vault.segments import SegmentWriter, Slot, read_sealed, read_segment, write_sealed

__all__ = [
    "BadMasterKey",
    "CannotWrite",
    "DataKey",
    "DiskFull",
    "KeyFileExposed",
    "KeyServiceFailed",
    "LocalMasterKey",
    "MasterKey",
    "MasterKeyMissing",
    "PersonErased",
    "PersonKey",
    "SegmentDamaged",
    "SegmentExists",
    "SegmentWriter",
    "Slot",
    "Unsealable",
    "WrongMasterKey",
    "add_master_key",
    "audit",
    "drop_old_master_keys",
    "drop_old_secrets",
    "is_personal",
    "key_versions",
    "load_master_key",
    "mask",
    "new_data_key",
    "open_data_key",
    "read_sealed",
    "read_segment",
    "rewrap_data_key",
    "rotate_data_key",
    "sweep",
    "wrapped_by",
    "write_sealed",
]
