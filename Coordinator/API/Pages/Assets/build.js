"use strict";
const state = document.getElementById("state");
const phase = document.getElementById("phase"), fault = document.getElementById("fault");
const bar = document.getElementById("progress");
/* The class and the shape of each state. */
const looks = JSON.parse(state.dataset.looks);
function showState(build) {
  const badge = document.createElement("span"), shape = document.createElement("span");
  const [look, mark] = looks[build.state];
  badge.className = `state ${look}`;
  shape.textContent = mark;
  shape.setAttribute("aria-hidden", true);
  badge.append(shape, ` ${build.state}`);
  state.replaceChildren(badge);
  phase.textContent = build.phase || "";
  fault.textContent = build.fault ? build.fault.reason : "";
  fault.hidden = !build.fault;
  bar.hidden = !build.progress;
  const progress = build.progress;
  if (progress) bar.value = 100 * progress.doneBytes / progress.totalBytes;
}
/* The one stream of this page. It says how long the log is; the viewer reads what it shows. */
const { build } = document.querySelector("[data-build]").dataset;
follow(`/api/v1/builds/${build}/events?log=count`, {
  lines: event => buildLog?.grow(JSON.parse(event.data)),
  state: event => showState(JSON.parse(event.data)),
  end: (event, source) => {
    source.close();
    const seen = document.querySelector(".facts").textContent.includes("SHA-256");
    showState(JSON.parse(event.data));
    buildLog?.end();
    if (!seen && JSON.parse(event.data).image) location.reload();
  },
});
