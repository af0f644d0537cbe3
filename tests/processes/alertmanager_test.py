#!/usr/bin/python3
"""Alertmanager's programs against vedette: amtool, a Prometheus that sends alerts, and what a kill leaves."""
import datetime
import json
import sys
import unittest

from receiver import Receiver
from support import PEERS, ProcessTest, fetch, free_port, get_json, run, wait_for

CONFIG = """
server: {{anonymous: editor}}
global: {{resolve_timeout: 5m}}
{more}
route:
  receiver: team
  group_by: [alertname]
  group_wait: {wait}
  group_interval: 1s
  routes:
    - {{matchers: [severity="critical"], receiver: pager, continue: true}}
    - {{match: {{team: db}}, receiver: db, mute_time_intervals: [always]}}
receivers:
  - {{name: team, webhook_configs: [{{url: '{url}/team'}}]}}
  - {{name: pager, webhook_configs: [{{url: '{url}/pager', delivery_headers: true}}]}}
  - {{name: db}}
time_intervals: [{{name: always, time_intervals: [{{}}]}}]
inhibit_rules: [{{source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [job]}}]
"""
JSON = {"Content-Type": "application/json"}


def at(seconds):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Alertmanager(ProcessTest):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def begin(self, wait="0s", more="", **how):
        self.vedette = self.start_vedette(CONFIG.format(url=self.receiver.url, wait=wait, more=more), **how)
        return self.vedette

    def amtool(self, *words, ok=True):
        status, out, err = run([PEERS / "amtool", f"--alertmanager.url={self.vedette.url}", *words])
        if ok:
            self.assertEqual(status, 0, f"{words}\n{out}\n{err}")
        return out.strip() if ok else (out + err).strip()

    def post(self, path, body):
        status, _, answer = fetch(self.vedette.url + path, json.dumps(body).encode(), JSON)
        return status, answer.decode()

    def alerts(self, **how):
        return get_json(self.vedette.url + "/api/v2/alerts", **how)

    def test_amtool_adds_and_finds_alerts(self):
        self.begin()
        self.amtool("alert", "add", "alertname=Down", "job=api", "severity=critical", "--annotation=summary=it is down")
        self.amtool("alert", "add", "Slow", "job=api", "severity=warning")
        self.assertIn("it is down", self.amtool("alert", "query", "job=api"))
        self.assertNotIn("Slow", self.amtool("alert", "query"))
        self.assertIn("Slow", self.amtool("alert", "query", "--inhibited"))
        self.assertEqual(self.amtool("-o", "json", "alert", "query", "job=web"), "[]")
        pages = wait_for("the pages", lambda: self.receiver.received)
        self.assertTrue(any("/pager" in json.dumps(page, default=str) for page in pages))

    def test_amtool_adds_changes_imports_and_expires_silences(self):
        self.begin()
        silence = self.amtool("silence", "add", "job=api", "-c", "a comment", "-a", "me", "-d", "1h")
        self.amtool("alert", "add", "alertname=Down", "job=api")
        self.assertEqual([alert["status"]["silencedBy"] for alert in self.alerts()], [[silence]])
        self.assertIn("a comment", self.amtool("silence", "query"))
        self.assertEqual(self.amtool("silence", "query", "-q", "job=api"), silence)
        self.amtool("silence", "update", "-d", "3h", "-c", "longer", silence)
        self.assertEqual(self.amtool("silence", "query", "-q"), silence)
        everything = self.amtool("-o", "json", "silence", "query")
        self.assertEqual(json.loads(everything)[0]["comment"], "longer")
        self.amtool("silence", "expire", silence)
        self.assertEqual(self.amtool("silence", "query", "-q"), "")
        self.assertEqual(self.amtool("silence", "query", "-q", "--expired"), silence)
        path = self.write("silences.json", json.dumps([{**json.loads(everything)[0], "id": ""}]))
        self.amtool("silence", "import", path)
        self.assertEqual(len(self.amtool("silence", "query", "-q").split()), 1)
        who = get_json(self.vedette.url + "/api/vedette/v1/silences/audit")
        self.assertEqual([row["what"] for row in who], ["created", "ended", "changed", "created"])

    def test_amtool_reads_our_routes(self):
        self.begin()
        self.assertIn("receiver: pager", self.amtool("config", "routes", "show"))
        self.assertEqual(self.amtool("config", "routes", "test", "severity=critical", "team=db"), "pager,db")
        self.assertEqual(self.amtool("config", "routes", "test", "severity=info"), "team")
        self.assertIn("mute_time_intervals", self.amtool("config", "show"))
        self.assertIn("disabled", self.amtool("cluster", "show"))

    def test_a_recurring_silence_and_one_until_resolved(self):
        self.begin(more="notify: {silence_longest: 30d}")
        base = {"matchers": [{"name": "job", "value": "api", "isRegex": False}], "startsAt": at(0), "endsAt": at(3600),
                "createdBy": "me", "comment": "why"}
        status, answer = self.post("/api/v2/silences", {**base, "recurring": [{"years": ["2001"]}]})
        self.assertEqual(status, 200, answer)
        self.post("/api/v2/alerts", [{"labels": {"alertname": "Down", "job": "api"}}])
        self.assertEqual(self.alerts()[0]["status"]["silencedBy"], [])
        status, answer = self.post("/api/v2/silences", {**base, "until": "resolved"})
        silence = json.loads(answer)["silenceID"]
        self.assertEqual(self.alerts()[0]["status"]["silencedBy"], [silence])
        self.post("/api/v2/alerts", [{"labels": {"alertname": "Down", "job": "api"}, "endsAt": at(-1)}])
        self.assertEqual(get_json(f"{self.vedette.url}/api/v2/silence/{silence}")["status"]["state"], "expired")
        self.assertEqual(self.post("/api/v2/silences", {**base, "endsAt": at(40 * 86400)}),
                         (400, '"Failed to create silence: it would last 40d, and `notify.silence_longest` is 30d"\n'))

    def test_an_alert_that_was_answered_for_reaches_its_receiver_after_a_kill(self):
        port = free_port()
        self.begin(wait="2s", port=port)
        self.assertEqual(self.post("/api/v2/alerts", [{"labels": {"alertname": "Down", "job": str(i)}} for i in range(50)])[0], 200)
        self.vedette.kill()
        self.assertEqual(self.receiver.received, [])
        self.begin(wait="2s", port=port)
        page = wait_for("the page", lambda: self.receiver.received and self.receiver.received[0])
        self.assertEqual(len(json.loads(page["body"])["alerts"]), 50)

    def test_shadow_mode_records_what_it_would_have_sent(self):
        self.begin(more="notify: {mode: record}")
        self.post("/api/v2/alerts", [{"labels": {"alertname": "Down", "job": "api"}}])
        wait_for("the record", lambda: "message recorded, not sent" in self.vedette.output())
        page = fetch(self.vedette.url + "/metrics")[2].decode()
        self.assertIn('vedette_notify_recorded_total{integration="webhook",receiver="team"} 1', page)
        self.assertEqual(self.receiver.received, [])

    def test_a_real_prometheus_sends_its_alerts_to_us(self):
        self.begin()
        rules = self.write("rules.yml", json.dumps({"groups": [{"name": "g", "interval": "1s", "rules": [
            {"alert": "Always", "expr": "vector(1)", "labels": {"severity": "critical"}}]}]}))
        path = self.write("prometheus.yml", json.dumps({
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{self.vedette.port}"]}]}]}}))
        port = free_port()
        program = self.start([PEERS / "prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/prometheus",
                              f"--web.listen-address=127.0.0.1:{port}", "--rules.alert.resend-delay=1s"], "prometheus")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program, seconds=60)
        alert = wait_for("the alert", lambda: self.alerts(filter='alertname="Always"'), 40)[0]
        self.assertEqual([one["name"] for one in alert["receivers"]], ["pager"])
        self.assertIn(f"127.0.0.1:{port}" if "127" in alert["generatorURL"] else "/graph", alert["generatorURL"])
        wait_for("its page", lambda: self.receiver.received)

    def test_the_api_refuses_as_alertmanager_does(self):
        self.begin()
        for body, status, answer in [
                ([{}], 422, '{"code":602,"message":"0.labels in body is required"}'),
                ([{"labels": {}}], 400, '"at least one label pair required"\n'),
                ([{"labels": {"": "x"}}], 400, '"invalid label set: invalid name \\"\\""\n'),
                ({}, 400, '{"code":400,"message":"parsing alerts body from \\"\\" failed, because json: cannot unmarshal object '
                          'into Go value of type models.PostableAlerts"}'),
                ([{"labels": {"a": "b"}, "generatorURL": "::x"}], 422,
                 '{"code":601,"message":"0.generatorURL in body must be of type uri: \\"::x\\""}')]:
            self.assertEqual(self.post("/api/v2/alerts", body), (status, answer))
        self.assertEqual(self.post("/api/v2/silences", {}), (422, '{"code":602,"message":"comment in body is required"}'))
        status, _, answer = fetch(self.vedette.url + "/api/v2/silence/abc")
        self.assertEqual((status, answer), (422, b'{"code":601,"message":"silenceID in path must be of type uuid: \\"abc\\""}'))
        status, _, answer = fetch(self.vedette.url + "/api/v2/silence/9a9d1b6c-2e07-4b0e-9f4e-000000000000")
        self.assertEqual((status, answer), (404, b""))
        self.assertEqual(fetch(self.vedette.url + "/api/v2/nothing")[0], 404)


if __name__ == "__main__":
    sys.exit(unittest.main())
