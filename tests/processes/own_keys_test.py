#!/usr/bin/python3
"""Our own rule keys, exported, fire in a real Prometheus as they do here: the same cases, evaluation by evaluation.

Each case says in one character an evaluation what an alert does: `.` nothing, `p` pending, `F` firing. promtool runs
the exported file against it, `vedette test rules` the file as it was written. VEDETTE_PEERS names a folder with another Prometheus to ask than that of build/peers.
"""
import json
import os
import pathlib
import random
import re
import sys
import textwrap
import time
import unittest

import remote_write
from support import PEERS, ROOT, VEDETTE, ProcessTest, fetch, free_port, get_json, run, wait_for

PROMTOOL = pathlib.Path(PEERS) / "promtool"

# Windows end between samples, for Prometheus before 3.0 counts what lies on their left edge and 3.0 does not.
CASES = {
    "a threshold, its levels excluded": {
        "rules": ["{alert: A, threshold: {metric: x, above: 100}}", "{alert: B, threshold: {metric: x, below: 5}}",
                  "{alert: C, threshold: {metric: x, outside: [5, 100]}}"],
        "series": {'x{q="a"}': "100 100.5 100 5 4.9 5 NaN -Inf Inf"},
        "alerts": {'A{q="a"}': ".F......F", 'B{q="a"}': "....F..F.", 'C{q="a"}': ".F..F..FF"}},
    "recover holds what fires, series by series": {
        "rules": ["{alert: A, threshold: {metric: x, above: 100, recover: 80}}",
                  "{alert: B, threshold: {metric: x, below: 0, recover: 10}}",
                  "{alert: C, threshold: {metric: x, outside: [0, 100], recover: [10, 80]}}"],
        "series": {'x{q="a"}': "90 101 90 80.5 80 90 -1 9 10", 'x{q="b"}': "90 90 101 70 90 101 _ _ 90"},
        "alerts": {'A{q="a"}': ".FFF.....", 'A{q="b"}': "..F..FFFF", 'B{q="a"}': "......FF.",
                   'C{q="a"}': ".FFF..FF.", 'C{q="b"}': "..F..FFFF"}},
    "recover does not hold what is pending": {
        "rules": ["{alert: A, for: 2m, threshold: {metric: x, above: 100, recover: 80}}"],
        "series": {"x": "101 90 101 101 101 90 81 80 101 101 90"},
        "alerts": {"A{}": "p.ppFFF.pp."}},
    "recover and keep_firing_for": {
        "rules": ["{alert: A, keep_firing_for: 2m, threshold: {metric: x, above: 100, recover: 80}}"],
        "series": {"x": "101 70 90 70 70 70 90"},
        "alerts": {"A{}": "FFFFF.."}},
    "recover finds the alert whatever labels the rule adds": {
        "rules": ["{alert: A, labels: {severity: critical}, threshold: {metric: x, above: 100, recover: 80}}",
                  "{alert: B, labels: {who: '{{ $labels.q }}!', alertstate: c}, threshold: {metric: x, above: 100, recover: 80}}",
                  "{alert: C, labels: {q: ''}, threshold: {metric: x, above: 100, recover: 80}}"],
        "series": {'x{q="a", severity="low"}': "101 90 80"},
        "alerts": {'A{q="a", severity="critical"}': "FF.", 'B{q="a", severity="low", who="a!", alertstate="c"}': "FF.",
                   'C{severity="low"}': "FF."}},
    "two alerts with one name recover each for itself": {
        "rules": ["{alert: A, labels: {severity: warning}, threshold: {metric: x, above: 50}}",
                  "{alert: A, labels: {severity: critical}, threshold: {metric: x, above: 100, recover: 80}}"],
        "series": {"x": "90 101 90 80 90"},
        "alerts": {'A{severity="warning"}': "FFFFF", 'A{severity="critical"}': ".FF.."}},
    "absent_for, of each series and of all": {
        "rules": ["{alert: A, absent_for: 3m30s, threshold: {metric: 'x{job=\"j\"}', above: 100}}",
                  "{alert: B, absent_for: 3m30s, threshold: {metric: 'y{job=\"j\", q=~\"a|b\"}', above: 100}}"],
        "series": {'x{job="j", q="a"}': "1 1 1x20", 'x{job="j", q="b"}': "1 1 1 _x7 1 101 101"},
        "alerts": {'A{job="j", q="b"}': "......FFFF.FF", 'B{job="j"}': "FFFFFFFFFFFFF"}},
    "absent_for, for a day": {
        "rules": ["{alert: A, absent_for: 50m, threshold: {metric: 'x{job=\"j\"}', above: 100}}"],
        "series": {'x{job="j", q="a"}': "1 1", 'x{job="j", q="b"}': "1 1 1"}, "interval": 20,
        "alerts": {'A{job="j", q="a"}': "...." + 72 * "F" + "....", 'A{job="j", q="b"}': "....." + 72 * "F" + "...",
                   'A{job="j"}': 77 * "." + "FFF"}},
    "absent_for an expression": {
        "rules": ["{alert: A, absent_for: 4m30s, threshold: {metric: sum by (job) (x), above: 100}}"],
        "series": {'x{job="j", q="a"}': "1 1 1 stale", 'x{job="j", q="b"}': "1 1 1 stale"},
        "alerts": {'A{job="j"}': "........FF"}},
    "a forecast from above and from below": {
        "rules": ["{alert: A, forecast: {metric: x, over: 4m30s, within: 5m, crosses: 0}}",
                  "{alert: B, forecast: {metric: x * 2, over: 4m30s, within: 5m, crosses: 0}}"],
        "series": {'x{q="down"}': "101-10x12", 'x{q="up"}': "-101+10x12", 'x{q="level"}': "3x12", 'x{q="young"}': "_x5 5 1 _x9"},
        "alerts": {'A{q="down"}': "......FFFFF..", 'A{q="up"}': "......FFFFF..", 'A{q="young"}': "......FFFF...",
                   'B{q="down"}': "......FFFFF..", 'B{q="up"}': "......FFFFF..", 'B{q="young"}': "......FFFFF.."}},
    "a burn rate over both windows": {
        "rules": ["{alert: A, burn_rate: {good: 'r{code=\"200\"}', total: r, objective: 90%, "
                  "windows: [{long: 9m30s, short: 2m30s, factor: 5}]}}"],
        "series": {'r{code="200"}': "0+10x11 114+4x11 168+10x10", 'r{code="500"}': "0x11 6+6x11 72x10"},
        "alerts": {"A{}": 19 * "." + "FFFFF" + 11 * "."}},
    "a burn rate by job, without anything good, without traffic, with labels by window": {
        "rules": ["{alert: A, burn_rate: {good: g, total: t, objective: 0.9, by: [job], windows: ["
                  "{long: 9m30s, short: 2m30s, factor: 7, labels: {severity: critical}}, "
                  "{long: 9m30s, short: 2m30s, factor: 2, labels: {severity: $1 low}}]}}"],
        "series": {'t{job="a"}': "0+8x30", 'g{job="a"}': "0+2x10 24+4x20", 't{job="b"}': "0+8x30", 't{job="c"}': "8x30",
                   'g{job="c"}': "8x30"},
        "alerts": {'A{job="a", severity="critical"}': "." + 10 * "F" + 5 * ".", 'A{job="a", severity="$1 low"}': 11 * "." + "FFFFF",
                   'A{job="b", severity="critical"}': "." + 15 * "F"}},
}


