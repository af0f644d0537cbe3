#!/usr/bin/python3
"""The figures of docs/benchmarks.md, ours beside the real peers in the same run.

    tests/bench/run.py [probes] [small-job] [restart] [queries] [blocks] [disk] [intake] [scrape] [rules]     all of them when none is named

Wants build/release (or VEDETTE_BUILD) and build/peers/bin (or VEDETTE_PEERS); scripts/stages/bench makes both.
BENCH_SECONDS is how long the small job is measured (180). Judges nothing: prints a table with what must hold.
"""
import contextlib
import os
import pathlib
import platform
import re
import subprocess
import sys

import disk
import intake
import queries
import restart
import rules
import scrape
import small_job

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "processes"))
from support import BUILD, PEERS, run  # noqa: E402


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / 2**20
    busy = pathlib.Path("/proc/loadavg").read_text().split()[0]
    return (f"{os.cpu_count()} cores {model.group(1) if model else platform.machine()}, {memory:.1f} GiB, Linux {platform.release()}, "
            f"load {busy} before the run")


def version_of(name):
    _, out, err = run([PEERS / name, "--version"])
    found = re.search(r"version (\S+)", out + err)
    return f"{name} {found.group(1).rstrip(',') if found else '?'}"


def probes():
    """CPU of scheduled probes, beside a raw socket loop and bare libcurl at the same pace."""
    out = subprocess.run([BUILD / "probe_bench", "10"], capture_output=True, text=True, timeout=300, check=True).stdout
    print(out, flush=True)
    ours = float(re.search(r"probes\s+([\d.]+)", out).group(1))
    floor, floor_paced = re.search(r"floor\s+([\d.]+).*; ([\d.]+) at", out).groups()
    curl, curl_paced = re.search(r"curl\s+([\d.]+).*; ([\d.]+) at", out).groups()
    return [("CPU of 1000 scheduled HTTP probes", f"{ours:.3f} s", f"raw sockets {floor} ({floor_paced} at our pace), "
             f"bare libcurl {curl} ({curl_paced})", "0.09 s")]


BENCHES = {"probes": probes, "small-job": small_job.rows, "restart": restart.rows,
           "queries": queries.rows, "blocks": queries.rows_of_blocks, "disk": disk.rows, "intake": intake.rows, "scrape": scrape.rows,
           "rules": rules.rows}


def main(names):
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.exit(f"run.py: no benchmark named {', '.join(unknown)}; expected {', '.join(BENCHES)}")
    print(machine())
    print(", ".join(version_of(name) for name in ("prometheus", "alertmanager", "blackbox_exporter", "victoria-metrics")), flush=True)
    rows = []
    for name in names or BENCHES:
        print(f"\n── {name}", flush=True)
        rows += BENCHES[name]()
    print("\n| figure | Vedette | beside it | must |\n|---|---:|---|---:|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1:])
