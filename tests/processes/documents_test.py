#!/usr/bin/python3
"""Samples in the documentation, run: configurations are checked, queries are parsed, printed output is printed again."""
import re
import subprocess
import sys
import textwrap
import unittest

from receiver import Receiver
from support import PEERS, ROOT, VEDETTE, ProcessTest, run

PAGES = sorted(ROOT / name for name in
               subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                              capture_output=True, text=True, check=False).stdout.split()) or \
        sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
CODE = re.compile(r"`([^`\n]+)`")
QUERY = re.compile(r"^\w+ ?(by|without)? ?\([^)]*\{|_over_time\(|^(rate|increase|sum|avg|max|min|count|absent|topk|histogram_quantile)\b ?[\w ]*\(.*\)|"
                   r"^\w+\{\w+ ?(=|!=|=~|!~) ?[\"'].*\}$|^[a-z_:]+ (==|!=|<|>|<=|>=) [0-9.]+$")


def blocks(kind):
    for page in PAGES:
        for found in BLOCK.finditer(page.read_text()):
            if found[1] == kind:
                yield f"{page.relative_to(ROOT)}:{page.read_text()[:found.start()].count(chr(10)) + 2}", found[2]


class Documents(ProcessTest):
    def test_every_block_says_what_language_it_is_or_is_plain(self):
        self.assertTrue(PAGES)
        for page in PAGES:
            for language in re.findall(r"^```(\w+)$", page.read_text(), re.M):
                self.assertIn(language, ("yaml", "promql", "sh"), page)

    def test_every_configuration_is_fine(self):
        found = list(blocks("yaml"))
        self.assertTrue(any(place.startswith("README.md") for place, _ in found))
        for number, (place, text) in enumerate(found):
            path = self.write(f"{number}/sample.yml", text)
            self.write(f"{number}/rules/sample.yml", "groups: []\n")
            with self.subTest(place):
                if text.startswith("scrape_configs:"):  # what Prometheus is to be told
                    words = [PEERS / "promtool", "check", "config", "--syntax-only", path]
                elif text.startswith("- alert:"):  # rules, perhaps in our own words
                    self.write(f"{number}/rules/sample.yml", "groups:\n- name: sample\n  rules:\n" + textwrap.indent(text, "  "))
                    path = self.write(f"{number}/sample.yml", "storage: {retention: 30d}\nvedette_rules: [rules/sample.yml]\n")
                    words = [VEDETTE, "check", "config", "--syntax-only", path]
                elif text.startswith("groups:"):
                    words = [VEDETTE, "check", "rules", path]
                else:
                    words = [VEDETTE, "check", "config", "--syntax-only", path]
                code, out, err = run(words)
                self.assertEqual(code, 0, place + "\n" + out + err)

    def test_the_first_configuration_of_the_readme_is_short_and_watches_two_targets(self):
        text = next(text for place, text in blocks("yaml") if place.startswith("README.md"))
        self.assertLessEqual(len(text.splitlines()), 12)
        self.write("rules/sample.yml", "groups: []\n")
        code, out, err = run([VEDETTE, "check", "config", "--syntax-only", self.write("vedette.yml", text)])
        self.assertEqual((code, err), (0, ""))
        self.assertIn("2 targets, 0 rules, 1 receiver", out)

    def test_every_query_is_parsed(self):
        queries = list(blocks("promql"))
        for page in PAGES:
            plain = BLOCK.sub("", page.read_text())
            queries += [(page.relative_to(ROOT), code) for code in CODE.findall(plain) if QUERY.search(code)]
        for place, query in queries:
            with self.subTest(f"{place}: {query}"):
                code, _, err = run([VEDETTE, "format", query])
                self.assertEqual(code, 0, err)

    def test_the_waterfall_of_the_readme_is_what_a_probe_prints(self):
        text = (ROOT / "README.md").read_text()
        said, = re.findall(r"^\$ \S*vedette probe http (\S+)\n(.*?)^```$", text, re.M | re.S)
        receiver = Receiver()
        self.addCleanup(receiver.close)
        url = receiver.url + "/health"
        code, out, err = run([VEDETTE, "probe", "http", url])
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.shape(out.replace(url, said[0])), self.shape(said[1]))
        for line in (out + said[1]).splitlines():
            if line.startswith("  "):
                self.assertLess(len(line), 80)

    def shape(self, text):
        """Lines without what differs from run to run: lengths of time, and how far a bar goes."""
        lines = [re.sub(r"[\d.]+ (ms|s|µs)$", "TIME", line) for line in text.splitlines()]
        return [re.sub(r"(?<=\w) +[▏▎▍▌▋▊▉▇█ ]* (?=TIME)", " BAR ", line) if line.startswith("  ") else line for line in lines]


if __name__ == "__main__":
    sys.exit(unittest.main())
