#!/usr/bin/python3
"""Rules on stored history, and rules that hear of samples as they come."""
import sys
import time
import unittest

import remote_write
from support import VEDETTE, ProcessTest, fetch, get_json, run, wait_for

CONFIG = "server:\n  anonymous: viewer\n  tokens: [{name: test, token: write-here, role: editor}]\n"
RULES = """groups:
- name: shop
  interval: 1m
  rules:
  - {record: 'job:load:max', expr: max by (job) (load)}
  - {alert: Loaded, expr: 'job:load:max > 5', for: 2m}
  - {alert: Busy, expr: load > 1}
  - {alert: Misspelt, expr: loads > 1}
"""


def samples(now):
    """Two hours and ten minutes, a sample every 30 s: 9 for ten minutes an hour ago, and for one minute half an hour ago."""
    out = []
    for step in range(260):
        ago = 7800 - 30 * step
        out.append(((now - ago) * 1000, 9.0 if 3000 < ago <= 3600 or 1740 < ago <= 1800 else 2.0 if 900 < ago <= 1000 else 1.0))
    return out


class History(ProcessTest):
    def write_samples(self, program, *all_series):
        headers = {**remote_write.HEADERS, "Authorization": "Bearer write-here"}
        status, _, text = fetch(program.url + "/api/v1/write", remote_write.body(list(all_series)), headers, "POST")
        self.assertIn(status, (200, 204), text)

    def filled(self):
        program = self.start_vedette(CONFIG)
        self.write_samples(program, remote_write.series({"__name__": "load", "job": "web"}, samples(int(time.time()))))
        self.write("shop.yml", RULES)
        return program

    def on_history(self, *words):
        return run([VEDETTE, *words[:2], self.folder / "shop.yml", *words[2:], "--data", self.folder / "data"])

    def test_rules_say_what_they_would_have_done_while_the_daemon_runs_and_after(self):
        program = self.filled()
        for life in ("running", "stopped"):
            if life == "stopped":
                program.stop()
            code, out, err = self.on_history("test", "rules", "--since", "2h")
            self.assertEqual((code, err), (0, ""), life)
            rows = {cells[0]: cells[1:] for cells in map(str.split, out.splitlines()[2:]) if len(cells) > 5}
            self.assertEqual(rows["Loaded"][:2], ["1", "84"], out)
            self.assertEqual(rows["Busy"][0], "3", out)
            self.assertEqual(rows["Misspelt"][:4], ["0", "0", "0", "same"], out)
            self.assertRegex(out, r'\n  Loaded\n    20\S+Z  for [78] min( \d+ s)?  \{job="web"\}\n')

    def test_other_rules_are_compared_with(self):
        self.filled()
        before = self.write("before.yml", "groups: [{name: shop, rules: [{alert: Busy, expr: load > 5}, {alert: Gone, expr: load > 5}]}]\n")
        code, out, err = self.on_history("test", "rules", "--since", "2h", "--against", str(before))
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"\n  Busy +3 +252 +168 +\+84 ")
        self.assertRegex(out, r"\n  Gone +gone +- +168 +-168 ")

    def test_check_warns_of_what_would_page_too_often_and_of_what_selects_nothing(self):
        self.filled()
        code, out, err = self.on_history("check", "rules", "--history", "--since", "2h", "--pages-max", "100", "--lint-fatal")
        self.assertEqual(code, 3, out + err)
        self.assertEqual(err, '  HISTORY: group "shop", Busy: would page 252 times a week; expected at most 100\n'
                              '  HISTORY: group "shop", Misspelt: no series is named "loads"; did you mean "load"?\n')

    def test_what_is_asked_wrongly_is_said(self):
        self.write("shop.yml", RULES)
        code, _, err = self.on_history("test", "rules", "--since", "2h", "--until", "yesterday")
        self.assertEqual((code, err), (1, 'test: --until is "yesterday"; expected a time such as 2026-11-20T12:00:00Z\n'))
        code, _, err = self.on_history("test", "rules", "--since", "2h")
        self.assertEqual(code, 1)
        self.assertIn("data", err)

    def test_a_sample_that_comes_is_an_alert_at_once(self):
        self.write("quick.yml", "groups:\n- name: quick\n  evaluate: on_arrival\n  interval: 10m\n  rules:\n"
                                "  - {alert: Loaded, expr: load > 5}\n")
        program = self.start_vedette(CONFIG + "vedette_rules: [quick.yml]\n")
        time.sleep(0.3)
        waits = []
        for turn in range(6):
            value = 9.0 if turn % 2 == 0 else 1.0
            began = time.monotonic()
            self.write_samples(program, remote_write.series({"__name__": "load"}, [(int(time.time() * 1000), value)]))
            wait_for("the alert follows", lambda: len(get_json(program.url + "/api/v1/alerts")["data"]["alerts"]) == (value > 5))
            waits.append(time.monotonic() - began)
            time.sleep(0.15)
        self.assertLess(min(waits), 1.0, waits)
        rules = get_json(program.url + "/api/v1/rules")["data"]["groups"][0]
        self.assertEqual(rules["evaluate"], "on_arrival")
        self.assertEqual((rules["rules"][0]["lastSamples"], rules["rules"][0]["lastSeriesFetched"]), (1, 1))
        status, _, text = fetch(program.url + "/metrics")
        self.assertRegex(text.decode(), r'prometheus_rule_group_iterations_total\{rule_group="[^"]*quick.yml;quick"\} [6-9]')


if __name__ == "__main__":
    sys.exit(unittest.main())
