#!/usr/bin/python3
"""Vedette and a real Prometheus scrape the same pages with the same scrape_configs, and have the same series and values.

The pages change in two steps, so that what comes, stays and goes is compared, too. Runs Debian's Prometheus from
build/peers/bin, or the one in the folder VEDETTE_PEERS.
"""
import base64
import gzip
import http.server
import json
import threading
import unittest

from support import PEERS, ProcessTest, SIGHUP, fetch, free_port, get_json, wait_for

TEXT, OPEN = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0; charset=utf-8"

PLAIN = [
    """# HELP jobs_total Done,\\nwith a line end and a \\\\.
# TYPE jobs_total counter
jobs_total{kind="a \\"b\\" \\\\ \\n c"} 3
jobs_total{kind="d",empty="",} 4.5e3
depth -0.25
limit +Inf
job_is_own{job="own",instance="x",exported_job="y"} 1
debug_a 1
debug_b 2
UPPER{Case="MiXed"} 7
""",
    """# TYPE jobs_total counter
jobs_total{kind="a \\"b\\" \\\\ \\n c"} 9
depth 12
new_one{x="y"} 1
job_is_own{job="own",instance="x",exported_job="y"} 2
UPPER{Case="MiXed"} 8
limit 0x10
""".replace("limit 0x10\n", "limit 16\n"),
]
OPENMETRICS = [
    """# TYPE requests counter
# UNIT requests_seconds seconds
# HELP requests Words.
requests_total{path="/"} 17 # {trace_id="abc"} 0.5 1790000000.25
requests_created{path="/"} 1.5e9
# TYPE took histogram
took_bucket{le="0.1"} 1
took_bucket{le="+Inf"} 3 # {trace_id="d"} 2
took_count 3
took_sum 1.25
# EOF
""",
    """# TYPE requests counter
requests_total{path="/"} 18
requests_total{path="/a"} 1
# EOF
""",
]


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    step = 0
    password = "Basic " + base64.b64encode(b"shop:secret").decode()

    def log_message(self, *_):
        pass

    def answer(self, status, kind, body):
        self.send_response(status)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/open":
            self.answer(200, OPEN, OPENMETRICS[Pages.step].encode())
        elif path == "/bad":
            self.answer(200, TEXT, b"fine 1\nbad oops\n")
        elif path == "/comes-and-goes":
            self.answer(200 if Pages.step == 0 else 503, TEXT, b"here 1\n")
        elif path == "/private":
            right = self.headers.get("Authorization") == Pages.password
            self.answer(200 if right else 401, TEXT, b"private 1\n")
        elif path == "/echo":
            self.answer(200, TEXT, ('asked{query="%s"} 1\n' % self.path.split("?")[-1]).encode())
        elif path == "/list":
            targets = [{"targets": [self.headers["Host"]], "labels": {"from": "list", "__meta_zone": "eu"}}]
            self.answer(200, "application/json", json.dumps(targets if Pages.step == 0 else []).encode())
        else:
            self.answer(200, TEXT, PLAIN[Pages.step].encode())


JOBS = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: plain
    static_configs: [{{targets: ['{pages}'], labels: {{team: a, empty: ''}}}}]
  - job_name: honest
    honor_labels: true
    static_configs: [{{targets: ['{pages}']}}]
  - {{job_name: open, metrics_path: /open, static_configs: [{{targets: ['{pages}']}}]}}
  - {{job_name: bad, metrics_path: /bad, static_configs: [{{targets: ['{pages}']}}]}}
  - {{job_name: goes, metrics_path: /comes-and-goes, static_configs: [{{targets: ['{pages}']}}]}}
  - {{job_name: refused, static_configs: [{{targets: ['127.0.0.1:1']}}]}}
  - {{job_name: few, sample_limit: 3, static_configs: [{{targets: ['{pages}']}}]}}
  - {{job_name: labels, label_limit: 3, static_configs: [{{targets: ['{pages}']}}]}}
  - {{job_name: small, body_size_limit: 20B, static_configs: [{{targets: ['{pages}']}}]}}
  - {{job_name: many, target_limit: 1, static_configs: [{{targets: ['{pages}', '127.0.0.1:1']}}]}}
  - job_name: private
    metrics_path: /private
    basic_auth: {{username: shop, password: secret}}
    static_configs: [{{targets: ['{pages}']}}]
  - job_name: echo
    metrics_path: /echo
    params: {{module: [a, b c], target: [x]}}
    static_configs: [{{targets: ['https://shop.example/?a=b']}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: '{pages}'}}
  - job_name: relabelled
    static_configs:
      - {{targets: ['{pages}', 'dropped.example:1'], labels: {{__meta_a_b: c, zone: Eu}}}}
    relabel_configs:
      - {{source_labels: [__address__], regex: 'dropped.*', action: drop}}
      - {{action: labelmap, regex: '__meta_(.)_(.)', replacement: 'x${{2}}$1'}}
      - {{source_labels: [zone, job], separator: '|', regex: '(.)(.*)', target_label: '$1_joined', replacement: '$2-$$-$3'}}
      - {{source_labels: [zone], target_label: shard, modulus: 7, action: hashmod}}
      - {{source_labels: [zone], target_label: low, action: lowercase}}
      - {{source_labels: [zone], target_label: high, action: uppercase}}
    metric_relabel_configs:
      - {{source_labels: [__name__], regex: 'debug_.*', action: drop}}
      - {{source_labels: [Case], target_label: case, action: lowercase}}
      - {{regex: Case|exported_instance, action: labeldrop}}
      - {{source_labels: [__name__], regex: '(jobs)_total', target_label: __name__, replacement: '${{1}}_renamed'}}
  - job_name: files
    file_sd_configs: [{{files: ['targets/*.json', 'targets/*.yml'], refresh_interval: 1s}}]
  - job_name: list
    http_sd_configs: [{{url: 'http://{pages}/list', refresh_interval: 1s}}]
    relabel_configs: [{{source_labels: [__meta_zone], target_label: zone}}]
  - {{job_name: node, static_configs: [{{targets: ['{node}']}}]}}
