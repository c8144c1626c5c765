// The live picture: one request a frame, so that it is never older than its own transfer; marks in the same turn.

const SIZES = [320, 480, 640, 960];
const SLOW_MS = 400, QUICK_MS = 150, OLD_MS = 3000, RETRY_MS = 1000;
const SVG = "http://www.w3.org/2000/svg";

export class LiveView extends EventTarget {
  /** @param {HTMLElement} root the section with the canvas */
  constructor(root) {
    super();
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.marks = root.querySelector(".marks");
    this.stage = root.querySelector(".picture-stage");
    this.seq = 0;
    this.held = false;
    this.letters = true;
    this.limit = SIZES.length - 1;
    this.shownAt = 0;
    this.running = false;
    this.zoom = 1;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start()));
    setInterval(() => this.age(), 500);
  }

  start() {
    if (this.running || document.hidden) return;
    this.running = true;
    this.aborter = new AbortController();
    this.pull(this.aborter.signal);
  }

  stop() {
    this.running = false;
    this.aborter?.abort();
  }

  width() {
    const wanted = this.canvas.clientWidth * (window.devicePixelRatio || 1);
    const fitting = SIZES.findIndex((size) => size >= wanted);
    return SIZES[Math.min(this.limit, fitting < 0 ? SIZES.length - 1 : fitting)];
  }

  async pull(signal) {
    while (!signal.aborted) {
      const asked = performance.now();
      try {
        const answer = await fetch(`/live/frame?after=${this.seq}&w=${this.width()}`, { signal });
        if (answer.status === 401) location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        if (answer.status === 200) await this.take(await answer.arrayBuffer());
        this.adapt(performance.now() - asked);
      } catch (error) {
        if (signal.aborted) return;
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
  }

  /** A slow connection gets smaller pictures, a quick one larger ones again. */
  adapt(took) {
    if (took > SLOW_MS && took < OLD_MS && this.limit > 0) this.limit -= 1;
    else if (took < QUICK_MS && this.limit < SIZES.length - 1) this.limit += 1;
  }

  async take(buffer) {
    const size = new DataView(buffer).getUint32(0, true);
    const told = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    const picture = await createImageBitmap(new Blob([new Uint8Array(buffer, 4 + size)], { type: "image/jpeg" }));
    this.seq = told.seq;
    if (this.held) return picture.close();
    if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
    }
    this.canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    this.draw(told);
    this.shownAt = performance.now();
    this.root.classList.remove("old");
    this.root.querySelector(".still-words").hidden = true;
    this.root.dataset.seq = String(told.seq);
    this.root.dataset.age = String(told.age_ms);
    this.dispatchEvent(new CustomEvent("frame", { detail: told }));
  }

  draw(told) {
    this.marks.setAttribute("viewBox", `0 0 ${told.width} ${told.height}`);
    const drawn = document.createDocumentFragment();
    const unit = told.width / 640;
    for (const [x, y, size, kind, state, label, number] of told.marks) {
      if (state === "refused") continue;
      const half = size / 2 + 3 * unit;
      const square = { x: x - half, y: y - half, width: 2 * half, height: 2 * half, rx: 5 * unit };
      if (kind === "rbc") {
        drawn.append(element("circle", { cx: x, cy: y, r: 2 * unit, class: "mark-red" }));
        continue;
      }
      const group = element("g", { class: `cell-mark c-${label || kind}`, "data-number": number, "data-label": label, "data-kind": kind, "data-state": state });
      group.append(element("rect", { ...square, class: "mark-halo" }));
      const doubt = state === "doubt" ? " mark-doubt" : "";
      const tried = state === "tried" ? " mark-tried" : "";
      group.append(element("rect", { ...square, class: `mark-box${kind === "platelet" ? " mark-platelet" : ""}${doubt}${tried}` }));
      const letter = this.letterOf(label);
      const inside = x >= 0 && y >= 0 && x < told.width && y < told.height; // of a cell at the rim there is only its box
      if (letter && this.letters && inside) {
        const text = element("text", { x: x - half, y: Math.max(y - half - 4 * unit, 18 * unit), class: "mark-letter" });
        text.textContent = letter;
        group.append(text);
      }
      drawn.append(group);
    }
    this.marks.replaceChildren(drawn);
    this.told = told;
  }

  letterOf(label) {
    if (!label) return "";
    return document.querySelector(`[data-label="${label}"] .key-letter`)?.textContent ?? label[0].toUpperCase();
  }

  /** What lies at a point of the screen: the nearest mark, or null. */
  at(clientX, clientY) {
    if (!this.told) return null;
    const box = this.canvas.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * this.told.width;
    const y = ((clientY - box.top) / box.height) * this.told.height;
    let best = null, least = Infinity;
    for (const mark of this.told.marks) {
      if (mark[4] === "refused") continue;
      const away = Math.hypot(mark[0] - x, mark[1] - y);
      if (away < Math.max(mark[2] * 0.7, 14) && away < least) [best, least] = [mark, away];
    }
    return best;
  }

  place(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    return [Math.round(((clientX - box.left) / box.width) * (this.told?.width ?? 0)), Math.round(((clientY - box.top) / box.height) * (this.told?.height ?? 0))];
  }

  scale(factor) {
    this.zoom = Math.min(6, Math.max(1, this.zoom * factor));
    const share = (50 * (1 - this.zoom)) + "%";
    this.stage.style.transform = this.zoom === 1 ? "" : `translate(${share}, ${share}) scale(${this.zoom})`;
  }

  /** Never a frozen picture that looks live. */
  age() {
    if (this.held || !this.running || performance.now() - this.shownAt < OLD_MS) return;
    this.root.classList.add("old");
    this.root.querySelector(".still-words").hidden = false;
    this.dispatchEvent(new Event("old"));
  }
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
