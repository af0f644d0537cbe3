#!/usr/bin/python3
"""vedette, killed with SIGKILL at random moments, again and again on one data directory.

    run.py [--rounds N] [--seed S]

A round is one life: start, write samples, raise an incident, die. What must hold:

  samples    every sample that was answered with 204 is there in the next life, with its value, late ones too
  pages      every page that the ledger had decided on at a death reaches the receiver, also when the
             receiver was failing, or slow, or when the rule was gone in the next life
  for        an alert that waits longer than any life fires once its lives add up to its `for`

Prints its seed, so that a run that failed can be tried again: moments differ, choices do not.
"""
import argparse
import json
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "processes"))
import remote_write
from receiver import Receiver
from support import VEDETTE, Program, fetch, free_port, get_json, wait_for

WRITERS = 2
LIFE_SECONDS = (0.05, 0.9)  # from ready to the kill
TELLS = ("first notification", "new alerts added")  # reasons by which somebody is to hear of a firing alert
WAIT_SECONDS = 8            # `for` of the alert that outlives many lives

CONFIG = """
global: {evaluation_interval: 100ms}
storage: {out_of_order_window: 30m}
server:
  anonymous: viewer
  tokens: [{name: writer, token: write-here, role: editor}]
vedette_rules: [rules.yml]
route: {receiver: team, group_by: [alertname, id], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: team
    webhook_configs: [{url: '%s/page', send_resolved: false}]
"""
RULES = """
groups:
  - name: incidents
    rules:
      - {alert: Stays, expr: 'incident{fate="stays"} == 1'}
      - {alert: Goes, expr: 'incident{id="%d", fate="goes"} == 1'}
      - {alert: Waits, expr: 'vector(1)', for: %ds}
"""


class Outcome(AssertionError):
    """Something that was promised did not happen."""


class Writer(threading.Thread):
    """Posts batches until the program is gone, one in three with late samples, from before its series began; remembers
    which were acknowledged."""

    def __init__(self, url, number, life, pick):
        super().__init__(daemon=True)
        self.url, self.number, self.life = url, number, life
        self.rows = pick.randint(1, 40)
        self.pause = pick.choice([0, 0.002, 0.01])
        self.pick = random.Random(pick.random())
        self.acknowledged = {}
        self.refusals = []

    def run(self):
        at = late = int(time.time() * 1000)
        late -= self.rows
        while True:
            at = max(at + self.rows, int(time.time() * 1000))
            samples = [(at - self.rows + 1 + i, float((at + i) % 1009)) for i in range(self.rows)]
            if self.pick.random() < 1 / 3:
                count = self.pick.randint(1, 10)
                late -= count
                samples += [(late + i, float(late % 997 + i)) for i in range(count)]
            labels = {"__name__": "fault_sample", "writer": str(self.number), "life": str(self.life)}
            status = post(self.url, [remote_write.series(labels, samples)])
            if status is None:
                return
            if status == 204:
                self.acknowledged.update(samples)
            else:
                self.refusals.append(status)
            time.sleep(self.pause)


def post(url, all_series):
    """The status; None when nobody answered, which says nothing about what was stored."""
    headers = {**remote_write.HEADERS, "Authorization": "Bearer write-here"}
    try:
        return fetch(url + "/api/v1/write", data=remote_write.body(all_series), headers=headers, timeout=5)[0]
    except (OSError, ConnectionError, EOFError) as error:
        return None if not isinstance(error, TimeoutError) else 0
    except Exception as error:  # http.client has its own family for answers that were cut
        if type(error).__module__ != "http.client":
            raise
        return None


