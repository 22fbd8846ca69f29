/// The style sheet and the scripts: small, plain, no build step, no inline script anywhere.
enum StaticFiles {
    static let all: [String: (type: String, text: String)] = [
        "style.css": ("text/css; charset=utf-8", style),
        "overview.js": ("text/javascript; charset=utf-8", overview),
        "build.js": ("text/javascript; charset=utf-8", build),
    ]

    private static let style = """
        :root { color-scheme: light dark; --line: #8884;
                --ok: #2a7d3b; --bad: #c0362c; --run: #1f6feb }
        body { font: 15px/1.5 system-ui, sans-serif; margin: 0 }
        header { padding: .6rem 1rem; border-bottom: 1px solid var(--line) }
        header a { font-weight: 700; text-decoration: none; color: inherit }
        main { padding: 0 1rem 3rem; max-width: 90rem; margin: auto; overflow-x: auto }
        h1 { font-size: 1.25rem; margin: 1.4rem 0 .5rem } h2 { font-size: 1.05rem }
        table { border-collapse: collapse; width: 100% }
        th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
                 vertical-align: top }
        .facts th { width: 8rem; font-weight: 500 }
        .empty { opacity: .7 } .number { text-align: right }
        .badge { border-radius: .3rem; padding: .05rem .45rem; font-size: .85em;
                 color: #fff; background: #777 }
        .passed, .ready { background: var(--ok) }
        .failed, .unreachable, .quarantined { background: var(--bad) }
        .building, .collecting, .publishing, .testing, .connecting { background: var(--run) }
        .fault { white-space: pre-wrap; border-left: 3px solid var(--bad); padding: .4rem .8rem }
        .guest img { max-width: 100%; height: auto; border: 1px solid var(--line) }
        .guest pre { font: 13px/1.45 ui-monospace, monospace; background: #111; color: #ddd;
                     padding: .6rem; max-height: 30vh; overflow: auto; white-space: pre-wrap;
                     overflow-wrap: anywhere }
        #log { font: 13px/1.45 ui-monospace, monospace; background: #111; color: #ddd;
               padding: .6rem; height: 60vh; overflow: auto;
               white-space: pre-wrap; overflow-wrap: anywhere }
        #log .sys { color: #7cc4ff } #log .err { color: #ffb4a8 } #log .gone { display: none }
        progress { width: 100% }
        """

    private static let overview = """
        "use strict";
        const main = document.querySelector("main");
        let pending = false;
        async function refresh() {
          if (pending) return;
          pending = true;
          try {
            const answer = await fetch("/overview");
            if (answer.ok) main.innerHTML = await answer.text();
          } finally { setTimeout(() => { pending = false; }, 500); }
        }
        new EventSource("/api/v1/events").addEventListener("changed", refresh);
        setInterval(refresh, 10000);
        """

    private static let build = """
        "use strict";
        const log = document.getElementById("log"), search = document.getElementById("search");
        const follow = document.getElementById("follow"), state = document.getElementById("state");
        const phase = document.getElementById("phase"), bar = document.getElementById("progress");
        const ansi = /\\x1b\\[([0-9;]*)m/g, other = /\\x1b(\\[[0-9;?]*[A-Za-z]|[^\\[])/g;
        const colours = ["#888", "#f66", "#6c6", "#db4", "#68f", "#d7d", "#5cc", "#eee"];
        const kept = 20000;
        function hidden(text) {
          return search.value && !text.toLowerCase().includes(search.value.toLowerCase());
        }
        function show(record) {
          const line = document.createElement("div");
          line.className = record.s;
          let at = 0, colour = "";
          const text = record.m.replace(other, s => /m$/.test(s) && s[1] === "[" ? s : "");
          const add = piece => {
            if (!piece) return;
            const span = document.createElement("span");
            span.textContent = piece;
            if (colour) span.style.color = colour;
            line.append(span);
          };
          for (const match of text.matchAll(ansi)) {
            add(text.slice(at, match.index));
            at = match.index + match[0].length;
            for (const code of match[1].split(";").map(Number)) {
              if (code === 0 || code === 39) colour = "";
              if (code >= 30 && code <= 37) colour = colours[code - 30];
              if (code >= 90 && code <= 97) colour = colours[code - 90];
            }
          }
          add(text.slice(at));
          if (!line.firstChild) line.textContent = " ";
          if (hidden(line.textContent)) line.classList.add("gone");
          return line;
        }
        search.addEventListener("input", () => {
          for (const line of log.children) line.classList.toggle("gone", hidden(line.textContent));
        });
        const source = new EventSource(`/api/v1/builds/${log.dataset.build}/events`);
        source.addEventListener("log", event => {
          const lines = document.createDocumentFragment();
          for (const text of event.data.split("\\n")) lines.append(show(JSON.parse(text)));
          log.append(lines);
          while (log.childElementCount > kept) log.firstChild.remove();
          if (follow.checked) log.scrollTop = log.scrollHeight;
        });
        function showState(build) {
          const badge = document.createElement("b");
          badge.className = "badge " + build.state;
          badge.textContent = build.state;
          state.replaceChildren(badge);
          phase.textContent = build.phase || "";
          bar.hidden = !build.progress;
          const progress = build.progress;
          if (progress) bar.value = 100 * progress.doneBytes / progress.totalBytes;
        }
        source.addEventListener("state", event => showState(JSON.parse(event.data)));
        source.addEventListener("end", event => {
          source.close();
          const seen = document.querySelector(".facts").textContent.includes("SHA-256");
          showState(JSON.parse(event.data));
          if (!seen && JSON.parse(event.data).image) location.reload();
        });
        """
}
