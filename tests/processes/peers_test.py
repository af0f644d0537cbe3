#!/usr/bin/python3
"""Real programs of the Prometheus family against vedette: they scrape it, write to it, query it and check it."""
import subprocess
import sys
import unittest

from receiver import Receiver
from support import PEERS, ProcessTest, fetch, free_port, get_json, run, wait_for

CONFIG = """
server:
  anonymous: viewer
  tokens: [{{name: prometheus, token: write-here, role: editor}}]
probes:
  - {{name: shop, type: http, url: {url}/health, every: 200ms, labels: {{team: "a \\"b\\" c"}}}}
"""


class Peers(ProcessTest):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.vedette = self.start_vedette(CONFIG.format(url=self.receiver.url))
        wait_for("a reading", lambda: self.instant(self.vedette, 'probe_success{job="shop"}'))

    def start_prometheus(self, config):
        port = free_port()
        path = self.write("prometheus.yml", config)
        program = self.start([PEERS / "prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/prometheus",
                              f"--web.listen-address=127.0.0.1:{port}"], "prometheus")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program, seconds=40)
        return program

    def test_a_real_prometheus_scrapes_our_metrics_and_keeps_their_labels(self):
        prometheus = self.start_prometheus(f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - {{job_name: vedette, honor_labels: true, static_configs: [{{targets: ['127.0.0.1:{self.vedette.port}']}}]}}
""")
        wait_for("the scrape", lambda: self.instant(prometheus, 'up{job="vedette"} == 1'))
        seen = wait_for("our probe in Prometheus", lambda: self.instant(prometheus, 'probe_success{job="shop"}'))
        self.assertIn('a \\"b\\" c', list(seen)[0].replace("\\\\", "\\"))
        own = wait_for("our own numbers", lambda: self.instant(prometheus, "vedette_config_last_reload_successful"))
        self.assertEqual(list(own.values()), [1.0])

    def test_a_real_prometheus_writes_to_us(self):
        self.start_prometheus(f"""
global: {{scrape_interval: 1s, external_labels: {{cluster: eu}}}}
scrape_configs:
  - {{job_name: vedette, honor_labels: true, static_configs: [{{targets: ['127.0.0.1:{self.vedette.port}']}}]}}
remote_write:
  - {{url: '{self.vedette.url}/api/v1/write', authorization: {{credentials: write-here}}, queue_config: {{batch_send_deadline: 1s}}}}
""")
        written = wait_for("a written series", lambda: self.instant(self.vedette, 'probe_success{cluster="eu"}'), 40)
        self.assertEqual(list(written.values()), [1.0])

    def test_promtool_queries_us(self):
        promtool = PEERS / "promtool"
        code, out, err = run([promtool, "query", "instant", self.vedette.url, 'probe_success{job="shop"}'])
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r'probe_success\{.*job="shop".*\} => 1 @\[')
        code, out, _ = run([promtool, "query", "range", "--step=1s", self.vedette.url, "sum(up)"])
        self.assertEqual(code, 0)
        self.assertRegex(out, r"\{\} =>\n1 @\[")
        code, out, _ = run([promtool, "query", "labels", self.vedette.url, "job"])
        self.assertEqual((code, out.split()), (0, ["shop"]))
        code, out, _ = run([promtool, "query", "series", "--match=up", self.vedette.url])
        self.assertEqual(code, 0)
        self.assertIn('job="shop"', out)
        code, out, err = run([promtool, "query", "instant", self.vedette.url, "sum by job (up)"])
        self.assertEqual(code, 1)
        self.assertIn("bad_data", err + out)

    def test_promtool_finds_nothing_wrong_with_our_metrics(self):
        page = fetch(self.vedette.url + "/metrics", headers={"Accept": "text/plain;version=0.0.4"})[2].decode()
        done = subprocess.run([str(PEERS / "promtool"), "check", "metrics"], input=page, capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_open_metrics_is_served_when_asked_for(self):
        _, headers, body = fetch(self.vedette.url + "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
        self.assertIn("application/openmetrics-text", headers["Content-Type"])
        self.assertTrue(body.endswith(b"# EOF\n"))

    def test_buildinfo_reads_like_the_prometheus_we_follow(self):
        data = get_json(self.vedette.url + "/api/v1/status/buildinfo")["data"]
        self.assertTrue(data["version"].startswith("3.5."), data)
        self.assertRegex(data["vedette"], r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    sys.exit(unittest.main())
