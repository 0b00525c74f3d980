# Installs what the checks need and is missing: the npm packages, and a Chromium with WebGPU. To be sourced:
# it exports CHROMIUM_PATH.

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

command -v node >/dev/null || fail "Node is missing: version 20.19 or newer is needed (https://nodejs.org)."
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node 20.19 or newer is needed; this is $(node --version)."

# npm writes node_modules/.package-lock.json last: absent after a broken install, older after a changed lock.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "Installing the npm packages ..."
  npm ci --no-audit --no-fund </dev/null || fail "npm ci failed."
  touch node_modules/.package-lock.json
fi

find_chromium() {
  if [ -n "${CHROMIUM_PATH:-}" ]; then
    [ -x "$CHROMIUM_PATH" ] || fail "CHROMIUM_PATH is $CHROMIUM_PATH, which is no program."
    return 0
  fi
  for candidate in /usr/bin/chromium chromium chromium-browser google-chrome google-chrome-stable; do
    if CHROMIUM_PATH=$(command -v "$candidate"); then return 0; fi
  done
  CHROMIUM_PATH=
  return 1
}

if ! find_chromium; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium ..."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } </dev/null >/dev/null ||
      fail "apt-get could not install chromium."
  fi
  find_chromium || fail \
    "The browser tests need Chromium or Chrome, and none was found." \
    "  Debian:  sudo apt-get install chromium" \
    "  Ubuntu:  sudo snap install chromium" \
    "  Fedora:  sudo dnf install chromium" \
    "  macOS:   brew install --cask chromium" \
    "or set CHROMIUM_PATH to one that is there (version 121 or newer, for WebGPU)."
fi
export CHROMIUM_PATH
