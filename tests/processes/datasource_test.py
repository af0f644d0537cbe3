#!/usr/bin/python3
"""Rules, queries and pages over other people's data: a real Prometheus and a real VictoriaMetrics as `datasource`."""
import json
import os
import pathlib
import struct
import sys
import time
import unittest

import remote_write
from support import PEERS, SIGHUP, VEDETTE, ProcessTest, fetch, free_port, get_json, run, wait_for

# The newest one where scripts/oracle unpacked it; VictoriaMetrics is always Debian's.
PROMETHEUS = pathlib.Path(os.environ.get("VEDETTE_ORACLE", PEERS)).resolve() / "prometheus"
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
STEP = 15_000

CONFIG = """
datasource: {{url: '{url}', read: {read}, timeout: 2s}}
server: {{anonymous: viewer, tokens: [{{name: writer, token: write-here, role: admin}}]}}
rule_files: [rules.yml]
"""

RULES = """
groups:
  - name: theirs
    interval: 1s
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: InstanceDown
        expr: up{job="api"} == 0
        annotations: {summary: '{{ $labels.instance }} is down'}
      - alert: FewUp
        expr: job:up:sum{job="api"} < 2
  - name: ours
    interval: 1s
    rules:
      - record: own:answer
        expr: vector(42)
"""


