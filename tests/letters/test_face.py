import subprocess
import sys

import songda.letters


def test_every_public_name_is_there() -> None:
    for name in songda.letters.__all__:
        assert getattr(songda.letters, name) is not None


def test_the_face_loads_no_heavy_library() -> None:
    code = (
        "import sys, songda.letters; sys.exit(any(m in sys.modules for m in ('typst', 'pikepdf', 'zxingcpp', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
