"""`songda imprint` as a person types it."""

from __future__ import annotations

from pathlib import Path

from program import Desk
from scans import scan


def test_a_seal_is_kept_named_and_removed(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    profile = tmp_path / "tenant.toml"
    desk.imports(profile)
    (tmp_path / "seal.png").write_bytes(scan())
    (tmp_path / "no.png").write_bytes(b"not a picture")
    assert "songda imprint add" in desk.songda("imprint", "list")
    assert "不是可读的图片" in desk.songda("imprint", "add", str(tmp_path / "no.png"), "--for", "seal", rc=65)
    assert "不是可读的图片" in desk.songda("imprint", "add", str(tmp_path / "none.png"), "--for", "seal", rc=65)

    kept = desk.json("imprint", "add", str(tmp_path / "seal.png"), "--for", "seal")
    name = str(kept["imprint"])
    assert "seal_imprint" in desk.songda("imprint", "add", str(tmp_path / "seal.png"), "--for", "seal")
    assert desk.json("imprint", "list") == {
        "imprints": [{"imprint": name, "pixels": kept["pixels"], "in_profile": False}]
    }
    desk.imports(profile, ('letter_series = "', f'seal_imprint = "{name}"\nletter_series = "'))
    assert "使用中" in desk.songda("imprint", "list")
    assert "seal_imprint" in desk.songda("imprint", "remove", name, rc=65)
    desk.imports(profile)
    assert desk.json("imprint", "remove", name) == {"removed": name}
    assert desk.json("imprint", "list") == {"imprints": []}
    assert "没有指纹为" in desk.songda("imprint", "remove", name, rc=78)
