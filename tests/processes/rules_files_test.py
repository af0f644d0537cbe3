#!/usr/bin/python3
"""Every rule file of the repository, exported, beside its own test, run by the real promtool; every alert has a runbook."""
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from support import PEERS, ROOT, VEDETTE, run

PROMTOOL = PEERS / "promtool"
TESTS = sorted(ROOT.glob("examples/*/rules/*_test.yml"))
RULES = sorted(path for path in ROOT.glob("examples/*/rules/*.yml") if path not in TESTS)


class RuleFiles(unittest.TestCase):
    def test_every_rule_file_has_a_test_beside_it(self):
        self.assertTrue(RULES)
        for path in RULES:
            self.assertIn(path.with_name(path.stem + "_test.yml"), TESTS)

    def test_promtool_finds_the_rules_and_their_tests_right_once_they_are_exported(self):
        with tempfile.TemporaryDirectory(prefix="vedette-") as folder:
            for path in RULES:
                code, out, err = run([VEDETTE, "export", "rules", path])
                self.assertEqual((code, err), (0, ""))
                exported, test = pathlib.Path(folder) / path.name, path.with_name(path.stem + "_test.yml")
                exported.write_text(out)
                code, out, err = run([PROMTOOL, "check", "rules", exported])
                self.assertEqual(code, 0, out + err)
                code, out, err = run([PROMTOOL, "test", "rules", shutil.copy(test, folder)])
                self.assertEqual(code, 0, out + err)

    def test_so_does_vedette(self):
        code, out, err = run([VEDETTE, "check", "rules", *RULES])
        self.assertEqual(code, 0, out + err)
        code, out, err = run([VEDETTE, "test", "rules", *TESTS])
        self.assertEqual(code, 0, out + err)

    def test_every_alert_is_tested_firing_and_quiet(self):
        for path in RULES:
            text = path.with_name(path.stem + "_test.yml").read_text()
            for alert in re.findall(r"- alert: (\w+)", path.read_text()):
                self.assertRegex(text, rf"alertname: {alert}\}}", f"{alert} is nowhere shown quiet")
                self.assertRegex(text, rf"alertname: {alert}\n +exp_alerts:", f"{alert} is nowhere shown firing")

    def test_every_alert_has_an_entry_in_the_runbooks_and_says_where(self):
        for path in RULES:
            for rule in re.split(r"\n +- (?=alert:|record:)", path.read_text())[1:]:
                if not rule.startswith("alert: "):
                    continue
                alert = rule.split()[1]
                page, _, anchor = re.search(r"runbook_url: (\S+)", rule)[1].partition("#")
                self.assertEqual(anchor, alert.lower())
                headings = re.findall(r"^## (\w+)$", pathlib.Path(ROOT / page).read_text(), re.M)
                self.assertIn(alert, headings)
                self.assertRegex(rule, r"labels: \{severity: (critical|warning)\}")
                self.assertIn("summary:", rule)


if __name__ == "__main__":
    sys.exit(unittest.main())
