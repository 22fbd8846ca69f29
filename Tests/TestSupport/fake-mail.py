"""An SMTP server on loopback: fake-mail.py PORT-FILE FOLDER TLS CERTIFICATES USER PASSWORD.
Each mail is a JSON file in FOLDER. Recipients that begin with "refused" are refused, with "later"
put off, with "silent" not answered."""
import asyncio
import email
import email.policy
import json
import os
import random
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from fake_server import die_with_parent

port_file, folder, tls, certificates, user, password = sys.argv[1:7]
count = 0


def log(text):
    print(text, flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        log("RCPT " + address)
        if address.startswith("refused"):
            return "550 no such user"
        if address.startswith("later"):
            return "451 come back later"
        if address.startswith("silent"):
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        path = "%s/%d.json" % (folder, count)
        with open(path + ".new", "w") as file:
            json.dump({
                "recipients": envelope.rcpt_tos, "subject": mail["Subject"],
                "date": mail["Date"], "id": mail["Message-ID"], "headers": mail.keys(),
                "text": mail.get_content().replace("\r\n", "\n"),
                "longestLine": max(map(len, envelope.content.split(b"\r\n"))),
                "login": session.auth_data, "isEncrypted": tls == "whole" or bool(session.ssl)},
                file)
        os.rename(path + ".new", path)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    log("AUTH")
    good = (data.login.decode(), data.password.decode()) == (user, password)
    return AuthResult(success=good, handled=False, auth_data=data.login.decode())


options = {}
if tls != "none":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates + "/server.pem", certificates + "/server-key.pem")
    options["ssl_context" if tls == "whole" else "tls_context"] = context
    if tls == "started":
        options["require_starttls"] = True
if user:
    options.update(authenticator=authenticate, auth_required=True)
    if tls == "whole":
        options["auth_require_tls"] = False

threading.Thread(target=die_with_parent, daemon=True).start()
while True:
    port = random.randrange(12000, 32000)
    controller = Controller(Handler(), hostname="127.0.0.1", port=port, **options)
    try:
        controller.start()
        break
    except OSError:
        pass
with open(port_file + ".part", "w") as file:
    file.write(str(port))
os.rename(port_file + ".part", port_file)
threading.Event().wait()
