"use strict";
async function answer(button) {
  const { release, verb } = button.dataset;
  let reason = "";
  if (verb === "refuse") {
    reason = prompt("Why is it refused?");
    if (reason === null) return;
  }
  const row = button.closest("td");
  for (const other of row.querySelectorAll("button")) other.disabled = true;
  const response = await fetch(`/api/v1/releases/${encodeURIComponent(release)}/${verb}`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ reason }),
  }).catch(() => null);
  if (response && response.ok) return location.reload();
  const problem = response ? await response.json().catch(() => ({})) : {};
  const note = document.createElement("p");
  note.setAttribute("role", "alert");
  note.textContent = problem.detail || "The coordinator did not answer. Reload the page.";
  row.append(note);
  for (const other of row.querySelectorAll("button")) other.disabled = false;
}
document.addEventListener("click", event => {
  const button = event.target.closest("button[data-release]");
  if (button) answer(button);
});
