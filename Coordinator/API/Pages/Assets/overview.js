"use strict";
const main = document.querySelector("main");
/* What changes during a refresh is fetched by the next one, half a second later. */
let isBusy = false, isStale = false;
async function refresh() {
  if (isBusy) { isStale = true; return; }
  isBusy = true;
  try {
    const answer = await fetch("/overview");
    if (answer.ok) main.innerHTML = await answer.text();
  } finally {
    setTimeout(() => {
      isBusy = false;
      if (isStale) { isStale = false; refresh(); }
    }, 500);
  }
}
new EventSource("/api/v1/events").addEventListener("changed", refresh);
setInterval(refresh, 10000);
