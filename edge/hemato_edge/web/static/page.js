// What every page needs: dialogs, forms that are sent once, and requests for changes.

/** @returns {string} a key that makes a repeated request the same one */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}

/**
 * Ask for a change; tries once more, with the same key, where the connection broke.
 * @param {string} path @param {Record<string, unknown>} said
 * @returns {Promise<{ok: boolean, status: number, told: any}>}
 */
export async function send(path, said) {
  const body = JSON.stringify({ key: newKey(), ...said });
  const token = document.querySelector('meta[name="token"]')?.getAttribute("content") ?? "";
  const headers = { "Content-Type": "application/json", "X-Hemato-Token": token, Accept: "application/json" };
  for (let again = true; ; again = false) {
    try {
      const answer = await fetch(path, { method: "POST", headers, body });
      return { ok: answer.ok, status: answer.status, told: await answer.json() };
    } catch (error) {
      if (!again) return { ok: false, status: 0, told: { error: String(error), fix: "" } };
    }
  }
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const opener = target?.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.getAttribute("data-opens") ?? "");
    if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
  }
  if (target?.closest("[data-closes]")) target.closest("dialog")?.close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.removeAttribute("open");
  }
});

// A form with data-once says a key, and its buttons rest while it is under way: pressing twice is asking once.
for (const form of document.querySelectorAll("form[data-once]")) {
  const key = document.createElement("input");
  key.type = "hidden";
  key.name = "key";
  key.value = newKey();
  form.append(key);
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("data-sent")) event.preventDefault();
    form.setAttribute("data-sent", "");
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) form.removeAttribute("data-sent");
});
