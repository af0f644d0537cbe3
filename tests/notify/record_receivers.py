#!/usr/bin/python3
"""Records what a real Alertmanager sends to each kind of receiver, for tests/notify/receivers_test.cpp.

    tests/notify/record_receivers.py ALERTMANAGER_BINARY [SHARE] > tests/notify/recorded/receivers.json

SHARE is the /usr/share of a Debian package that was unpacked, not installed: its templates live there.
Every receiver is a webhook and one other integration, so that each recorded message stands beside the
data it was made of. Loopback only; takes about a minute.
"""
import datetime
import http.server
import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

# One receiver each: name, key, and the integration as YAML (URL stands for the capture server).
CASES = [
    ("slack", "slack_configs", "{api_url: 'URL', channel: '#ops', send_resolved: true}"),
    ("slack_all", "slack_configs", """
        {api_url: 'URL', channel: '#ops', send_resolved: true, username: 'u {{ .Status }}', color: '#123456', title: 'T {{ .CommonLabels.job }}',
         title_link: 'http://t/', pretext: 'P & <p>', text: '{{ range .Alerts }}{{ .Annotations.summary }};{{ end }}', short_fields: true,
         footer: 'foot', fallback: 'fall', callback_id: 'cb', icon_emoji: ':fire:', icon_url: 'http://i/', image_url: 'http://im/',
         thumb_url: 'http://th/', link_names: true, mrkdwn_in: [text],
         fields: [{title: F1, value: '{{ .Status }}'}, {title: F2, value: v, short: false}],
         actions: [{type: button, text: 'Look {{ .Status }}', url: 'http://b/', style: danger, name: n, value: v,
                    confirm: {text: sure, title: t, ok_text: o, dismiss_text: d}}]}"""),
    ("slack_button", "slack_configs", "{api_url: 'URL', actions: [{type: button, text: Press, name: n, value: v, style: '', confirm: {text: sure, title: t, ok_text: o, dismiss_text: d}}]}"),
    ("slack_bot", "slack_configs", "{app_token: 'xoxb-1', app_url: 'URL', http_config: {follow_redirects: true}, channel: '#ops', send_resolved: true}"),
    ("slack_bot_new", "slack_configs", "{app_token: 'xoxb-1', app_url: 'URL', http_config: {follow_redirects: true}, channel: '#ops', send_resolved: true, message_text: 'M {{ .Status }}'}"),
    ("pagerduty", "pagerduty_configs", "{routing_key: 'rk', url: 'URL'}"),
    ("pagerduty_all", "pagerduty_configs", """
        {routing_key: 'rk', url: 'URL', class: 'c {{ .Status }}', component: co, group: gr, severity: '{{ .CommonLabels.severity }}', source: so,
         client: cl, client_url: 'http://cu/', description: 'D {{ .Status }}', details: {extra: 'e {{ .Status }}', firing: ''},
         images: [{src: 'http://im/', alt: al, href: 'http://hr/'}], links: [{href: 'http://li/', text: 'te {{ .Status }}'}]}"""),
    ("msteams", "msteams_configs", "{webhook_url: 'URL'}"),
    ("msteams_all", "msteams_configs", "{webhook_url: 'URL', title: 't {{ .Status }}', summary: s, text: 'x **y**'}"),
    ("msteamsv2", "msteamsv2_configs", "{webhook_url: 'URL'}"),
    ("msteamsv2_all", "msteamsv2_configs", "{webhook_url: 'URL', title: 't {{ .Status }}', text: 'x **y**'}"),
    ("discord", "discord_configs", "{webhook_url: 'URL'}"),
    ("discord_all", "discord_configs", "{webhook_url: 'URL', title: t, message: m, content: c, username: u, avatar_url: 'http://a/'}"),
    ("telegram", "telegram_configs", "{api_url: 'URL', bot_token: '1:x', chat_id: -42}"),
    ("telegram_all", "telegram_configs", "{api_url: 'URL', bot_token: '1:x', chat_id: 7, message_thread_id: 3, parse_mode: MarkdownV2, disable_notifications: true, message: 'm {{ .Status }}'}"),
    ("telegram_plain", "telegram_configs", "{api_url: 'URL', bot_token: '1:x', chat_id: 7, parse_mode: ''}"),
    ("mattermost", "mattermost_configs", "{webhook_url: 'URL'}"),
    ("mattermost_all", "mattermost_configs", """
        {webhook_url: 'URL', channel: ch, username: u, text: 't {{ .Status }}', icon_url: 'http://i/', icon_emoji: ':e:', type: 'custom_x',
         props: {card: 'c {{ .Status }}'}, priority: {priority: urgent, requested_ack: true, persistent_notifications: true},
         attachments: [{fallback: f, color: '#1', pretext: p, text: 'at {{ .Status }}', author_name: an, author_link: 'http://al/', author_icon: 'http://ai/',
                        title: ti, title_link: 'http://tl/', fields: [{title: a, value: 'b {{ .Status }}', short: true}], thumb_url: 'http://th/', footer: fo, footer_icon: 'http://fi/', image_url: 'http://im/'}]}"""),
    ("mattermost_texts", "mattermost_configs", "{webhook_url: 'URL', color: '#2', title: ti, text: te, pretext: pr, footer: fo, fields: [{title: a, value: b}]}"),
    ("opsgenie", "opsgenie_configs", "{api_url: 'URL', api_key: k}"),
    ("opsgenie_all", "opsgenie_configs", """
        {api_url: 'URL', api_key: k, message: m, description: d, source: s, tags: 'a,b , c', note: n, priority: P2, entity: e, actions: 'x, y', details: {k: 'v {{ .Status }}'},
         responders: [{name: 'r {{ .Status }}', type: team}]}"""),
    ("victorops", "victorops_configs", "{api_url: 'URL', api_key: k, routing_key: rk}"),
    ("victorops_all", "victorops_configs", "{api_url: 'URL', api_key: k, routing_key: rk, message_type: WARNING, state_message: s, entity_display_name: e, monitoring_tool: m, custom_fields: {c: 'f {{ .Status }}'}}"),
    ("webex", "webex_configs", "{api_url: 'URL', room_id: r, http_config: {authorization: {credentials: tok}}}"),
    ("rocketchat", "rocketchat_configs", "{api_url: 'URL', token: t, token_id: ti, channel: '#ops'}"),
    ("rocketchat_all", "rocketchat_configs", "{api_url: 'URL', token: t, token_id: ti, channel: '#ops', color: '#1', title: tt, title_link: 'http://l/', text: x, emoji: ':e:', icon_url: 'http://i/', image_url: 'http://im/', thumb_url: 'http://th/', link_names: true, short_fields: true, fields: [{title: a, value: b}], actions: [{type: button, text: t, url: 'http://u/', msg: m}]}"),
    ("incidentio", "incidentio_configs", "{url: 'URL', alert_source_token: tok}"),
    ("webhook_payload", "webhook_configs", """
        {url: 'URL', payload: {text: '{{ .Status }} {{ .CommonLabels.job }}', list: [1, '{{ .Receiver }}'], number: 4, flag: true, nested: {a: '{{ len .Alerts }}'}}}"""),
    ("email", "email_configs", "{to: 'Ops <ops@shop.example>, ceo@shop.example', from: 'Vedette <v@shop.example>', smarthost: 'SMTP', require_tls: false, send_resolved: true}"),
    ("email_text", "email_configs", "{to: ops@shop.example, from: v@shop.example, smarthost: 'SMTP', require_tls: false, send_resolved: true, html: '', text: 'grüße {{ .Status }}', headers: {Subject: 'größer {{ .Status }}', X-More: m}, threading: {enabled: true, thread_by_date: none}}"),
]
ANSWERS = {
    "slack_bot": {"ok": True, "channel": "C1", "ts": "1790000000.000100"},
    "slack_bot_new": {"ok": True, "channel": "C1", "ts": "1790000000.000100"},
    "telegram": {"ok": True, "result": {"message_id": 5, "date": 1, "chat": {"id": -42, "type": "group"}}},
    "rocketchat": {"success": True},
}
ALERTS = [
    {"labels": {"alertname": "Down", "job": "checkout", "severity": "critical", "instance": n, "_under_score": "a_b*c"},
     "annotations": {"summary": n + ' is <down> & "out"', "runbook_url": "http://runbooks/down"},
     "generatorURL": "http://127.0.0.1:7887/graph?g0.expr=up+%3D%3D+0&g0.tab=1"}
    for n in ("a", "b")
]
got, lock = [], threading.Lock()


