#!/usr/bin/env bash
# Installs what is missing, builds, and runs the format check and all tests. Ends with a summary line.
#
#   ./Deploy/test.sh [FILTER…]     FILTER goes to `swift test --filter`
#
# OBS_SHARED names a folder with the conformance suites (default: ../shared beside this checkout); without it they are skipped.
# OBS_SEEDS sets how many seeds the simulation runs.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_swift
install_packages build test
cd "$root"

# Senders that the receivers are tested with; without them those tests say so and are skipped.
python3 -c 'import opentelemetry.exporter.otlp.proto.http, opentelemetry.exporter.otlp.proto.grpc, opentelemetry.sdk' 2>/dev/null \
    || python3 -m pip install -q --break-system-packages opentelemetry-sdk opentelemetry-exporter-otlp-proto-http opentelemetry-exporter-otlp-proto-grpc >/dev/null 2>&1 \
    || say "no OpenTelemetry SDK for Python: its tests are skipped"

[ -d "${OBS_SHARED:=$root/../shared}/conformance" ] || say "no conformance suites at $OBS_SHARED: those tests are skipped"
export OBS_SHARED

filters=()
for f in "$@"; do filters+=(--filter "$f"); done

# What the formatter would change is a failure; lines that it can't break (texts, comments) are the tidy tests' business.
format=passed
copy=$(mktemp -d)
cp -r Package.swift Sources Tests .swift-format "$copy"
swift format format --in-place --recursive "$copy/Package.swift" "$copy/Sources" "$copy/Tests" || format=FAILED
for part in Package.swift Sources Tests; do
    diff -ru "$part" "$copy/$part" >"$copy/difference" || { format=FAILED; head -n 20 "$copy/difference" >&2; }
done
rm -rf "$copy"

swift build --build-tests || die "the build failed"
OBS_BIN=$(swift build --show-bin-path)
export OBS_BIN
log=$(mktemp)
timeout 2400 swift test --skip-build --parallel "${filters[@]}" 2>&1 | tee "$log" | grep -vE '^(◇|✔|.*(passed after|started\.)$)' 
status=${PIPESTATUS[0]}
passed=$(grep -cE '^(✔|.) Test .* passed after' "$log")
failed=$(grep -cE '^(✘|.) Test .* failed after' "$log")
rm -f "$log"
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
[ $format = passed ] && passed=$((passed + 1)) || failed=$((failed + 1))
say "format check: $format"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
