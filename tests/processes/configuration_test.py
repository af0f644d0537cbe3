#!/usr/bin/python3
"""What `vedette check config` says about files that are wrong, word for word."""
import sys
import unittest

from support import VEDETTE, ProcessTest, run


class Configuration(ProcessTest):
    def said(self, text):
        self.write("rules/bad.yml", 'groups:\n  - name: g\n    rules:\n      - {alert: A, expr: "up =="}\n')
        self.write("am.yml", "route: {receiver: a}\nreceivers: [{name: a}]\n")
        self.write("v.yml", text)
        code, _, err = run([VEDETTE, "check", "config", "v.yml"], cwd=self.folder)
        self.assertEqual(code, 1, err)
        return err

    def test_an_unknown_section_is_shown_where_it_stands(self):
        self.assertEqual(self.said("prob: []\n"), "v.yml:1:1: unknown section `prob`\n    prob: []\n    ^\nv.yml: not usable\n")

    def test_a_section_of_a_later_version_is_refused_by_name(self):
        self.assertEqual(self.said("remote_read: []\n"), "v.yml:1:1: `remote_read` (reading from another store) is not in this version; see docs/limits.md\n"
                         "    remote_read: []\n    ^\nv.yml: not usable\n")

    def test_routes_stand_in_one_place(self):
        self.assertEqual(self.said("notify_file: am.yml\nroute: {receiver: a}\n"),
                         "v.yml:2:8: `route` stands here and `notify_file` names another; keep one of them\n"
                         "    route: {receiver: a}\n           ^\nv.yml: not usable\n")

    def test_a_missing_file_is_named(self):
        self.assertEqual(self.said("notify_file: nope.yml\n"), "./nope.yml: cannot open ./nope.yml: No such file or directory\nv.yml: not usable\n")

    def test_two_global_maps_lead_to_notify_file(self):
        self.assertIn("name it in `notify_file`", self.said("global: {evaluation_interval: 1s}\nglobal: {resolve_timeout: 1m}\n"))

    def test_a_bad_rule_is_shown_in_its_own_file(self):
        self.assertEqual(self.said("rule_files: [rules/*.yml]\n"), "./rules/bad.yml:4:26: could not parse expression: 1:6: parse error: unexpected end of input\n"
                         "          - {alert: A, expr: \"up ==\"}\n                             ^\nv.yml: not usable\n")


if __name__ == "__main__":
    sys.exit(unittest.main())
