#!/usr/bin/python3
"""The http probe beside the real blackbox_exporter, on the same targets and the same settings.

Names, labels and values must be the same; of what measures time, names and labels. Runs Debian's
blackbox_exporter 0.23 from build/peers/bin, or the one in the folder VEDETTE_PEERS. What newer versions
added is in ADDED_LATER and is expected only of a peer that is new enough.
"""

import contextlib
import gzip
import http.server
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = pathlib.Path(os.environ.get("VEDETTE_PEERS", ROOT / "build" / "peers" / "bin"))
VEDETTE = pathlib.Path(os.environ.get("VEDETTE_BUILD", ROOT / "build" / "release")) / "vedette"

TIMED = {"probe_duration_seconds", "probe_dns_lookup_time_seconds", "probe_http_duration_seconds"}
OURS = {"up"}
# Metric, label (or None for the whole metric), and the version of blackbox_exporter that brought it.
ADDED_LATER = [
    ("probe_tls_cipher_info", None, (0, 25)),
    ("probe_ssl_last_chain_info", "serialnumber", (0, 25)),
]
PAGE = b"hello world\n" * 100


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/redirect/"):
            left = int(path.rsplit("/", 1)[1])
            self.answer(302, b"", Location=f"/redirect/{left - 1}" if left > 1 else "/")
        elif path == "/loop":
            self.answer(302, b"", Location="/loop")
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        elif path == "/gzip":
            self.answer(200, gzip.compress(PAGE), Content_Encoding="gzip")
        elif path == "/modified":
            self.answer(200, PAGE, Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT")
        elif path == "/empty":
            self.answer(204, b"")
        elif path.startswith("/status/"):
            self.answer(int(path.rsplit("/", 1)[1]), b"not well")
        elif path == "/private":
            right = self.headers.get("Authorization") == "Basic c2hvcDpzZWNyZXQ="
            self.answer(200 if right else 401, b"private")
        else:
            self.answer(200, PAGE, X_Powered_By="python")

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200 if body == b"ping" else 400, body)


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def make_certificate(folder):
    """A CA of our own and a certificate for localhost, with commas and several names in them."""

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "300",
            "-subj", "/O=Shop, Inc./CN=Test CA", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr",
            "-subj", "/C=DE/O=Shop + Söhne/CN=localhost", "-utf8")
    (folder / "names").write_text("subjectAltName=DNS:localhost,DNS:shop.example,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "30", "-extfile", "names", "-out", "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


def free_port():
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def parse(text):
    """{(name, ((label, value), …)): value} of a text exposition."""
    out = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
        labels = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")
        out[(match[1], tuple(sorted(labels)))] = float(match[3])
    return out


class BesideBlackbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        exporter = PEERS / "blackbox_exporter"
        said = subprocess.run([exporter, "--version"], capture_output=True, text=True, check=True)
        version = re.search(r"version (\d+)\.(\d+)", said.stdout + said.stderr)
        cls.version = (int(version[1]), int(version[2]))
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.dir = pathlib.Path(cls.folder.name)
        cls.plain = serve()
        cls.secure = serve(make_certificate(cls.dir))
        cls.base = f"http://127.0.0.1:{cls.plain.server_port}"
        cls.secure_base = f"https://localhost:{cls.secure.server_port}"
        cls.start_exporter(exporter)
        # The same settings as entries of `probes:`; the targets are given one by one.
        cls.config = cls.dir / "vedette.yml"
        cls.config.write_text(json.dumps({"probes": [
            {"name": name, "type": "http", "url": cls.base, "timeout": "5s", **settings}
            for name, settings in cls.modules().items()]}))

    @classmethod
    def start_exporter(cls, exporter):
        modules = {name: {"prober": "http", "timeout": "5s", "http": settings}
                   for name, settings in cls.modules().items()}
        config = cls.dir / "blackbox.yml"
        config.write_text(json.dumps({"modules": modules}))  # JSON is YAML
        cls.port = free_port()
        cls.peer = subprocess.Popen(
            [exporter, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{cls.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.stop_exporter)
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{cls.port}/-/healthy", timeout=1)
                return
            time.sleep(0.05)
        raise AssertionError("blackbox_exporter did not start")

    @classmethod
    def stop_exporter(cls):
        cls.peer.kill()
        cls.peer.wait()
        cls.plain.shutdown()
        cls.secure.shutdown()

    @classmethod
    def modules(cls):
        own_ca = {"ca_file": str(cls.dir / "ca.pem")}
        ip4 = {"preferred_ip_protocol": "ip4"}
        return {
            "plain": {},
            "ip4": ip4,
            "tls": {**ip4, "tls_config": own_ca},
            "tls_unverified": {**ip4, "tls_config": {"insecure_skip_verify": True}},
            "no_tls": {**ip4, "tls_config": own_ca, "fail_if_ssl": True},
            "only_tls": {"fail_if_not_ssl": True},
            "no_redirects": {"follow_redirects": False},
            "redirect_is_fine": {"follow_redirects": False, "valid_status_codes": [302]},
            "not_found_is_fine": {"valid_status_codes": [404]},
            "body_not": {"fail_if_body_matches_regexp": ["w.rld"]},
            "body_must": {"fail_if_body_not_matches_regexp": ["w.rld"]},
            "header_not": {"fail_if_header_matches":
                           [{"header": "X-Powered-By", "regexp": "pyth", "allow_missing": True}]},
            "header_must": {"fail_if_header_not_matches":
                            [{"header": "X-Powered-By", "regexp": "ruby"}]},
            "http2_only": {"valid_http_versions": ["HTTP/2.0"]},
            "gzip": {"compression": "gzip", "headers": {"Accept-Encoding": "gzip"}},
            "head": {"method": "HEAD"},
            "post": {"method": "POST", "body": "ping"},
            "password": {"basic_auth": {"username": "shop", "password": "secret"}},
        }

    def ask_peer(self, module, target):
        query = urllib.parse.urlencode({"module": module, "target": target})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/probe?{query}", timeout=10) as page:
            return parse(page.read().decode())

    def ask_us(self, module, target):
        ran = subprocess.run(
            [VEDETTE, "probe", "http", target, "--metrics", "--config", self.config, "--probe", module],
            capture_output=True, text=True, timeout=30, check=False)
        self.assertIn(ran.returncode, (0, 1), ran.stderr)
        return parse(ran.stdout)

    def without_news(self, metrics):
        """Ours as far as the peer is old enough to know it."""
        gone = {(name, label) for name, label, since in ADDED_LATER if self.version < since}
        out = {}
        for (name, labels), value in metrics.items():
            if (name, None) in gone or name in OURS:
                continue
            kept = tuple(label for label in labels if (name, label[0]) not in gone)
            out[(name, kept)] = value
        return out

    def compare(self, module, target, but=()):
        """`but` names metrics whose values are known to differ; why stands where it is used."""
        with self.subTest(module=module, target=target):
            theirs = self.ask_peer(module, target)
            ours = self.without_news(self.ask_us(module, target))
            self.assertEqual(sorted(ours), sorted(theirs))
            for key, value in theirs.items():
                if key[0] not in TIMED and key[0] not in but:
                    self.assertEqual((key, ours[key]), (key, value))

    def test_plain_answers(self):
        for path in ("/", "/modified", "/empty", "/chunked", "/gzip", "/status/404", "/status/503"):
            self.compare("plain", self.base + path)
        self.compare("not_found_is_fine", self.base + "/status/404")
        self.compare("not_found_is_fine", self.base + "/")
        self.compare("http2_only", self.base + "/")

    def test_redirects(self):
        for path in ("/redirect/1", "/redirect/3", "/redirect/10"):
            self.compare("plain", self.base + path)
        # Ours says that no answer came; the peer shows the redirect that it did not follow.
        of_the_last = {"probe_http_status_code", "probe_http_version"}
        for path in ("/redirect/11", "/loop"):
            self.compare("plain", self.base + path, but=of_the_last)
        self.compare("no_redirects", self.base + "/redirect/2")
        self.compare("redirect_is_fine", self.base + "/redirect/2")

    def test_bodies_and_headers(self):
        for module in ("body_not", "body_must", "header_not", "header_must"):
            for path in ("/", "/empty", "/status/500"):
                self.compare(module, self.base + path)
        self.compare("gzip", self.base + "/gzip")
        # Both are down; the peer gives up before it counts what came uncompressed.
        self.compare("gzip", self.base + "/", but={"probe_http_uncompressed_body_length"})

    def test_requests(self):
        self.compare("head", self.base + "/")
        self.compare("post", self.base + "/")
        self.compare("password", self.base + "/private")
        self.compare("plain", self.base + "/private")

    def test_tls(self):
        for module in ("tls", "tls_unverified", "no_tls", "ip4"):
            self.compare(module, self.secure_base + "/")
        self.compare("only_tls", self.base + "/")
        self.compare("tls", self.secure_base + "/redirect/2")

    def test_nobody_there(self):
        self.compare("plain", f"http://127.0.0.1:{free_port()}/")
        self.compare("plain", "http://no-such-host.invalid/")
        self.compare("plain", f"https://127.0.0.1:{self.plain.server_port}/")


if __name__ == "__main__":
    unittest.main()