"""
# The time it took, and what depends on when exactly who looked.
OWN_MEASURE = '{job=~".+",job!="node",__name__!~"scrape_duration_seconds|scrape_series_added"}'


class Scrape(ProcessTest):
    def setUp(self):
        super().setUp()
        Pages.step = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.pages = f"127.0.0.1:{self.server.server_port}"

    def start_both(self):
        node = f"127.0.0.1:{free_port()}"
        self.start([PEERS / "node_exporter", f"--web.listen-address={node}", "--collector.disable-defaults",
                    "--collector.loadavg", "--collector.meminfo"], "node")
        wait_for("node_exporter", lambda: fetch(f"http://{node}/metrics")[0] == 200)
        self.write("targets/a.json", json.dumps([{"targets": [self.pages], "labels": {"from": "json"}}]))
        self.write("targets/b.yml", f"- targets: ['{self.pages}']\n  labels: {{from: yaml}}\n")
        config = JOBS.format(pages=self.pages, node=node)
        port = free_port()
        path = self.write("prometheus.yml", config)
        self.prometheus = self.start(
            [PEERS / "prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/prometheus",
             f"--web.listen-address=127.0.0.1:{port}"], "prometheus")
        self.prometheus.url = f"http://127.0.0.1:{port}"
        self.vedette = self.start_vedette(config)
        self.wait_ready(self.prometheus, seconds=40)

    def assert_same(self, what):
        """Waits until both show the same, and shows both when that does not happen."""
        seen = {"ours": None, "theirs": None}

        def same():
            seen["ours"] = self.instant(self.vedette, OWN_MEASURE)
            seen["theirs"] = self.instant(self.prometheus, OWN_MEASURE)
            return len(seen["ours"]) > 20 and seen["ours"] == seen["theirs"]
        try:
            wait_for(what, same, 40)
        except AssertionError:
            self.maxDiff = None
            self.assertEqual(seen["ours"], seen["theirs"], what)

    def targets(self, program):
        data = get_json(program.url + "/api/v1/targets")["data"]
        for target in data["activeTargets"]:
            target["discoveredLabels"].pop("__param_target", None)  # 2.42 shows it as relabelling left it
        active = [(target["scrapePool"], target["discoveredLabels"], target["labels"], target["scrapeUrl"], target["health"])
                  for target in data["activeTargets"]]
        dropped = [target["discoveredLabels"] for target in data["droppedTargets"]]
        return sorted(active, key=json.dumps), dropped

    def assert_same_targets(self):
        """Waits for it: a target that was not yet scraped is `unknown`."""
        try:
            wait_for("the same targets", lambda: self.targets(self.vedette) == self.targets(self.prometheus), 20)
        except AssertionError:
            self.maxDiff = None
            self.assertEqual(self.targets(self.vedette), self.targets(self.prometheus))

    def test_both_have_the_same_series_and_values_while_pages_change(self):
        self.start_both()
        self.assert_same("the first pages")
        self.assert_same_targets()
        wait_for("the machine's page", lambda: self.instant(self.prometheus, 'up{job="node"}') == self.instant(self.vedette, 'up{job="node"}') != {}, 20)
        ours, theirs = (set(self.instant(program, '{job="node"}')) for program in (self.vedette, self.prometheus))
        self.assertGreater(len(ours), 50)
        self.assertEqual({series for series in ours ^ theirs if '"promhttp' not in series and '"go_' not in series}, set())
        Pages.step = 1
        (self.folder / "targets" / "a.json").unlink()
        for program in (self.vedette, self.prometheus):  # which waits 5 s before it believes a list
            wait_for("the end of the list and of one file",
                     lambda: len(self.instant(program, 'up{job=~"list|files"}')) == 1, 40)
        self.assert_same("the second pages, with one file and one list less")
        self.assertEqual(self.instant(self.vedette, 'here or up{job="goes"}'),
                         self.instant(self.prometheus, 'here or up{job="goes"}'))
        self.assert_same_targets()
        log = self.vedette.output()
        self.assertNotIn("not stored", log)

    def test_a_reload_keeps_targets_that_stay_and_ends_those_that_go(self):
        job = f"scrape_configs:\n  - {{job_name: a, scrape_interval: 1s, static_configs: [{{targets: ['{self.pages}'%s]}}]}}\n"
        self.vedette = self.start_vedette(job % ", '127.0.0.1:1'")
        wait_for("both", lambda: len(self.instant(self.vedette, "up")) == 2)
        self.write("vedette.yml", job % "")
        self.vedette.signal(SIGHUP)
        wait_for("the end of one", lambda: len(self.instant(self.vedette, "up")) == 1)
        self.assertEqual(self.instant(self.vedette, "sum(depth)"), {"{}": -0.25})
        pools = get_json(self.vedette.url + "/api/v1/scrape_pools")["data"]
        self.assertEqual(pools, {"scrapePools": ["a"]})


if __name__ == "__main__":
    unittest.main(verbosity=2)
