"""Letters approved with a lawyer's certificate and signed electronically by the firm, from the profile to the bundle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bank import PASSWORD as LAWYERS_PASSWORD
from bank import PRIVATE, PUBLIC, letters, opened, proposed, rows_of, taken_in

from certificates import DAY as ONE_DAY
from certificates import FIRM, PASSWORD, holder, rsa_key
from songda.evidence import Trust, sentences, verify_bundle
from songda.flow.approve import approve
from songda.flow.approved import read_approvals
from songda.flow.press import record_reader
from songda.flow.produce import produce
from songda.flow.proof import letter_bundle
from songda.flow.run import House
from songda.flow.signatures import NoSigningKey, keep_key, last_signature, open_key, sign_records
from songda.flow.tenants import import_tenant
from songda.letters import ApprovalVoid
from songda.signatures import NoSm2, UnfitKey, WrongKey, sm2, verify_pdf, verifying_keys
from songda.sim.authority import stamping
from songda.sim.case_rows import AT, case_row, write_rows
from songda.store import tables
from songda.vault import LocalMasterKey

KINDS = ("rsa", "ecdsa", "sm2")
LAWYER = "林示例"
FIRMS = {kind: holder(kind, name="签名专用", organization=FIRM) for kind in KINDS}  # type: ignore[arg-type]


def named(certificate: str, more: str = "") -> tuple[str, str]:
    return ("[policy]", f'[signature]\ncertificate = """\n{certificate}"""\n{more}\n[policy]')


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A house whose batch waits for its approval."""
    folder = tmp_path_factory.mktemp("waiting")
    with opened(folder) as house:
        return folder, taken_in(house, write_rows(folder / "cases.csv", case_row(1, 1), case_row(2, 2)))


