#!/usr/bin/python3
"""Records where a real Alertmanager sends alerts and when it is mute, for tests/notify/routing_test.cpp.

    tests/notify/record_routing.py FOLDER_OF_ALERTMANAGER_AND_AMTOOL > tests/notify/recorded/routing.json

Random trees go through `amtool config routes test`; random time intervals are judged by a running Alertmanager at
the moment of the recording. Loopback only; takes about a minute.
"""
import datetime
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
import random_routes  # noqa: E402

TREES, ALERTS, INTERVALS = 40, 20, 150


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def routes(amtool, folder, rng):
    receivers = ["r0", "r1", "r2", "r3"]
    out = []
    for _ in range(TREES):
        config = {"route": random_routes.route(rng, receivers), "receivers": [{"name": name} for name in receivers]}
        path = os.path.join(folder, "tree.yml")
        pathlib.Path(path).write_text(json.dumps(config))
        cases = []
        for _ in range(ALERTS):
            labels = random_routes.labels(rng)
            words = [f"{name}={json.dumps(value)}" for name, value in labels.items()]
            said = subprocess.run([amtool, "config", "routes", "test", f"--config.file={path}", *words],
                                  capture_output=True, text=True)
            if said.returncode:
                raise SystemExit(f"{config}\n{words}\n{said.stderr}")
            cases.append({"labels": labels, "receivers": said.stdout.strip().split(",")})
        out.append({"config": json.dumps(config), "cases": cases})
    return out


def mute(alertmanager, folder, rng):
    """Each interval mutes a route of its own, which one alert takes."""
    now = datetime.datetime.now(datetime.timezone.utc)
    named = [{"name": f"i{i}", "time_intervals": [random_routes.interval(rng, now) for _ in range(rng.randint(1, 2))]}
             for i in range(INTERVALS)]
    config = {"route": {"receiver": "r", "group_wait": "0s", "group_interval": "1s", "group_by": ["i"],
                        "routes": [{"matchers": [f"i=\"{i}\""], "mute_time_intervals": [f"i{i}"]} for i in range(INTERVALS)]},
              "receivers": [{"name": "r"}], "time_intervals": named}
    pathlib.Path(folder, "mute.yml").write_text(json.dumps(config))
    url = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([alertmanager, f"--config.file={folder}/mute.yml", f"--storage.path={folder}/data",
                                f"--web.listen-address={url}", "--cluster.listen-address="], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{url}/-/ready")
                break
            except OSError:
                time.sleep(0.05)
        body = json.dumps([{"labels": {"i": str(i)}} for i in range(INTERVALS)]).encode()
        urllib.request.urlopen(urllib.request.Request(f"http://{url}/api/v2/alerts", body, {"Content-Type": "application/json"}))
        before = time.time()
        time.sleep(3)
        groups = json.load(urllib.request.urlopen(f"http://{url}/api/v2/alerts/groups"))
        if int(before) // 60 != int(time.time()) // 60:
            raise SystemExit("a minute began meanwhile: record again")
    finally:
        process.terminate()
        process.wait()
    muted = {group["labels"]["i"]: bool(group["alerts"][0]["status"]["mutedBy"]) for group in groups}
    return {"at_ms": int(before * 1000),
            "cases": [{"interval": json.dumps(named[i]), "mute": muted[str(i)]} for i in range(INTERVALS)]}


def main():
    bin_folder = sys.argv[1]
    version = subprocess.run([f"{bin_folder}/alertmanager", "--version"], capture_output=True, text=True).stdout.split()[2]
    rng = random.Random(20261120)
    with tempfile.TemporaryDirectory() as folder:
        out = {"alertmanager": version, "trees": routes(f"{bin_folder}/amtool", folder, rng),
               "intervals": mute(f"{bin_folder}/alertmanager", folder, rng)}
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
