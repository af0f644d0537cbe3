#!/usr/bin/python3
"""One alert as it reaches every kind of service, each of which is first busy, broken or odd in its own way."""
import hashlib
import hmac
import json
import os
import sys
import unittest

from receiver import Receiver
from support import VEDETTE, ProcessTest, get_json, run, wait_for

CONFIG = """
server: {{anonymous: viewer}}
timezone: Europe/Paris
probes:
  - {{name: shop, type: http, url: '{url}/health', every: 200ms}}
vedette_rules: [rules.yml]
route: {{receiver: team, group_wait: 0s, group_interval: 1s}}
receivers:
  - name: team
    slack_configs: [{{app_token: xoxb-secret, channel: '#ops', app_url: '{url}/slack/api/chat.postMessage', send_resolved: true}}]
    discord_configs: [{{webhook_url: '{url}/discord/1/secret'}}]
    telegram_configs: [{{api_url: '{url}/telegram', bot_token: '1:secret', chat_id: -5}}]
    pagerduty_configs: [{{url: '{url}/pagerduty', routing_key: secret}}]
    msteamsv2_configs: [{{webhook_url: '{url}/teams?sig=secret'}}]
    mattermost_configs: [{{webhook_url: '{url}/mattermost/hooks/secret'}}]
    twilio_configs: [{{api_url: '{url}/twilio', account_sid: AC1, auth_token: secret, from: '+15550000', to: '+4930123456'}}]
    webhook_configs: [{{url: '{url}/hook', signing_secret: secret, delivery_headers: true}}]
    alertmanager_configs: [{{url: '{url}/am'}}]
    exec_configs: [{{command: ['{folder}/act', '{folder}/acted'], on: [firing, resolved], timeout: 5s}}]
"""
RULES = """
groups:
  - name: shop
    interval: 200ms
    rules:
      - alert: ShopDown
        expr: probe_success{job="shop"} < 0.5
        labels: {severity: critical}
        annotations: {summary: 'nobody gets <in> & out'}
"""
ACT = """#!/bin/sh
cat >>"$1"; echo >>"$1"; env >>"$1.env"; echo done
"""
OK = (200, {}, b"ok")


class Services:
    """What each service says to its first requests, and then always."""

    def __init__(self):
        self.turn = {}
        self.first = {
            "slack": [(429, {"Retry-After": "1"}, b"{}"), (200, {}, b'{"ok":false,"error":"ratelimited"}')],
            "discord": [(429, {}, b'{"message":"slow down","retry_after":0.4,"global":false}')],
            "telegram": [(429, {}, b'{"ok":false,"error_code":429,"parameters":{"retry_after":1}}')],
            "pagerduty": [(500, {}, b"<html>oops</html>")],
            "teams": [(502, {"Content-Type": "text/html"}, b"\xff\xfe garbage")],
            "twilio": [(429, {}, b'{"code":20429,"message":"Too Many Requests","status":429}')],
        }
        self.then = {
            "slack": (200, {}, b'{"ok":true,"channel":"C1","ts":"17.5"}'), "discord": (200, {}, b'{"id":"1001"}'),
            "telegram": (200, {}, b'{"ok":true,"result":{"message_id":42}}'), "pagerduty": (202, {}, b'{"status":"success"}'),
            "teams": (202, {}, b""), "twilio": (201, {}, b'{"sid":"SM1","status":"queued"}')}

    def __call__(self, path, _):
        name = path.strip("/").split("/")[0].split("?")[0]
        turn = self.turn[name] = self.turn.get(name, -1) + 1
        first = self.first.get(name, [])
        return first[turn] if turn < len(first) else self.then.get(name, OK)


