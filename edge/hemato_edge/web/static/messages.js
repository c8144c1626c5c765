// One message at a time, the most important one; it comes after 0.7 s of its cause and stays 1.5 s: nothing flickers.

const AFTER_MS = 700, STAYS_MS = 1500;
const GRAVE = new Set(["shut", "camera", "disk", "board"]);

export class Messages extends EventTarget {
  /** @param {HTMLElement} shown where it stands @param {HTMLElement} list of all, in their order */
  constructor(shown, list) {
    super();
    this.shown = shown;
    this.all = Array.from(list.querySelectorAll("[data-message]"));
    /** @type {Map<string, {since: number, until: number}>} */
    this.causes = new Map();
    this.now = "";
    setInterval(() => this.turn(), 100);
  }

  /** @param {string} name @param {boolean} there whether its cause is there now */
  cause(name, there) {
    const known = this.causes.get(name);
    if (there) this.causes.set(name, { since: known?.until === Infinity ? known.since : performance.now(), until: Infinity });
    else if (known && known.until === Infinity) this.causes.set(name, { since: known.since, until: performance.now() });
  }

  turn() {
    const now = performance.now();
    const due = this.all.find((one) => {
      const cause = this.causes.get(one.dataset.message ?? "");
      if (!cause || now - cause.since < AFTER_MS) return false;
      if (cause.until !== Infinity && cause.until - cause.since < AFTER_MS) return false;
      return cause.until === Infinity || now - cause.until < STAYS_MS;
    });
    const name = due?.dataset.message ?? "";
    if (name === this.now) return;
    this.now = name;
    this.shown.hidden = !due;
    this.shown.dataset.message = name;
    this.shown.toggleAttribute("data-grave", GRAVE.has(name));
    if (!due) return;
    this.shown.querySelector(".message-sign").textContent = due.dataset.sign ?? "";
    this.shown.querySelector(".message-words").textContent = due.textContent;
    this.dispatchEvent(new CustomEvent("message", { detail: { name, grave: GRAVE.has(name) } }));
  }
}
