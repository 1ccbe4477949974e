#!/usr/bin/env bash
# Creates the environment FOLDER from LOCK: with uv when present, else with Python's own venv and pip.
# A fresh Debian has neither python3-venv nor pip: they are installed when we have the right to, else the sentence to type is printed.
set -euo pipefail
folder=$1 lock=${2:-requirements.lock}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

python=""
for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "songda needs Python 3.11 or newer. On Debian or Ubuntu: sudo apt-get install python3 python3-venv" >&2
    exit 1
fi

echo "Setting up $folder from $lock (a minute or two) …"
# LightGBM needs the compiler's OpenMP runtime, which its wheel does not carry.
"$python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || as_root apt-get install -y -qq libgomp1 >/dev/null || {
    echo "The OpenMP runtime is missing. Please type: sudo apt-get install libgomp1" >&2
    exit 1
}

if command -v uv >/dev/null; then
    [ -x "$folder/bin/python" ] || uv venv -q --python "$python" "$folder"
    uv pip install -q --python "$folder/bin/python" --require-hashes -r "$lock"
    uv pip install -q --python "$folder/bin/python" --no-deps --no-build-isolation -e .
    exit 0
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    as_root apt-get install -y -qq python3-venv >/dev/null || {
        echo "Python's venv module is missing. Please type: sudo apt-get install python3-venv" >&2
        exit 1
    }
fi
[ -x "$folder/bin/pip" ] || "$python" -m venv --clear "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$lock"
"$folder/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