class Receivers(ProcessTest):
    def setUp(self):
        super().setUp()
        self.services = Services()
        self.outside = Receiver(self.services)
        self.addCleanup(self.outside.close)
        self.outside.server.RequestHandlerClass.do_PATCH = self.outside.server.RequestHandlerClass.do_POST
        self.write("rules.yml", RULES)
        self.write("act", ACT)
        os.chmod(self.folder / "act", 0o755)
        self.config = CONFIG.format(url=self.outside.url, folder=self.folder)

    def got(self, name):
        with self.outside.lock:
            return [one for one in self.outside.received if one["path"].strip("/").split("/")[0].split("?")[0] == name]

    def taken(self, name):
        """Those that were not refused."""
        return self.got(name)[len(self.services.first.get(name, [])):]

    def test_an_alert_and_its_end_reach_every_service_through_refusals(self):
        self.outside.get = lambda path: 503
        vedette = self.start_vedette(self.config)
        names = ["slack", "discord", "telegram", "pagerduty", "teams", "mattermost", "twilio", "hook", "am"]
        for name in names:
            wait_for(f"a message to {name}", lambda name=name: self.taken(name))
        slack = json.loads(self.taken("slack")[0]["body"])
        self.assertRegex(slack["text"], r"^CRITICAL shop down · .*")
        self.assertIn("nobody gets &lt;in&gt; &amp; out", slack["attachments"][0]["text"])
        self.assertRegex(slack["attachments"][0]["text"], r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d CES?T, value 0, threshold &lt; 0.5")
        # The wait that was asked for was kept.
        times = [one["at"] for one in self.got("slack")]
        self.assertGreater(times[1] - times[0], 0.95)
        times = [one["at"] for one in self.got("telegram")]
        self.assertGreater(times[1] - times[0], 0.95)
        hook = self.taken("hook")[0]
        self.assertEqual(hook["headers"]["X-Vedette-Signature"],
                         "sha256=" + hmac.new(b"secret", hook["body"], hashlib.sha256).hexdigest())
        acted = wait_for("the action", lambda: (self.folder / "acted").exists() and (self.folder / "acted").read_text())
        self.assertEqual(json.loads(acted.splitlines()[0])["status"], "firing")
        environment = {line.split("=")[0] for line in (self.folder / "acted.env").read_text().splitlines()}
        self.assertLessEqual(environment, {"PATH", "PWD", "SHLVL", "_", "OLDPWD"})

        self.outside.get = lambda path: 200
        for path, word in [("slack", "chat.update"), ("discord", "/messages/1001")]:
            wait_for(f"an edit by {path}", lambda path=path, word=word: [one for one in self.got(path) if word in one["path"]])
        reply = wait_for("the thread's end", lambda: [json.loads(one["body"]) for one in self.got("slack")
                                                      if "thread_ts" in json.loads(one["body"])])[-1]
        self.assertRegex(reply["text"], r"^RESOLVED shop up · was down .*")
        self.assertEqual(reply["thread_ts"], "17.5")
        wait_for("the end of the incident", lambda: json.loads(self.got("pagerduty")[-1]["body"])["event_action"] == "resolve")
        keys = {json.loads(one["body"])["dedup_key"] for one in self.got("pagerduty")}
        self.assertEqual(len(keys), 1)
        over = wait_for("the answer in Telegram", lambda: "reply_parameters" in json.loads(self.got("telegram")[-1]["body"])
                        and json.loads(self.got("telegram")[-1]["body"]))
        self.assertEqual(over["reply_parameters"]["message_id"], 42)
        wait_for("the action at the end", lambda: '"status":"resolved"' in (self.folder / "acted").read_text())
        # No text of theirs with a secret of ours, nor an address with one.
        self.assertNotIn("secret", vedette.output())

    def test_a_message_that_was_edited_before_a_restart_is_edited_after_it(self):
        self.outside.get = lambda path: 503
        vedette = self.start_vedette(self.config)
        wait_for("a message to Slack", lambda: self.taken("slack"))
        wait_for("it is told", lambda: "message sent" in vedette.output() and len(self.taken("discord")) > 0)
        vedette.kill()
        self.outside.get = lambda path: 200
        self.start_vedette(self.config, name="again")
        update = wait_for("an edit", lambda: [one for one in self.got("slack") if one["path"].endswith("/chat.update")])
        self.assertEqual(json.loads(update[0]["body"])["ts"], "17.5")

    def test_the_test_of_receivers_says_what_each_answered(self):
        self.services.first = {"discord": [(404, {}, b'{"message": "Unknown Webhook", "code": 10015}')]}
        path = self.write("v.yml", self.config)
        code, out, err = run([VEDETTE, "test", "notify", "--config", path])
        self.assertEqual(code, 1, out + err)
        lines = dict((line.split("  ")[1], line.split("  ", 3)[3]) for line in out.splitlines())
        self.assertRegex(lines["slack"], r"^sent, answer 200, ")
        self.assertRegex(lines["pagerduty"], r"^sent, answer 202, ")
        self.assertEqual(lines["discord"], 'not sent: HTTP 404: {"message": "Unknown Webhook", "code": 10015}')
        self.assertEqual(lines["exec"], "not started: a test acts on nothing")
        self.assertFalse((self.folder / "acted").exists())
        code, _, err = run([VEDETTE, "test", "notify", "--config", path, "--receiver", "teem"])
        self.assertEqual((code, err), (1, f"{path}: there is no receiver `teem`; did you mean `team`?\n"))


if __name__ == "__main__":
    sys.exit(unittest.main())
