"""The log on the page of a build with a million lines, in a real Chromium, and its followers.

The browser is driven as WebDriver says; it sends the farm's token with every request."""
import http.client
import json
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import time

LINES = 1_000_000
PLACES = ("#L1", "#L250000", "#L500000", "#L999000", "")
OPEN_ROUNDS = 5
SCROLL_SECONDS = 6
FOLLOWERS = 500
ELEMENT_LIMIT_SECONDS = 60

# Scrolls as a person does who looks for something, and notes when each frame was drawn.
SCROLL = """
const [seconds, done] = arguments, pane = document.getElementById("log"), frames = [];
let most = 0;
const start = performance.now();
function step(now) {
  frames.push(now);
  most = Math.max(most, document.querySelectorAll("#log .line").length);
  pane.scrollTop += 50;
  if (now - start < seconds * 1000) requestAnimationFrame(step);
  else done(JSON.stringify({ frames, most }));
}
requestAnimationFrame(step);
"""


class Browser:
    def __init__(self, port, token):
        self.folder = tempfile.mkdtemp(prefix="aib-bench-browser")
        self.port = port
        self.driver = subprocess.Popen(["chromedriver", "--port=%d" % port],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + ELEMENT_LIMIT_SECONDS
        while True:
            try:
                self.ask("GET", "/status")
                break
            except OSError:
                if time.monotonic() > limit:
                    raise SystemExit("chromedriver does not start")
                time.sleep(0.1)
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--no-first-run", "--disable-background-networking", "--window-size=1280,900",
                     "--user-data-dir=" + self.folder]
        self.session = "/session/" + self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": arguments}}}})["sessionId"]
        self.ask("POST", self.session + "/timeouts", {"script": 120_000})
        self.developer("Network.enable", {})
        self.developer("Network.setExtraHTTPHeaders", {"headers": token})

    def ask(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        link.request(method, path, json.dumps(body) if body is not None else None,
                     {"Content-Type": "application/json"})
        answer = json.loads(link.getresponse().read())["value"]
        link.close()
        if isinstance(answer, dict) and "error" in answer:
            raise SystemExit("%s: %s" % (path, answer))
        return answer

    def developer(self, command, fields):
        return self.ask("POST", self.session + "/goog/cdp/execute",
                        {"cmd": command, "params": fields})

    def open(self, url):
        self.ask("POST", self.session + "/url", {"url": url})

    def run(self, script, *arguments):
        return self.ask("POST", self.session + "/execute/sync",
                        {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        return self.ask("POST", self.session + "/execute/async",
                        {"script": script, "args": list(arguments)})

    def open_milliseconds(self, url):
        """From the start of the navigation until the lines are there."""
        self.open("about:blank")
        self.open(url)
        return self.run_async("""
            const done = arguments[0];
            buildLog.isOpen.then(() => requestAnimationFrame(() =>
              done(performance.getEntriesByName("log-open")[0].startTime)));""")

    def tab_mb(self):
        """Of the process that draws the page, without what it shares with others."""
        worst = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open("/proc/%s/cmdline" % pid).read()
                if "--type=renderer" not in words or self.folder not in words:
                    continue
                for line in open("/proc/%s/smaps_rollup" % pid):
                    if line.startswith("Pss:"):
                        worst = max(worst, int(line.split()[1]) / 1024)
            except OSError:
                continue
        return worst

    def close(self):
        try:
            self.ask("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.folder, ignore_errors=True)


def scrolling(browser):
    """Frames a second, the longest frame in milliseconds, and the most lines in the page."""
    seen = json.loads(browser.run_async(SCROLL, SCROLL_SECONDS))
    frames = seen["frames"]
    gaps = [later - earlier for earlier, later in zip(frames, frames[1:])]
    return 1000 * len(gaps) / (frames[-1] - frames[0]), max(gaps), seen["most"]


class Followers:
    """Many pages that follow one build, as far as the coordinator can tell: each has a stream."""

    def __init__(self, farm, build):
        self.selector = selectors.DefaultSelector()
        self.links = []
        for _ in range(FOLLOWERS):
            link = socket.create_connection(("127.0.0.1", farm.port))
            link.sendall(("GET /api/v1/builds/%s/events?log=count HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                          "Authorization: %s\r\n\r\n" % (
                              build, farm.port, farm.login()["Authorization"])).encode())
            link.setblocking(False)
            self.selector.register(link, selectors.EVENT_READ)
            self.links.append(link)

    def read(self, seconds):
        """Returns how many of them got the length of the log."""
        told, limit = set(), time.monotonic() + seconds
        while time.monotonic() < limit:
            for key, _ in self.selector.select(0.1):
                data = key.fileobj.recv(1 << 16)
                if b"event: lines" in data:
                    told.add(key.fd)
                if not data:
                    self.selector.unregister(key.fileobj)
        return len(told)

    def close(self):
        for link in self.links:
            link.close()
