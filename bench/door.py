"""The row about strangers: how long others wait while many connections are held."""
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time

SILENT = 2100
READERS = 500
REQUESTS = 1000
TRICKLE_SECONDS = 5
LARGE_BYTES = 1 << 30
START_SECONDS_LIMIT = 30


class Door:
    """A coordinator without hosts, and those who knock."""

    def __init__(self, program, port):
        self.program, self.port = program, port
        self.folder = tempfile.mkdtemp(prefix="aibuild-door-")
        self.held, self.readers, self.ended = [], [], threading.Event()

    def __enter__(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 16384), limit))
        images = self.folder + "/www/images/build"
        os.makedirs(images)
        with open(images + "/large", "wb") as file:
            file.truncate(LARGE_BYTES)
        with open(self.folder + "/coordinator.yml", "w") as file:
            file.write("state_folder: %s/state\nweb_root: %s/www\n"
                       "api: {listen: 127.0.0.1, port: %d}\n"
                       % (self.folder, self.folder, self.port))
        self.log = open(self.folder + "/log", "w")
        self.server = subprocess.Popen(
            [self.program, "--config", self.folder + "/coordinator.yml"],
            stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + START_SECONDS_LIMIT
        while True:
            try:
                if self.request("/readyz")[1] == "200":
                    return self
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise SystemExit(open(self.folder + "/log").read())
            time.sleep(0.05)

    def __exit__(self, *_):
        self.ended.set()
        self.server.terminate()
        self.server.wait()
        self.log.close()
        for each in self.held + self.readers:
            each.close()
        shutil.rmtree(self.folder)

    def connect(self, source):
        return socket.create_connection(
            ("127.0.0.1", self.port), timeout=10, source_address=(source, 0))

    def request(self, path):
        """Seconds from the request to the end of the answer, and its status."""
        with self.connect("127.0.0.2") as connection:
            head = "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
            began = time.perf_counter()
            connection.sendall((head % (path, self.port)).encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return time.perf_counter() - began, answer.split(b" ", 2)[1].decode()

    def milliseconds(self):
        """The median and the 99th percentile of requests, all of which must be served."""
        times = []
        for _ in range(REQUESTS):
            seconds, code = self.request("/readyz")
            if code != "200":
                raise SystemExit("an honest request was answered with " + code)
            times.append(1000 * seconds)
        times.sort()
        return statistics.median(times), times[len(times) * 99 // 100]

    def hold(self):
        """Opens what strangers hold: connections that send nothing, or a byte now and then."""
        for index in range(SILENT):
            # From many addresses: one alone is held to its share.
            each = self.connect("127.0.%d.%d" % (10 + index % 20, 1 + index % 200))
            if index % 2:
                each.sendall(b"G")
            self.held.append(each)
        threading.Thread(target=self.trickle, daemon=True).start()
        for index in range(READERS):
            each = self.connect("127.0.%d.%d" % (40 + index % 20, 1 + index % 200))
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            head = "GET /images/build/large HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
            each.sendall((head % self.port).encode())
            self.readers.append(each)

    def trickle(self):
        while not self.ended.wait(TRICKLE_SECONDS):
            for each in self.held[1::2]:
                try:
                    each.sendall(b"E")
                except OSError:
                    pass
