#!/usr/bin/python3
"""An alert as it reaches a real mail server: STARTTLS, a login, a wrong password, a server that is away for a while."""
import email
import email.policy
import json
import subprocess
import sys
import unittest

from support import ROOT, ProcessTest, get_json, run, wait_for

CONFIG = """
probes:
  - {{name: shop, type: http, url: 'http://127.0.0.1:1/health', every: 200ms}}
vedette_rules: [rules.yml]
route: {{receiver: team, group_wait: 0s, group_interval: 1s}}
receivers:
  - name: team
    email_configs:
      - to: 'ops@shop.example'
        from: 'Vedette <vedette@shop.example>'
        smarthost: 'localhost:{port}'
        auth_username: me
        auth_password_file: mail.secret
        tls_config: {{ca_file: {folder}/cert.pem, server_name: localhost}}
"""
RULES = """
groups:
  - name: shop
    interval: 200ms
    rules:
      - alert: ShopDown
        expr: probe_success{job="shop"} == 0
        labels: {severity: critical}
        annotations: {summary: 'shop: nobody gets in <b>at all</b>'}
"""


class Mail(ProcessTest):
    def setUp(self):
        super().setUp()
        self.write("rules.yml", RULES)
        code, _, err = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                            "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost"])
        self.assertEqual(code, 0, err)

    def start_mail_server(self):
        wish = {"cert": str(self.folder / "cert.pem"), "key": str(self.folder / "key.pem"), "auth": True}
        server = subprocess.Popen(["/usr/bin/python3", str(ROOT / "tests/support/smtp_server.py"), json.dumps(wish)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def end():
            server.stdin.close()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()
        self.addCleanup(end)
        return server, int(server.stdout.readline())

    def test_a_mail_comes_over_starttls_with_a_login_and_reads_well(self):
        server, port = self.start_mail_server()
        self.write("mail.secret", "pässword\n")
        self.start_vedette(CONFIG.format(port=port, folder=self.folder))
        taken = json.loads(server.stdout.readline())
        self.assertEqual((taken["from"], taken["to"], taken["tls"], taken["user"]), ("vedette@shop.example", ["ops@shop.example"], True, "me"))
        mail = email.message_from_string(taken["text"], policy=email.policy.default)
        self.assertIn("CRITICAL shop down", mail["Subject"])
        self.assertIn("connection refused", mail["Subject"])
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertRegex(mail["Message-ID"], r"^<[^<>\s]+@[^<>\s]+>$")
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        self.assertIn("shop: nobody gets in <b>at all</b>", text)
        self.assertIn("&lt;b&gt;at all&lt;/b&gt;", html)
        self.assertIn("/graph?g0.expr=", text)

    def test_a_wrong_password_is_trouble_that_the_board_shows_and_nothing_is_sent(self):
        _, port = self.start_mail_server()
        self.write("mail.secret", "guessed\n")
        vedette = self.start_vedette(CONFIG.format(port=port, folder=self.folder))

        def trouble():
            alerts = get_json(vedette.url + "/api/vedette/v1/board")["alerts"]
            return [delivery["text"] for alert in alerts for delivery in alert["deliveries"] if delivery["trouble"]]
        texts = wait_for("trouble on the board", trouble)
        self.assertRegex(texts[0], "535")
        self.assertNotIn("guessed", vedette.output() + json.dumps(get_json(vedette.url + "/api/vedette/v1/board")))


if __name__ == "__main__":
    sys.exit(unittest.main())
