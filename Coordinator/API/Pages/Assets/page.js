"use strict";
/* What all pages do: follow the farm, tell how old they are, and send what buttons say. */
const connection = document.getElementById("connection");
/* A page that changes while it is read is fetched at most this often. */
const pauseMilliseconds = 1000;
/* The server says something every 15 s; a connection that is silent for longer is dead. */
const silenceMilliseconds = 40000;

/* Times. */
const zones = { utc: "UTC", own: Intl.DateTimeFormat().resolvedOptions().timeZone };
function zone() {
  try { return localStorage.getItem("zone") === "own" ? zones.own : zones.utc; } catch { return zones.utc; }
}
function age(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  const [count, unit] = seconds < 100 ? [seconds, "s"] : seconds < 6000 ? [seconds / 60, "min"]
    : seconds < 172800 ? [seconds / 3600, "h"] : [seconds / 86400, "d"];
  return milliseconds < 0 ? `in ${Math.round(count)} ${unit}` : `${Math.round(count)} ${unit} ago`;
}
function tellTimes(root = document) {
  const form = new Intl.DateTimeFormat("sv", {
    timeZone: zone(), year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (isNaN(date)) continue;
    const text = form.format(date), ago = age(Date.now() - date);
    if (time.dataset.text === text + ago) continue;
    time.dataset.text = text + ago;
    const small = document.createElement("small");
    small.textContent = ` ${ago}`;
    time.replaceChildren(text, small);
    time.title = `${time.dateTime} (${zone()})`;
  }
}
tellTimes();
setInterval(tellTimes, 15000);
function changeZone() {
  try { localStorage.setItem("zone", zone() === zones.own ? "utc" : "own"); } catch { return; }
  tellTimes();
}

/* Live parts. */
let shownAt = new Date(), isBusy = false, isStale = false;
function clock(date, part = {}) {
  return date.toLocaleTimeString("sv", { timeZone: zone(), ...part });
}
function tell(state) {
  connection.className = state;
  document.body.classList.toggle("stale", state === "offline");
  connection.textContent = state === "live" ? "Live"
    : state === "offline" ? `Offline: showing ${clock(shownAt)}`
    : `Reconnecting, as of ${clock(shownAt)}`;
}
/* Whether a change of the part would move what somebody points at, types into or reads aloud. */
function isInUse(part) {
  return part.matches(":hover") || part.contains(document.activeElement)
    || part.contains(getSelection()?.anchorNode) && !getSelection().isCollapsed;
}
function rowsOf(part) {
  return [...part.querySelectorAll("[data-key]")];
}
/* Shows what is new in rows that stay where they are.
   Returns how many rows would come or go. */
function updateRows(part, fresh) {
  const wanted = new Map(rowsOf(fresh).map(row => [row.dataset.key, row]));
  let changes = 0;
  for (const row of rowsOf(part)) {
    const other = wanted.get(row.dataset.key);
    if (!other) { changes++; continue; }
    wanted.delete(row.dataset.key);
    if (row.contains(document.activeElement)) continue;
    const [cells, others] = [row.children, other.children];
    for (let i = 0; i < cells.length; i++)
      if (others[i] && cells[i].dataset.html !== others[i].innerHTML) {
        cells[i].dataset.html = others[i].innerHTML;
        cells[i].innerHTML = others[i].innerHTML;
      }
  }
  tellTimes(part);
  return changes + wanted.size;
}
function show(part, fresh) {
  if (part.dataset.html === fresh.innerHTML) return;
  if (isInUse(part)) {
    const changes = updateRows(part, fresh);
    let button = part.querySelector(":scope > .fresh");
    if (!changes) return button?.remove();
    if (!button) {
      button = document.createElement("button");
      button.className = "fresh";
      part.querySelector("h2")?.after(button);
    }
    button.textContent = `${changes} changed: show`;
    button.onclick = () => replace(part, fresh);
    return;
  }
  replace(part, fresh);
}
function replace(part, fresh) {
  const html = fresh.innerHTML;
  part.innerHTML = html;
  part.dataset.html = html;
  tellTimes(part);
}
async function refresh() {
  if (isBusy) { isStale = true; return; }
  isBusy = true;
  isStale = false;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.assign(answer.url);
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(part.id);
        if (fresh) show(part, fresh);
      }
      shownAt = new Date();
      tell("live");
    }
  } catch { /* The stream of events notices, and says so. */ } finally {
    setTimeout(() => {
      isBusy = false;
      if (isStale) refresh();
    }, pauseMilliseconds);
  }
}
/* A stream of events that is opened again until it works; `tell` hears how it goes. */
function follow(url, listeners) {
  let source, lastHeard = Date.now(), isLost = false;
  function open() {
    source?.close();
    source = new EventSource(url);
    lastHeard = Date.now();
    const heard = () => { lastHeard = Date.now(); isLost = false; tell("live"); };
    source.onopen = heard;
    source.addEventListener("alive", heard);
    source.onerror = () => {
      if (!isLost) tell("reconnecting");
      /* The browser tries again by itself, unless the answer was a refusal. */
      if (source.readyState === 2) lost();
    };
    for (const [name, listener] of Object.entries(listeners))
      source.addEventListener(name, event => { heard(); listener(event, source); });
  }
  async function lost() {
    isLost = true;
    tell("offline");
    source.close();
    await moveToLeader();
    setTimeout(open, 5000);
  }
  setInterval(() => {
    if (source.readyState !== 2 && Date.now() - lastHeard > silenceMilliseconds) lost();
  }, 5000);
  open();
}
/* Another coordinator may lead by now; this one knows where it is. */
async function moveToLeader() {
  const answer = await fetch("/api/v1/leader").catch(() => null);
  const leader = answer?.ok && await answer.json().catch(() => null);
  if (leader?.url && !leader.isLeading && new URL(leader.url).origin !== location.origin)
    location.assign(leader.url + location.pathname + location.search + location.hash);
}
if (connection?.dataset.events) follow(connection.dataset.events, { changed: refresh });

