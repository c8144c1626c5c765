// Forms whose answer takes seconds say so while it is under way.
for (const form of document.querySelectorAll("form[data-waits]")) {
  form.addEventListener("submit", () => {
    const words = form.querySelector(".walk-wait") ?? document.querySelector(".walk-wait");
    if (words instanceof HTMLElement) {
      words.hidden = false;
      words.scrollIntoView({ block: "nearest" });
    }
  });
}
window.addEventListener("pageshow", () => {
  for (const words of document.querySelectorAll(".walk-wait")) words.hidden = true;
});
