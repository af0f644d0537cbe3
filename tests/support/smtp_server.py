"""A real mail server for tests: aiosmtpd on 127.0.0.1, with STARTTLS (or TLS at once) and AUTH.

Prints its port as the first line, then each mail as one line of JSON. Ends when its input closes.
Settings come as one JSON object on the command line:
    cert, key    PEM files; without them no TLS is offered
    implicit     TLS from the first byte
    refuse_from  a reply for MAIL FROM, such as "550 no thanks"
    refuse_to    a reply for RCPT TO
    refuse_data  a reply after the mail's text
User `me` with the password `pässword` may log in; when `auth` is true, everybody must.
"""
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Post:
    def __init__(self, wish):
        self.wish = wish

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "refuse_from" in self.wish:
            return self.wish["refuse_from"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "refuse_to" in self.wish:
            return self.wish["refuse_to"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "refuse_data" in self.wish:
            return self.wish["refuse_data"]
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode("utf-8", "replace"),
            "hello": session.host_name,
            "tls": session.ssl is not None or self.wish.get("implicit", False),
            "user": session.auth_data.login.decode() if session.auth_data else "",
        }
        print(json.dumps(mail), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = LoginPassword(b"me", "pässword".encode())
    good = isinstance(data, LoginPassword) and data == known
    return AuthResult(success=good, handled=False, auth_data=data if good else None)


async def main():
    wish = json.loads(sys.argv[1])
    context = None
    if "cert" in wish:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(wish["cert"], wish["key"])
    implicit = wish.get("implicit", False)

    def session():
        return SMTP(
            Post(wish),
            tls_context=None if implicit else context,
            authenticator=authenticate,
            auth_required=wish.get("auth", False),
            auth_require_tls=not implicit and not wish.get("auth_plain", False),
            enable_SMTPUTF8=True,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
