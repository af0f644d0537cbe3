"""Budget 5: samples that are scraped in a second of CPU: 100,000 series on ten pages, asked each second.

A page server of our own answers all of them with the same plain text, every value another one each time. The programs have
their turns one after the other; the first scrapes, which make the series, are not counted.
"""
import http.server
import threading
import time

from processes import cpu_seconds, programs
from servers import ORACLE

from support import PEERS, VEDETTE, free_port

PAGES, PER_PAGE, COUNTED, WARM = 10, 10_000, 20, 5


def page(number, turn):
    lines = []
    for family in range(100):
        name = f"app_metric_{family}_total"
        lines.append(f"# HELP {name} Help.\n# TYPE {name} counter\n")
        for one in range(PER_PAGE // 100):
            tail = ".25" if one % 3 == 0 else ""
            lines.append(f'{name}{{handler="/api/v1/thing",code="200",shard="{number}-{one}"}} {one * 7 + turn * 13}{tail}\n')
    return "".join(lines).encode()


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies, served = {}, 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        Pages.served += 1
        number = int(self.path.rpartition("/")[2])
        body = Pages.bodies[number, Pages.served // PAGES % 4]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Who asked has ended."""


def config_of(port):
    jobs = [f"  - {{job_name: page{number}, metrics_path: /{number}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}"
            for number in range(PAGES)]
    return "global: {scrape_interval: 1s}\nscrape_configs:\n" + "\n".join(jobs) + "\n"


def rate_of(start, name, words):
    """Samples in a second of CPU while it scrapes."""
    program = start(words, name)
    goal = Pages.served + WARM * PAGES
    end = time.monotonic() + 120
    while Pages.served < goal:
        if program.process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{name} does not scrape:\n{program.output()[-1000:]}")
        time.sleep(0.1)
    before, served = cpu_seconds(program.pid), Pages.served
    time.sleep(COUNTED)
    used, scrapes = cpu_seconds(program.pid) - before, Pages.served - served
    program.stop()
    return scrapes * PER_PAGE / used / 1e6


def rows():
    Pages.bodies = {(number, turn): page(number, turn) for number in range(PAGES) for turn in range(4)}
    server = Server(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rates = {}
    with programs() as (folder, start):
        config = folder / "scrape.yml"
        config.write_text(config_of(server.server_port))

        def prometheus(binary, data):
            return [binary, f"--config.file={config}", f"--storage.tsdb.path={folder}/{data}", f"--web.listen-address=127.0.0.1:{free_port()}"]
        rates["Vedette"] = rate_of(start, "vedette", [VEDETTE, "run", "--config", config, "--data", folder / "vedette", "--listen", f"127.0.0.1:{free_port()}"])
        rates["Prometheus 2.42"] = rate_of(start, "prometheus", prometheus(PEERS / "prometheus", "two"))
        if (ORACLE / "prometheus").exists():
            rates["3.5.3"] = rate_of(start, "prometheus3", prometheus(ORACLE / "prometheus", "three"))
        rates["VictoriaMetrics"] = rate_of(start, "victoria", [
            PEERS / "victoria-metrics", f"-promscrape.config={config}", f"-storageDataPath={folder}/victoria", f"-httpListenAddr=127.0.0.1:{free_port()}"])
    server.shutdown()
    server.server_close()
    beside = ", ".join(f"{name} {rate:.2f} M" for name, rate in rates.items() if name != "Vedette")
    return [("samples scraped in a second of CPU, 100,000 series on ten pages", f"{rates['Vedette']:.2f} M", beside, "6.5 M")]
