// A code in the address's fragment, which no server sees, is put into the form and out of the history. "?now" sends it.
const form = document.querySelector("form[data-pair]");
const code = new URLSearchParams(location.hash.slice(1)).get("code");
const now = new URLSearchParams(location.search).has("now");
if (form instanceof HTMLFormElement && code) {
  history.replaceState(null, "", location.pathname);
  const field = form.elements.namedItem("code");
  if (field instanceof HTMLInputElement) field.value = code;
  if (now) form.requestSubmit();
  else document.getElementById("person")?.focus();
}
