"""`songda signature` and certificates in `songda tenant import` and `letters approve`, as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from certificates import FIRM, PASSWORD, UNTIL, holder
from program import Desk, profile


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SONGDA_LAWYER_PASSWORD", PASSWORD)
    return Desk(tmp_path / "home")


def test_from_the_certificate_to_the_sealed_key(desk: Desk, tmp_path: Path) -> None:
    firm, stranger = holder("rsa", name=FIRM), holder("ecdsa", name="别的律所", until=UNTIL)
    assert firm.pkcs12 is not None
    (tmp_path / "firm.p12").write_bytes(firm.pkcs12)
    (tmp_path / "stranger.pem").write_bytes(stranger.pem)
    told = desk.json("signature", "certificate", str(tmp_path / "firm.p12"), "--name", FIRM)
    assert (told["fit"], told["scheme"]) == (True, "rsa-sha256")
    said = desk.songda("signature", "certificate", str(tmp_path / "firm.p12"))
    assert firm.certificate in said
    other = desk.json("signature", "certificate", str(tmp_path / "stranger.pem"), "--name", FIRM, rc=77)
    assert (other["fit"], other["reason"]) == (False, "name")

    lawyer = holder("sm2", name="别人")
    signed = f'[signature]\ncertificate = """\n{firm.certificate}"""\n\n[policy]'
    text = profile(("@public_key@", lawyer.certificate), ("[policy]", signed))
    (tmp_path / "tenant.toml").write_text(text, "utf-8")
    imported = desk.json("tenant", "import", str(tmp_path / "tenant.toml"), "--tenant", "bank")
    assert imported["unfit_keys"] == {"lawyers[1].public_key": "name"}

    assert "密钥无法打开" in desk.songda("signature", "import", str(tmp_path / "stranger.pem"), rc=77)
    kept = desk.json("signature", "import", str(tmp_path / "firm.p12"))
    assert kept["fingerprint"] == told["fingerprint"]
    assert desk.json("signature", "sign") == {"signed": 0, "left": 0}


def test_without_a_certificate_in_the_profile_it_says_what_to_fill_in(desk: Desk, tmp_path: Path) -> None:
    desk.imports(tmp_path / "tenant.toml")
    assert "[signature]" in desk.songda("signature", "sign", rc=78)
