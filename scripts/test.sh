#!/usr/bin/env bash
# npm test: installs what is missing, builds what is stale, and runs every test: unit, browser, end to end.
# The last line counts them. Any failure, and any project that did not run, ends it with another code than 0.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/install.sh

results=test-results
rm -rf "$results"
mkdir -p "$results"
status=0

node scripts/build.mjs --quiet || fail "The build failed, so nothing was tested."

# A test that never ends cannot be stopped from inside; where `timeout` is, it is stopped from outside.
limit=()
if command -v timeout >/dev/null; then limit=(timeout --kill-after=10 700); fi

for project in unit browser e2e; do
  printf '\n== %s\n' "$project"
  ${limit[@]+"${limit[@]}"} node_modules/.bin/vitest run --project "$project" --reporter=default --reporter=json \
    --outputFile.json="$results/$project.json" </dev/null || status=1
done

echo
node scripts/tally.mjs "$results" unit browser e2e || status=1
exit "$status"
