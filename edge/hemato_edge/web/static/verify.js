// Verification, one cell after the other: named by tap or key, the next by itself; nothing of the program's answers.
import { send } from "./page.js";

const AHEAD = 3;
const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-verify]"));
const image = /** @type {HTMLImageElement} */ (document.querySelector("[data-picture]"));
const trouble = /** @type {HTMLElement} */ (document.querySelector(".review-trouble"));
const progress = /** @type {HTMLProgressElement} */ (document.querySelector("[data-progress]"));
const undoForm = /** @type {HTMLFormElement} */ (document.querySelector("[data-undo]"));
const undoButton = /** @type {HTMLButtonElement} */ (undoForm.querySelector("button"));
const by = form.elements.namedItem("by").value;
const letters = new Map(Array.from(form.querySelectorAll(".name-button"), (one) => [one.querySelector("b")?.textContent?.toLowerCase() ?? "", one.value]));
/** @type {any[]} */ let cells = [];
/** @type {any[]} */ const done = [];
let named = 0, busy = false;
load();

async function load() {
  const answer = await fetch(form.dataset.list, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const told = await answer.json();
  [cells, named] = [told.cells, told.named];
  show();
}

function show() {
  const cell = cells[0];
  if (!cell) return location.assign(form.dataset.done);
  image.src = cell.picture;
  progress.max = named + cells.length;
  progress.value = named;
  document.querySelector("[data-place]").textContent = `${named + 1} / ${named + cells.length}`;
  for (const key of ["session", "field", "cell"]) form.elements.namedItem(key).value = cell[key];
  undoButton.disabled = !done.length;
  for (const next of cells.slice(1, 1 + AHEAD)) new Image().src = next.picture;
}

function say(text) {
  trouble.hidden = !text;
  trouble.textContent = text;
}

async function name(label) {
  const cell = cells[0];
  if (!cell || busy) return;
  busy = true;
  const answer = await send("/verify/name", { session: cell.session, field: cell.field, cell: cell.cell, label, by });
  busy = false;
  if (!answer.ok) return say(`${answer.told.error ?? ""} ${answer.told.fix ?? ""}`);
  say("");
  done.push(cells.shift());
  named += 1;
  show();
}

async function undo() {
  const last = done.at(-1);
  if (!last || busy) return;
  busy = true;
  const answer = await send("/verify/undo", { session: last.session, by });
  busy = false;
  if (!answer.ok) return say(`${answer.told.error ?? ""} ${answer.told.fix ?? ""}`);
  say("");
  cells.unshift(done.pop());
  named -= 1;
  show();
}

form.addEventListener("submit", (event) => {
  if (!cells.length) return; // before the list is there the form works by itself
  event.preventDefault();
  if (event.submitter?.value) name(event.submitter.value);
});
undoForm.addEventListener("submit", (event) => {
  if (!cells.length) return;
  event.preventDefault();
  undo();
});
function later() { if (cells.length > 1) { cells.push(cells.shift()); show(); } }
document.querySelector("[data-skip]")?.addEventListener("click", later);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const key = event.key.toLowerCase();
  if (key === "z") undo();
  else if (key === "s" || key === "arrowright") later();
  else if (letters.has(key)) name(letters.get(key));
  else return;
  event.preventDefault();
});
