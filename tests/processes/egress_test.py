#!/usr/bin/python3
"""A real Prometheus takes from us what we have: it federates, it reads remotely, promtool asks."""
import json
import sys
import time
import unittest

import remote_write
from support import PEERS, ProcessTest, fetch, free_port, get_json, run, wait_for

CONFIG = """
global: {external_labels: {region: north}}
server: {anonymous: viewer, tokens: [{name: writer, token: write-here, role: editor}]}
"""


class Egress(ProcessTest):
    def setUp(self):
        super().setUp()
        self.vedette = self.start_vedette(CONFIG)
        self.now = int(time.time()) * 1000
        self.put({"__name__": "up", "job": "api", "instance": "a:1"}, [(self.now - 600_000 + i * 5000, i % 2) for i in range(120)])
        self.put({"__name__": "hits_total", "job": "api", "path": "/ \"q\" é"}, [(self.now - 600_000 + i * 5000, i * 2.5) for i in range(120)])
        self.put({"__name__": "old", "job": "api"}, [(self.now - 590_000, 1)])

    def put(self, labels, samples):
        body = remote_write.body([remote_write.series(labels, samples)])
        status, _, text = fetch(self.vedette.url + "/api/v1/write", data=body,
                                headers={**remote_write.HEADERS, "Authorization": "Bearer write-here"})
        self.assertEqual(status, 204, text)

    def start_prometheus(self, config):
        port = free_port()
        path = self.write("prometheus.yml", config)
        program = self.start([PEERS / "prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/prometheus",
                              f"--web.listen-address=127.0.0.1:{port}"], "prometheus")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program, seconds=40)
        return program

    def test_a_real_prometheus_federates_from_us(self):
        prometheus = self.start_prometheus(f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: {{'match[]': ['{{job="api"}}', 'up']}}
    static_configs: [{{targets: ['127.0.0.1:{self.vedette.port}']}}]
""")
        found = wait_for("a federated series", lambda: self.instant(prometheus, '{region="north"}'), 30)
        names = sorted(json.loads(series)["__name__"] for series in found)
        self.assertEqual(names, ["hits_total", "up"], found)
        hits = {"__name__": "hits_total", "job": "api", "path": "/ \"q\" é", "region": "north"}
        self.assertEqual(found[json.dumps(hits, sort_keys=True)], 119 * 2.5)
        # With its own time, not that of the scrape.
        result = get_json(prometheus.url + "/api/v1/query", query='timestamp(hits_total)')["data"]["result"]
        self.assertEqual(float(result[0]["value"][1]) * 1000, self.now - 600_000 + 119 * 5000)
        self.assertEqual(self.instant(prometheus, 'up{job="federate"}'),
                         {json.dumps({"__name__": "up", "instance": f"127.0.0.1:{self.vedette.port}", "job": "federate"}): 1.0})

    def test_a_page_without_a_series_is_a_good_scrape(self):
        prometheus = self.start_prometheus(f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - {{job_name: federate, metrics_path: /federate, params: {{'match[]': [none]}}, static_configs: [{{targets: ['127.0.0.1:{self.vedette.port}']}}]}}
""")
        wait_for("a good scrape", lambda: self.instant(prometheus, "up == 1"), 30)

    def test_a_real_prometheus_reads_remotely(self):
        """Whatever it asks of its own empty storage is answered from ours, over the same times."""
        prometheus = self.start_prometheus(f"""
remote_read: [{{url: '{self.vedette.url}/api/v1/read', read_recent: true}}]
""")
        end = self.now / 1000
        for query in ("up", "sum(rate(hits_total[1m]))", "count_over_time(up[5m])", "hits_total * on(job) group_left() up", "old"):
            asked = {"query": query, "start": end - 600, "end": end, "step": 7}
            ours = get_json(self.vedette.url + "/api/v1/query_range", **asked)["data"]["result"]
            theirs = get_json(prometheus.url + "/api/v1/query_range", **asked)["data"]["result"]
            self.assertTrue(ours, query)
            for series in theirs:
                series["metric"].pop("region", None)  # our external label
            with self.subTest(query):
                self.assertEqual([series["metric"] for series in theirs], [series["metric"] for series in ours])
                # 2.42 has windows that are closed on the left, and with them other values where samples lie on it.
                if "[" not in query:
                    self.assertEqual(theirs, ours)
        self.assertEqual(get_json(prometheus.url + "/api/v1/query", query='up{region="south"}')["data"]["result"], [])
        self.assertEqual(len(get_json(prometheus.url + "/api/v1/query", query='up{region="north"}')["data"]["result"]), 1)

    def test_promtool_asks_for_series_labels_and_values(self):
        promtool = PEERS / "promtool"
        code, out, err = run([promtool, "query", "series", "--match=hits_total", self.vedette.url])
        self.assertEqual((code, err), (0, ""))
        self.assertIn('__name__="hits_total", job="api"', out)
        code, out, err = run([promtool, "query", "labels", self.vedette.url, "__name__"])
        self.assertEqual((code, err, out.split()), (0, "", ["hits_total", "old", "up"]))
        code, out, err = run([promtool, "query", "instant", self.vedette.url, "count(hits_total)"])
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"\{\} => 1 @\[")
        start, end = self.now // 1000 - 600, self.now // 1000
        code, out, err = run([promtool, "query", "range", f"--start={start}", f"--end={end}", "--step=60s", self.vedette.url, "up"])
        self.assertEqual((code, err), (0, ""))
        self.assertIn('up{instance="a:1", job="api"} =>', out)

    def test_a_read_that_is_no_read_is_refused(self):
        status, _, body = fetch(self.vedette.url + "/api/v1/read", data=b"\xff\xff")
        self.assertEqual((status, body), (400, b"the body is not compressed with snappy (block format)\n"))
        status, _, body = fetch(self.vedette.url + "/api/v1/read", data=remote_write.snappy(b"\x0a\x05\x08"))
        self.assertEqual((status, body), (400, b"the read request cannot be decoded: it is torn\n"))


if __name__ == "__main__":
    sys.exit(unittest.main())
