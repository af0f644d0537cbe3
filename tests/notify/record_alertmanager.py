#!/usr/bin/python3
"""Records what a real Alertmanager posts to a webhook, for tests/notify/payload_test.cpp.

    tests/notify/record_alertmanager.py ALERTMANAGER_BINARY [SHARE] > tests/notify/recorded/alertmanager_webhook.json

SHARE is the /usr/share of a Debian package that was unpacked, not installed: its templates live there.
Loopback only; takes about 20 s. Times differ from run to run; the test compares everything else.
"""
import datetime
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

CONFIG = """
route:
  receiver: team
  group_by: [alertname, job]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 5s
  routes:
    - matchers: [severity="critical", job=~"check.*"]
      receiver: pager
      continue: true
    - match: {severity: critical}
      receiver: team
receivers:
  - name: team
    webhook_configs: [{url: 'http://127.0.0.1:%(port)d/team', send_resolved: true, max_alerts: 2}]
  - name: pager
    webhook_configs: [{url: 'http://127.0.0.1:%(port)d/pager', send_resolved: false}]
"""

ALERTS = [
    {"labels": {"alertname": "Down", "job": "checkout", "severity": "critical", "instance": n},
     "annotations": {"summary": n + ' is <down> & "out"', "runbook_url": "http://runbooks/down"},
     "generatorURL": "http://127.0.0.1:7887/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
     "startsAt": "2026-11-20T09:00:00.120Z"}
    for n in ("a", "b", "c")
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    binary = sys.argv[1]
    version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.split()[2]
    got, start = [], time.monotonic()

    class Inbox(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append({"at_seconds": round(time.monotonic() - start, 2), "path": self.path,
                        "content_type": self.headers["Content-Type"],
                        "user_agent": self.headers["User-Agent"], "body": json.loads(body)})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    inbox = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    threading.Thread(target=inbox.serve_forever, daemon=True).start()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "am.yml"), "w") as f:
            f.write(CONFIG % {"port": inbox.server_address[1]})
        inside = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /usr/share && exec "$@"',
                  sys.argv[2]] if len(sys.argv) > 2 else []
        process = subprocess.Popen(
            inside + [binary, "--config.file=" + f.name, "--storage.path=" + folder, "--cluster.listen-address=",
             "--web.listen-address=127.0.0.1:%d" % port, "--web.external-url=http://am.example/"],
            stderr=open(os.path.join(folder, "log"), "w"))
        try:
            api = "http://127.0.0.1:%d/api/v2/alerts" % port
            for _ in range(100):
                try:
                    urllib.request.urlopen(api, timeout=2).close()
                    break
                except OSError:
                    time.sleep(0.1)

            def post(alerts):
                request = urllib.request.Request(api, json.dumps(alerts).encode(),
                                                 {"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=5).close()

            def resolved(alert):
                now = datetime.datetime.now(datetime.timezone.utc).isoformat()
                return {**alert, "endsAt": now}

            start = time.monotonic()
            events = []

            def step(seconds, what, alerts):
                time.sleep(max(0, start + seconds - time.monotonic()))
                events.append({"at_seconds": seconds, "what": what})
                post(alerts)

            fresh = [{**a, "startsAt": datetime.datetime.now(datetime.timezone.utc).isoformat()}
                     for a in ALERTS]
            step(0.0, "a fires", fresh[:1])
            step(1.5, "b and c fire", fresh[1:])
            step(3.5, "a resolves", [resolved(fresh[0])])
            step(11.5, "b and c resolve", [resolved(a) for a in fresh[1:]])
            time.sleep(4)
        finally:
            process.terminate()
            process.wait()
    json.dump({"alertmanager": version, "config": CONFIG, "events": events, "received": got},
              sys.stdout, indent=1)
    print()


main()
