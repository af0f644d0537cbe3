#!/usr/bin/python3
"""Pages in protobuf, native histograms and created timestamps: Vedette has what Prometheus 3.5.3 has of the same pages.

    tests/processes/protobuf_test.py --record BIN > tests/probes_scrape/recorded/protobuf.json

asks the Prometheus in the folder BIN, which must be 3.5.3; without it, what was recorded is compared with ours.
"""
import http.server
import json
import pathlib
import sys
import tempfile
import threading
import time
import unittest

from protobuf_page import (CONTENT_TYPE, COUNTER, GAUGE, GAUGE_HISTOGRAM, HISTOGRAM, SUMMARY, UNTYPED, bucket, counter, exemplar,
                           family, gauge, histogram, native_part, summary, untyped)
from support import ROOT, ProcessTest, Program, free_port, get_json, run, wait_for

VERSION = "3.5.3"
RECORDED = ROOT / "tests" / "probes_scrape" / "recorded" / "protobuf.json"
NOW = int(time.time())
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def protobuf_page():
    native = native_part(3, 0.001, 2, ([(0, 2), (1, 1)], [1, 2, -1]), ([(1, 1)], [4]),
                         exemplar(16, {"trace": "n1"}, 0.5, NOW - 9) + exemplar(16, {"trace": "n2"}, 0.7) + exemplar(16, {"trace": "n3"}, 0.9, NOW - 8))
    return b"".join([
        family("hits_total", COUNTER, [counter(3, {"path": "/"}, exemplar(2, {"trace": "c"}, 1, NOW - 5.5), created=NOW - 100),
                                       counter(4, {"path": "/a"}, exemplar(2, {"trace": "d"}, 1), at=NOW - 1)], 'Some "help"\nin \\ lines'),
        family("el_seconds", GAUGE, [gauge(2)], unit="seconds"),
        family("depth", GAUGE, [gauge(-0.5)]),
        family("plain", UNTYPED, [untyped(7, {"x": 'y "q" \\ \n z'})]),
        family("a.b", GAUGE, [gauge(1, {"c d": "e"})]),
        family("lat", SUMMARY, [summary(10, 5.5, [(0.5, 1), (0.99, 2), (1, 3)], {"a": "b"}, created=NOW - 50)]),
        family("classic", HISTOGRAM, [histogram(6, 9.5, bucket(1, 0.1) + bucket(4, 1, exemplar(3, {"t": "k"}, 0.9, NOW - 3)) + bucket(5, 10),
                                                created=NOW - 70)]),
        family("nat", HISTOGRAM, [histogram(12, 9.5, bucket(1, 0.1) + bucket(4, 1), native, {"z": "1"}, created=NOW - 70)]),
        family("gh", GAUGE_HISTOGRAM, [histogram(3, 1.5, native=native_part(0, 0.5, 0, ([(0, 1)], [3])))]),
        family("none_yet", HISTOGRAM, [histogram(0, 0, native=native_part(0, 0, 0, ([(0, 0)], [])))]),
    ])


OPEN_PAGE = f"""# TYPE requests counter
requests_total{{path="/"}} 17
requests_created{{path="/"}} {NOW - 60}
# TYPE took histogram
took_bucket{{le="0.1"}} 1
took_bucket{{le="1"}} 2 # {{trace_id="t"}} 0.5 {NOW - 4}
took_bucket{{le="+Inf"}} 3
took_count 3
took_sum 1.25
took_created {NOW - 30}
# TYPE uneven histogram
uneven_bucket{{le="1"}} 3
uneven_bucket{{le="2"}} 2
uneven_bucket{{le="+Inf"}} 3
uneven_count 3
uneven_sum 1
# EOF
"""

PAGES = {
    "/proto": (CONTENT_TYPE, protobuf_page()),
    "/open": (OPEN, OPEN_PAGE.encode()),
    "/cut": (CONTENT_TYPE, protobuf_page()[:-3]),
}
JOBS = {
    "plain": "metrics_path: /proto",
    "classic": "metrics_path: /proto, always_scrape_classic_histograms: true",
    "limit": "metrics_path: /proto, native_histogram_bucket_limit: 2",
    "hard_limit": "metrics_path: /open, native_histogram_bucket_limit: 1, convert_classic_histograms_to_nhcb: true",
    "factor": "metrics_path: /proto, native_histogram_min_bucket_factor: 1.5",
    "nhcb": "metrics_path: /proto, convert_classic_histograms_to_nhcb: true",
    "nhcb_classic": "metrics_path: /open, convert_classic_histograms_to_nhcb: true, always_scrape_classic_histograms: true",
    "open": "metrics_path: /open",
    "open_nhcb": "metrics_path: /open, convert_classic_histograms_to_nhcb: true",
    "few": "metrics_path: /proto, sample_limit: 5",
    "cut": "metrics_path: /cut",
}
# What Prometheus does not do together with created timestamps.
CONVERTED = {name: keys for name, keys in JOBS.items() if "nhcb" in keys}
OTHERS = {name: keys for name, keys in JOBS.items() if name not in CONVERTED}
RUNS = {
    "created": (OTHERS, "native-histograms,exemplar-storage,created-timestamp-zero-ingestion"),
    "converted": (CONVERTED, "native-histograms,exemplar-storage"),
    "without": (JOBS, "exemplar-storage"),
}


