#!/usr/bin/env bash
# One command from a clone to a dashboard of this machine.
#
#   ./Deploy/run.sh [--headless] [--no-demo] [--data-dir DIR] [--listen HOST:PORT] [--config FILE]
#
# Installs what is missing, builds, starts `obsd all` with embedded storage (./data unless told otherwise) and opens the
# dashboard. Beside it runs `shop`, a demo of small services that send traces, metrics and logs; --no-demo leaves it out.
# With --headless it prints the addresses and a first answer instead, and stays until interrupted.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

headless=no demo=yes data=$root/data listen=127.0.0.1:7070 config=
while [ $# -gt 0 ]; do
    case $1 in
    --headless) headless=yes ;;
    --no-demo) demo=no ;;
    --data-dir) data=${2:?--data-dir wants a folder}; shift ;;
    --listen) listen=${2:?--listen wants HOST:PORT}; shift ;;
    --config) config=${2:?--config wants a file}; shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) say "$0: unknown option $1 (see --help)"; exit 2 ;;
    esac
    shift
done

need_swift
install_packages build
cd "$root"
say "building (the first build takes some minutes)"
products=(obsd obsq)
[ $demo = no ] || products+=(shop)
for product in "${products[@]}"; do
    swift build -c release "${release_flags[@]}" --product "$product" >&2
done
bin=$(swift build -c release "${release_flags[@]}" --show-bin-path)

mkdir -p "$data"
log=$data.log
url=http://$listen
if "$bin/obsq" --server "$url" status >/dev/null 2>&1; then
    die "something answers on $url already: stop it, or choose another port with --listen"
fi
args=(all --data-dir "$data" --listen "$listen")
[ -n "$config" ] && args+=(--config "$config")
"$bin/obsd" "${args[@]}" 2>>"$log" &
server=$!
shop=
stop() {
    trap - EXIT INT TERM
    if [ -n "$shop" ]; then kill -TERM "$shop" 2>/dev/null || true; wait "$shop" 2>/dev/null || true; fi
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 0' INT TERM

for _ in $(seq 1 100); do
    "$bin/obsq" --server "$url" status >/dev/null 2>&1 && break
    kill -0 "$server" 2>/dev/null || { tail -n 5 "$log" >&2; die "obsd did not start; its log is $log"; }
    sleep 0.1
done

if [ $demo = yes ]; then
    # OTLP comes to the main port, too, so that it works where 4318 belongs to another program.
    "$bin/shop" --otlp "$url" >>"$log" 2>&1 &
    shop=$!
fi

if [ $headless = no ]; then
    "$bin/obsq" --server "$url" dash --dashboard "$root/Dashboards/host.json"
    exit 0
fi

first='node_load1'
for _ in $(seq 1 300); do
    "$bin/obsq" --server "$url" query "$first" --fail-on-empty >/dev/null 2>&1 && break
    sleep 0.1
done
cat <<TEXT
obsd is up, process $server, log $log, data $data

  API        $url/api/v1/query?query=up        (Prometheus; Grafana data source: $url)
  write      $url/api/v1/write                 (Prometheus remote write)
  metrics    $url/metrics
  traces     $url/tempo                        (Grafana's Tempo; $url/jaeger for Jaeger)
  dashboard  $bin/obsq --server $url dash
  demo       $([ $demo = yes ] && echo "six services; POST http://127.0.0.1:7075/faults?service=payment&errors=0.3" || echo none)

\$ obsq query '$first'
TEXT
"$bin/obsq" --server "$url" query "$first"
say "stays up until interrupted (Ctrl-C)"
wait "$server"
