#!/usr/bin/python3
"""A stranger's first ten minutes: examples/quickstart, a broken service, the messages, the all-clear."""
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import unittest

from demo import DemoTest
from support import BUILD, ROOT, ProcessTest, fetch, get_json, wait_for

# From the request that breaks something to the message: 5 of 8 readings, `for: 6s`, group_wait: 1s, and a busy machine.
MESSAGE_WITHIN = 40


class Quickstart(DemoTest):
    def test_a_broken_checkout_reaches_everybody_and_so_does_the_all_clear(self):
        vedette = self.start_example("quickstart")
        wait_for("nine targets up", lambda: len(self.instant(vedette, "probe_success == 1")) == 9, 30)
        self.assertEqual(self.inbox("slack", ""), [])
        self.post("/break/checkout")
        began = time.monotonic()
        slack, hook, mail = (wait_for(f"the {kind} message", lambda: self.inbox(kind, text), MESSAGE_WITHIN)[0]
                             for kind, text in [("slack", "CRITICAL checkout down"), ("webhook", "firing"), ("mail", "CRITICAL checkout down")])
        print(f"from the break to the last message: {time.monotonic() - began:.1f} s", file=sys.stderr)
        self.assertEqual(slack["json"]["channel"], "#ops")
        self.assertEqual(slack["json"]["attachments"][0]["color"], "danger")
        self.assertIn("checkout does not answer: nobody can pay", slack["json"]["attachments"][0]["text"])
        alert = hook["json"]["alerts"][0]
        self.assertEqual((alert["labels"]["alertname"], alert["labels"]["job"]), ("CheckoutDown", "checkout"))
        self.assertEqual(alert["annotations"]["runbook_url"], "docs/runbooks.md#checkoutdown")
        self.assertIn("checkout does not answer: nobody can pay", mail["mail"]["text"])
        self.assertEqual((mail["mail"]["from"], mail["mail"]["to"]), ("vedette@shop.example", "ops@shop.example"))
        page = fetch(self.control + "/inbox")[2].decode()
        self.assertIn("CRITICAL checkout down", page)

        self.post("/mend/checkout")
        for kind, text in [("slack", "RESOLVED checkout up"), ("webhook", '"resolved"'), ("mail", "RESOLVED checkout up")]:
            wait_for(f"the all-clear by {kind}", lambda: self.inbox(kind, text), MESSAGE_WITHIN)
        # Nobody is told twice, and nobody is told of what is well.
        for kind in ("slack", "webhook", "mail"):
            self.assertEqual(len(self.inbox(kind, "")), 2, kind)

    def test_a_slow_service_is_slow_not_down_and_slack_is_asked_again_after_429(self):
        vedette = self.start_example("quickstart")
        wait_for("nine targets up", lambda: len(self.instant(vedette, "probe_success == 1")) == 9, 30)
        self.post("/fault/slack?status=429&retry_after=1&times=2")
        self.post("/break/shop?how=slow&ms=1200")
        wait_for("the message", lambda: [one for one in self.inbox("slack", "ServiceSlow") + self.inbox("slack", "shop") if one["answered"] == 200], MESSAGE_WITHIN)
        self.assertEqual([one["answered"] for one in self.inbox("slack", "")], [200, 429, 429])
        self.assertEqual([alert["labels"]["alertname"] for alert in get_json(vedette.url + "/api/v1/alerts")["data"]["alerts"]], ["ServiceSlow"])

    def test_every_way_to_break_a_service_is_seen_as_down_with_its_reason(self):
        vedette = self.start_example("quickstart")
        wait_for("nine targets up", lambda: len(self.instant(vedette, "probe_success == 1")) == 9, 30)
        for name, how in [("shop", "refuse"), ("search", "error"), ("login", "garbage"), ("media", "slow&ms=5000")]:
            self.post(f"/break/{name}?how={how}")
        wait_for("four down", lambda: len(self.instant(vedette, "probe_success == 0")) == 4, 20)
        targets = {one["labels"]["job"]: one["lastError"] for one in get_json(vedette.url + "/api/v1/targets")["data"]["activeTargets"]}
        self.assertIn("refused", targets["shop"])
        self.assertIn("503", targets["search"])
        self.assertNotEqual(targets["login"], "")
        self.assertEqual(targets["checkout"], "")


class Demo(ProcessTest):
    """scripts/demo itself, with every port moved to where nobody listens."""

    def test_it_prints_where_to_look_and_ends_both_programs(self):
        ports = self.free_ports()
        demo = subprocess.Popen([ROOT / "scripts" / "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "VEDETTE_BUILD": str(BUILD), "VEDETTE_BUILT_IN": "1 min 2 s",
                                     "VEDETTE_DEMO_PORTS": str(ports), "VEDETTE_DEMO_DATA": str(self.folder / "data")})
        self.addCleanup(demo.stdout.close)
        self.addCleanup(lambda: demo.poll() is None and demo.kill())
        said = ""
        for line in demo.stdout:
            said += line
            if line.startswith("Stop:"):
                break
        self.assertRegex(said, r"^\nvedette \d+\.\d+\.\d+    built in 1 min 2 s    data in /\S+/data\n\n"
                               rf"  pages     http://127\.0\.0\.1:{ports}887 +metrics   http://127\.0\.0\.1:{ports}887/metrics\n"
                               rf"  inbox     http://127\.0\.0\.1:{ports}890/inbox +\(where Slack, mail and webhooks of this demo arrive\)\n\n"
                               r"  watching  9 targets +rules     4 alerts, 3 recordings\n\n"
                               rf"Break something:   curl -X POST http://127\.0\.0\.1:{ports}890/break/checkout\n")
        self.assertEqual(fetch(f"http://127.0.0.1:{ports}890/services")[0], 200)
        wait_for("nine targets up, at the ports they were moved to",
                 lambda: get_json(f"http://127.0.0.1:{ports}887/api/v1/query", query="sum(probe_success)")["data"]["result"][0]["value"][1] == "9", 30)
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
        self.assertEqual(demo.wait(20), 0)
        for port in (887, 890):
            with self.assertRaises(OSError):
                fetch(f"http://127.0.0.1:{ports}{port}/")

    def free_ports(self):
        """Thousands whose ports are all free; below those that the system gives to clients."""
        for thousands in random.sample(range(10, 32), 22):
            with contextlib.ExitStack() as stack:
                try:
                    for port in (887, 890, 891, *range(900, 909)):
                        stack.enter_context(socket.socket()).bind(("127.0.0.1", thousands * 1000 + port))
                    return thousands
                except OSError:
                    continue
        self.fail("no free ports")


if __name__ == "__main__":
    sys.exit(unittest.main())
