#!/usr/bin/python3
"""The requests of Grafana's Prometheus data source, as its documentation and the API's describe them; the program itself is
not run here. What each must be answered with so that a panel, a variable or the health check works."""
import gzip
import json
import sys
import time
import unittest
import urllib.parse

import remote_write
from support import ProcessTest, fetch, wait_for

CONFIG = """
server: {anonymous: viewer, tokens: [{name: writer, token: write-here, role: editor}]}
rule_files: [rules.yml]
"""
RULES = """
groups:
  - name: shop
    interval: 1s
    rules:
      - {alert: Burns, expr: vector(1), labels: {severity: page}, annotations: {summary: it burns}}
      - {record: 'job:up:sum', expr: sum by (job) (up)}
"""


class Grafana(ProcessTest):
    def setUp(self):
        super().setUp()
        self.write("rules.yml", RULES)
        self.vedette = self.start_vedette(CONFIG)
        self.end = int(time.time()) // 15 * 15
        rows = [remote_write.series({"__name__": "up", "job": job, "instance": job + ":1"},
                                    [((self.end - 600 + i * 15) * 1000, i % 2) for i in range(41)]) for job in ("api", "db")]
        status, _, text = fetch(self.vedette.url + "/api/v1/write", data=remote_write.body(rows),
                                headers={**remote_write.HEADERS, "Authorization": "Bearer write-here"})
        self.assertEqual(status, 204, text)

    def ask(self, path, form=None, query=None):
        """POST with a form, as the data source asks unless told otherwise, or GET; compressed."""
        address = f"{self.vedette.url}/api/v1/{path}" + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
        headers = {"Accept-Encoding": "gzip", "X-Grafana-Org-Id": "1", "User-Agent": "Grafana/12.0.0"}
        data = None
        if form is not None:
            data = urllib.parse.urlencode(form, doseq=True).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        status, given, body = fetch(address, data=data, headers=headers)
        if given.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.assertEqual(given["Content-Type"], "application/json")
        answer = json.loads(body)
        self.assertEqual((status, answer["status"]), (200, "success"), answer)
        return answer["data"]

    def test_save_and_test_finds_a_server(self):
        data = self.ask("query", form={"query": "1+1", "time": f"{self.end}.123"})
        self.assertEqual(data, {"resultType": "scalar", "result": [self.end + 0.123, "2"]})

    def test_the_flavour_of_the_server_is_that_of_prometheus(self):
        data = self.ask("status/buildinfo")
        self.assertRegex(data["version"], r"^3\.5\.")
        self.assertNotIn("features", data)  # with which Mimir is recognised

    def test_a_panel_gets_every_step_of_its_range(self):
        data = self.ask("query_range", form={"query": "sum(up) by (job)", "start": f"{self.end - 300}", "end": f"{self.end}", "step": "15"})
        self.assertEqual(data["resultType"], "matrix")
        self.assertEqual([series["metric"] for series in data["result"]], [{"job": "api"}, {"job": "db"}])
        self.assertEqual([at for at, _ in data["result"][0]["values"]], [self.end - 300 + i * 15 for i in range(21)])

    def test_a_table_gets_the_last_values(self):
        data = self.ask("query", form={"query": "up", "time": f"{self.end}"})
        self.assertEqual(data["resultType"], "vector")
        self.assertEqual(len(data["result"]), 2)

    def test_variables_and_the_builder_get_names_and_values(self):
        window = {"start": str(self.end - 600), "end": str(self.end)}
        self.assertEqual(self.ask("label/job/values", query={**window, "match[]": 'up{instance="api:1"}'}), ["api"])
        self.assertIn("up", self.ask("label/__name__/values", query={**window, "limit": "40000"}))
        self.assertEqual(self.ask("labels", form={**window, "match[]": "up"}), ["__name__", "instance", "job"])
        self.assertEqual(self.ask("series", form={**window, "match[]": 'up{job="db"}'}),
                         [{"__name__": "up", "instance": "db:1", "job": "db"}])
        self.assertEqual(self.ask("series", query={**window, "match[]": 'up{job="db"}'}),
                         [{"__name__": "up", "instance": "db:1", "job": "db"}])

    def test_the_alerting_page_gets_rules_and_their_alerts(self):
        def fires():
            rules = self.ask("rules")["groups"][0]["rules"]
            return rules if rules[0]["state"] == "firing" else None
        burns, recorded = wait_for("the alert", fires)
        self.assertEqual((burns["type"], burns["name"], burns["health"]), ("alerting", "Burns", "ok"))
        self.assertEqual(burns["alerts"][0]["labels"], {"alertname": "Burns", "severity": "page"})
        self.assertEqual((recorded["type"], recorded["query"]), ("recording", "sum by (job) (up)"))

    def test_a_mistake_in_a_query_is_shown_as_it_is(self):
        status, _, body = fetch(self.vedette.url + "/api/v1/query_range", data=b"query=sum(&start=1&end=2&step=1",
                                headers={"Content-Type": "application/x-www-form-urlencoded"})
        answer = json.loads(body)
        self.assertEqual((status, answer["errorType"]), (400, "bad_data"))
        self.assertIn("parse error", answer["error"])


if __name__ == "__main__":
    sys.exit(unittest.main())
