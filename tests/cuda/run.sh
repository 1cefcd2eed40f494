#!/usr/bin/env bash
# The whole GPU check in one call: the tests marked cuda, then the benchmarks on the device.
# Needs what pyproject.toml lists; the packages of this checkout need not be installed.
# Figures go to results/cuda/ (or the folder given as the first argument), named by date and device.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-results/cuda}
mkdir -p "$out"

if ! python3 -c "import genbench_hybrids, genbench_toys" 2>/dev/null; then
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    python3 tests/cuda/site.py "$site"
    export PYTHONPATH="$site:$PWD:$(echo plugins/*/ tests/genbench-toys | sed "s|[^ ]*|$PWD/&|g; s| |:|g")${PYTHONPATH:+:$PYTHONPATH}"
fi

device=$(python3 -c "import torch; print(torch.cuda.get_device_name().replace(' ', '-'))")
name="$out/$(date -u +%F)-$device"
status=0
python3 -m pytest -m cuda tests plugins --benchmark-skip 2>&1 | tee "$name.txt" || status=1
python3 -m pytest -m cuda tests/bench -s --benchmark-only --benchmark-json "$name.json" 2>&1 \
    | tee -a "$name.txt" || status=1
for seed in 0 1 2; do
    python3 -m genbench run --model ae-gan --seed "$seed" --device cuda --fresh \
        --results "$(mktemp -d)" --format json > "$name-ae-gan-s$seed.json" || status=1
done
exit $status
