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