class Inbox(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        case = self.path.split("?")[0].strip("/").split("/")[0]
        path = self.path[len("/" + case):]
        headers = {k: v for k, v in self.headers.items() if k not in ("Host", "Content-Length", "Accept-Encoding")}
        try:
            text = json.loads(body)
        except ValueError:
            text = body
        with lock:
            got.append({"case": case, "method": self.command, "path": path, "headers": headers, "body": text})
        name = case if case in ANSWERS else case.split("_")[0]
        self.send_response(202 if name == "pagerduty" else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ANSWERS.get(name, {"ok": True, "status": "success"})).encode())

    do_POST = do_PUT = do_GET = do_PATCH = answer

    def log_message(self, *_):
        pass


class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda text: self.wfile.write((text + "\r\n").encode())
        say("220 mail")
        to, inside, lines = [], False, []
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            if inside:
                if line == ".":
                    inside = False
                    # Of the layout nothing is kept: it is somebody's work, and ours is another.
                    text = "\n".join(lines).split("<!DOCTYPE")[0]
                    case = "email_text" if "X-More" in text else "email"
                    with lock:
                        got.append({"case": case, "method": "MAIL", "path": "", "headers": {}, "to": to, "body": text})
                    say("250 ok")
                else:
                    lines.append(line)
                continue
            word = line.upper()
            if word.startswith("DATA"):
                inside, lines = True, []
                say("354 go on")
            elif word.startswith("QUIT"):
                return say("221 bye")
            else:
                if word.startswith("RCPT"):
                    to.append(line)
                say("250 ok")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def config(url, smtp):
    out = "route:\n  receiver: nobody\n  group_by: [alertname, job]\n  group_wait: 1s\n  group_interval: 2s\n  repeat_interval: 1h\n  routes:\n"
    for name, _, _ in CASES:
        out += "    - {receiver: %s, continue: true}\n" % name
    out += "receivers:\n  - name: nobody\n"
    for name, key, text in CASES:
        text = text.replace("URL", url + name + ("/" if "api_url: 'URL'" in text else "")).replace("SMTP", smtp)
        text = " ".join(text.split())
        hook = "{url: '%s%s'}" % (url, "data_" + name)
        if key == "webhook_configs":
            out += "  - name: %s\n    webhook_configs:\n      - %s\n      - %s\n" % (name, hook, text)
        else:
            out += "  - name: %s\n    webhook_configs: [%s]\n    %s: [%s]\n" % (name, hook, key, text)
    return out


