#!/bin/sh
# Installs the Debian packages that some tests need, where that is possible: as root, on Debian, and only what
# is missing. Elsewhere the tests that need a missing part are skipped, and named at the end of the test run.
# Nothing is started: the tests run servers of their own. TWOFA_GATE_NO_APT=1 leaves the machine as it is.
set -eu

PATH="$PATH:/usr/sbin:/sbin"
wanted=""

# need COMMAND PACKAGE: want the package unless the command is there
need() {
  if ! command -v "$1" >/dev/null 2>&1; then wanted="$wanted $2"; fi
}

need chromium chromium
need oathtool oathtool
need zbarimg zbar-tools
need redis-server redis-server
need mariadbd mariadb-server
set -- /usr/lib/postgresql/*/bin/postgres
if [ ! -x "$1" ]; then wanted="$wanted postgresql"; fi

if [ -z "$wanted" ]; then exit 0; fi

if [ -n "${TWOFA_GATE_NO_APT:-}" ] || [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ] ||
  ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: not installed:$wanted; the tests that need them will be skipped, by name"
  exit 0
fi

# A page without a font is a page without words.
case "$wanted" in *chromium*) wanted="$wanted fonts-dejavu-core" ;; esac

# Keep the packages from starting their services, unless the machine has a rule about that already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
begin=$(date +%s)
echo "setup: installing Debian packages:$wanted ..."
# shellcheck disable=SC2086 # a list of words
if apt-get -o DPkg::Lock::Timeout=300 -qq update &&
  apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends install $wanted >/dev/null </dev/null; then
  echo "setup: installed, in $(($(date +%s) - begin)) s"
else
  echo "setup: that failed; the tests that need what is missing will be skipped, by name"
fi
