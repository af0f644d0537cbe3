"""Budget 12: CPU of an evaluation of one alerting rule, 10,000 rules over 10,000 series, beside the peers.

The series come by remote write every ten seconds, the same body to each; its cost is measured first without rules and
taken off. vmalert's figure has that of the VictoriaMetrics it asks. Nothing fires; every rule waits a minute (`for`).
"""
import os
import pathlib
import re
import time

from processes import cpu_seconds, programs
from servers import ORACLE, TOKEN, Server

import remote_write
from support import PEERS, VEDETTE

RULES, EVERY = 10_000, 10
SECONDS = int(os.environ.get("BENCH_RULES_SECONDS", "60"))


def rules(shape):
    lines = ["groups:"]
    for number in range(RULES):
        if number % 100 == 0:
            lines.append(f"- name: g{number // 100}\n  interval: {EVERY}s\n  rules:")
        lines.append(f"  - {{alert: Long{number}, expr: '{shape.format(number)}', for: 1m}}")
    return "\n".join(lines) + "\n"


SHAPES = [("threshold", 'queue_length{{instance="host-{}"}} > 1e12'),
          ("rate", 'rate(queue_length{{instance="host-{}"}}[5m]) > 1e12')]


def body(at, value):
    return remote_write.body([remote_write.series({"__name__": "queue_length", "instance": f"host-{n}", "job": f"job-{n % 20}"},
                                                  [(at, float(value))]) for n in range(RULES)])


def start_servers(folder, start, with_rules):
    """Those that take samples; by name the programs that count, and who evaluates."""
    section = "rule_files: [rules.yml]\n" if with_rules else ""
    (folder / "vedette.yml").write_text(f"server:\n  anonymous: viewer\n  tokens: [{{name: bench, token: {TOKEN}, role: editor}}]\n" + section)
    (folder / "prometheus.yml").write_text("global: {}\n" + section)
    tag = "with" if with_rules else "without"
    servers = [Server("Vedette", start, [VEDETTE, "run", "--config", folder / "vedette.yml", "--data", folder / f"vedette-{tag}",
                                         "--listen", "127.0.0.1:PORT"], token=TOKEN)]
    counted = {"Vedette": [servers[0].program]}
    for name, program in (("Prometheus 2.42", PEERS / "prometheus"), ("Prometheus 3.5.3", ORACLE / "prometheus")):
        if pathlib.Path(program).exists():
            servers.append(Server(name, start, [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/{name}-{tag}",
                                                "--web.listen-address=127.0.0.1:PORT", "--web.enable-remote-write-receiver"]))
            counted[name] = [servers[-1].program]
    asked_for = {each.name: each for each in servers}
    if (PEERS / "victoria-metrics").exists() and (PEERS / "vmalert").exists():
        victoria = Server("VictoriaMetrics 1.79.5", start, [
            PEERS / "victoria-metrics", f"-storageDataPath={folder}/victoria-{tag}", "-httpListenAddr=127.0.0.1:PORT",
            "-retentionPeriod=1y", "-search.latencyOffset=1ms", "-loggerLevel=ERROR"], ready="/health")
        servers.append(victoria)
        counted[victoria.name] = [victoria.program]
        if with_rules:
            alerts = Server("vmalert", start, [PEERS / "vmalert", f"-rule={folder}/rules.yml", f"-datasource.url={victoria.url('')}",
                                               "-notifier.url=http://127.0.0.1:9/", f"-evaluationInterval={EVERY}s",
                                               "-httpListenAddr=127.0.0.1:PORT", "-loggerLevel=FATAL"], ready="/health")
            counted[victoria.name].append(alerts.program)
            asked_for[victoria.name] = alerts
    return servers, counted, asked_for


def evaluations(asked):
    """How many rules it says it has evaluated: a busy machine misses some."""
    text = asked.get("/metrics")[1].decode()
    if asked.name == "vmalert":
        return 100 * sum(float(each) for each in re.findall(r"^vmalert_iteration_total\{[^}]*\} (\S+)", text, re.M))
    ours = re.search(r"^vedette_rules_evaluations_total (\S+)", text, re.M)
    if ours:
        return float(ours.group(1))
    return sum(float(each) for each in re.findall(r"^prometheus_rule_evaluations_total\{[^}]*\} (\S+)", text, re.M))


def measure(shape, with_rules):
    """Of each: CPU seconds in SECONDS, and how many rules were evaluated meanwhile."""
    with programs() as (folder, start):
        (folder / "rules.yml").write_text(rules(shape))
        servers, counted, asked_for = start_servers(folder, start, with_rules)
        used, done, value = {}, {}, 0
        for round_number in range(2 + SECONDS // EVERY):
            if round_number == 2:
                used = {name: -sum(cpu_seconds(each.pid) for each in all_of) for name, all_of in counted.items()}
                done = {name: -evaluations(asked) for name, asked in asked_for.items()}
            began, value = time.monotonic(), value + 1
            what = body(int(time.time() * 1000), value)
            for server in servers:
                server.write(what)
            time.sleep(max(0.0, began + EVERY - time.monotonic()))
        for name, all_of in counted.items():
            used[name] += sum(cpu_seconds(each.pid) for each in all_of)
        return used, {name: done[name] + evaluations(asked) for name, asked in asked_for.items()}


def rows():
    out = []
    idle, _ = measure(SHAPES[0][1], False)
    for name, shape in SHAPES:
        busy, done = measure(shape, True)
        each = {server: (busy[server] - idle[server]) / max(done[server], 1) * 1e6 for server in busy}
        print(name, {server: f"{value:.2f} us" for server, value in each.items()}, flush=True)
        beside = ", ".join(f"{server} {value:.0f} µs" for server, value in each.items() if server != "Vedette")
        out.append((f"CPU of an evaluation, 10,000 alert rules: {name}", f"{each['Vedette']:.2f} µs", beside, "5 µs"))
    return out


if __name__ == "__main__":
    for line in rows():
        print(" | ".join(line))
