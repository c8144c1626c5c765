// Review, one cell after the other: names by tap or key, the next by itself, undo, and what spoke for an answer.
import { send } from "./page.js";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-review]"));
const AHEAD = 3;
const session = Number(root.dataset.session), shown = root.dataset.show ?? "doubt", may = root.dataset.may === "1";
const form = /** @type {HTMLFormElement | null} */ (root.querySelector("[data-names]"));
const trouble = /** @type {HTMLElement} */ (root.querySelector(".review-trouble"));
/** @type {any[]} */ let cells = [];
/** @type {Record<string, string[]>} */ let references = {};
/** @type {number[]} */ const done = [];
let at = Number(root.dataset.at), keysOn = localStorage.getItem("review-keys") !== "off", mapOn = false, busy = false;

const words = new Map(Array.from(root.querySelectorAll(".review-all .name-button"), (one) => [one.value, one.textContent?.trim().slice(1).trim() ?? one.value]));
const letters = new Map(Array.from(root.querySelectorAll(".review-all .name-button"), (one) => [one.querySelector("b")?.textContent?.toLowerCase() ?? "", one.value]));

document.querySelector("[data-filter]")?.addEventListener("change", (event) => event.target.form.submit());
load();

async function load() {
  const answer = await fetch(`/review/cells?session=${session}&show=${encodeURIComponent(shown)}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const told = await answer.json();
  [cells, references] = [told.cells, told.references];
  if (cells.length && form) show();
}

function show() {
  const cell = cells[at];
  const place = document.querySelector("[data-place]");
  if (place) place.textContent = cells.length ? `${at + 1} / ${cells.length}` : "";
  if (!cell) return;
  const image = root.querySelector("[data-picture]"), none = root.querySelector("[data-no-picture]"), figure = root.querySelector(".review-picture");
  image.hidden = !cell.picture;
  none.hidden = Boolean(cell.picture);
  if (cell.picture) image.src = cell.picture;
  image.alt = `${cell.field}:${cell.cell}`;
  figure.className = `review-picture c-${cell.name}`;
  root.querySelector("[data-name]").textContent = words.get(cell.name) ?? cell.name;
  root.querySelector("[data-guess]").textContent = cell.guesses.map(([label, share]) => `${words.get(label) ?? label} ${Math.round(100 * share)} %`).join(", ");
  root.querySelector("[data-words]").textContent = cell.words;
  const likely = root.querySelector("[data-likely]");
  likely.replaceChildren(...cell.guesses.map(([label]) => {
    const button = root.querySelector(`.review-all [value="${label}"]`).cloneNode(true);
    button.hidden = false;
    button.classList.add("likely");
    return button;
  }));
  const guessed = cell.guesses.map(([label]) => label);
  for (const button of root.querySelectorAll(".review-all .name-button")) button.hidden = guessed.includes(button.value);
  for (const button of form.querySelectorAll(".name-button")) button.setAttribute("aria-pressed", String(button.value === cell.name && cell.named));
  const beside = root.querySelector("[data-references]");
  const surest = (references[cell.guesses[0]?.[0]] ?? []).filter((one) => one !== cell.picture);
  beside.hidden = !surest.length;
  beside.querySelector("div").replaceChildren(...surest.map((address) => Object.assign(new Image(64, 64), { src: address, alt: "", loading: "lazy" })));
  for (const next of cells.slice(at + 1, at + 1 + AHEAD)) if (next.picture) new Image().src = next.picture;
  drawMap();
}

async function drawMap() {
  const canvas = root.querySelector("[data-map]"), cell = cells[at];
  canvas.hidden = true;
  if (!mapOn || !cell?.picture) return;
  const answer = await fetch(`${cell.picture}/map`);
  const rows = answer.ok ? (await answer.json()).rows : [];
  if (!rows.length || cells[at] !== cell) return;
  [canvas.width, canvas.height] = [rows[0].length, rows.length];
  const context = canvas.getContext("2d"), pixels = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, i) => pixels.data.set([255, 255 - value, 0, Math.round(0.75 * value)], 4 * i));
  context.putImageData(pixels, 0, 0);
  canvas.hidden = false;
}

function say(text) {
  trouble.hidden = !text;
  trouble.textContent = text;
}

async function name(label) {
  const cell = cells[at];
  if (!cell || busy || !may) return;
  busy = true;
  const answer = await send("/review/name", { session, field: cell.field, cell: cell.cell, label, standing: cell.name });
  busy = false;
  if (!answer.ok) {
    say(`${answer.told.error ?? ""} ${answer.told.fix ?? ""}`);
    if (answer.status === 409) {
      const fresh = await (await fetch(`/review/cells?session=${session}&show=all`)).json();
      const now = fresh.cells.find((one) => one.field === cell.field && one.cell === cell.cell);
      if (now) { cells[at] = now; show(); }
    }
    return;
  }
  say("");
  Object.assign(cell, { name: label, named: true });
  done.push(at);
  renew();
  go(1);
}

async function undo() {
  if (busy || !may) return;
  busy = true;
  const answer = await send("/review/undo", { session });
  busy = false;
  if (!answer.ok) return say(`${answer.told.error ?? ""} ${answer.told.fix ?? ""}`);
  const undone = answer.told.undone;
  if (!undone) return say("–");
  const found = cells.findIndex((one) => one.field === undone.field && one.cell === undone.cell);
  if (found >= 0) {
    Object.assign(cells[found], { name: undone.label, named: undone.label !== cells[found].machine });
    at = found;
    done.pop();
    show();
  }
  say("");
  renew();
}

function go(step) {
  if (!cells.length) return;
  if (at + step >= cells.length) {
    const left = cells.findIndex((one) => !one.named);
    if ((shown === "doubt" || shown === "unnamed") && left < 0) return location.assign(`/sessions/${session}`);
  }
  at = Math.max(0, Math.min(cells.length - 1, at + step));
  show();
}

async function renew() {
  const answer = await fetch(`/review/tally?session=${session}`, { headers: { Accept: "text/html" } });
  const beside = document.querySelector("[data-tally]");
  if (answer.ok && beside) beside.innerHTML = await answer.text(); // rendered and escaped by our own server
}

form?.addEventListener("submit", (event) => {
  if (!cells.length) return; // before the list is there the form works by itself
  event.preventDefault();
  if (event.submitter?.value) name(event.submitter.value);
});
document.querySelector("[data-undo]")?.addEventListener("submit", (event) => { event.preventDefault(); undo(); });
document.querySelector("[data-back]")?.addEventListener("click", () => go(-1));
document.querySelector("[data-skip]")?.addEventListener("click", () => go(1));
const why = document.querySelector("[data-map-toggle]"), keys = document.querySelector("[data-keys-toggle]");
function toggleMap() { mapOn = !mapOn; why?.setAttribute("aria-pressed", String(mapOn)); drawMap(); }
why?.addEventListener("click", toggleMap);
keys?.setAttribute("aria-pressed", String(keysOn));
keys?.addEventListener("click", () => { keysOn = !keysOn; localStorage.setItem("review-keys", keysOn ? "on" : "off"); keys.setAttribute("aria-pressed", String(keysOn)); });

document.addEventListener("keydown", (event) => {
  const held = event.ctrlKey || event.metaKey || event.altKey;
  if (!keysOn || held || event.target.closest("input, select, textarea, dialog[open]") || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (key === "arrowright" || key === "s") go(1);
  else if (key === "arrowleft") go(-1);
  else if (key === "z") undo();
  else if (key === "w") toggleMap();
  else if (key === "y" && cells[at]) name(cells[at].best);
  else if (key === "?") document.getElementById("review-help")?.showModal();
  else if (letters.has(key)) name(letters.get(key));
  else return;
  event.preventDefault();
});
