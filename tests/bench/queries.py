"""Budgets 9, 10, 11: what queries cost over HTTP, on the same data, taking turns.

1,200 counters over six hours at 15 s, and the 1,200 buckets of 100 histograms over the last hour. CPU is the server's, from
/proc, answer included; the small query's median is the wall time of one client on one kept connection.
"""
import json
import random
import statistics
import time

from processes import programs
from servers import started

import remote_write

STEP, SCRAPES, BUCKET_SCRAPES = 15_000, 1_460, 240
SLICE = 40  # scrapes in one request
RATE = "sum by (job) (rate(requests_total[5m]))"
INSTANT = [("instant: sum by rate", RATE),
           ("instant: histogram_quantile", "histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[5m])))"),
           ("instant: topk", "topk(5, rate(requests_total[5m]))")]
SMALL = 'requests_total{job="job-3", instance="10.0.0.7"}'


def bodies(end):
    """Remote write requests in the order of time."""
    chance = random.Random(1)
    counters = [({"__name__": "requests_total", "instance": f"10.0.0.{n % 60}", "job": f"job-{n // 60}", "zone": "eu"}, [0]) for n in range(1200)]
    buckets = [({"__name__": "seconds_bucket", "instance": f"10.0.0.{n // 12}", "job": "api",
                 "le": "+Inf" if n % 12 == 11 else str(0.01 * (1 << n % 12))}, [0]) for n in range(1200)]
    for first in range(0, SCRAPES, SLICE):
        times = [end - (SCRAPES - 1 - i) * STEP for i in range(first, min(first + SLICE, SCRAPES))]
        parts = []
        for number, (labels, value) in enumerate(counters + (buckets if first >= SCRAPES - BUCKET_SCRAPES else [])):
            samples = []
            for at in times:
                value[0] += chance.randrange(50) * (1 if number < 1200 else number % 12 + 1)
                samples.append((at, float(value[0])))
            parts.append(remote_write.series(labels, samples))
        for at in range(0, len(parts), 600):
            yield remote_write.body(parts[at:at + 600])


def series_in(body):
    return len(json.loads(body)["data"]["result"])


def cost(server, times, path, parameters):
    """CPU milliseconds of one request, and how many series it answered with."""
    status, body = server.get(path, **parameters)
    if status != 200:
        raise SystemExit(f"{server.name} answered {status}: {body[:300]!r}")
    before = server.cpu()
    for _ in range(times):
        server.get(path, **parameters)
    return (server.cpu() - before) / times * 1000, series_in(body)


def median_wait(server, times, path, parameters):
    waits = []
    for _ in range(times):
        began = time.perf_counter()
        server.get(path, **parameters)
        waits.append(time.perf_counter() - began)
    return statistics.median(waits) * 1000


def row(figure, servers, measured, unit, must):
    ours, *peers = (statistics.median(measured[server.name]) for server in servers)
    beside = ", ".join(f"{server.name} {value:.3g} {unit}" for server, value in zip(servers[1:], peers))
    return figure, f"{ours:.3g} {unit}", beside, must


def later(end):
    """One sample of another series, so long after the others that all of them are past the head."""
    return remote_write.body([remote_write.series({"__name__": "later"}, [(end, 1.0)])])


def wait_for_blocks(folder, servers):
    """Until each that cuts blocks has cut them: Vedette and Prometheus look once a minute."""
    ends = time.monotonic() + 300
    for server in servers:
        home, pattern = {"Vedette": (folder / "vedette" / "blocks", "*.block")}.get(server.name, (folder / server.name, "*/meta.json"))
        if home.is_dir():
            while not list(home.glob(pattern)):
                if time.monotonic() > ends:
                    raise SystemExit(f"{server.name} has cut no block in five minutes")
                time.sleep(1)
    time.sleep(5)  # for the next ones: they are cut one after the other


def rows(in_blocks=False):
    newest = int(time.time()) // 15 * 15_000 - 15_000
    end = newest - (12 * 3600_000 if in_blocks else 0)
    with programs() as (folder, start):
        servers = started(folder, start)
        for body in [*bodies(end), *([later(newest)] if in_blocks else [])]:
            for server in servers:
                server.write(body)
        if in_blocks:
            wait_for_blocks(folder, servers)
        for server in servers:
            server.settle()
        # In blocks somewhere in the middle of a chunk: at the end of the samples chunks are short.
        now = {"time": end / 1000 - (2000 if in_blocks else 0)}
        stretch = {"start": end / 1000 - 6 * 3600, "end": end / 1000, "step": 60}
        where = " in blocks" if in_blocks else ""
        out = []
        cases = [(name, 20, "/api/v1/query", {"query": query, **now}, "1 ms") for name, query in INSTANT]
        cases.append(("range: 6 h at 60 s, sum by rate, 1,200 series", 5, "/api/v1/query_range", {"query": RATE, **stretch}, "9 ms"))
        for name, times, path, parameters, must in cases:
            measured = {server.name: [] for server in servers}
            for _ in range(5):
                for server in servers:
                    spent, found = cost(server, times, path, parameters)
                    measured[server.name].append(spent)
                    if found not in (20, 1, 5):
                        raise SystemExit(f"{server.name} gave {found} series for {name}")
            out.append(row(f"CPU of a query{where} over HTTP, {name}", servers, measured, "ms", must))
            print("  " + " | ".join(out[-1]), flush=True)
        measured = {server.name: [] for server in servers}
        for _ in range(5):
            for server in servers:
                measured[server.name].append(median_wait(server, 400, "/api/v1/query", {"query": SMALL, **now}))
        out.append(row(f"a small query{where} over HTTP, median wait", servers, measured, "ms", "0.06 ms"))
        print("  " + " | ".join(out[-1]), flush=True)
        return out


def rows_of_blocks():
    """The same questions about samples that left memory half a day ago."""
    return rows(in_blocks=True)
