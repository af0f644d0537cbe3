#!/usr/bin/python3
"""What is appended here arrives at a real Prometheus, whoever is killed meanwhile."""
import json
import random
import sys
import time
import unittest
import urllib.parse

import remote_write
from receiver_of_writes import WriteReceiver
from support import PEERS, ProcessTest, fetch, free_port, get_json, wait_for

SERVER = """
server: {anonymous: viewer, tokens: [{name: writer, token: write-here, role: editor}, {name: admin, token: rule-here, role: admin}]}
"""
QUICK = "queue_config: {batch_send_deadline: 100ms, min_backoff: 20ms, max_backoff: 200ms}"


class RemoteWriteOut(ProcessTest):
    def put(self, program, rows):
        """Whether the samples were taken: then they must arrive."""
        body = remote_write.body([remote_write.series(labels, samples) for labels, samples in rows])
        try:
            status, _, _ = fetch(program.url + "/api/v1/write", data=body, timeout=3,
                                 headers={**remote_write.HEADERS, "Authorization": "Bearer write-here"})
        except OSError:
            return False
        return status == 204

    def start_prometheus(self, port):
        path = self.write("prometheus.yml", "{}\n")
        program = self.start([PEERS / "prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/prometheus",
                              f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"], "prometheus")
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program, seconds=40)
        return program

    def numbers(self, program, name):
        """The values of a metric of its own, by their labels `reason` and `remote_name`."""
        text = fetch(program.url + "/metrics")[2].decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name)}

    def test_nothing_that_was_taken_is_lost_when_either_is_killed(self):
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        receiver_port = free_port()
        config = f"""
global: {{external_labels: {{region: north}}}}
remote_write:
  - {{name: far, url: 'http://127.0.0.1:{receiver_port}/api/v1/write', {QUICK}}}
{SERVER}"""
        ours, theirs = self.start_vedette(config), self.start_prometheus(receiver_port)
        begin, taken = int(time.time() * 1000) - 60_000, []
        for count in range(150):
            at = begin + count * 100
            rows = [({"__name__": "counted", "job": job}, [(at, count)]) for job in "abc"]
            if self.put(ours, rows):
                taken.append(at)
            luck = chance.random()
            if luck < 0.04:
                ours.kill()
                ours = self.start_vedette(config, port=ours.port)
            elif luck < 0.08 and theirs is not None:
                theirs.kill()
                theirs = None
            elif theirs is None and luck < 0.3:
                theirs = self.start_prometheus(receiver_port)
            time.sleep(0.01)
        theirs = theirs or self.start_prometheus(receiver_port)
        self.assertGreater(len(taken), 100, f"seed {seed}")

        def arrived():
            query = urllib.parse.urlencode({"query": 'counted{region="north"}[2m]', "time": begin / 1000 + 60})
            result = json.loads(fetch(f"{theirs.url}/api/v1/query?{query}")[2])["data"]["result"]
            times = [{round(float(at) * 1000) for at, _ in series["values"]} for series in result]
            return len(times) == 3 and all(set(taken) <= found for found in times)
        try:
            wait_for("every sample", arrived, 30)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}; {ours.output()[-3000:]}")

    def test_what_was_taken_while_the_receiver_was_dead_is_sent_when_it_lives(self):
        receiver_port = free_port()
        ours = self.start_vedette(f"remote_write: [{{url: 'http://127.0.0.1:{receiver_port}/api/v1/write', {QUICK}}}]\n{SERVER}")
        now = int(time.time() * 1000)
        for i in range(20):
            self.assertTrue(self.put(ours, [({"__name__": "late", "n": str(n)}, [(now - 60_000 + i * 1000, i)]) for n in range(300)]))
        wait_for("a first failure", lambda: sum(self.numbers(ours, "prometheus_remote_storage_samples_retried_total").values()) > 0)
        theirs = self.start_prometheus(receiver_port)
        wait_for("all of it", lambda: self.instant(theirs, "sum(count_over_time(late[5m]))") == {"{}": 6000.0}, 30)
        wait_for("the count", lambda: list(self.numbers(ours, "prometheus_remote_storage_samples_total").values()) == [6000.0])
        self.assertEqual(set(self.numbers(ours, "prometheus_remote_storage_samples_dropped_total").values()), {0.0})

    def test_a_receiver_hears_headers_relabelled_series_and_metadata(self):
        receiver = WriteReceiver()
        self.addCleanup(receiver.close)
        ours = self.start_vedette(f"""
global: {{external_labels: {{region: north}}}}
remote_write:
  - url: '{receiver.url}/push'
    headers: {{X-Scope-OrgID: team-1}}
    authorization: {{credentials: hush}}
    write_relabel_configs:
      - {{source_labels: [__name__], regex: 'wanted.*', action: keep}}
      - {{source_labels: [job], target_label: team}}
    metadata_config: {{send_interval: 1s}}
    {QUICK}
{SERVER}""")
        now = int(time.time() * 1000)
        self.put(ours, [({"__name__": "wanted", "job": "a"}, [(now, 1)]), ({"__name__": "other"}, [(now, 2)])])
        request = wait_for("a request", lambda: next((r for r in receiver.requests if r.series), None))
        self.assertEqual(request.headers["X-Scope-OrgID"], "team-1")
        self.assertEqual(request.headers["Authorization"], "Bearer hush")
        self.assertEqual(request.headers["X-Prometheus-Remote-Write-Version"], "0.1.0")
        self.assertEqual(request.headers["Content-Type"], "application/x-protobuf")
        self.assertEqual(request.headers["Content-Encoding"], "snappy")
        self.assertEqual(request.series, [({"__name__": "wanted", "job": "a", "region": "north", "team": "a"}, [(now, 1.0)])])
        dropped = self.numbers(ours, "prometheus_remote_storage_samples_dropped_total")
        self.assertEqual([value for series, value in dropped.items() if "dropped_series" in series], [1.0])
        self.assertNotIn("hush", ours.output() + json.dumps(get_json(ours.url + "/api/v1/status/config")))

    def test_answers_decide_what_is_tried_again(self):
        receiver = WriteReceiver(answers=[(503, {}), (429, {"Retry-After": "1"}), (400, {}), (500, {})])
        self.addCleanup(receiver.close)
        ours = self.start_vedette(f"remote_write: [{{url: '{receiver.url}/push', metadata_config: {{send: false}}, {QUICK}}}]\n{SERVER}")
        now = int(time.time() * 1000)
        self.put(ours, [({"__name__": "first"}, [(now, 1)])])
        wait_for("the refusal", lambda: len(receiver.requests) == 3)
        self.put(ours, [({"__name__": "second"}, [(now, 1)])])
        wait_for("the second", lambda: len(receiver.requests) == 5)
        names = [request.series[0][0]["__name__"] for request in receiver.requests]
        self.assertEqual(names, ["first", "first", "first", "second", "second"])
        self.assertGreater(receiver.requests[2].at - receiver.requests[1].at, 0.9)
        wait_for("the counts", lambda: list(self.numbers(ours, "prometheus_remote_storage_samples_total").values()) == [1.0])
        self.assertEqual(list(self.numbers(ours, "prometheus_remote_storage_samples_failed_total").values()), [1.0])
        self.assertEqual(list(self.numbers(ours, "prometheus_remote_storage_samples_retried_total").values()), [3.0])

    def test_a_restart_sends_only_what_was_not_sent(self):
        receiver = WriteReceiver()
        self.addCleanup(receiver.close)
        config = f"remote_write: [{{url: '{receiver.url}/push', metadata_config: {{send: false}}, {QUICK}}}]\n{SERVER}"
        ours = self.start_vedette(config)
        now = int(time.time() * 1000)
        self.put(ours, [({"__name__": "first"}, [(now, 1)])])
        wait_for("the first", lambda: len(receiver.requests) == 1)
        wait_for("the count", lambda: list(self.numbers(ours, "prometheus_remote_storage_samples_total").values()) == [1.0])
        ours.kill()
        ours = self.start_vedette(config, port=ours.port)
        self.put(ours, [({"__name__": "second"}, [(now, 2)])])
        wait_for("the second", lambda: len(receiver.requests) == 2)
        self.assertEqual([request.series[0][0]["__name__"] for request in receiver.requests], ["first", "second"])
        # Taken out of the configuration and put in again, it begins anew.
        path = self.folder / "vedette.yml"
        for text, name in ((SERVER, "unheard"), (config, "third")):
            path.write_text(text)
            self.assertEqual(fetch(ours.url + "/-/reload", method="POST", headers={"Authorization": "Bearer rule-here"})[0], 200)
            self.put(ours, [({"__name__": name}, [(now, 3)])])
        wait_for("the third", lambda: len(receiver.requests) == 3)
        self.assertEqual(receiver.requests[2].series[0][0], {"__name__": "third"})

    def test_version_2_of_the_protocol_is_spoken_when_asked_for(self):
        receiver = WriteReceiver()
        self.addCleanup(receiver.close)
        ours = self.start_vedette(f"remote_write: [{{url: '{receiver.url}/push', protobuf_message: io.prometheus.write.v2.Request, {QUICK}}}]\n{SERVER}")
        now = int(time.time() * 1000)
        self.put(ours, [({"__name__": "up", "job": "a"}, [(now, 1), (now + 1000, 2)])])
        request = wait_for("a request", lambda: next(iter(receiver.requests), None))
        self.assertEqual(request.headers["X-Prometheus-Remote-Write-Version"], "2.0.0")
        self.assertEqual(request.headers["Content-Type"], "application/x-protobuf;proto=io.prometheus.write.v2.Request")
        self.assertEqual(request.series, [({"__name__": "up", "job": "a"}, [(now, 1.0), (now + 1000, 2.0)])])


if __name__ == "__main__":
    sys.exit(unittest.main())