class Pages(http.server.BaseHTTPRequestHandler):
    accepted = set()

    def log_message(self, *_):
        pass

    def do_GET(self):
        Pages.accepted.add(self.headers["Accept"])
        kind, body = PAGES[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def config_of(jobs, port):
    lines = [f"  - {{job_name: {name}, {keys}, static_configs: [{{targets: ['127.0.0.1:{port}'], labels: {{instance: i}}}}]}}"
             for name, keys in jobs.items()]
    return "global: {scrape_interval: 1s}\nscrape_configs:\n" + "\n".join(lines) + "\n"


def relative(at):
    return round(at - NOW, 3)


def seen(program):
    """What a program has of the pages, without what depends on when it looked."""
    out = {"series": {}, "zeros": {}, "exemplars": {}}
    own = "up|scrape_samples_scraped|scrape_samples_post_metric_relabeling|[^s].*"
    for row in get_json(program.url + "/api/v1/query", query='{__name__=~"%s",job=~".+"}' % own)["data"]["result"]:
        name = json.dumps(row["metric"], sort_keys=True)
        value = row["histogram"][1] if "histogram" in row else row["value"][1]
        out["series"][name] = relative(float(value)) if row["metric"]["__name__"].endswith("_created") else value
    for row in get_json(program.url + "/api/v1/query", query='{job=~"plain|open|open_nhcb",__name__!="up",__name__!~"scrape_.*"}[10m]')["data"]["result"]:
        values = row.get("histograms") or row["values"]
        zero = values[0][1] == "0" if "values" in row else values[0][1]["count"] == "0"
        if zero and len(values) > 1 and values[0][0] < NOW:
            out["zeros"][json.dumps(row["metric"], sort_keys=True)] = relative(values[0][0])
    for series in get_json(program.url + "/api/v1/query_exemplars", query='{job=~"plain|classic|nhcb|open_nhcb"}')["data"]:
        out["exemplars"][json.dumps(series["seriesLabels"], sort_keys=True)] = [
            [each["labels"], each["value"], relative(each["timestamp"])] for each in series["exemplars"]]
    targets = get_json(program.url + "/api/v1/targets")["data"]["activeTargets"]
    out["health"] = {target["scrapePool"]: target["health"] for target in targets}
    return out


def whole(program, jobs):
    """Every job was looked at three times, so that markers and zeros are there."""
    rows = get_json(program.url + "/api/v1/query", query="count_over_time(up[5m]) > 2")["data"]["result"]
    return len(rows) == len(jobs)


def start_prometheus(start, folder, binary, config, features):
    port = free_port()
    path = pathlib.Path(folder) / "prometheus.yml"
    path.write_text(config)
    program = start([binary, f"--config.file={path}", f"--storage.tsdb.path={folder}/prometheus-{port}",
                     f"--web.listen-address=127.0.0.1:{port}", f"--enable-feature={features}"], f"prometheus-{port}")
    program.url = f"http://127.0.0.1:{port}"
    return program


def record(folder):
    binary = pathlib.Path(folder) / "prometheus"
    if VERSION not in run([binary, "--version"])[1]:
        sys.exit(f"{binary} is not Prometheus {VERSION}")
    server = serve()
    answers = {"version": VERSION}
    for what, (jobs, features) in RUNS.items():
        with tempfile.TemporaryDirectory() as place:
            Pages.accepted.clear()
            program = start_prometheus(lambda words, name: Program(words, place, name), place, binary,
                                       config_of(jobs, server.server_port), features)
            try:
                wait_for("three looks at each", lambda: whole(program, jobs), 60)
                answers[what] = seen(program)
                answers[what]["accept"] = sorted(Pages.accepted)
            finally:
                program.stop()
    print(json.dumps(answers, indent=1, sort_keys=True, ensure_ascii=False))


class Protobuf(ProcessTest):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.server = serve()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        Pages.accepted.clear()

    def ours(self, jobs, features):
        program = self.start_vedette(config_of(jobs, self.server.server_port), words=[f"--enable-feature={features}"])
        wait_for("three looks at each", lambda: whole(program, jobs), 40)
        return program

    def assert_as_recorded(self, what):
        recorded = json.loads(RECORDED.read_text())[what]
        program = self.ours(*RUNS[what])

        def answers():
            return {**seen(program), "accept": sorted(Pages.accepted)}
        try:  # a busy machine may miss a look
            wait_for("the recorded answers", lambda: answers() == recorded, 30)
        except AssertionError:
            for part, expected in answers().items():
                self.assertEqual(expected, recorded[part], part)

    def test_native_histograms_exemplars_and_created_timestamps_are_those_of_prometheus(self):
        self.assert_as_recorded("created")

    def test_classic_histograms_are_converted_as_there(self):
        self.assert_as_recorded("converted")

    def test_without_the_features_native_histograms_are_left_out_as_there(self):
        self.assert_as_recorded("without")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(sys.argv[2])
    else:
        unittest.main(verbosity=2)
