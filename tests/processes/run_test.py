#!/usr/bin/python3
"""vedette run as an operator meets it: start, reload, stop, restart."""
import os
import socket
import sys
import unittest

from receiver import Receiver
from support import SIGHUP, SIGTERM, VEDETTE, ProcessTest, fetch, free_port, get_json, run, wait_for

CONFIG = """
server:
  anonymous: viewer
  tokens: [{{name: operator, token: let-me-in, role: admin}}]
probes:
  - {{name: shop, type: http, url: {url}/health, every: 200ms}}
vedette_rules: [rules/*.yml]
route: {{receiver: team, group_wait: 0s, group_interval: 1s}}
receivers:
  - name: team
    webhook_configs: [{{url: {url}/hook}}]
"""
RULES = """
groups:
  - name: shop
    interval: 200ms
    rules:
      - alert: ShopDown
        expr: probe_success{job="shop"} == 0
        for: %s
        labels: {severity: critical}
        annotations: {summary: '{{ $labels.job }} does not answer'}
"""


class Run(ProcessTest):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.write("rules/shop.yml", RULES % "0s")

    def start_shop(self, **more):
        return self.start_vedette(CONFIG.format(url=self.receiver.url), **more)

    def test_a_probe_is_measured_stored_and_exposed(self):
        vedette = self.start_shop()
        wait_for("a reading in the store", lambda: self.instant(vedette, 'probe_success{job="shop"}'))
        text = fetch(vedette.url + "/metrics")[2].decode()
        self.assertIn(f'probe_success{{instance="{self.receiver.url}/health",job="shop"}} 1', text)
        self.assertIn("vedette_config_last_reload_successful 1", text)
        targets = get_json(vedette.url + "/api/v1/targets")["data"]["activeTargets"]
        self.assertEqual([target["health"] for target in targets], ["up"])

    def test_a_bad_reload_changes_nothing_and_says_why(self):
        vedette = self.start_shop()
        self.write("vedette.yml", "probes:\n  - {name: shop, type: http, ulr: x}\n")
        status, _, body = fetch(vedette.url + "/-/reload", data=b"", method="POST")
        self.assertEqual(status, 401)
        status, _, body = fetch(vedette.url + "/-/reload", data=b"", method="POST", headers={"Authorization": "Bearer let-me-in"})
        self.assertEqual(status, 500)
        self.assertIn("unknown key `ulr`", body.decode())
        self.assertIn("vedette_config_last_reload_successful 0", fetch(vedette.url + "/metrics")[2].decode())
        wait_for("a reading still", lambda: self.instant(vedette, 'probe_success{job="shop"}'))
        self.write("vedette.yml", CONFIG.format(url=self.receiver.url).replace("name: shop", "name: store"))
        vedette.signal(SIGHUP)
        wait_for("the new probe", lambda: self.instant(vedette, 'probe_success{job="store"}'))
        wait_for("the old one to be stale", lambda: not self.instant(vedette, 'probe_success{job="shop"}'))
        self.assertIn("vedette_config_last_reload_successful 1", fetch(vedette.url + "/metrics")[2].decode())

    def test_an_alert_reaches_the_webhook_and_is_resolved(self):
        health = {"status": 200}
        self.receiver.get = lambda path: health["status"]
        vedette = self.start_shop()
        wait_for("up", lambda: self.instant(vedette, 'probe_success{job="shop"} == 1'))
        health["status"] = 503
        firing = wait_for("the message", self.receiver.bodies)[0]
        self.assertEqual((firing["version"], firing["status"], firing["receiver"]), ("4", "firing", "team"))
        self.assertEqual(firing["alerts"][0]["labels"]["alertname"], "ShopDown")
        self.assertEqual(firing["alerts"][0]["annotations"]["summary"], "shop does not answer")
        alerts = get_json(vedette.url + "/api/v1/alerts")["data"]["alerts"]
        self.assertEqual([alert["state"] for alert in alerts], ["firing"])
        rules = get_json(vedette.url + "/api/v1/rules")["data"]["groups"]
        self.assertEqual(rules[0]["rules"][0]["state"], "firing")
        health["status"] = 200
        resolved = wait_for("the all-clear", lambda: [body for body in self.receiver.bodies() if body["status"] == "resolved"])[0]
        self.assertEqual(resolved["alerts"][0]["fingerprint"], firing["alerts"][0]["fingerprint"])
        self.assertEqual(resolved["alerts"][0]["startsAt"], firing["alerts"][0]["startsAt"])

    def test_a_for_timer_survives_kill_9(self):
        self.write("rules/shop.yml", RULES % "1h")
        config = CONFIG.format(url="http://127.0.0.1:1")
        vedette = self.start_vedette(config)
        pending = lambda: [alert for alert in get_json(vedette.url + "/api/vedette/v1/board")["alerts"] if alert["state"] == "pending"]
        first = wait_for("pending", pending)[0]
        vedette.kill()
        vedette = self.start_vedette(config, port=vedette.port)
        second = wait_for("pending again", pending)[0]
        self.assertEqual(second["id"], first["id"])
        # As in Prometheus, the time it was down does not count as waited.
        alert = get_json(vedette.url + "/api/v1/alerts")["data"]["alerts"][0]
        self.assertEqual(alert["state"], "pending")

    def test_it_tells_systemd_when_it_is_ready_and_when_it_stops(self):
        path = str(self.folder / "notify.sock")
        door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(door.close)
        door.bind(path)
        door.settimeout(10)
        vedette = self.start_shop(env={**os.environ, "NOTIFY_SOCKET": path})
        self.assertIn(b"READY=1", door.recv(4096))
        vedette.signal(SIGHUP)
        self.assertIn(b"RELOADING=1", door.recv(4096))
        self.assertIn(b"READY=1", door.recv(4096))
        vedette.signal(SIGTERM)
        self.assertIn(b"STOPPING=1", door.recv(4096))
        self.assertEqual(vedette.stop(), 0)

    def test_two_programs_never_share_a_data_directory(self):
        vedette = self.start_shop()
        code, _, err = run([VEDETTE, "run", "--config", self.folder / "vedette.yml", "--data", self.folder / "data", "--listen", "127.0.0.1:0"])
        self.assertEqual(code, 1)
        self.assertIn(str(vedette.pid), err)

    def test_without_a_configuration_it_watches_itself(self):
        port = free_port()
        program = self.start([VEDETTE, "run", "--data", self.folder / "data", "--listen", f"127.0.0.1:{port}"], "bare")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program)
        wait_for("a reading of itself", lambda: self.instant(program, 'up{job="vedette"} == 1'), 30)

    def test_a_port_that_is_taken_is_said_in_one_sentence(self):
        vedette = self.start_shop()
        code, _, err = run([VEDETTE, "run", "--data", self.folder / "other", "--listen", f"127.0.0.1:{vedette.port}"])
        self.assertEqual(code, 1)
        self.assertIn(f"127.0.0.1:{vedette.port}", err)


if __name__ == "__main__":
    sys.exit(unittest.main())
