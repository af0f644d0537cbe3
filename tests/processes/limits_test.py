#!/usr/bin/python3
"""One scraped job explodes in cardinality while another one breaks: the page about the other one is sent all the same."""
import http.server
import random
import threading
import unittest

from receiver import Receiver
from support import ProcessTest, fetch, get_json, wait_for

CONFIG = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
storage: {{{storage}}}
scrape_configs:
  - {{job_name: explodes, metrics_path: /explodes, static_configs: [{{targets: ['{pages}']}}]}}
  - {{job_name: works, metrics_path: /works, static_configs: [{{targets: ['{pages}']}}]}}
vedette_rules: [rules.yml]
route: {{receiver: team, group_wait: 0s, group_interval: 1s}}
receivers:
  - name: team
    webhook_configs: [{{url: {hook}/hook}}]
"""
RULES = """
groups:
  - name: work
    rules:
      - {record: 'job:broken:max', expr: 'max by (job, kind) (broken)'}
      - {alert: Broken, expr: 'job:broken:max == 1'}
"""


class Pages:
    """/explodes has `fresh` new series on every page beside `steady` ones with noise; /works says what is broken, by kind."""

    def __init__(self):
        self.fresh, self.steady, self.kinds, self.scrapes = 0, 0, {}, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = (outer.explodes() if self.path == "/explodes" else outer.works()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda request, address: None
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def explodes(self):
        self.scrapes += 1
        new = (f'requests_total{{user="{self.scrapes}-{n}"}} 1\n' for n in range(self.fresh))
        old = (f'noise{{n="{n}"}} {random.random()}\n' for n in range(self.steady))
        return "steady 1\n" + "".join(old) + "".join(new)

    def works(self):
        return "".join(f'broken{{kind="{kind}"}} {value}\n' for kind, value in self.kinds.items()) or "fine 1\n"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Limits(ProcessTest):
    def setUp(self):
        super().setUp()
        self.receiver, self.pages = Receiver(), Pages()
        self.addCleanup(self.receiver.close)
        self.addCleanup(self.pages.close)
        self.write("rules.yml", RULES)

    def begin(self, storage):
        return self.start_vedette(CONFIG.format(storage=storage, pages=self.pages.address, hook=self.receiver.url))

    def costs(self, program):
        return get_json(program.url + "/api/vedette/v1/cardinality")["data"]

    def refused(self, program, job):
        return {one["limit"]: one for one in self.costs(program)["refused"] if one["job"] == job}

    def hears_of(self, kind):
        alerts = [alert["labels"] for body in self.receiver.bodies() for alert in body["alerts"] if alert["status"] == "firing"]
        return any(labels.get("kind") == kind and labels["job"] == "works" for labels in alerts)

    def test_a_job_that_explodes_is_cut_off_and_alerting_of_another_goes_on_with_new_series(self):
        self.pages.fresh = 300
        program = self.begin("series_max: 2000")
        wait_for("the limit", lambda: "even_share" in self.refused(program, "explodes"))
        # `broken`, what is recorded of it, ALERTS: all of these are new now.
        self.pages.kinds = {"late": 1}
        wait_for("the page", lambda: self.hears_of("late"))
        self.assertEqual(self.refused(program, "works"), {})
        self.assertEqual(self.instant(program, "sum(up)"), {"{}": 2})
        self.assertEqual(len(self.instant(program, "ALERTS")), 1)
        self.assertEqual(self.instant(program, "steady and on() (job:broken:max == 1)").popitem()[1], 1)
        one = self.refused(program, "explodes")["even_share"]
        self.assertEqual(one["metric"], "requests_total")
        costs = self.costs(program)
        self.assertEqual(costs["pressure"], "greedy_jobs")
        self.assertEqual(costs["jobs"][0]["job"], "explodes")
        self.assertEqual(costs["jobs_by_churn"][0]["job"], "explodes")
        self.assertLess(costs["series"], 2000)
        lines = [line for line in program.output().splitlines() if "refused by a limit" in line]
        self.assertGreaterEqual(len(lines), 1)
        self.assertLessEqual(len(lines), 2, "said once a minute, not once a page")
        self.assertIn("job=explodes", lines[0])
        metrics = fetch(program.url + "/metrics")[2].decode()
        self.assertRegex(metrics, r'vedette_store_refusals_total\{limit="even_share"\} [1-9]')
        self.assertIn("vedette_store_pressure 1\n", metrics)
        targets = get_json(program.url + "/api/v1/targets")["data"]["activeTargets"]
        said = {target["labels"]["job"]: (target["health"], target["lastError"]) for target in targets}
        self.assertEqual(said["works"], ("up", ""))
        self.assertEqual(said["explodes"][0], "up")
        self.assertRegex(said["explodes"][1], "^[0-9]+ samples were not stored: series are short: ")
        by_metric = get_json(program.url + "/api/v1/status/tsdb")["data"]["seriesCountByMetricName"]
        self.assertEqual(by_metric[0]["name"], "requests_total")

    def test_when_memory_is_spent_questions_are_refused_in_words_and_alerting_goes_on(self):
        self.pages.kinds = {"known": 0}
        self.pages.steady = 1200
        program = self.begin("head_bytes_max: 1MiB")
        wait_for("full memory", lambda: self.costs(program)["pressure"] in ("ordinary", "readings"), 60)
        status, _, body = fetch(program.url + "/api/v1/query?query=up")
        self.assertEqual(status, 503)
        self.assertRegex(body.decode(), "memory is short: 1[0-9][0-9] % of storage.head_bytes_max is used, and questions wait so that "
                                        "alerting goes on; /status/cardinality says who uses it")
        self.pages.kinds = {"known": 1}
        wait_for("the page", lambda: self.hears_of("known"))
        alerts = get_json(program.url + "/api/v1/alerts")["data"]["alerts"]
        self.assertEqual([alert["labels"]["kind"] for alert in alerts], ["known"])
        wait_for("a refusal", lambda: "head_bytes_max" in self.refused(program, "explodes"))
        self.assertRegex(fetch(program.url + "/metrics")[2].decode(), "vedette_queries_shed_total [1-9]")


if __name__ == "__main__":
    unittest.main()
