"""Budgets 1 and 2: ten HTTP probes, twenty rules and one webhook, all every five seconds, without machine metrics.

Vedette alone beside blackbox_exporter, Prometheus and Alertmanager, at the same time, on the same targets. One rule
fires from the start and reaches both webhooks; nineteen stay quiet. The receiver and the targets are not counted.
"""
import os
import sys
import time

from processes import alertmanager_words, cpu_seconds, memory_mib, programs

from receiver import Receiver
from support import PEERS, VEDETTE, fetch, free_port, wait_for

SECONDS = int(os.environ.get("BENCH_SECONDS", "180"))
WARM_UP = 20
EVERY = "5s"
OFTEN = "vedette-synced-every-200ms"


def rules():
    quiet = [
        'probe_success{{instance=~".*target={i}"}} == 0',
        'avg_over_time(probe_success{{instance=~".*target={i}"}}[1m]) < 0.5',
    ]
    lines = [f"groups:\n- name: small\n  interval: {EVERY}\n  rules:",
             "  - {alert: Watchdog, expr: 'vector(1)', labels: {severity: none}}"]
    for number in range(19):
        expression = quiet[number % 2].format(i=number // 2)
        lines.append(f"  - {{alert: Down{number}, expr: '{expression}', for: 1m, labels: {{severity: page}}, "
                     "annotations: {summary: '{{ $labels.instance }} does not answer'}}")
    return "\n".join(lines) + "\n"


ROUTE = """
route: {{receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: {every}}}
receivers: [{{name: hook, webhook_configs: [{{url: '{hook}'}}]}}]
"""


def start_vedette(folder, start, targets, hook, name="vedette", storage="{}"):
    lines = "\n".join(f"    - '{url}'" for url in targets)
    (folder / f"{name}.yml").write_text(
        f"global: {{evaluation_interval: {EVERY}}}\nstorage: {storage}\nrule_files: [rules.yml]\nprobes:\n"
        f"  - name: shop\n    type: http\n    every: {EVERY}\n    targets:\n{lines}\n" + ROUTE.format(every=EVERY, hook=hook))
    port = free_port()
    program = start([VEDETTE, "run", "--config", folder / f"{name}.yml", "--data", folder / name, "--listen", f"127.0.0.1:{port}"],
                    name)
    return {name: program}, [f"http://127.0.0.1:{port}/-/ready"]


def start_peers(folder, start, targets, hook):
    blackbox, alertmanager, prometheus = free_port(), free_port(), free_port()
    (folder / "blackbox.yml").write_text("modules: {http_2xx: {prober: http, timeout: 5s}}\n")
    (folder / "alertmanager.yml").write_text(ROUTE.format(every=EVERY, hook=hook))
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: {EVERY}, evaluation_interval: {EVERY}}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}
scrape_configs:
  - job_name: shop
    metrics_path: /probe
    params: {{module: [http_2xx]}}
    static_configs: [{{targets: {targets}}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: '127.0.0.1:{blackbox}'}}
""")
    started = {
        "blackbox_exporter": start([PEERS / "blackbox_exporter", f"--config.file={folder}/blackbox.yml",
                                    f"--web.listen-address=127.0.0.1:{blackbox}"], "blackbox"),
        "alertmanager": start([*alertmanager_words(), f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alertmanager",
                               f"--web.listen-address=127.0.0.1:{alertmanager}", "--cluster.listen-address="], "alertmanager"),
        "prometheus": start([PEERS / "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/prometheus",
                             f"--web.listen-address=127.0.0.1:{prometheus}"], "prometheus"),
    }
    return started, [f"http://127.0.0.1:{port}/-/{word}" for port, word in
                     ((blackbox, "healthy"), (alertmanager, "ready"), (prometheus, "ready"))]


def measure(started):
    """{name: (resident MiB, anonymous MiB, CPU ms a second)}, after a warm-up."""
    time.sleep(WARM_UP)
    before = {name: (time.monotonic(), cpu_seconds(program.pid)) for name, program in started.items()}
    time.sleep(SECONDS)
    figures = {}
    for name, program in started.items():
        began, used = before[name]
        figures[name] = (*memory_mib(program.pid), 1000 * (cpu_seconds(program.pid) - used) / (time.monotonic() - began))
    return figures


def rows():
    targets_server, hook = Receiver(), Receiver()
    targets = [f"{targets_server.url}/health?target={number}" for number in range(10)]
    with programs() as (folder, start):
        (folder / "rules.yml").write_text(rules())
        ours, our_pages = start_vedette(folder, start, targets, hook.url + "/vedette")
        # The default is 5 s; Prometheus syncs its log a segment at a time. What a stricter promise costs:
        often, often_pages = start_vedette(folder, start, targets, hook.url + "/vedette", OFTEN, "{wal_sync_interval: 200ms}")
        peers, peers_pages = start_peers(folder, start, targets, hook.url + "/alertmanager")
        for url in our_pages + often_pages + peers_pages:
            wait_for(url, lambda url=url: fetch(url)[0] == 200, 60)
        figures = measure({**ours, **often, **peers})
        heard = {message["path"] for message in hook.received}
    targets_server.close()
    hook.close()
    if heard != {"/vedette", "/alertmanager"}:
        sys.exit(f"small job: both webhooks should have heard of the alert that fires; only {heard} did")
    for name, (resident, anonymous, cpu) in figures.items():
        print(f"  {name:24} {resident:6.1f} MiB resident, {anonymous:6.1f} anonymous, {cpu:6.2f} ms CPU a second", flush=True)
    sums = [sum(figures[name][i] for name in peers) for i in range(3)]
    vedette = figures["vedette"]
    return [("memory of the small job, resident (anonymous)", f"{vedette[0]:.1f} ({vedette[1]:.1f}) MiB",
             f"{sums[0]:.1f} ({sums[1]:.1f}) MiB in {len(peers)} processes", "24 (6) MiB"),
            ("CPU of the small job", f"{vedette[2]:.2f} ms/s", f"{sums[2]:.2f} ms/s", "0.47 ms/s"),
            ("the same, `storage.wal_sync_interval: 200ms`", f"{figures[OFTEN][2]:.2f} ms/s", f"{sums[2]:.2f} ms/s", "0.47 ms/s")]