/* Buttons. */
async function send(button) {
  const { post, question, field, ask } = button.dataset;
  const body = JSON.parse(button.dataset.body || "{}");
  if (question && !confirm(question)) return;
  if (ask) {
    const reason = prompt(ask);
    if (reason === null) return;
    body[field] = reason;
  }
  button.disabled = true;
  const response = await fetch(post, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  }).catch(() => null);
  if (response?.ok) return location.reload();
  const problem = response ? await response.json().catch(() => ({})) : {};
  let note = button.parentElement.querySelector("[role=alert]");
  if (!note) {
    note = document.createElement("p");
    note.className = "problem";
    note.setAttribute("role", "alert");
    button.parentElement.append(note);
  }
  note.textContent = [problem.detail || "The coordinator did not answer. Reload the page.",
    problem.remedy].filter(Boolean).join(". ");
  button.disabled = false;
}
document.addEventListener("click", event => {
  const button = event.target.closest("button[data-post]");
  if (button) send(button);
});

/* Keys, as people know them from elsewhere; none while somebody types. */
const keys = {
  "?": ["list these keys", () => document.getElementById("keys")?.showModal() ?? listKeys()],
  z: ["times in your zone, or in UTC", changeZone],
  r: ["reload", () => location.reload()],
  "/": ["search", () => document.querySelector("[type=search]")?.focus()],
  g: ["the farm", () => location.assign("/")],
  o: ["guest OSes", () => location.assign("/guestos")],
  h: ["hosts", () => location.assign("/hosts")],
  e: ["releases", () => location.assign("/releases")],
};
/* Parts of a page add those of their own. */
const keyLists = [["Everywhere", keys]];
function listKeys() {
  const dialog = document.createElement("dialog");
  dialog.id = "keys";
  dialog.setAttribute("aria-label", "Keys");
  for (const [place, list] of keyLists) dialog.append(...keyList(place, list));
  const form = document.createElement("form"), close = document.createElement("button");
  form.method = "dialog";
  close.textContent = "Close";
  form.append(close);
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
}
function keyList(place, keys) {
  const heading = document.createElement("h2"), list = document.createElement("dl");
  heading.textContent = place;
  list.className = "facts";
  for (const [key, [what]] of Object.entries(keys)) {
    const name = document.createElement("dt"), text = document.createElement("dd");
    const cap = document.createElement("kbd");
    cap.textContent = key;
    name.append(cap);
    text.textContent = what;
    list.append(name, text);
  }
  return [heading, list];
}
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (keys[event.key]) event.preventDefault();
  keys[event.key]?.[1]();
});
