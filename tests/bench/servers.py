"""Vedette, both Prometheus and VictoriaMetrics, side by side, filled by the same remote write requests."""
import os
import pathlib
import socket
import time
import urllib.parse

from processes import cpu_seconds

import remote_write
from support import PEERS, ROOT, VEDETTE, fetch, free_port

ORACLE = pathlib.Path(os.environ.get("VEDETTE_ORACLE", ROOT / "build" / "oracle" / "bin"))
TOKEN = "write-here"


class Server:
    """One program that takes remote write and answers queries."""

    def __init__(self, name, start, words, ready="/-/ready", token=""):
        self.name, self.token, self.port = name, token, free_port()
        self.program = start([str(word).replace("PORT", str(self.port)) for word in words], name)
        self.extra = {"nocache": "1"} if name.startswith("VictoriaMetrics") else {}
        self.connection = None
        end = time.monotonic() + 60
        while True:
            try:
                if fetch(self.url(ready))[0] == 200:
                    return
            except OSError:
                pass
            if self.program.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{name} is not ready:\n{self.program.output()[-1000:]}")
            time.sleep(0.02)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def write(self, body):
        headers = dict(remote_write.HEADERS)
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        status, _, text = fetch(self.url("/api/v1/write"), body, headers, "POST", 120)
        if status not in (200, 204):
            raise SystemExit(f"{self.name} answered {status} to a write: {text[:200]!r}")

    def cpu(self):
        return cpu_seconds(self.program.pid)

    def settle(self):
        """Waits until it does nothing more of its own, two minutes at most."""
        for _ in range(120):
            before = self.cpu()
            time.sleep(1)
            if self.cpu() - before < 0.02:
                return

    def get(self, path, **parameters):
        """Status and body of a request on a connection that is kept; as little of a client as there can be."""
        query = urllib.parse.urlencode({**parameters, **self.extra})
        request = f"GET {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode()
        try:
            return self.exchange(request)
        except ConnectionError:  # it was idle for too long while others had their turn
            self.connection = None
            return self.exchange(request)

    def exchange(self, request):
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), 120)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.more(1 << 16)
        head, _, body = answer.partition(b"\r\n\r\n")
        status, length = int(head.split()[1]), head.lower().partition(b"content-length:")[2]
        if length:
            parts, wanted = [body], int(length.split(b"\r\n")[0]) - len(body)
            while wanted > 0:
                parts.append(self.more(1 << 20))
                wanted -= len(parts[-1])
            return status, b"".join(parts)
        while not body.endswith(b"\r\n0\r\n\r\n"):
            body += self.more(1 << 20)
        whole = b""
        while body:  # in chunks: a size, then so many bytes
            size, _, body = body.partition(b"\r\n")
            whole += body[:int(size, 16)]
            body = body[int(size, 16) + 2:]
        return status, whole

    def more(self, most):
        got = self.connection.recv(most)
        if not got:
            raise ConnectionResetError("closed")
        return got


def started(folder, start):
    """Those that are there, Vedette first."""
    (folder / "vedette.yml").write_text(f"server:\n  anonymous: viewer\n  tokens: [{{name: bench, token: {TOKEN}, role: editor}}]\n")
    (folder / "prometheus.yml").write_text("global: {}\n")
    servers = [Server("Vedette", start, [VEDETTE, "run", "--config", folder / "vedette.yml", "--data", folder / "vedette",
                                         "--listen", "127.0.0.1:PORT"], token=TOKEN)]
    for name, program in (("Prometheus 2.42", PEERS / "prometheus"), ("Prometheus 3.5.3", ORACLE / "prometheus")):
        if program.exists():
            servers.append(Server(name, start, [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/{name}",
                                                "--web.listen-address=127.0.0.1:PORT", "--web.enable-remote-write-receiver",
                                                "--web.enable-admin-api"]))
    if (PEERS / "victoria-metrics").exists():
        servers.append(Server("VictoriaMetrics 1.79.5", start, [
            PEERS / "victoria-metrics", f"-storageDataPath={folder}/victoria", "-httpListenAddr=127.0.0.1:PORT",
            "-retentionPeriod=1y", "-search.latencyOffset=1ms", "-search.disableCache", "-loggerLevel=ERROR"], ready="/health"))
    return servers
