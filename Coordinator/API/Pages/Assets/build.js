"use strict";
const log = document.getElementById("log"), search = document.getElementById("search");
const follow = document.getElementById("follow"), state = document.getElementById("state");
const phase = document.getElementById("phase"), fault = document.getElementById("fault");
const bar = document.getElementById("progress");
const kept = 20000, longestLine = 65536;
/* Lines that the next record of their stream continues, by stream. */
const open = {};
function hidden(text) {
  return search.value && !text.toLowerCase().includes(search.value.toLowerCase());
}
function draw(element, line) {
  const spans = line.runs.map(({ text, style }) => {
    const span = document.createElement("span"), css = span.style;
    span.textContent = text;
    const [front, back] = style.inverse
      ? [style.background || "#222", style.color || "#ccc"] : [style.color, style.background];
    if (front) css.color = front;
    if (back) css.backgroundColor = back;
    if (style.bold) css.fontWeight = "bold";
    if (style.faint) css.opacity = "0.7";
    if (style.italic) css.fontStyle = "italic";
    if (style.underline || style.struck)
      css.textDecoration = style.underline ? "underline" : "line-through";
    return span;
  });
  element.replaceChildren(...spans);
  if (!line.text) element.textContent = " ";
  element.classList.toggle("gone", hidden(element.textContent));
}
/* The new element for a record; none if it continues an open line. */
function show(record) {
  let entry = open[record.s];
  const isNew = !entry;
  if (isNew) {
    entry = { line: new TerminalLine(), element: document.createElement("div") };
    entry.element.className = record.s;
  }
  entry.line.write(record.m);
  draw(entry.element, entry.line);
  if (record.more && entry.line.cells.length < longestLine) open[record.s] = entry;
  else delete open[record.s];
  return isNew ? [entry.element] : [];
}
search.addEventListener("input", () => {
  for (const line of log.children) line.classList.toggle("gone", hidden(line.textContent));
});
const source = new EventSource(`/api/v1/builds/${log.dataset.build}/events`);
source.addEventListener("log", event => {
  const lines = document.createDocumentFragment();
  for (const text of event.data.split("\n")) lines.append(...show(JSON.parse(text)));
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
  fault.textContent = build.fault ? build.fault.reason : "";
  fault.hidden = !build.fault;
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
