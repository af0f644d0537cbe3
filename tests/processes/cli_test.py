#!/usr/bin/python3
"""The command line as somebody types it: what it prints, where, and with which exit status."""
import json
import re
import sys
import unittest

from receiver import Receiver
from support import VEDETTE, ProcessTest, run, wait_for


class CommandLine(ProcessTest):
    def vedette(self, *words, **kwargs):
        return run([VEDETTE, *words], **kwargs)

    def test_help_fits_a_screen_and_shows_an_example(self):
        for words in (["--help"], ["run", "--help"], ["check", "--help"], ["probe", "--help"], ["query", "--help"], ["dump", "--help"]):
            code, out, _ = self.vedette(*words)
            self.assertEqual(code, 0, words)
            self.assertLess(len(out.splitlines()), 50, words)
            if len(words) > 1:
                self.assertIn("Example:", out, words)

    def test_a_wrong_command_line_is_status_2_and_goes_to_stderr(self):
        for words in ([], ["rum"], ["run", "--confg", "x"], ["probe", "http"], ["run", "--query.timeout", "soon"]):
            code, out, err = self.vedette(*words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertNotEqual(err, "", words)

    def test_check_config_shows_every_problem_with_its_line_and_a_caret(self):
        path = self.write("watch.yml", 'probes:\n  - {name: db, type: http, url: "http://127.0.0.1:1/", intervall: 5s}\nroute: {receiver: nobody}\nstorge: {}\n')
        code, out, err = self.vedette("check", "config", path)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f'{path}:2:56: unknown key `intervall` in probe "db"', err)
        self.assertIn("\n    " + " " * 55 + "^\n", err)
        self.assertIn("nobody", err)
        self.assertIn("unknown section `storge`; did you mean `storage`?", err)
        self.assertTrue(err.endswith(f"{path}: not usable\n"))

    def test_check_config_lints_the_rules_it_names_as_asked(self):
        rules = self.write("r.yml", "groups:\n- name: g\n  rules:\n  - {record: r, expr: up}\n  - {record: r, expr: down}\n")
        path = self.write("watch.yml", "rule_files: [r.yml]\n")
        fine = f"{path}: fine, 0 targets, 2 rules, 0 receivers\n"
        told = "  FAILED:\nlint error 1 duplicate rule(s) found.\nMetric: r\nLabel(s):\nMight cause inconsistency while recording expressions\n"
        self.assertEqual(self.vedette("check", "config", path), (0, f"{fine}Checking {rules}\n", told))
        self.assertEqual(self.vedette("check", "config", "--lint-fatal", path), (3, f"{fine}Checking {rules}\n", told))
        for words in (["--lint=none"], ["--lint", "too-long-scrape-interval"], ["--syntax-only"]):
            self.assertEqual(self.vedette("check", "config", "--lint-fatal", *words, path), (0, fine, ""), words)
        code, out, _ = self.vedette("check", "config", "--lint=all,other", path)
        self.assertEqual((code, out), (0, f'WARNING: unknown lint option: "other"\n{fine}Checking {rules}\n'))
        self.write("r.yml", "groups:\n- name: g\n  owner: me\n  rules: [{record: r, expr: up}]\n")
        self.assertEqual(self.vedette("check", "config", path)[0], 1)
        self.assertEqual(self.vedette("check", "config", "--ignore-unknown-fields", path)[0], 0)

    def test_check_config_opens_secrets_unless_told_not_to(self):
        path = self.write("watch.yml", "route: {receiver: team}\nreceivers: [{name: team, slack_configs: [{api_url_file: slack.url, channel: '#ops'}]}]\n")
        code, _, err = self.vedette("check", "config", path)
        self.assertEqual(code, 1)
        self.assertIn("slack.url", err)
        code, out, err = self.vedette("check", "config", "--syntax-only", path)
        self.assertEqual((code, out, err), (0, f"{path}: fine, 0 targets, 0 rules, 1 receiver\n", ""))

    def test_check_rules_speaks_of_the_expression_with_its_place(self):
        path = self.write("rules.yml", "groups:\n  - name: a\n    rules:\n      - alert: Down\n        expr: sum by job (up)\n")
        code, _, err = self.vedette("check", "rules", path)
        self.assertEqual(code, 1)
        self.assertIn("parse error", err)
        self.assertIn(str(path), err)

    def test_probe_draws_its_phases_and_says_why_it_is_down(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        code, out, _ = self.vedette("probe", "http", receiver.url + "/x")
        self.assertEqual(code, 0)
        self.assertRegex(out.splitlines()[0], re.escape(receiver.url) + r"/x  up  \d")
        self.assertIn("▇", out)
        code, out, _ = self.vedette("probe", "http", "http://127.0.0.1:1/")
        self.assertEqual(code, 1)
        self.assertIn("down", out)
        self.assertIn("connection refused", out)
        code, out, _ = self.vedette("probe", "http", receiver.url, "--json")
        self.assertTrue(json.loads(out)["up"])
        code, out, _ = self.vedette("probe", "http", receiver.url, "--metrics")
        self.assertIn("\nprobe_success 1\n", out)

    def test_query_prints_a_table_and_errors_with_the_place(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        vedette = self.start_vedette(f"probes: [{{name: shop, type: http, url: '{receiver.url}', every: 200ms}}]\n")
        wait_for("a reading", lambda: self.instant(vedette, "up"))
        code, out, err = self.vedette("query", "instant", "up", "--url", vedette.url)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r'^up\{instance="http://127\.0\.0\.1:\d+", job="shop"\}  1\n$')
        code, out, _ = self.vedette("query", "range", "sum(up)", "--url", vedette.url, "--step", "10s")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^\{\}\n  \d{4}-\d\d-\d\dT")
        code, out, err = self.vedette("query", "instant", "sum by job (up)", "--url", vedette.url)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("1:8: parse error", err)
        code, out, err = self.vedette("query", "instant", "up", "--url", "http://127.0.0.1:1")
        self.assertEqual((code, out, err), (1, "", "query: http://127.0.0.1:1 does not answer: connection refused\n"))

    def test_dump_prints_the_log_of_a_running_program(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        vedette = self.start_vedette(f"probes: [{{name: shop, type: http, url: '{receiver.url}', every: 200ms}}]\n")
        wait_for("a reading", lambda: self.instant(vedette, "up"))
        segments = sorted((self.folder / "data/wal").iterdir())
        code, out, err = self.vedette("dump", segments[0])
        self.assertEqual((code, err), (0, ""))
        self.assertIn("probe_success", out)
        code, out, err = self.vedette("dump", self.folder / "vedette.yml")
        self.assertEqual(code, 1)
        self.assertIn("vedette.yml", err)

    def test_format_lays_an_expression_out_and_refuses_a_broken_one_with_a_caret(self):
        code, out, _ = self.vedette("format", "sum(rate(x[5m]))by(job)")
        self.assertEqual((code, out), (0, "sum by (job) (rate(x[5m]))\n"))
        code, _, err = self.vedette("format", "sum by job (up)")
        self.assertEqual(code, 1)
        self.assertIn("^", err)

    def test_a_feature_counts_in_the_rules_of_a_checked_configuration_and_in_what_is_exported(self):
        (self.folder / "rules.yml").write_text("groups: [{name: g, rules: [{record: a, expr: 'mad_over_time(x[1m])'}]}]\n")
        config = self.folder / "with_rules.yml"
        config.write_text("rule_files: [rules.yml]\n")
        features = "--enable-feature=promql-experimental-functions"
        for words in (["check", "config", config], ["export", "rules", self.folder / "rules.yml"]):
            self.assertEqual(self.vedette(*words)[0], 1)
            code, _, err = self.vedette(*words, features)
            self.assertEqual((code, err), (0, ""))


if __name__ == "__main__":
    sys.exit(unittest.main())
