"use strict";
/* The log of a build: what opens first, search, steps, times, follow. LogWindow has the lines. */
const buildLog = (() => {
  const pane = document.getElementById("log");
  if (!pane) return null;
  const at = id => document.getElementById(`log-${id}`);
  const api = `/api/v1/builds/${pane.dataset.build}/log`;
  const errorLine = Number(pane.dataset.error);
  let total = Number(pane.dataset.total), bytes = -1, isLive = pane.dataset.live === "true";
  let attempts = [], steps = [], marked = null, seen = total, asked = 0;
  /* What is shown: all lines but the hidden ones, or the numbers of those that look like errors. */
  let hidden = [], numbers = null;
  const collapsed = new Set();
  const search = { text: "", line: 0 };
  const get = async (path, signal) => {
    const answer = await fetch(`${api}/${path}`, { signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  };

  /* MARK: Positions and lines */
  const shown = () => numbers ? numbers.length
    : hidden.reduce((count, [from, to]) => count - (to - from + 1), total);
  function lineAt(position) {
    if (numbers) return numbers[position];
    let line = position + 1;
    for (const [from, to] of hidden) {
      if (line < from) break;
      line += to - from + 1;
    }
    return line;
  }
  /* Of the line, or of the next one that is shown. */
  function positionOf(line) {
    if (numbers) {
      const found = numbers.findIndex(number => number >= line);
      return found < 0 ? Math.max(0, numbers.length - 1) : found;
    }
    let position = line - 1;
    for (const [from, to] of hidden) {
      if (line < from) break;
      position -= Math.min(line, to) - from + 1;
    }
    return Math.max(0, Math.min(position, shown() - 1));
  }
  function hide() {
    hidden = [];
    for (const step of steps) {
      if (collapsed.has(step.firstLine) && step.lastLine > step.firstLine)
        hidden.push([step.firstLine + 1, step.lastLine]);
    }
  }
  function ranges(from, end) {
    const found = [];
    for (let position = from; position < end; position += 1) {
      const line = lineAt(position), last = found.at(-1);
      if (last && last[1] === line - 1) last[1] = line;
      else found.push([line, line]);
    }
    return found.map(([first, last]) => `${first}-${last}`).join(",");
  }
  const view = new LogWindow(pane, async (from, end, signal) => {
    const answer = await get(`lines?ranges=${ranges(from, end)}`, signal);
    attempts = answer.attempts;
    return answer.lines.map(line => dress(LogRow.make(line)));
  });
  view.count = total;

  /* MARK: What a row shows beside its text */
  function dress(row) {
    const { line } = row;
    LogRow.setTime(row, at("time").value, attempts[line.attempt - 1]?.startedAt);
    row.classList.toggle(
      "marked", marked !== null && line.number >= marked[0] && line.number <= marked[1]);
    row.classList.toggle("found", line.number === search.line);
    row.querySelector(".step")?.remove();
    const step = numbers ? null : steps.find(step => step.firstLine === line.number);
    if (!step) return row;
    const button = document.createElement("button"), isOpen = !collapsed.has(step.firstLine);
    const count = step.lastLine - step.firstLine;
    button.className = `step ${step.result}`;
    button.setAttribute("aria-expanded", isOpen);
    button.textContent = `${isOpen ? "▾" : "▸"} ${words(step)}`
      + (isOpen ? "" : `, ${count.toLocaleString("en")} lines hidden`);
    button.title = step.name;
    button.addEventListener("click", () => toggle(step, row));
    row.append(button);
    return row;
  }
  const words = step => step.seconds === undefined ? step.result
    : `${step.result} in ${step.seconds < 10 ? step.seconds.toFixed(1)
      : Math.round(step.seconds)} s`;
  function dressAll() {
    for (const row of view.rows) dress(row);
    highlight();
  }
  function highlight() {
    if (!globalThis.CSS?.highlights) return;
    CSS.highlights.delete("log-found");
    const wanted = search.text.toLowerCase();
    if (!wanted) return;
    CSS.highlights.set(
      "log-found", new Highlight(...view.rows.flatMap(row => LogRow.ranges(row, wanted))));
  }
  view.onFill = highlight;

  /* MARK: Places */
  async function goTo(line, isEnd = false) {
    letGo();
    const step = steps.find(step => step.firstLine < line && line <= step.lastLine);
    if (step && collapsed.delete(step.firstLine)) hide();
    if (numbers && !numbers.includes(line)) showErrors(false);
    view.count = shown();
    await view.open(positionOf(line), isEnd);
    dressAll();
  }
  async function toEnd() {
    view.count = shown();
    if (view.count) await view.open(view.count - 1, true);
    seen = total;
    if (isLive && !numbers) hold();
  }
  function readHash() {
    const match = /^#L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(location.hash);
    if (!match) return null;
    const line = Number(match[1]), other = Number(match[2] || match[1]);
    return [Math.min(line, other), Math.max(line, other)];
  }
  function mark(range) {
    marked = range;
    const hash = range[0] === range[1] ? `#L${range[0]}` : `#L${range[0]}-L${range[1]}`;
    history.replaceState(null, "", hash);
    dressAll();
  }
  pane.addEventListener("click", event => {
    const link = event.target.closest("a.n");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const line = link.parentElement.line.number, from = marked ? marked[0] : line;
    mark(event.shiftKey ? [Math.min(from, line), Math.max(from, line)] : [line, line]);
  });
  addEventListener("hashchange", () => {
    marked = readHash();
    if (marked) goTo(marked[0]);
  });
  at("place").addEventListener("submit", event => {
    event.preventDefault();
    const match = /^\s*(\d{1,12})(?:\s*-\s*(\d{1,12}))?\s*$/.exec(at("line").value);
    if (!match) return;
    const lines = [Number(match[1]), Number(match[2] || match[1])].sort((a, b) => a - b);
    mark(lines.map(line => Math.max(1, Math.min(line, total))));
    goTo(marked[0]);
  });

  /* MARK: Steps */
  async function readSteps() {
    asked = Date.now();
    steps = (await get("steps").catch(() => ({ items: [] }))).items;
    const select = at("step"), { value } = select;
    select.replaceChildren(new Option("Go to step", ""));
    for (const step of steps) {
      const name = (step.source ? `${step.source}: ` : "") + step.name;
      select.append(new Option(`${name} (${words(step)})`, step.firstLine));
    }
    select.value = value;
    hide();
    dressAll();
  }
  async function relayout(row) {
    const line = row ? row.line.number : lineAt(0);
    const offset = row ? row.offsetTop + row.parentElement.offsetTop - pane.scrollTop : 0;
    hide();
    view.count = shown();
    const opened = await view.open(positionOf(line));
    if (opened && row) pane.scrollTop += opened.getBoundingClientRect().top
      - pane.getBoundingClientRect().top - offset;
    dressAll();
  }
  const first = () => view.rows.find(
    row => row.getBoundingClientRect().bottom > pane.getBoundingClientRect().top);
  function toggle(step, row) {
    letGo();
    if (!collapsed.delete(step.firstLine)) collapsed.add(step.firstLine);
    relayout(row);
  }
  at("fold").addEventListener("click", () => {
    letGo();
    if (collapsed.size) collapsed.clear();
    else for (const step of steps) collapsed.add(step.firstLine);
    at("fold").setAttribute("aria-pressed", collapsed.size > 0);
    relayout(collapsed.size ? null : first());
  });
  at("step").addEventListener("change", () => {
    if (at("step").value) goTo(Number(at("step").value));
  });

  /* MARK: Follow */
  function hold() {
    view.isFollowing = at("follow").checked = true;
    at("paused").hidden = true;
    pane.scrollTop = pane.scrollHeight;
  }
  function letGo() {
    if (view.isFollowing) seen = total;
    view.isFollowing = at("follow").checked = false;
    tellPause();
  }
  function tellPause() {
    const count = total - seen;
    at("paused").hidden = view.isFollowing || !isLive;
    at("new").textContent = count > 0
      ? `Paused, ${count.toLocaleString("en")} new line${count === 1 ? "" : "s"}.` : "Paused.";
  }
  let height = 0;
  pane.addEventListener("scroll", () => {
    const isUp = pane.scrollTop < height - 2;
    height = pane.scrollTop;
    if (view.isFollowing && isUp && !view.isAtEnd) letGo();
    else if (!view.isFollowing && isLive && !isUp && !numbers && view.isAtEnd) hold();
  });
  at("resume").addEventListener("click", toEnd);
  at("follow").addEventListener("change", () => at("follow").checked ? toEnd() : letGo());
  function grow(count) {
    if (count.sizeBytes === bytes) return;
    [total, bytes] = [count.total, count.sizeBytes];
    if (!view.isFollowing) tellPause();
    if (!numbers) view.grow(shown());
    if (Date.now() - asked > 3000) readSteps();
  }
  function end() {
    isLive = false;
    view.isFollowing = at("follow").checked = false;
    at("paused").hidden = true;
    readSteps();
  }

  /* MARK: Search */
  let turn = 0;
  const query = more => "search?" + new URLSearchParams({
    ...search.text && { q: search.text }, ...numbers && { errors: "true" }, ...more });
  /* The same request goes on where the server stopped. */
  async function find(more) {
    const mine = ++turn;
    for (;;) {
      const found = await get(query({ count: 1, ...more }));
      if (mine !== turn) return null;
      if (found.isComplete) return found;
      at("count").textContent = `${found.total.toLocaleString("en")} in `
        + `${found.searchedLines.toLocaleString("en")} lines so far`;
    }
  }
  async function move(more, wrapped) {
    if (!search.text) return highlight();
    const found = await find(more);
    if (!found) return;
    if (!found.lines.length && found.total && wrapped) return move(wrapped);
    search.line = found.lines[0] || 0;
    at("count").textContent = found.total
      ? `${(found.before + 1).toLocaleString("en")} of ${found.total.toLocaleString("en")}`
      : "Not found";
    if (search.line) await goTo(search.line);
    else dressAll();
  }
  const next = () => move({ from: search.line + 1 }, { from: 1 });
  const previous = () => move({ before: Math.max(1, search.line) }, { before: total + 1 });
  let timer = 0;
  at("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      turn += 1;
      search.text = at("search").value;
      at("count").textContent = "";
      const top = first();
      search.line = search.text && top ? top.line.number - 1 : 0;
      if (search.text) next();
      else dressAll();
    }, 200);
  });
  at("search").addEventListener("keydown", event => {
    if (event.key === "Enter") {
      event.preventDefault();
      if (event.shiftKey) previous();
      else next();
    } else if (event.key === "Escape") pane.focus();
  });
  at("next").addEventListener("click", next);
  at("previous").addEventListener("click", previous);

  /* MARK: Errors only */
  const mostErrors = 10000;
  function showErrors(isOn, found) {
    numbers = isOn ? found.lines : null;
    at("errors").checked = isOn;
    at("note").textContent = !isOn ? "" : !found.total ? "No line looks like an error."
      : found.total > mostErrors
        ? `The first ${mostErrors.toLocaleString("en")} of ${found.total.toLocaleString("en")}.`
        : `${found.total.toLocaleString("en")} of ${total.toLocaleString("en")} lines.`;
    view.count = shown();
  }
  at("errors").addEventListener("change", async () => {
    const isOn = at("errors").checked, top = first()?.line.number || 1;
    letGo();
    let found;
    if (isOn) {
      do found = await get(`search?errors=true&count=${mostErrors}`);
      while (!found.isComplete);
    }
    showErrors(isOn, found);
    if (view.count) await view.open(positionOf(top));
    else view.clear();
    dressAll();
  });
  at("error").addEventListener("click", () => {
    mark([errorLine, errorLine]);
    goTo(errorLine);
  });

  /* MARK: Looks */
  const stored = key => { try { return localStorage.getItem(key); } catch { return null; } };
  const store = (key, value) => {
    try { localStorage.setItem(key, value); } catch { /* A private window. */ }
  };
  function setLooks() {
    pane.classList.toggle("nowrap", !at("wrap").checked);
    pane.dataset.time = at("time").value;
    store("log-wrap", at("wrap").checked ? "on" : "off");
    store("log-time", at("time").value);
    dressAll();
    view.settle();
    if (view.isFollowing) pane.scrollTop = pane.scrollHeight;
  }
  at("wrap").checked = stored("log-wrap") !== "off";
  at("time").value = ["relative", "absolute"].find(mode => mode === stored("log-time")) || "off";
  at("wrap").addEventListener("change", setLooks);
  at("time").addEventListener("change", setLooks);
  setLooks();

  /* MARK: Keys */
  const keysHere = {
    "/": ["search the log", () => at("search").focus()],
    n: ["next match", next], N: ["previous match", previous],
    e: ["the first error", () => errorLine && at("error").click()],
    l: ["go to a line", () => at("line").focus()],
    Home: ["the first line", () => goTo(1)], End: ["the end", toEnd],
    f: ["follow, or not", () => view.isFollowing ? letGo() : toEnd()],
    w: ["wrap lines, or not", () => at("wrap").click()],
  };
  keyLists.push(["While the log is selected", keysHere]);
  pane.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keysHere[event.key]) return;
    if (event.target !== pane) return;
    event.preventDefault();
    /* The same keys mean something else on the page. */
    event.stopPropagation();
    keysHere[event.key][1]();
  });

  marked = readHash();
  const start = marked ? marked[0] : errorLine;
  const isOpen = (total ? start ? goTo(Math.min(start, total)) : toEnd() : Promise.resolve())
    .then(() => { if (isLive && !start) hold(); })
    .finally(() => { performance.mark("log-open"); });
  readSteps();
  /* `isOpen` resolves when the first lines are there. */
  return { grow, end, isOpen, view };
})();