@pytest.fixture(scope="module")
def printed(waiting: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The same house once its two letters have their PDFs of record."""
    folder = tmp_path_factory.mktemp("printed")
    with copy_of(waiting, folder) as (house, batch):
        key: Any = {"private_key": PRIVATE, "password": LAWYERS_PASSWORD}
        approve(house.engine, house.tenant, proposed(house, batch), **key, at=AT)
        assert produce(house.engine, house.tenant, batch, home=folder, workers=1, at=AT).rendered == 2
    return folder, batch


@contextmanager
def copy_of(made: tuple[Path, str], folder: Path, *changes: tuple[str, str]) -> Iterator[tuple[House, str]]:
    """The house that was made, with `changes` to its profile, in a folder of its own."""
    shutil.copytree(made[0], folder, dirs_exist_ok=True)
    with opened(folder, *changes) as house:
        yield house, made[1]


def records(house: House) -> list[tuple[Any, bytes]]:
    n = tables.attempt.c
    columns = (n.id.label("attempt_id"), n.letter_id, n.segment, n.offset, n.length, n.model_length, n.record_sha256)
    read = record_reader(house.tenant, house.home)
    return [(row, read(row)) for row in rows_of(house, *columns)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lawyer_approves_with_a_certificate_that_the_profile_names(
    waiting: tuple[Path, str], tmp_path: Path, kind: Any
) -> None:
    own = holder(kind, name=LAWYER)
    with copy_of(waiting, tmp_path, (PUBLIC.decode(), own.certificate)) as (house, batch):
        proposal = proposed(house, batch)
        with pytest.raises(WrongKey):
            approve(house.engine, house.tenant, proposal, private_key=PRIVATE, password=LAWYERS_PASSWORD, at=AT)
        another = holder(kind, name=LAWYER, key=rsa_key(3072) if kind == "rsa" else None)
        with pytest.raises(WrongKey):
            approve(house.engine, house.tenant, proposal, private_key=another.pem, password=PASSWORD, at=AT)
        approval = approve(house.engine, house.tenant, proposal, private_key=own.pem, password=PASSWORD, at=AT)
        (key,) = verifying_keys(own.certificate.encode())
        assert key.certificate is not None
        assert approval.certificate == key.certificate.fingerprint
        with house.engine.connect() as connection:
            (signed,) = read_approvals(connection, house.tenant, batch).values()
        assert signed.approval == approval
        assert produce(house.engine, house.tenant, batch, home=tmp_path, workers=1, at=AT).rendered == 2
        # A certificate that the profile names no more voids what it signed, before anything is printed.
        with (
            house.engine.connect() as connection,
            pytest.raises(ApprovalVoid, match="key"),
        ):
            read_approvals(connection, _again(house, own.certificate, PUBLIC.decode()).tenant, batch)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "别人"}, "name"),
        ({"until": AT - ONE_DAY}, "expired"),
        ({"usage": "encrypt"}, "usage"),
    ],
)
def test_an_unfit_certificate_approves_nothing(
    waiting: tuple[Path, str], tmp_path: Path, changes: Any, reason: str
) -> None:
    own = holder("ecdsa", **{"name": LAWYER, **changes})
    with copy_of(waiting, tmp_path, (PUBLIC.decode(), own.certificate)) as (house, batch):
        with pytest.raises(UnfitKey, match=reason):
            approve(house.engine, house.tenant, proposed(house, batch), private_key=own.pem, password=PASSWORD, at=AT)
        assert [letter.state for letter in letters(house, batch)] == ["ready", "ready"]


def test_what_was_proven_stays_proven_when_the_lawyer_gets_another_key(
    printed: tuple[Path, str], tmp_path: Path
) -> None:
    with copy_of(printed, tmp_path) as (house, batch):
        renewed = _again(house, PUBLIC.decode(), holder("ecdsa", name=LAWYER).certificate)
        text = _bundle_text(renewed, letters(house, batch)[0].letter_no)
        assert "签发批次名单，Ed25519 签名成立" in text
        assert "出证时未能核对本函在该名单之中" in text


@pytest.mark.parametrize("kind", KINDS)
def test_records_are_signed_beside_what_is_printed_and_proven(
    printed: tuple[Path, str], tmp_path: Path, kind: Any
) -> None:
    firm = FIRMS[kind]
    with copy_of(printed, tmp_path, named(firm.certificate)) as (house, batch):
        before = records(house)
        keep_key(tmp_path, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT)
        done = sign_records(house.engine, house.tenant, home=tmp_path, at=AT, batch_id=batch)
        assert (done.signed, done.left, done.error) == (2, 0, None)
        assert sign_records(house.engine, house.tenant, home=tmp_path, at=AT).signed == 0
        # What is printed and hashed is what it was.
        assert records(house) == before
        for row, record in before:
            assert sha256(record).hexdigest() == row.record_sha256
            signature = last_signature(house.engine, house.tenant, row.letter_id, home=tmp_path)
            assert signature is not None
            if signature.inside:
                assert verify_pdf(record + signature.data, record).key.pem == firm.certificate
            else:
                verifying_keys(signature.certificate.encode())[0].verify(record, signature.data)
        text = _bundle_text(house, letters(house, batch)[0].letter_no)
        assert "函件 PDF 有电子签名" in text
        assert "没有电子印章证书" not in text


def test_no_key_and_no_signature_lies_readable(printed: tuple[Path, str], tmp_path: Path) -> None:
    firm = FIRMS["ecdsa"]
    with copy_of(printed, tmp_path, named(firm.certificate)) as (house, _):
        keep_key(tmp_path, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT)
        sign_records(house.engine, house.tenant, home=tmp_path, at=AT)
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".key", ".sig")]
    assert len(files) == 2
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        data = path.read_bytes()
        assert not any(clear in data for clear in (PASSWORD.encode(), b"PRIVATE KEY", b"/ByteRange", b"att_"))


def test_a_profile_that_names_no_certificate_signs_nothing(printed: tuple[Path, str], tmp_path: Path) -> None:
    with copy_of(printed, tmp_path) as (house, batch):
        done = sign_records(house.engine, house.tenant, home=tmp_path, at=AT)
        assert (done.signed, done.left, done.error) == (0, 0, None)
        assert "没有电子印章证书" in _bundle_text(house, letters(house, batch)[0].letter_no)


def test_a_certificate_without_its_key_is_a_task_until_the_key_is_there(
    printed: tuple[Path, str], tmp_path: Path
) -> None:
    firm = FIRMS["ecdsa"]
    with copy_of(printed, tmp_path, named(firm.certificate)) as (house, batch):
        done = sign_records(house.engine, house.tenant, home=tmp_path, at=AT)
        assert (done.signed, done.left) == (0, 2)
        assert isinstance(done.error, NoSigningKey)
        assert _tasks(house) == [(batch, "open")]
        keep_key(tmp_path, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT)
        keep_key(tmp_path, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT)
        assert sign_records(house.engine, house.tenant, home=tmp_path, at=AT).left == 0
        assert _tasks(house) == [(batch, "dropped")]


def test_only_the_firms_own_key_is_kept_and_only_while_it_is_valid(tmp_path: Path) -> None:
    firm = FIRMS["ecdsa"]
    with opened(tmp_path, named(firm.certificate)) as house:
        stranger = holder("ecdsa", name=FIRM)
        for data, password in ((stranger.pem, PASSWORD), (firm.pem, "wrong"), (PRIVATE, LAWYERS_PASSWORD)):
            with pytest.raises((WrongKey, UnfitKey)):
                keep_key(tmp_path, house.tenant, data, password=password, certificate=None, at=AT)
        with pytest.raises(UnfitKey, match="expired"):
            keep_key(tmp_path, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT + 900 * ONE_DAY)
        assert not list(tmp_path.rglob("*.key"))
    with opened(tmp_path / "other", named(holder("ecdsa", name="别的律所").certificate)) as house:
        assert house.tenant.profile.signature.certificate is not None
        with pytest.raises(NoSigningKey):
            open_key(tmp_path, house.tenant)


def test_an_expired_certificate_signs_no_record(printed: tuple[Path, str], tmp_path: Path) -> None:
    firm = holder("ecdsa", name=FIRM, until=AT + ONE_DAY)
    with copy_of(printed, tmp_path, named(firm.certificate)) as (house, _):
        keep_key(tmp_path, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT)
        done = sign_records(house.engine, house.tenant, home=tmp_path, at=AT + 2 * ONE_DAY)
        assert (done.signed, done.left) == (0, 2)
        assert isinstance(done.error, UnfitKey)


def test_the_tenants_authority_stamps_each_signature_unless_it_is_not_wanted(
    printed: tuple[Path, str], tmp_path: Path
) -> None:
    firm = FIRMS["ecdsa"]
    with stamping() as authority:
        stated = f'[timestamp]\nurl = "{authority.url}"\ncertificate = """\n{authority.root.decode()}"""\n'
        for name, more, stamped in (("yes", stated, True), ("no", "timestamp = false\n" + stated, False)):
            (tmp_path / name).mkdir()
            with copy_of(printed, tmp_path / name, named(firm.certificate, more)) as (house, _):
                keep_key(house.home, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT)
                done = sign_records(house.engine, house.tenant, home=house.home, at=AT)
                assert (done.signed, done.error) == (2, None)
                row, record = records(house)[0]
                signature = last_signature(house.engine, house.tenant, row.letter_id, home=house.home)
                assert signature is not None
                found = verify_pdf(record + signature.data, record)
                assert (found.token is not None) is stamped


def test_without_the_sm2_library_nothing_is_signed_or_passed(
    printed: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = FIRMS["sm2"]
    with copy_of(printed, tmp_path, named(firm.certificate)) as (house, batch):
        keep_key(tmp_path, house.tenant, firm.pem, password=PASSWORD, certificate=None, at=AT)

        def none() -> Any:
            raise NoSm2

        monkeypatch.setattr(sm2, "_library", none)
        done = sign_records(house.engine, house.tenant, home=tmp_path, at=AT)
        assert isinstance(done.error, NoSm2)
        assert _tasks(house) == [(batch, "open")]


def _tasks(house: House) -> list[tuple[str, str]]:
    t = tables.task.c
    return [(row.object_id, row.state) for row in rows_of(house, t.object_id, t.state, kind="record_unsigned")]


def _again(house: House, old: str, new: str) -> House:
    """The house after its profile was imported again with `new` in place of `old`."""
    row = rows_of(house, tables.tenant.c.profile, id=house.tenant.id)[0]
    text = house.tenant.key.unseal(row.profile, context=f"tenant:{house.tenant.id}").decode()
    assert old in text
    master = LocalMasterKey(bytes(range(32)))
    changed = text.replace(old, new)
    return replace(
        house, tenant=import_tenant(house.engine, master, name="bank", profile_toml=changed, at=AT, actor="test")
    )


def _bundle_text(house: House, letter_no: str) -> str:
    bundle = letter_bundle(house.engine, house.tenant, letter_no, home=house.home, at=AT, actor="test")
    return "\n".join(sentences(verify_bundle(bundle.data, Trust())))