def main():
    binary = sys.argv[1]
    version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.split()[2]
    http.server.ThreadingHTTPServer.request_queue_size = 128
    inbox = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    socketserver.ThreadingTCPServer.daemon_threads = True
    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
    for server in (inbox, mail):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    url = "http://127.0.0.1:%d/" % inbox.server_address[1]
    smtp = "127.0.0.1:%d" % mail.server_address[1]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "am.yml"), "w") as f:
            f.write(config(url, smtp))
        inside = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /usr/share && exec "$@"',
                  sys.argv[2]] if len(sys.argv) > 2 else []
        log = open(os.path.join(folder, "log"), "w")
        process = subprocess.Popen(
            inside + [binary, "--config.file=" + f.name, "--storage.path=" + folder, "--cluster.listen-address=",
             "--web.listen-address=127.0.0.1:%d" % port, "--web.external-url=http://am.example/"], stderr=log)
        try:
            api = "http://127.0.0.1:%d/api/v2/alerts" % port
            for _ in range(100):
                try:
                    urllib.request.urlopen(api, timeout=2).close()
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                sys.exit(open(log.name).read())

            def post(alerts):
                request = urllib.request.Request(api, json.dumps(alerts).encode(), {"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=5).close()

            now = lambda: datetime.datetime.now(datetime.timezone.utc).isoformat()
            fresh = [{**a, "startsAt": now()} for a in ALERTS]
            received = []
            # a alone; b too; b over; both over; a again.
            for alerts in (fresh[:1], fresh[1:], [1], [0], ["again"]):
                if alerts == ["again"]:
                    alerts = [{**ALERTS[0], "startsAt": now()}]
                elif isinstance(alerts[0], int):
                    alerts = [{**fresh[alerts[0]], "endsAt": now()}]
                post(alerts)
                # Until nothing came for a while: on a busy machine messages come late.
                seen, quiet = 0, 0
                while not (seen and quiet >= 5):
                    time.sleep(1)
                    with lock:
                        quiet = quiet + 1 if len(got) == seen else 0
                        seen = len(got)
                with lock:
                    received.append(list(got))
                    got.clear()
        finally:
            process.terminate()
            process.wait()
            log.close()
            sys.stderr.write("".join(line for line in open(log.name) if "level=INFO" not in line))
    cases = [json.dumps({"name": n, "key": k, "config": " ".join(c.split())}) for n, k, c in CASES]
    steps = ["[" + ",\n".join(json.dumps(one) for one in step) + "]" for step in received]
    text = '{"alertmanager": %s, "cases": [\n%s],\n"received": [\n%s]}' % (
        json.dumps(version), ",\n".join(cases), ",\n".join(steps))
    print(text.replace(url, "http://receiver.example/").replace(smtp, "mail.shop.example:25"))


main()
