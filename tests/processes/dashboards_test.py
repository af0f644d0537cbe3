#!/usr/bin/python3
"""Every Grafana dashboard: each panel says what it shows, each query is parsed by us and answered with data.

Vedette and the simulated platform run for it; what a panel asks of Vedette's own numbers is answered by a
Prometheus that scrapes /metrics, as a Grafana would have it.
"""
import json
import re
import sys
import unittest

from demo import DemoTest
from support import PEERS, ROOT, VEDETTE, free_port, get_json, run, wait_for

DASHBOARDS = sorted((ROOT / "dashboards" / "grafana").glob("*.json"))
# What Grafana would put in their place.
VARIABLES = {"$__rate_interval": "1m", "$__range": "1h", "$__interval": "5s", "$job": ".+"}
OWN = re.compile(r"\bvedette_\w+")


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard):
    for panel in panels(dashboard):
        for target in panel["targets"]:
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            yield panel["title"], expression


class Written(unittest.TestCase):
    def test_every_panel_has_a_title_a_sentence_and_a_unit(self):
        self.assertTrue(DASHBOARDS)
        for path in DASHBOARDS:
            dashboard = json.loads(path.read_text())
            for panel in panels(dashboard):
                self.assertTrue(panel["title"], panel["id"])
                self.assertRegex(panel["description"], r"^[A-Z].*\.$", panel["title"])
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])
                self.assertEqual(panel["datasource"]["uid"], "${datasource}", panel["title"])
            self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))
            self.assertEqual([one["name"] for one in dashboard["templating"]["list"]], ["datasource", "job"])

    def test_no_panel_lies_on_another(self):
        for path in DASHBOARDS:
            taken = {}
            for panel in json.loads(path.read_text())["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
                for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
                    self.assertEqual(taken.setdefault(cell, panel["title"]), panel["title"])

    def test_our_parser_reads_every_query(self):
        for path in DASHBOARDS:
            for title, expression in queries(json.loads(path.read_text())):
                self.assertNotIn("$", expression, title)
                code, _, err = run([VEDETTE, "format", expression])
                self.assertEqual(code, 0, f"{title}: {err}")


class Answered(DemoTest):
    def start_prometheus(self, vedette):
        port = free_port()
        target = vedette.url.removeprefix("http://")
        config = self.write("prometheus.yml", "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
                            f"  - {{job_name: vedette, honor_labels: true, static_configs: [{{targets: ['{target}']}}]}}\n")
        program = self.start([PEERS / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder}/tsdb",
                              f"--web.listen-address=127.0.0.1:{port}"], "prometheus")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program)
        return program

    def test_every_query_has_an_answer(self):
        vedette = self.start_example("quickstart")
        prometheus = self.start_prometheus(vedette)
        wait_for("nine targets up", lambda: len(self.instant(vedette, "probe_success == 1")) == 9, 30)
        self.post("/break/checkout")
        for path in DASHBOARDS:
            # Who asks for firing alerts waits longest; until then the others are still pending.
            for title, expression in sorted(queries(json.loads(path.read_text())), key=lambda one: "firing" in one[1]):
                who = prometheus if OWN.search(expression) else vedette
                wait_for(f"an answer to {expression} of {title}", lambda: self.instant(who, expression), 60)
        # What the variable `job` offers.
        jobs = get_json(vedette.url + "/api/v1/label/job/values", **{"match[]": "probe_success"})["data"]
        self.assertEqual(jobs, sorted(["checkout", "shop", "search", "login", "media", "billing", "heygen", "runway", "d-id"]))


if __name__ == "__main__":
    sys.exit(unittest.main())
