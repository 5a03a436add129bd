#!/usr/bin/env bash
# Installs the browser that test/browser needs, where that can be done: with apt-get, as root. Never fails; without a
# browser those tests are skipped, and both this and they say so.
set -uo pipefail

browser="${CHROMIUM_PATH:-/usr/bin/chromium}"
skip() {
  echo "the browser tests will be skipped: there is no $browser, and $1; install Chromium and set CHROMIUM_PATH to it"
  exit 0
}

if [ -x "$browser" ]; then
  exit 0
fi
[ -z "${CHROMIUM_PATH:-}" ] || skip "CHROMIUM_PATH names another one than the one that could be installed"
command -v apt-get > /dev/null || skip "there is no apt-get to install it with"
[ "$(id -u)" -eq 0 ] || skip "only root can install it with apt-get"

echo "installing chromium for the browser tests"
export DEBIAN_FRONTEND=noninteractive
apt-get install -y --no-install-recommends chromium > /dev/null 2>&1 ||
  { apt-get update > /dev/null 2>&1 && apt-get install -y --no-install-recommends chromium > /dev/null 2>&1; }
[ -x "$browser" ] || skip "apt-get could not install it"
