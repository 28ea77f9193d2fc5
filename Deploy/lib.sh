# Shared by run.sh and test.sh; sourced, not run.

export SWIFT_BACKTRACE=enable=no
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

# as_root COMMAND…: with sudo when this is not root. Never asks.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; return; fi
    command -v sudo >/dev/null || die "need root to run: $* (no sudo here; run that as root, then try again)"
    sudo -n "$@" || die "need root to run: $* (sudo wants a password; run that yourself, then try again)"
}

# install_packages KIND…: installs what packages.txt lists for these kinds and is missing.
install_packages() {
    command -v dpkg-query >/dev/null || { say "not a Debian system: install the equivalents of Deploy/packages.txt yourself"; return 0; }
    local missing=() name kind wanted
    while read -r name kind _; do
        case $name in '' | '#'*) continue ;; esac
        for wanted in "$@"; do
            [ "$kind" = "$wanted" ] || continue
            dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
        done
    done <"$root/Deploy/packages.txt"
    [ ${#missing[@]} -eq 0 ] && return 0
    say "installing Debian packages: ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "the packages above could not be installed"
    fi
    rm -f "$log"
}

need_swift() {
    command -v swift >/dev/null || die "no swift on the PATH: install a Swift 6.3 toolchain (swift.org/install), then try again"
}

# Code generation for the processors of the last ten years; obsd says so at start when this machine is older.
release_flags=()
if [ "$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo && grep -qw bmi2 /proc/cpuinfo; then release_flags=(-Xcc -march=x86-64-v3); fi
