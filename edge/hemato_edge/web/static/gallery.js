// The gallery: several cells are selected, by mouse or keyboard, and moved to another class at once.
import { send } from "./page.js";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-gallery]"));
const session = Number(root.dataset.session), may = root.dataset.may === "1";
const trouble = /** @type {HTMLElement} */ (root.querySelector(".review-trouble"));
const to = /** @type {HTMLSelectElement | null} */ (document.querySelector("[data-to]")), move = document.querySelector("[data-move]");
const boxes = () => Array.from(root.querySelectorAll("input[type=checkbox]"));
const chosen = () => boxes().filter((one) => one.checked);
/** @type {HTMLInputElement | null} */ let last = null;

function tell() {
  const number = chosen().length, shown = document.querySelector("[data-selected]");
  if (shown) shown.textContent = number ? String(number) : "";
  if (move) move.disabled = !number;
}

root.addEventListener("click", (event) => {
  const box = event.target instanceof HTMLInputElement ? event.target : null;
  if (!box) return;
  if (event.shiftKey && last) {
    const all = boxes(), [a, b] = [all.indexOf(last), all.indexOf(box)].sort((x, y) => x - y);
    for (const one of all.slice(a, b + 1)) one.checked = box.checked;
  }
  last = box;
  tell();
});

async function moveTo(label) {
  if (!may) return;
  trouble.hidden = true;
  for (const box of chosen()) {
    const [field, cell] = box.value.split(":").map(Number);
    const answer = await send("/review/name", { session, field, cell, label, standing: box.dataset.name });
    if (!answer.ok) {
      trouble.hidden = false;
      trouble.textContent = `${answer.told.error ?? ""} ${answer.told.fix ?? ""}`;
      return;
    }
  }
  location.reload();
}

move?.addEventListener("click", () => moveTo(to.value));
document.querySelector("[data-none]")?.addEventListener("click", () => { for (const one of boxes()) one.checked = false; tell(); });
document.querySelector("[data-gallery-undo]")?.addEventListener("click", async () => {
  const answer = await send("/review/undo", { session });
  if (answer.ok) return location.reload();
  trouble.hidden = false;
  trouble.textContent = `${answer.told.error ?? ""} ${answer.told.fix ?? ""}`;
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, dialog[open]")) return;
  const all = boxes(), here = all.indexOf(document.activeElement), steps = { ArrowRight: 1, ArrowLeft: -1 };
  if (event.key in steps && here >= 0) {
    const next = all[Math.max(0, Math.min(all.length - 1, here + steps[event.key]))];
    next.focus();
    if (event.shiftKey) { next.checked = true; tell(); }
    event.preventDefault();
    return;
  }
  const option = Array.from(to?.options ?? []).find((one) => one.textContent.trim().startsWith(`${event.key.toLowerCase()} `));
  if (option && chosen().length) { event.preventDefault(); moveTo(option.value); }
});
tell();
