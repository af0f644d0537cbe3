#!/usr/bin/python3
"""Records how Prometheus walks alerts through their states.

    tests/rules/record_timing.py PATH/TO/promtool

For each condition (one character a minute: '.' clear, 'x' holds), `for` and `keep_firing_for`, asks promtool's
rule tests for ALERTS at every minute. recorded/timing.expected: a line that names the version, then
`for keep_firing_for condition states` (states: '.' nothing, 'p' pending, 'F' firing).
"""
import os, random, re, subprocess, sys, tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")


def states(promtool, rows):
    with tempfile.TemporaryDirectory() as folder:
        rules, series, asks = "groups:\n- name: g\n  rules:\n", "", ""
        for i, (hold, keep, condition) in enumerate(rows):
            rules += "  - {alert: A%d, expr: m%d == 1, for: %s, keep_firing_for: %s}\n" % (i, i, hold, keep)
            values = " ".join("1" if c == "x" else "0" for c in condition)
            series += "  - {series: 'm%d', values: '%s'}\n" % (i, values)
            for minute in range(len(condition)):
                asks += ("  - {expr: 'ALERTS{alertname=\"A%d\"} * %d', eval_time: %dm, exp_samples: "
                         "[{labels: '{}', value: -1}]}\n" % (i, 1, minute))
        open(folder + "/r.yml", "w").write(rules)
        open(folder + "/t.yml", "w").write(
            "rule_files: [r.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n" + series
            + "  promql_expr_test:\n" + asks)
        done = subprocess.run([promtool, "test", "rules", "t.yml"], cwd=folder, capture_output=True, text=True)
    seen = [["."] * len(condition) for _, _, condition in rows]
    for i, minutes, got in re.findall(r'expr: "ALERTS\{alertname=\\"A(\d+)\\"\} \* 1", time: (\S+),\s*exp:.*\s*got:(.*)',
                                      done.stdout + done.stderr):
        hours, rest = re.match(r"(?:(\d+)h)?(?:(\d+)m)?", minutes).groups()
        if 'alertstate=' in got:
            seen[int(i)][int(hours or 0) * 60 + int(rest or 0)] = "F" if '"firing"' in got else "p"
    return ["".join(row) for row in seen]


def main():
    promtool = sys.argv[1]
    version = subprocess.run([promtool, "--version"], capture_output=True, text=True).stdout.split()[2]
    random.seed(2)
    rows = [("0s", "0s", ".x."), ("2m", "0s", "xx.xxx"), ("0s", "2m", "x.x...")]
    for _ in range(60):
        chance, condition = random.choice([0.5, 0.7, 0.85]), ""
        holds = random.random() < 0.5
        for _ in range(40):
            condition += "x" if holds else "."
            if random.random() > chance:
                holds = not holds
        rows.append((random.choice(["0s", "30s", "1m", "2m", "5m"]), random.choice(["0s", "0s", "90s", "1m", "3m"]), condition))
    with open(HERE + "/timing.expected", "w") as out:
        out.write("promtool %s\n" % version.split("+")[0])
        for row, got in zip(rows, states(promtool, rows)):
            out.write(" ".join(row) + " " + got + "\n")


main()
