#!/usr/bin/env bash
# Takes the two pictures of the READMEs from a fresh demonstration, docs/pictures/report.png and letter.png, and one of each kind of
# letter to an invented person, docs/pictures/kinds/*.png.
# Needs (Debian): chromium, fonts-noto-cjk, poppler-utils, imagemagick.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/songda demo --cases 2000 --out "$work/demo" --json >"$work/summary.json"
number=$(python3 -c 'import csv, sys; print(next(r["函号"] for r in csv.DictReader(open(sys.argv[1], encoding="utf-8-sig")) if r["结论"] == "printed"))' "$work/demo/decisions.csv")
SONGDA_HOME="$work/demo/home" .venv/bin/songda letters show "$number" --to "$work/letter.pdf" >/dev/null
mkdir -p docs/pictures
pdftoppm -r 70 -png -f 1 -l 1 -singlefile "$work/letter.pdf" "$work/letter"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1100,1560 --screenshot="$work/report.png" "file://$work/demo/report.html" >/dev/null 2>&1
convert "$work/report.png" -resize 560x -strip -colors 128 docs/pictures/report.png
convert "$work/letter.png" -resize 560x -strip -colors 64 docs/pictures/letter.png
mkdir -p docs/pictures/kinds
for kind in lawyer_letter reminder mediation assignment_notice court_forward; do
  SONGDA_HOME="$work/empty" .venv/bin/songda letters preview "$kind" --to "$work/$kind.png" --dpi 66 >/dev/null
  convert "$work/$kind.png" -strip -colors 32 "docs/pictures/kinds/$kind.png"
done
ls -la docs/pictures docs/pictures/kinds
