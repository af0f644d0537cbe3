#!/usr/bin/python3
"""Records how Prometheus expands the templates of recorded/templates.txt.

    tests/base/record_templates.py PATH/TO/promtool

Every line of templates.txt is one annotation. promtool's rule tests expand it and, because the expected
annotation is wrong on purpose, print what they got. The answers go to templates.expected beside it, one
JSON array of [template, result] per line, under a line that names the version.
"""
import json, os, re, subprocess, sys, tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")
# The value of `m` where a line is expanded, by the prefix of the line.
SERIES = """
  - {series: 'm{job="api",instance="h1.example:9100"}', values: '%s'}
  - {series: 's{k="b",n="2"}', values: '2'}
  - {series: 's{k="a",n="10"}', values: '3.5'}
  - {series: 'big', values: '1234567.891'}
  - {series: 'bad', values: 'NaN'}
  - {series: 'endless', values: '+Inf'}
"""


def run(promtool, lines):
    with tempfile.TemporaryDirectory() as folder:
        rules = "groups:\n- name: g\n  rules:\n"
        tests = ("rule_files: [r.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n"
                 "  external_labels: {region: eu}\n  external_url: http://x.example/p\n  input_series:"
                 + SERIES % "12.5" + "  alert_rule_test:\n")
        for i, line in enumerate(lines):
            rules += "  - {alert: A, expr: m, labels: {n: x%d}, annotations: {t: %s}}\n" % (i, json.dumps(line))
        tests += "  - {eval_time: 0, alertname: A, exp_alerts: []}\n"
        open(folder + "/r.yml", "w").write(rules)
        open(folder + "/t.yml", "w").write(tests)
        done = subprocess.run([promtool, "test", "rules", "t.yml"], cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


def main():
    promtool = sys.argv[1]
    lines = [line.rstrip("\n") for line in open(HERE + "/templates.txt")]
    version = subprocess.run([promtool, "--version"], capture_output=True, text=True).stdout.split()[2].split("+")[0]
    out = run(promtool, lines)
    broken = {int(n) - 1: message for n, message in
              re.findall(r'group "g", rule (\d+), "A": annotation "t": (.*)', out)}
    good = [(i, line) for i, line in enumerate(lines) if i not in broken]
    got = {}
    for n, text in re.findall(r'Labels:\{alertname="A"[^\n]*n="x(\d+)"\}\s*Annotations:\{t=("(?:[^"\\]|\\.)*")\}',
                              run(promtool, [line for _, line in good])):
        got[good[int(n)][0]] = json.loads(text.replace("\\x", "\\u00"))
    with open(HERE + "/templates.expected", "w") as file:
        file.write("promtool %s\n" % version)
        for i, line in enumerate(lines):
            file.write(json.dumps([line, broken.get(i, got.get(i, "")), i in broken]) + "\n")
            if i not in broken and i not in got:
                sys.stderr.write("no answer for line %d: %s\n" % (i + 1, line))


main()
