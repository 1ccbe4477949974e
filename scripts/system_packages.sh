#!/usr/bin/env bash
# Debian packages that the tests use, installed only if missing. Without the right to install, the tests that need them are skipped
# (and fail under CI=true, see tests/conftest.py).
set -u
missing=()
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
[ ${#missing[@]} = 0 ] || {
    echo "Installing for the tests: ${missing[*]} …"
    root=""
    [ "$(id -u)" = 0 ] || root="sudo -n"
    if ! { $root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq "${missing[@]}"; } >/dev/null 2>&1; then
        echo "No right to install. The tests that need them are skipped; to run them type: sudo apt-get install ${missing[*]}" >&2
    fi
}
exit 0