def hours(*values):
    """A week of readings every 20 minutes: the first hours have these values, the rest 5000, none on a full hour."""
    return " ".join(f"_ {value} {value}" for value in [*values, *[5000] * (168 - len(values))])


# The first hours of five weeks. Medians of the first four: 105, 50, 5000, 5000.
CASES["a baseline, hour by hour"] = {
    "rules": ["{alert: A, baseline: {metric: x, deviates: 30%}}", "{alert: B, baseline: {metric: x, deviates: 10, direction: below}}",
              "{alert: C, baseline: {metric: x, deviates: 30%, direction: above}}"],
    "series": {'x{q="a"}': " ".join([hours(100, 50), hours(110, 50), hours(90, 50), hours(200, 50),
                                     "_ 136 137 _ 64 65.5 _ 4990.5 4989 _ 3501 3499"]),
               # Known for two weeks only: silent.
               'x{q="b"}': " ".join(["_x1008", hours(100, 50), hours(110, 50), "_ 1 1000 _ 1 1000 5000"])},
    "interval": 20, "from": 4 * 504 - 1,
    "alerts": {'A{q="a"}': "...F..F.....F", 'B{q="a"}': ".........F.FF", 'C{q="a"}': "...F..F......"}}


# Values with steps of a quarter, so that levels are met; gaps end before a value is too old, or begin with a stale marker.
RANDOM_SERIES = [f'{name}q="{q}"}}' for name in ('x{', 'requests{code="200", ', 'requests{code="500", ') for q in "ab"]
ANNOTATED = ", annotations: {value: '{{ $value }}'}"
RANDOM_RULES = [rule[:-1] + ANNOTATED + "}" for rule in [
    "{alert: Above, threshold: {metric: x, above: 1, recover: 0}}",
    "{alert: Below, for: 2m, labels: {severity: '{{ $labels.q }}'}, threshold: {metric: x, below: -0.5, recover: 0.5}}",
    "{alert: Outside, keep_firing_for: 1m, threshold: {metric: x, outside: [-1, 1], recover: [-0.5, 0.25]}}",
    "{alert: Sum, labels: {q: all}, threshold: {metric: sum(x), above: 1, recover: -1}, absent_for: 3m30s}",
    "{alert: Absent, threshold: {metric: x, above: 2, recover: 0.5}, absent_for: 2m30s}",
    "{alert: Forecast, forecast: {metric: x, over: 8m30s, within: 4m, crosses: 0.25}}",
    "{alert: Forecast, labels: {of: sum}, forecast: {metric: sum(x), over: 8m30s, within: 4m, crosses: -0.5}}",
    "{alert: Burn, burn_rate: {good: 'requests{code=\"200\"}', total: requests, objective: 80%, by: [q], windows: ["
    "{long: 20m30s, short: 4m30s, factor: 3, labels: {severity: critical}}, {long: 45m30s, short: 9m30s, factor: 2}]}}"]]


