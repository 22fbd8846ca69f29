"""The rows about signing in: what judging a token costs, and what a sign-in costs others."""
import http.client
import json
import statistics
import threading
import time

from door import Door

REQUESTS = 5000
TOKENS = 90
SIGN_INS = 200
PASSWORD = "correct horse battery"


class Access(Door):
    """A coordinator with users, and those who sign in."""

    def call(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": "Bearer " + (token or self.machine_token)}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body), "application/json"
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    @property
    def machine_token(self):
        with open(self.folder + "/state/api.token") as file:
            return file.read().strip()

    def add_users(self, names):
        for name in names:
            status, answer = self.call("PUT", "/api/v1/users/" + name, {
                "isNew": True, "role": "operator", "password": PASSWORD})
            if status != 201:
                raise SystemExit("cannot add %s: %s" % (name, answer))

    def sign_in(self, name):
        status, answer = self.call(
            "POST", "/api/v1/sign-in", {"name": name, "password": PASSWORD})
        if status != 201:
            raise SystemExit("cannot sign in %s: %s" % (name, answer))
        return answer["token"]

    def fill(self, token):
        """As many tokens as a team has."""
        for number in range(TOKENS):
            self.call("POST", "/api/v1/tokens", {"name": "t%d" % number}, token)

    def microseconds(self, path, token=None, count=REQUESTS):
        """Median and 99th percentile over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": "Bearer " + token} if token else {}
        times = []
        for _ in range(count):
            start = time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            times.append((time.perf_counter() - start) * 1e6)
            if answer.status != 200:
                raise SystemExit("%s: status %d" % (path, answer.status))
        connection.close()
        times.sort()
        return statistics.median(times), times[int(len(times) * 0.99)]

    def crowd(self, names):
        """Everybody signs in at once. - Returns: 99th percentile of others' requests meanwhile,
        in ms, and the seconds until the last one was in."""
        start = time.monotonic()
        threads = [threading.Thread(target=self.sign_in, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        times = []
        while any(thread.is_alive() for thread in threads):
            times.append(self.microseconds("/healthz", count=50)[1] / 1000)
        return max(times), time.monotonic() - start
