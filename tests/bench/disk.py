"""Budget 8: bytes a sample on disk. 200 counters, 200 gauges and 200 percentages over six hours at 15 s.

Vedette is measured by the block that `import openmetrics` makes of what `export openmetrics` wrote of it, and by a checkpoint of
a store filled with such series in one program (`store_bench`); Prometheus by a snapshot, which writes the head as a block;
VictoriaMetrics by its data folder after a forced merge. Indexes are included.
"""
import json
import math
import random
import time

from processes import programs
from servers import started

import remote_write
from support import BUILD, VEDETTE, fetch, run

STEP, SCRAPES, EACH, SLICE = 15_000, 1_440, 200, 60


def next_value(kind, before, i, chance):
    if kind == "counter":
        return before + chance.randrange(50)
    if kind == "gauge":
        return round(before + chance.randrange(-20, 21) / 10, 1)
    return round((350 + chance.randrange(64) + 60 * math.sin(i / 90)) / 10, 1)


def bodies(end):
    chance = random.Random(1)
    series = [(kind, {"__name__": f"bench_{kind}", "instance": f"host-{n}:9100", "job": "bench"}, [float(chance.randrange(10_000))])
              for kind in ("counter", "gauge", "percentage") for n in range(EACH)]
    for first in range(0, SCRAPES, SLICE):
        parts = []
        for kind, labels, value in series:
            samples = []
            for i in range(first, first + SLICE):
                value[0] = next_value(kind, value[0], i, chance)
                samples.append((end - (SCRAPES - 1 - i) * STEP, float(value[0])))
            parts.append(remote_write.series(labels, samples))
        yield remote_write.body(parts)


def bytes_in(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def size_of(server, folder):
    """Bytes of everything it was sent, in the form in which it stays."""
    if server.name.startswith("Prometheus"):
        fetch(server.url("/api/v1/admin/tsdb/snapshot"), b"", method="POST", timeout=120)
        return bytes_in(folder / server.name / "snapshots")
    fetch(server.url("/internal/force_flush"), timeout=120)
    fetch(server.url("/internal/force_merge"), timeout=120)
    time.sleep(3)
    server.program.stop(60)  # what it still has in memory it writes now
    return bytes_in(folder / "victoria" / "data") + bytes_in(folder / "victoria" / "indexdb")


def block_of(folder):
    """Bytes of all that Vedette was sent, as blocks."""
    _, text, _ = run([VEDETTE, "export", "openmetrics", "--data", folder / "vedette"], timeout=120)
    (folder / "samples.txt").write_text(text)
    code, _, err = run([VEDETTE, "import", "openmetrics", folder / "samples.txt", "--data", folder / "imported"], timeout=120)
    if code != 0:
        raise SystemExit(f"disk: {err}")
    return bytes_in(folder / "imported/blocks")


def checkpoint():
    _, out, err = run([BUILD / "store_bench", "--benchmark_filter=disk_bytes", "--benchmark_format=json"])
    return json.loads(out)["benchmarks"][0]["checkpoint_bytes_a_sample"]


def rows():
    end = int(time.time()) // 15 * 15_000 - 15_000
    with programs() as (folder, start):
        servers = started(folder, start)
        for body in bodies(end):
            for server in servers:
                server.write(body)
        for server in servers:
            server.settle()
        samples = 3 * EACH * SCRAPES
        beside = ", ".join(f"{server.name} {size_of(server, folder) / samples:.2f}"
                           for server in servers if server.name != "Vedette")
        block = block_of(folder) / samples
    return [("bytes a sample on disk, in a block: counters, gauges, percentages, 6 h at 15 s", f"{block:.2f}", beside, "1.0"),
            ("the same, in a checkpoint", f"{checkpoint():.2f}", beside, "1.0")]
