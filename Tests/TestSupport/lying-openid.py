"""An OpenID provider that lies as it is told: lying-openid.py PORT_FILE

Nobody signs in: the code of a sign-in is base64url of JSON that says what the answer is made of
(`claims` beside the usual ones, `without` some, `header`, `lie`). POST /now changes how it answers
from then on.
"""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

import fake_server

keys = {
    "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "other": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "new": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}
now = {"jwks": ["rsa", "ec"], "description": {}, "jwks_status": 200}
asked = {}


def public(name):
    algorithm = ECAlgorithm if name == "ec" else RSAAlgorithm
    made = algorithm(algorithm.SHA256).to_jwk(keys[name].public_key())
    return {**(json.loads(made) if isinstance(made, str) else made), "kid": name, "use": "sig"}


def encoded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def token(order, issuer):
    lie = order.get("lie")
    claims = {
        "iss": issuer, "aud": "aibuild", "sub": "subject-1", "iat": int(time.time()),
        "exp": int(time.time()) + 300, "nonce": order["nonce"], "preferred_username": "anna",
        "groups": ["builders"], **order.get("claims", {}),
    }
    for name in ("exp", "iat", "nbf"):
        if isinstance(claims.get(name), str):
            claims[name] = int(time.time()) + int(claims[name])
    for name in order.get("without", []):
        claims.pop(name, None)
    key = order.get("key", "rsa")
    header = {"kid": key, **order.get("header", {})}
    if lie in ("none", "shared"):
        # The kind of signature that needs no key, or that takes the public key for a secret.
        head = {"alg": "none" if lie == "none" else "HS256", "typ": "JWT", **header}
        text = encoded(json.dumps(head).encode()) + b"." + encoded(json.dumps(claims).encode())
        secret = json.dumps(public("rsa")).encode()
        mark = hmac.new(secret, text, hashlib.sha256).digest() if lie == "shared" else b""
        return (text + b"." + encoded(mark)).decode()
    algorithm = "ES256" if key == "ec" else order.get("algorithm", "RS256")
    signer = keys["other"] if lie == "forged" else keys[key]
    if "kid" in header and header["kid"] is None:
        del header["kid"]
    signed = jwt.encode(claims, signer, algorithm=algorithm, headers=header)
    if lie == "changed":
        head, _, mark = signed.split(".")
        claims["groups"] = ["masters"]
        return ".".join([head, encoded(json.dumps(claims).encode()).decode(), mark])
    return signed


class Provider(http.server.BaseHTTPRequestHandler):
    def issuer(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def do_GET(self):
        path = urllib.parse.urlparse(self.path).path
        asked[path] = asked.get(path, 0) + 1
        if path == "/asked":
            return self.answer(asked)
        if path == "/.well-known/openid-configuration":
            base = self.issuer()
            self.answer({
                "issuer": base, "authorization_endpoint": f"{base}/authorize?tenant=1",
                "token_endpoint": f"{base}/token", "jwks_uri": f"{base}/keys",
                "userinfo_endpoint": f"{base}/userinfo",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code", "id_token"],
                "code_challenge_methods_supported": ["S256"],
                **now["description"]}, now.get("description_status", 200))
        elif path == "/keys":
            self.answer({"keys": [public(name) for name in now["jwks"]]}, now["jwks_status"])
        elif path == "/userinfo":
            order = self.headers["Authorization"].split(" ")[1]
            self.answer(json.loads(base64.urlsafe_b64decode(order + "=" * (-len(order) % 4))))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/now":
            now.update(json.loads(body))
            return self.answer({})
        form = dict(urllib.parse.parse_qsl(body))
        code = form["code"]
        order = json.loads(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
        challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if form.get("client_secret") != "client-secret" or challenge != order["challenge"]:
            return self.answer({"error": "invalid_client"}, 401)
        if "status" in order:
            return self.answer(order.get("body", {}), order["status"])
        self.answer({
            "id_token": token(order, self.issuer()), "token_type": "Bearer",
            "access_token": encoded(json.dumps(order.get("userinfo", {})).encode()).decode()})

    def answer(self, value, status=200):
        text = json.dumps(value).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "http://192.0.2.1/")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass


fake_server.serve(Provider, sys.argv[1])