def random_series(dice, name):
    """Two hours: a walk, or a counter with resets; now and then nothing for a while."""
    out, value = [], dice.randrange(-4, 5) / 4
    while len(out) < 120:
        chance = dice.random()
        if chance < 0.05 and out and out[-1] not in ("_", "stale"):
            out += dice.choice([["_"] * dice.randrange(1, 5), ["stale"] + ["_"] * dice.randrange(1, 15)])
        elif name[0] == "x":
            value = max(-3, min(3, value + dice.randrange(-3, 4) / 4))
            out.append("NaN" if chance < 0.07 else str(value))
        else:
            value = 0 if chance < 0.07 else abs(value) + dice.choice([0, 0, 1, 5, 20])
            out.append(str(value))
    return " ".join(out[:120] + ["stale"])


def alert_of(text):
    """`A{q="a"}` as ('A', {'q': 'a'})."""
    name, _, labels = text.partition("{")
    pairs = [pair.partition("=") for pair in labels.rstrip("}").split(", ") if pair]
    return name, {key: json.loads(value) for key, _, value in pairs}


def rule_file(case):
    return "groups:\n- name: g\n  interval: %dm\n  rules:\n%s" % (
        case.get("interval", 1), "".join(f"  - {rule}\n" for rule in case["rules"]))


def as_series(series):
    return json.dumps([{"series": name, "values": values} for name, values in series.items()])


