#!/usr/bin/python3
"""A real Alertmanager and vedette, given the same configurations, alerts and requests: where alerts go, when routes are
mute, what the API answers, and what receivers hear must be the same.

    tests/differential/alertmanager.py --peers build/oracle/bin [--seed N] [--trees 10]

Loopback only; a few minutes. Prints what differs and ends with 1 when something does.
"""
import argparse
import datetime
import json
import pathlib
import random
import re
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "processes"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import random_routes  # noqa: E402
from receiver import Receiver  # noqa: E402
from support import VEDETTE, Program, fetch, free_port, wait_for  # noqa: E402

JSON = {"Content-Type": "application/json"}


def stamp(seconds=0.0):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Pair:
    """Both programs with one configuration, as a context."""

    def __init__(self, peers, config, hooks=None):
        self.peers, self.config, self.hooks = pathlib.Path(peers).resolve(), config, hooks

    def text(self, which):
        text = json.dumps(self.config)
        return text.replace("http://hook", self.hooks[which].url) if self.hooks else text

    def __enter__(self):
        self.place = tempfile.TemporaryDirectory(prefix="vedette-am-")
        folder = pathlib.Path(self.place.name)
        self.urls, self.programs = {}, []
        (folder / "theirs.yml").write_text(self.text("theirs"))
        (folder / "ours.yml").write_text("server: {anonymous: editor}\nnotify_file: alertmanager.yml\n")
        (folder / "alertmanager.yml").write_text(self.text("ours"))
        ports = {"theirs": free_port(), "ours": free_port()}
        words = {"theirs": [self.peers / "alertmanager", f"--config.file={folder}/theirs.yml", f"--storage.path={folder}/theirs",
                            f"--web.listen-address=127.0.0.1:{ports['theirs']}", "--cluster.listen-address="],
                 "ours": [VEDETTE, "run", "--config", folder / "ours.yml", "--data", folder / "ours", "--listen", f"127.0.0.1:{ports['ours']}"]}
        for which, start in words.items():
            self.urls[which] = f"http://127.0.0.1:{ports[which]}"
            self.programs.append(Program(start, folder, which))
        for which, url in self.urls.items():
            wait_for(f"{which} ready", lambda: fetch(url + "/-/ready", timeout=2)[0] == 200, 40)
        return self

    def __exit__(self, *_):
        for program in self.programs:
            program.kill()
            program.log.close()
        self.place.cleanup()

    def ask(self, which, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        status, _, answer = fetch(self.urls[which] + path, data, JSON if data is not None else {}, method)
        return status, answer.decode()

    def both(self, method, path, body=None):
        return {which: self.ask(which, method, path, body) for which in self.urls}


class Differences:
    def __init__(self):
        self.found, self.compared = [], 0

    def compare(self, what, theirs, ours):
        self.compared += 1
        if theirs != ours:
            self.found.append(what)
            if isinstance(theirs, list) and isinstance(ours, list):
                theirs, ours = [one for one in theirs if one not in ours], [one for one in ours if one not in theirs]
            print(f"DIFFERS: {what}\n  theirs {json.dumps(theirs)[:1500]}\n  ours   {json.dumps(ours)[:1500]}", flush=True)


def routes_and_groups(args, rng, different):
    receivers = ["r0", "r1", "r2", "r3"]
    for number in range(args.trees):
        now = datetime.datetime.now(datetime.timezone.utc)
        names = [f"i{i}" for i in range(4)]
        tree = random_routes.route(rng, receivers, intervals=names)
        tree.update({"group_wait": "0s", "group_interval": "1s"})
        config = {"route": tree, "receivers": [{"name": name} for name in receivers],
                  "inhibit_rules": [random_routes.inhibit_rule(rng) for _ in range(3)],
                  "time_intervals": [{"name": name, "time_intervals": [random_routes.interval(rng, now)]} for name in names]}
        alerts = [{"labels": random_routes.labels(rng), "startsAt": stamp(-60), "endsAt": stamp(600)} for _ in range(30)]
        with Pair(args.peers, config) as pair:
            # What inhibits comes first: a group that was told before it was inhibited remembers the clock it looked at.
            for critical in (True, False):
                pair.both("POST", "/api/v2/alerts", [one for one in alerts if (one["labels"].get("severity") == "critical") == critical])
                time.sleep(1)
            time.sleep(1.5)
            minute = time.time() // 60
            for path in ["/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/alerts?receiver=r[01]", "/api/v2/alerts/groups?receiver=r1",
                         "/api/v2/alerts?inhibited=false", "/api/v2/alerts?active=false", "/api/v2/alerts/groups?muted=false",
                         "/api/v2/alerts?filter=job%3D~%22api|db%22&filter=severity!%3Dinfo"]:
                answers = pair.both("GET", path)
                cleaned = {which: json.loads(re.sub(r'"updatedAt":"[^"]*"', '"updatedAt":""', body)) for which, (_, body) in answers.items()}
                for alerts_of in cleaned.values():
                    for alert in [a for one in alerts_of for a in one.get("alerts", [one])]:
                        # Of several sources, which one is named is a matter of luck there.
                        alert["status"]["inhibitedBy"] = bool(alert["status"]["inhibitedBy"])
                # Groups with the same labels and receiver come in any order there.
                for alerts_of in cleaned.values():
                    alerts_of.sort(key=lambda one: json.dumps(one, sort_keys=True) if "alerts" in one else one["fingerprint"])
                if time.time() // 60 == minute:
                    different.compare(f"tree {number}: {path}\n{json.dumps(config)}", cleaned["theirs"], cleaned["ours"])


class Names:
    """Ids of silences in the order in which they appear, times by how far from now."""

    def __init__(self):
        self.known = {}

    def clean(self, text):
        def name(match):
            return self.known.setdefault(match[0], f"silence-{len(self.known)}")
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", name, text)
        return re.sub(r'"(updatedAt|startsAt|endsAt)":"([^"]*)"', lambda m: f'"{m[1]}":"{self.near(m[2])}"', text)

    @staticmethod
    def near(text):
        at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        return "now" if abs(at - time.time()) < 30 else text


def api_sequences(args, rng, different):
    config = {"route": {"receiver": "r"}, "receivers": [{"name": "r"}]}
    with Pair(args.peers, config) as pair:
        names = {which: Names() for which in pair.urls}
        ids = {which: [] for which in pair.urls}

        def step(method, path, bodies):
            answers = {"path": method + " " + path("ours")}
            for which in pair.urls:
                status, text = pair.ask(which, method, path(which), bodies(which))
                if method == "POST" and '"silenceID"' in text:
                    ids[which].append(json.loads(text)["silenceID"])
                answers[which] = [status, names[which].clean(text)]
            return answers

        for number in range(args.calls):
            kind = rng.random()
            matchers = [{"name": rng.choice("abc"), "value": rng.choice(["x", "y.*", ""]), "isRegex": rng.random() < 0.4,
                         "isEqual": rng.random() < 0.8} for _ in range(rng.randint(1, 2))]
            body = {"matchers": matchers, "startsAt": stamp(rng.choice([-7200, 0, 7200])), "endsAt": stamp(rng.choice([-3600, 3600, 86400])),
                    "createdBy": rng.choice(["me", "you"]), "comment": rng.choice(["", "why"])}
            pick = rng.randrange(len(ids["ours"])) if ids["ours"] else None
            if kind < 0.35:
                what = step("POST", lambda _: "/api/v2/silences", lambda _: body)
            elif kind < 0.6 and pick is not None:
                keep, longer = rng.random() < 0.6, stamp(rng.choice([1800, 7200]))

                def changed(which):
                    known = json.loads(pair.ask(which, "GET", f"/api/v2/silence/{ids[which][pick]}")[1])
                    return {**(known if keep else body), "id": ids[which][pick], "endsAt": longer}
                what = step("POST", lambda _: "/api/v2/silences", changed)
            elif kind < 0.7 and pick is not None:
                what = step("DELETE", lambda which: f"/api/v2/silence/{ids[which][pick]}", lambda _: None)
            elif kind < 0.8 and pick is not None:
                what = step("GET", lambda which: f"/api/v2/silence/{ids[which][pick]}", lambda _: None)
            elif kind < 0.9:
                broken = dict(body)
                broken.pop(rng.choice(list(broken)))
                what = step("POST", lambda _: "/api/v2/silences", lambda _: broken)
            else:
                path = "/api/v2/silences" + rng.choice(["", "?filter=a%3Dx", "?filter=b!%3Dx", "?filter=a%3D~y.*"])
                what = step("GET", lambda _: path, lambda _: None)
            different.compare(f"call {number} {what['path']}: {json.dumps(body)}", what["theirs"], what["ours"])
            if number % 10 == 9:
                alert = [{"labels": {rng.choice("abc"): rng.choice(["x", "yy", "z"]) for _ in range(2)}, "endsAt": stamp(3600), "startsAt": stamp(-3600)}]
                step("POST", lambda _: "/api/v2/alerts", lambda _: alert)
                seen = {which: json.loads(names[which].clean(pair.ask(which, "GET", "/api/v2/alerts")[1])) for which in pair.urls}
                for alert in seen["theirs"] + seen["ours"]:
                    alert["status"]["silencedBy"].sort()  # by ids, which are random
                different.compare(f"alerts after call {number}", seen["theirs"], seen["ours"])


def notifications(args, rng, different):
    """Four seconds a round: what happens in one is told before the next."""
    hooks = {which: Receiver() for which in ("theirs", "ours")}
    config = {"route": {"receiver": "team", "group_by": ["job"], "group_wait": "1s", "group_interval": "2s", "repeat_interval": "7s",
                        "routes": [{"matchers": ["severity=critical"], "receiver": "pager", "continue": True},
                                   {"match": {"team": "dev"}, "receiver": "dev", "group_by": ["..."]}]},
              "receivers": [{"name": name, "webhook_configs": [{"url": "http://hook/" + name, "send_resolved": name != "pager"}]}
                            for name in ("team", "pager", "dev")],
              "inhibit_rules": [{"source_matchers": ["severity=critical"], "target_matchers": ["severity=info"], "equal": ["job"]}]}
    with Pair(args.peers, config, hooks) as pair:
        standing = []
        for _ in range(args.rounds):
            sent = []
            for _ in range(rng.randint(0, 2)):
                labels = random_routes.labels(rng)
                if labels not in [one["labels"] for one in standing]:
                    standing.append({"labels": labels, "startsAt": stamp(), "endsAt": stamp(3600)})
                    sent.append(standing[-1])
            if standing and rng.random() < 0.5:
                over = standing.pop(rng.randrange(len(standing)))
                sent.append({**over, "endsAt": stamp(-0.001)} if over not in sent else over)
                if over in sent:
                    standing.append(over)
            if sent:
                threads = [threading.Thread(target=pair.ask, args=(which, "POST", "/api/v2/alerts", sent)) for which in pair.urls]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            time.sleep(4)
        heard = {which: {} for which in hooks}
        for which, hook in hooks.items():
            for body in hook.bodies():
                told = [body["status"], sorted(f"{one['status']} {json.dumps(one['labels'], sort_keys=True)}" for one in body["alerts"])]
                into = heard[which].setdefault(body["receiver"] + " " + body["groupKey"], [])
                # How often a repeat falls into the same seconds is not a matter of rules.
                if not into or into[-1] != told:
                    into.append(told)
    for hook in hooks.values():
        hook.close()
    for key in sorted(set(heard["theirs"]) | set(heard["ours"])):
        different.compare(f"what was heard: {key}", heard["theirs"].get(key), heard["ours"].get(key))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=str(ROOT / "build" / "oracle" / "bin"))
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--trees", type=int, default=10)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    different = Differences()
    for part in (routes_and_groups, api_sequences, notifications):
        before = different.compared
        part(args, random.Random(args.seed), different)
        print(f"{part.__name__}: {different.compared - before} compared", flush=True)
    print(f"{different.compared} compared, {len(different.found)} differ")
    return 1 if different.found else 0


if __name__ == "__main__":
    sys.exit(main())
