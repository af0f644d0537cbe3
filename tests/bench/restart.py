"""Budget 15: ready after kill -9 with 100,000 series that came by remote write, nothing lost.

Vedette and Prometheus (with its remote write receiver) take the same requests, then take turns being killed and started.
Ready is when /-/ready answers 200 and a query counts every series; then every sample is counted, off the clock.
"""
import socket
import statistics
import time

from processes import cpu_seconds, programs

import remote_write
from support import PEERS, VEDETTE, fetch, free_port, get_json

SERIES, SAMPLES, PER_REQUEST, TURNS = 100_000, 3, 2_000, 3


def series(number, at_ms):
    """One prometheus.TimeSeries of one sample."""
    labels = {"__name__": "bench_requests_total", "instance": f"host-{number // 100:04}:9100", "job": "bench",
              "path": f"/api/v1/resource/{number % 100}"}
    return remote_write.series(labels, [(at_ms, float(number + at_ms % 1000))])


def write(url, bodies, token):
    headers = dict(remote_write.HEADERS)
    if token:
        headers["Authorization"] = "Bearer " + token
    for body in bodies:
        status, _, text = fetch(url, body, headers, "POST", 60)
        if status not in (200, 204):
            raise SystemExit(f"restart: {url} answered {status}: {text[:200]!r}")


def answers_200(port, path):
    """One request on a fresh connection, without a client's own cost."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def ask(port, expression):
    result = get_json(f"http://127.0.0.1:{port}/api/v1/query", query=expression)["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0


class Server:
    def __init__(self, name, start, words, path, token=""):
        self.name, self.start, self.path, self.token = name, start, path, token
        self.port = free_port()
        self.words = [str(word).replace("PORT", str(self.port)) for word in words]
        self.waits, self.cpu = [], []

    def begin(self):
        """Seconds from exec until it is ready and knows every series (none before the first write)."""
        began = time.monotonic()
        self.program = self.start(self.words, self.name)
        while not answers_200(self.port, "/-/ready"):
            if self.program.process.poll() is not None or time.monotonic() - began > 60:
                raise SystemExit(f"restart: {self.name} is not ready:\n{self.program.output()[-1000:]}")
            time.sleep(0.001)
        return began

    def turn(self):
        self.program.kill()
        began = self.begin()
        ready = time.monotonic() - began
        used = cpu_seconds(self.program.pid)
        found = ask(self.port, "count(bench_requests_total)")
        known = time.monotonic() - began
        if found != SERIES:
            raise SystemExit(f"restart: {self.name} has {found} of {SERIES} series")
        samples = ask(self.port, "sum(count_over_time(bench_requests_total[1h]))")
        if samples != SERIES * SAMPLES:
            raise SystemExit(f"restart: {self.name} lost samples: {samples} of {SERIES * SAMPLES}")
        print(f"  {self.name:10} ready in {ready:.3f} s ({used:.3f} s of CPU), all series counted after {known:.3f} s", flush=True)
        self.waits.append((ready, known))
        self.cpu.append(used)


def requests():
    now = int(time.time() * 1000)
    for sample in range(SAMPLES):
        at = now - (SAMPLES - sample) * 15_000
        for first in range(0, SERIES, PER_REQUEST):
            yield remote_write.body(series(number, at) for number in range(first, first + PER_REQUEST))


def rows():
    with programs() as (folder, start):
        (folder / "vedette.yml").write_text("server:\n  anonymous: viewer\n  tokens: [{name: bench, token: write-here, role: editor}]\n")
        (folder / "prometheus.yml").write_text("global: {}\n")
        ours = Server("vedette", start, [VEDETTE, "run", "--config", folder / "vedette.yml", "--data", folder / "data",
                                         "--listen", "127.0.0.1:PORT"], "/api/v1/write", "write-here")
        peer = Server("prometheus", start, [PEERS / "prometheus", f"--config.file={folder}/prometheus.yml",
                                            f"--storage.tsdb.path={folder}/prometheus", "--web.listen-address=127.0.0.1:PORT",
                                            "--web.enable-remote-write-receiver"], "/api/v1/write")
        bodies = list(requests())
        for server in (ours, peer):
            server.begin()
            write(f"http://127.0.0.1:{server.port}{server.path}", bodies, server.token)
        for _ in range(TURNS):
            for server in (ours, peer):
                server.turn()
    median = {server.name: [statistics.median(wait[i] for wait in server.waits) for i in (0, 1)] for server in (ours, peer)}
    return [("ready after kill -9, 100,000 series by remote write, nothing lost", f"{median['vedette'][0]:.2f} s",
             f"{median['prometheus'][0]:.2f} s", "0.17 s"),
            ("the same, until a query has counted every series", f"{median['vedette'][1]:.2f} s", f"{median['prometheus'][1]:.2f} s", "")]