def test_file(case, rules):
    """promtool's test: at each evaluation each alert is there, or is not, and pending ones are in ALERTS."""
    minutes, first = case.get("interval", 1), case.get("from", 0)
    count = len(next(iter(case["alerts"].values())))
    names = sorted({alert_of(alert)[0] for alert in case["alerts"]})
    alerts, pending = [], []
    for step in range(count):
        at = f"{(first + step) * minutes}m"
        states = [(*alert_of(alert), line[step]) for alert, line in case["alerts"].items()]
        for name in names:
            firing = [{"exp_labels": labels} for other, labels, state in states if other == name and state == "F"]
            alerts.append({"eval_time": at, "alertname": name, "exp_alerts": firing})
        waiting = [{"labels": "ALERTS" + as_labels({**labels, "alertname": name, "alertstate": "pending"}), "value": 1}
                   for name, labels, state in states if state == "p"]
        pending.append({"expr": 'ALERTS{alertstate="pending"}', "eval_time": at, "exp_samples": waiting})
    return (f"rule_files: [{rules}]\nevaluation_interval: {minutes}m\ntests:\n- interval: {minutes}m\n"
            f"  input_series: {as_series(case['series'])}\n"
            f"  alert_rule_test: {json.dumps(alerts)}\n  promql_expr_test: {json.dumps(pending)}\n")


def as_labels(labels):
    return "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items())) + "}"