class Datasource(ProcessTest):
    def setUp(self):
        super().setUp()
        self.now = int(time.time()) * 1000
        self.write("rules.yml", RULES)

    def samples(self):
        """One instance up, one down, one that ended, and a counter; no sample on a whole second, where windows of 2.42 differ."""
        end = self.now - 993
        times = [end - STEP * i for i in range(40)][::-1]
        up = lambda instance, value: remote_write.series({"__name__": "up", "job": "api", "instance": instance}, [(at, value) for at in times])
        gone = [(at, 1) for at in times[:-4]] + [(times[-4], STALE)]
        return [up("a:1", 1), up("b:1", 0),
                remote_write.series({"__name__": "up", "job": "api", "instance": "gone:1"}, gone),
                remote_write.series({"__name__": "hits_total", "job": "api", "path": "/\"q\" é"}, [(at + 3, i * 2.5) for i, at in enumerate(times)]),
                remote_write.series({"__name__": "far", "job": "api"}, [(times[0], float("inf"))])]

    def fill(self, server):
        status, _, text = fetch(server.url + "/api/v1/write", data=remote_write.body(self.samples()), headers=remote_write.HEADERS)
        self.assertEqual(status, 204, text)

    def start_prometheus(self, port=None):
        port = port or free_port()
        config = self.write("prometheus.yml", "global: {scrape_interval: 1h}\n")
        program = self.start([PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={self.folder}/prometheus",
                              f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"], "prometheus")
        program.url, program.port = f"http://127.0.0.1:{port}", port
        self.wait_ready(program, seconds=40)
        return program

    def start_victoria(self):
        port = free_port()
        program = self.start([PEERS / "victoria-metrics", f"-storageDataPath={self.folder}/victoria", f"-httpListenAddr=127.0.0.1:{port}",
                              "-retentionPeriod=10y"], "victoria")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program, "/health", seconds=40)
        return program

    def start_reader(self, url, read="auto", name="vedette", **more):
        return self.start_vedette(CONFIG.format(url=url, read=read), name=name, data=name, **more)

    def alerts(self, vedette):
        found = get_json(vedette.url + "/api/v1/alerts")["data"]["alerts"]
        return {(alert["labels"]["alertname"], alert["labels"].get("instance", "")): alert["state"] for alert in found}

    def rule(self, vedette, name):
        for group in get_json(vedette.url + "/api/v1/rules")["data"]["groups"]:
            for rule in group["rules"]:
                if rule["name"] == name:
                    return rule
        return None

    def questions(self):
        at = self.now / 1000
        both = {"start": at - 600, "end": at, "step": 13}
        queries = ["up", 'up{instance=~"a.*|gone.*"}', "hits_total", "far", "sum by (job) (up)", "rate(hits_total[100s])", "timestamp(up)",
                   "count_over_time(up[1m])", "max_over_time(up[2m:7s])", "hits_total offset 1m", "absent(nothing)", "up == 0"]
        return [("query", {"query": query, "time": at - back}) for query in queries for back in (0, 70)] + \
               [("query_range", {"query": query, **both}) for query in queries]

    def answers(self, server, kinds=("query", "query_range")):
        found = {}
        for kind, asked in self.questions():
            if kind in kinds:
                data = get_json(server.url + "/api/v1/" + kind, **asked)["data"]["result"]
                found[kind, asked["query"], asked.get("time")] = sorted(data, key=json.dumps)
        return found

    def assert_same(self, ours, theirs):
        self.assertGreater(sum(bool(answer) for answer in theirs.values()), len(theirs) // 2)
        for question, answer in theirs.items():
            with self.subTest(question):
                self.assertEqual(ours[question], answer)

    def assert_names(self, vedette, server, own=()):
        for path, parameters in (("labels", {}), ("label/instance/values", {}), ("label/job/values", {"match[]": "hits_total"}),
                                 ("series", {"match[]": "up"}), ("labels", {"match[]": "far"})):
            parameters = {**parameters, "start": self.now / 1000 - 700, "end": self.now / 1000}
            theirs = get_json(f"{server.url}/api/v1/{path}", **parameters)["data"]
            ours = get_json(f"{vedette.url}/api/v1/{path}", **parameters)["data"]
            key = lambda item: json.dumps(item, sort_keys=True)
            self.assertTrue(theirs, path)
            self.assertEqual(sorted((each for each in ours if each not in own), key=key), sorted(theirs, key=key), path)

    def test_answers_over_a_prometheus_are_its_own(self):
        prometheus = self.start_prometheus()
        self.fill(prometheus)
        vedette = self.start_reader(prometheus.url)
        self.assert_same(self.answers(vedette), self.answers(prometheus))
        self.assertIn("by=remote_read", vedette.output())
        self.assert_names(vedette, prometheus, own=("alertname", "alertstate"))
        code, out, err = run([VEDETTE, "query", "instant", "--url", vedette.url, "count(hits_total)"])
        self.assertEqual((code, err), (0, ""))
        self.assertIn("1", out)

    def test_answers_over_its_query_api_are_its_own_but_for_graphs_of_series_that_ended(self):
        prometheus = self.start_prometheus()
        self.fill(prometheus)
        vedette = self.start_reader(prometheus.url, "query")
        ours, theirs = self.answers(vedette), self.answers(prometheus)
        differ = {question[:2] for question in theirs if ours[question] != theirs[question]}
        self.assertEqual(differ, {("query_range", query) for query in ("up", 'up{instance=~"a.*|gone.*"}', "sum by (job) (up)", "timestamp(up)")})

    def test_answers_over_victoriametrics_are_those_over_prometheus(self):
        prometheus, victoria = self.start_prometheus(), self.start_victoria()
        self.fill(prometheus)
        self.fill(victoria)
        vedette = self.start_reader(victoria.url)
        wait_for("the samples", lambda: len(get_json(vedette.url + "/api/v1/query", query="count(up)")["data"]["result"]), 30)
        self.assertIn("by=export", vedette.output())
        self.assert_same(self.answers(vedette), self.answers(prometheus))
        self.assert_names(vedette, victoria, own=("alertname", "alertstate"))
        self.fires(vedette)

    def fires(self, vedette):
        wait_for("the alerts", lambda: self.alerts(vedette) == {("InstanceDown", "b:1"): "firing", ("FewUp", ""): "firing"}, 30)
        # What the rules recorded is ours, and stands beside theirs.
        self.assertEqual(self.instant(vedette, "job:up:sum"), {json.dumps({"__name__": "job:up:sum", "job": "api"}): 1.0})
        wait_for("our own", lambda: self.instant(vedette, "own:answer") == {json.dumps({"__name__": "own:answer"}): 42.0})

    def test_a_dead_server_is_named_and_alerts_stay_until_it_is_back(self):
        prometheus = self.start_prometheus()
        self.fill(prometheus)
        vedette = self.start_reader(prometheus.url)
        self.fires(vedette)
        since = get_json(vedette.url + "/api/v1/alerts")["data"]["alerts"][0]["activeAt"]
        prometheus.kill()
        down = wait_for("the error", lambda: self.rule(vedette, "InstanceDown")["health"] == "err" and self.rule(vedette, "InstanceDown"), 30)
        self.assertEqual(down["lastError"], f"datasource {prometheus.url}: connection refused")
        status, _, body = fetch(vedette.url + "/api/v1/query?query=up")
        self.assertEqual((status, json.loads(body)["error"]), (503, f"datasource {prometheus.url}: connection refused"))
        self.assertEqual(self.alerts(vedette), {("InstanceDown", "b:1"): "firing", ("FewUp", ""): "firing"})
        # What does not need it goes on; that it is down is seen.
        before = self.rule(vedette, "own:answer")["lastEvaluation"]
        wait_for("another evaluation", lambda: self.rule(vedette, "own:answer")["lastEvaluation"] > before)
        self.assertEqual(self.rule(vedette, "own:answer")["health"], "ok")
        self.assertEqual(get_json(vedette.url + "/api/v1/query", query="vedette_nothing")["data"]["result"], [])
        self.assertIn("\nvedette_datasource_up 0\n", fetch(vedette.url + "/metrics")[2].decode())
        notices = [notice["text"] for notice in get_json(vedette.url + "/api/v1/notifications")["data"] if notice["active"]]
        self.assertEqual(notices, [f"The datasource {prometheus.url} does not answer."])
        self.start_prometheus(prometheus.port)
        wait_for("an evaluation", lambda: self.rule(vedette, "InstanceDown")["health"] == "ok", 30)
        self.assertEqual(self.alerts(vedette), {("InstanceDown", "b:1"): "firing", ("FewUp", ""): "firing"})
        self.assertEqual(get_json(vedette.url + "/api/v1/alerts")["data"]["alerts"][0]["activeAt"], since)
        self.assertIn("\nvedette_datasource_up 1\n", fetch(vedette.url + "/metrics")[2].decode())

    def test_a_reload_reads_another_server_from_then_on(self):
        prometheus = self.start_prometheus()
        self.fill(prometheus)
        vedette = self.start_reader("http://127.0.0.1:1")
        self.assertEqual(fetch(vedette.url + "/api/v1/query?query=up")[0], 503)
        self.write("vedette.yml", CONFIG.format(url=prometheus.url, read="auto"))
        vedette.signal(SIGHUP)
        wait_for("the new server", lambda: fetch(vedette.url + "/api/v1/query?query=up")[0] == 200)
        self.assertEqual(self.instant(vedette, "count(up)"), {"{}": 2.0})
        self.write("vedette.yml", "\n".join(line for line in CONFIG.format(url="", read="auto").splitlines() if "datasource" not in line))
        vedette.signal(SIGHUP)
        wait_for("our own store alone", lambda: self.instant(vedette, 'up{job="api"}') == {})

    def test_two_that_read_each_other_do_not_ask_for_ever(self):
        ports = free_port(), free_port()
        one = self.start_reader(f"http://127.0.0.1:{ports[1]}", name="one", port=ports[0])
        two = self.start_reader(f"http://127.0.0.1:{ports[0]}", "query", name="two", port=ports[1])
        status, _, text = fetch(one.url + "/api/v1/write", data=remote_write.body(self.samples()),
                                headers={**remote_write.HEADERS, "Authorization": "Bearer write-here"})
        self.assertEqual(status, 204, text)
        for vedette in (one, two):
            wait_for("an answer", lambda: fetch(vedette.url + "/api/v1/query?query=up")[0] == 200)
            self.assertEqual(self.instant(vedette, "count(hits_total)"), {"{}": 1.0})
            self.assertIn("hits_total", get_json(vedette.url + "/api/v1/label/__name__/values")["data"])

    def test_what_is_wrong_in_the_section_is_named(self):
        path = self.write("bad.yml", "datasource:\n  url: 'far:9090'\n  reed: query\n")
        code, _, err = run([VEDETTE, "check", "config", path])
        self.assertEqual(code, 1)
        self.assertIn("bad.yml:2:8: `far:9090` is no http or https URL without a query", err)
        self.assertIn("bad.yml:3:3: unknown key `reed` in datasource; did you mean `read`?", err)


if __name__ == "__main__":
    sys.exit(unittest.main())
