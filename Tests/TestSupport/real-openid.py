"""A real OpenID provider, glewlwyd, on loopback: real-openid.py PORT_FILE

Sets up the plugin, a client and people through its API. What it serves itself is for the test:
GET / tells the issuer, POST /callback sets where browsers return, POST /rotate makes a new key.
"""
import ctypes
import gzip
import http.cookiejar
import http.server
import json
import sqlite3
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

import fake_server

folder = tempfile.mkdtemp(prefix="aib-openid")
port = random.randrange(12000, 32000)
base = f"http://127.0.0.1:{port}"
issuer = f"{base}/api/openid"

database = sqlite3.connect(f"{folder}/database")
with gzip.open("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz", "rt") as file:
    database.executescript(file.read())
# Attributes of people that the claims are made of.
(parameters,) = database.execute("SELECT gumi_parameters FROM g_user_module_instance").fetchone()
parameters = json.loads(parameters)
parameters["data-format"]["groups"] = {"multiple": True, "read": True, "write": True}
database.execute("UPDATE g_user_module_instance SET gumi_parameters = ?", [json.dumps(parameters)])
database.commit()
database.close()

with open(f"{folder}/glewlwyd.conf", "w") as file:
    file.write(
        f"""port={port}
bind_address="127.0.0.1"
external_url="{base}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="INFO"
session_key="GLEWLWYD2_SESSION_ID"
session_expiration=86400
login_api_enabled=true
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{
  type = "sqlite3"
  path = "{folder}/database"
}}
"""
    )
# However this program ends.
server = subprocess.Popen(
    ["glewlwyd", f"--config-file={folder}/glewlwyd.conf"],
    preexec_fn=lambda: ctypes.CDLL(None).prctl(1, 9))
jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def ask(method, path, body=None):
    request = urllib.request.Request(
        f"{base}/api{path}", method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"})
    with jar.open(request, timeout=10) as answer:
        return answer.read()


def sign_in():
    limit = time.monotonic() + 30
    while True:
        try:
            return ask("POST", "/auth/", {"username": "admin", "password": "password"})
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > limit or server.poll() is not None:
                raise
            time.sleep(0.05)


def key(kid):
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {**json.loads(RSAAlgorithm.to_jwk(made)), "kid": kid, "alg": "RS256", "use": "sig"}


def plugin(kid):
    return {
        "module": "oidc", "name": "openid", "display_name": "openid",
        "parameters": {
            "iss": issuer, "jwks-private": json.dumps({"keys": [key(kid)]}), "default-kid": kid,
            "jwt-type": "rsa", "jwt-key-size": "256", "access-token-duration": 3600,
            "refresh-token-duration": 86400, "code-duration": 600, "refresh-token-rolling": True,
            "allow-non-oidc": False, "auth-type-code-enabled": True, "pkce-allowed": True,
            "pkce-required": True, "pkce-method-plain-allowed": False,
            "subject-type": "public", "service-documentation": base,
            "op-policy-uri": base, "op-tos-uri": base, "allowed-scope": ["openid"],
            "name-claim": "no", "email-claim": "no", "scope-claim": "no",
            "claims": [
                {"name": "preferred_username", "user-property": "username", "type": "string",
                 "mandatory": True, "on-demand": False, "scope": []},
                {"name": "groups", "user-property": "groups", "type": "string",
                 "mandatory": True, "on-demand": False, "scope": []},
            ],
        },
    }


def client(method, path, callback):
    ask(method, path, {
        "client_id": "aibuild", "name": "aibuild", "enabled": True, "confidential": True,
        "client_secret": "client-secret", "redirect_uri": [callback],
        "authorization_type": ["code"], "token_endpoint_auth_method": ["client_secret_basic"],
        "scope": ["openid"],
    })


sign_in()
ask("POST", "/mod/plugin/", plugin("first"))
client("POST", "/client/", f"{base}/nowhere")
for name, groups in [("anna", ["builders", "linux"]), ("bert", ["guests"])]:
    ask("POST", "/user/", {
        "username": name, "name": name, "password": "correct horse battery", "enabled": True,
        "scope": ["g_profile", "openid"], "groups": groups})


class Control(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(issuer)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        sign_in()
        if self.path == "/rotate":
            ask("PUT", "/mod/plugin/openid", plugin(f"next-{time.time()}"))
        else:
            client("PUT", "/client/aibuild", body)
        self.answer("done")

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


fake_server.serve(Control, sys.argv[1])