class OwnKeys(ProcessTest):
    def export(self, text):
        """The rules as they were written, and as Prometheus reads them."""
        written = self.write("written.yml", text)
        code, out, err = run([VEDETTE, "export", "rules", written])
        self.assertEqual((code, err), (0, ""))
        exported = self.write("exported.yml", out)
        code, out, err = run([PROMTOOL, "check", "rules", exported])
        self.assertEqual(code, 0, out + err)
        return written, exported

    def test_what_is_exported_fires_in_prometheus_evaluation_by_evaluation(self):
        for name, case in CASES.items():
            with self.subTest(name):
                for program, rules in zip((VEDETTE, PROMTOOL), self.export(rule_file(case))):
                    test = self.write("rules_test.yml", test_file(case, rules.name))
                    code, out, err = run([program, "test", "rules", test])
                    self.assertEqual(code, 0, f"{program}: {(out + err)[-6000:]}")

    def test_on_random_series_both_find_the_same_alerts_with_the_same_values(self):
        # Before 3.0 Prometheus extrapolated rates another way, and took for current what was five minutes old to the moment.
        old = " 2." in run([PROMTOOL, "--version"])[1]
        rules = [rule for rule in RANDOM_RULES if not (old and re.search(r"burn_rate|sum\(", rule))]
        names = sorted(set(re.findall(r"alert: (\w+)", "".join(rules))))
        seed = int(os.environ.get("VEDETTE_SEED", time.time()))
        for round in range(3):
            dice = random.Random(seed + round)
            series = {name: random_series(dice, name) for name in RANDOM_SERIES}
            # Whatever fires is not expected, so each program says what it has found.
            case = {"rules": rules, "series": series, "alerts": {f"{name}{{}}": 120 * "." for name in names}}
            said = []
            for program, file in zip((VEDETTE, PROMTOOL), self.export(rule_file(case))):
                code, out, err = run([program, "test", "rules", self.write("rules_test.yml", test_file(case, file.name))])
                said.append([line for line in (out + err).splitlines() if line and not line.startswith("Unit Testing:")])
            self.assertIn("Labels:{", "".join(said[1])[:1000], f"VEDETTE_SEED={seed + round}")
            self.assertEqual(said[0], said[1], f"VEDETTE_SEED={seed + round}")

    def test_the_pages_about_our_keys_show_what_they_compile_to(self):
        pages = [page for page in sorted((ROOT / "docs/rules").glob("*.md")) if page.name != "README.md"]
        self.assertEqual([page.stem for page in pages], ["baseline", "burn_rate", "forecast", "threshold"])
        for page in pages:
            text = page.read_text()
            example = re.search(r"```yaml\n(.*?)```", text, re.S)[1]
            shown = re.search(r"```promql\n(.*?)```", text, re.S)[1]
            written = self.write("page.yml", "groups:\n- name: page\n  rules:\n" + textwrap.indent(example, "  "))
            self.export(written.read_text())
            code, out, err = run([VEDETTE, "check", "rules", written])
            self.assertEqual((code, err), (0, ""), page.name)
            self.assertEqual(textwrap.dedent(out.partition("compiles to\n")[2].rstrip("\n") + "\n"), shown, page.name)

    def test_a_baseline_that_the_store_forgets_is_warned_of(self):
        self.write("own.yml", "groups: [{name: g, rules: [{alert: A, baseline: {metric: x, deviates: 5}}]}]")
        for retention, warning in (("28d", True), ("29d", False)):
            config = self.write("v.yml", f"storage: {{retention: {retention}}}\nvedette_rules: [own.yml]\n")
            code, out, err = run([VEDETTE, "check", "config", config.name], cwd=self.folder)
            self.assertEqual(err, "v.yml: warning: alert \"A\" has a `baseline`, which needs 29d, and `storage.retention` is 4w; "
                                  "it will be silent\n" if warning else "")
            self.assertEqual(code, 3 if warning else 0)

    def test_a_running_prometheus_and_vedette_hold_and_let_go_of_the_same_alerts(self):
        written, exported = self.export("""
groups:
- name: live
  interval: 1s
  rules:
  - {alert: Hot, labels: {severity: critical}, threshold: {metric: heat, above: 100, recover: 80}}
  - {alert: Silent, threshold: {metric: pulse, above: 100}, absent_for: 2s}
""")
        config = f"""
server: {{anonymous: viewer, tokens: [{{name: writer, token: write-here, role: editor}}]}}
vedette_rules: [{written.name}]
"""
        programs = [self.start_vedette(config), self.start_prometheus(exported)]
        self.both_fire(programs, "Silent", [{}])
        self.send(programs, "heat", a=101, b=90)
        self.both_fire(programs, "Hot", [{"severity": "critical", "where": "a"}])
        self.send(programs, "heat", a=90, b=90)
        # Two more evaluations, so that what is held is held again.
        time.sleep(2.2)
        self.both_fire(programs, "Hot", [{"severity": "critical", "where": "a"}])
        self.restart(programs[0], config)
        self.both_fire(programs, "Hot", [{"severity": "critical", "where": "a"}])
        self.send(programs, "heat", a=80, b=101)
        self.both_fire(programs, "Hot", [{"severity": "critical", "where": "b"}])
        # It is heard of once, and not again for two seconds.
        self.send(programs, "pulse", a=1)
        self.both_fire(programs, "Silent", [{"where": "a"}])

    def restart(self, vedette, config):
        """Kills it and starts it again on its data: what was held is held, and is the same alert."""
        def since():
            alerts = get_json(f"{vedette.url}/api/v1/alerts")["data"]["alerts"]
            return [alert["activeAt"] for alert in alerts if alert["labels"]["alertname"] == "Hot"]
        before = since()
        vedette.kill()
        again = self.start_vedette(config, port=vedette.port)
        evaluated = lambda: get_json(f"{again.url}/api/v1/rules")["data"]["groups"][0]["rules"][0]["health"] == "ok"
        wait_for("an evaluation after the restart", evaluated)
        self.assertEqual(since(), before)

    def start_prometheus(self, rules):
        port = free_port()
        config = self.write("prometheus.yml", f"global: {{evaluation_interval: 1s}}\nrule_files: [{rules.name}]\n")
        program = self.start([PEERS / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder}/prometheus",
                              "--web.enable-remote-write-receiver", f"--web.listen-address=127.0.0.1:{port}"], "prometheus")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program, seconds=40)
        return program

    def send(self, programs, name, **values):
        """One sample of each series, at the same time in both."""
        at = int(time.time() * 1000)
        series = [remote_write.series({"__name__": name, "where": where}, [(at, value)]) for where, value in values.items()]
        for program in programs:
            status, _, answer = fetch(f"{program.url}/api/v1/write", data=remote_write.body(series),
                                      headers={**remote_write.HEADERS, "Authorization": "Bearer write-here"})
            self.assertIn(status, (200, 204), answer)

    def both_fire(self, programs, name, expected):
        # Asked of the store, not of the rules: a young Prometheus takes a moment until it keeps what its rules write.
        query = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
        wanted = {json.dumps({"__name__": "ALERTS", "alertname": name, "alertstate": "firing", **labels}, sort_keys=True): 1
                  for labels in expected}
        for program in programs:
            wait_for(f"{name} {expected} at {program.url}", lambda: self.instant(program, query) == wanted)


if __name__ == "__main__":
    sys.exit(unittest.main())
