"use strict";
const log = document.getElementById("log"), search = document.getElementById("search");
const follow = document.getElementById("follow"), state = document.getElementById("state");
const phase = document.getElementById("phase"), bar = document.getElementById("progress");
const ansi = /\x1b\[([0-9;]*)m/g, other = /\x1b(\[[0-9;?]*[A-Za-z]|[^\[])/g;
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
  for (const text of event.data.split("\n")) lines.append(show(JSON.parse(text)));
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