class Run:
    def __init__(self, folder, pick):
        self.folder, self.pick = folder, pick
        self.receiver = Receiver(self.answer)
        self.healthy = False
        self.paged = set()      # (alertname, id) in messages that were answered with 200
        self.lock = threading.Lock()
        self.decided = set()    # (alertname, id) whose firing was on disk at a death
        self.written = []       # (life, writer, {at: value}) of every life
        self.deaths_in_attempts = 0
        (folder / "vedette.yml").write_text(CONFIG % self.receiver.url)

    def answer(self, path, body):
        behaviour = "well" if self.healthy else self.pick.choice(["well", "well", "fails", "slow"])
        if behaviour == "slow":
            time.sleep(0.3)
        if behaviour == "fails":
            return 503, {}, b"not now"
        alerts = [alert["labels"] for alert in json.loads(body)["alerts"] if alert["status"] == "firing"]
        with self.lock:
            self.paged.update((labels["alertname"], labels.get("id", "")) for labels in alerts)
        return 200, {}, b"ok"

    def start(self, life):
        (self.folder / "rules.yml").write_text(RULES % (life, WAIT_SECONDS))
        port = free_port()
        program = Program([VEDETTE, "run", "--config", self.folder / "vedette.yml", "--data", self.folder / "data", "--listen",
                           f"127.0.0.1:{port}", "--rules.alert.for-grace-period", "0s"], self.folder, "vedette")
        program.url = f"http://127.0.0.1:{port}"
        try:
            def ready():
                if program.process.poll() is not None:
                    raise Outcome(f"life {life} ended by itself:\n{program.output()[-2000:]}")
                return fetch(program.url + "/-/ready", timeout=2)[0] == 200
            wait_for("/-/ready", ready)
        except BaseException:
            program.kill()
            raise
        return program

    def check_samples(self, program, lives):
        for life, writer, acknowledged in lives:
            if not acknowledged:
                continue
            # A writer that is answered fast runs ahead of the clock.
            rows = get_json(program.url + "/api/v1/query", query=f'fault_sample{{life="{life}",writer="{writer}"}}[1h]',
                            time=max(acknowledged) / 1000)["data"]["result"]
            found = {round(float(at) * 1000): float(value) for row in rows for at, value in row["values"]}
            lost = {at: value for at, value in acknowledged.items() if found.get(at) != value}
            if lost:
                raise Outcome(f"life {life}, writer {writer}: {len(lost)} of {len(acknowledged)} acknowledged samples are lost; first: {min(lost)}")

    def read_ledger(self):
        """What the ledger had on disk at the death, read from a copy so that ours leaves no trace."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in (self.folder / "data").glob("alerts.db*"):
            shutil.copy(path, copy / path.name)
        database = sqlite3.connect(copy / "alerts.db")
        try:
            labels = {(fingerprint, since): json.loads(text) for fingerprint, since, text in
                      database.execute("SELECT fingerprint, since_ms, labels FROM alerts")}
            told = database.execute(f"SELECT kind, fingerprint, since_ms FROM concerned WHERE kind = 'attempt' OR kind = 'decision' AND "
                                    f"row IN (SELECT id FROM decisions WHERE reason IN ({','.join('?' * len(TELLS))}))", TELLS).fetchall()
            self.deaths_in_attempts += database.execute("SELECT count(*) FROM attempts WHERE started_ms IS NOT NULL AND finished_ms IS NULL").fetchone()[0]
        finally:
            database.close()
        for _, fingerprint, since in told:
            alert = labels[fingerprint, since]
            self.decided.add((alert["alertname"], alert.get("id", "")))

    def live(self, life):
        program = self.start(life)
        try:
            self.check_samples(program, self.written[-WRITERS:])
            writers = [Writer(program.url, number, life, self.pick) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            now = int(time.time() * 1000)
            raised = [remote_write.series({"__name__": "incident", "id": str(life), "fate": fate}, [(now, 1.0)]) for fate in ("stays", "goes")]
            post(program.url, raised)
            time.sleep(self.pick.uniform(*LIFE_SECONDS))
        finally:
            program.kill()
            program.log.close()
        for writer in writers:
            writer.join(10)
            if writer.refusals:
                raise Outcome(f"life {life}: writes were refused with {sorted(set(writer.refusals))}")
            self.written.append((life, writer.number, writer.acknowledged))
        self.read_ledger()

    def finish(self, life):
        """The last life has a receiver that works and all the time it needs."""
        self.healthy = True
        program = self.start(life)
        try:
            self.check_samples(program, self.written)
            self.decided.add(("Waits", ""))
            try:
                wait_for("every page", lambda: self.decided <= self.paged, 60)
            except AssertionError:
                raise Outcome(f"these were decided on and never reached the receiver: {sorted(self.decided - self.paged)}") from None
        finally:
            program.kill()
            program.log.close()


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=50)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = words.parse_args()
    print(f"faults: {given.rounds} rounds, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="vedette-faults-") as name:
        run = Run(pathlib.Path(name), random.Random(given.seed))
        try:
            for life in range(given.rounds):
                run.live(life)
            run.finish(given.rounds)
        except (Outcome, AssertionError) as failure:
            log = pathlib.Path(name) / "vedette.log"
            tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
            print(f"faults: seed {given.seed}: {failure}\n--- end of the log ---\n{tail}", file=sys.stderr)
            return 1
        finally:
            run.receiver.close()
        samples = sum(len(acknowledged) for _, _, acknowledged in run.written)
        print(f"faults: {samples} acknowledged samples and {len(run.decided)} pages survived {given.rounds} kills, "
              f"{run.deaths_in_attempts} of them in the middle of an attempt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
