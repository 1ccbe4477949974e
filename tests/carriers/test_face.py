import subprocess
import sys

import songda.carriers


def test_every_public_name_is_there():
    for name in songda.carriers.__all__:
        assert getattr(songda.carriers, name) is not None


def test_face_loads_no_http_client_and_no_cryptography():
    code = "import sys, songda.carriers; print([m for m in ('httpx', 'cryptography', 'stamina') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"


def test_reading_events_needs_no_http_client():
    code = "import sys; from songda.carriers import fold, load_mapping, parse_trace; print('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"
