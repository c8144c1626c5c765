// The calibration walk: the live picture, and for the scale two points upon it.
import { LiveView } from "./live.js";

const picture = /** @type {HTMLElement} */ (document.querySelector("[data-live]"));
const live = new LiveView(picture);
live.start();

const form = document.querySelector('form[data-calibrate="micrometer"]');
if (form instanceof HTMLFormElement) measureByTwoPoints(form);

/** @param {HTMLFormElement} form */
function measureByTwoPoints(form) {
  const drawn = /** @type {SVGElement} */ (document.querySelector("[data-tapped]"));
  const stage = /** @type {HTMLElement} */ (picture.querySelector(".picture-stage"));
  stage.append(drawn); // it lies upon the picture, and follows its size
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("[data-needs-points]"));
  const nudges = /** @type {HTMLElement} */ (form.querySelector(".nudges")), apart = form.querySelector("[data-apart]");
  const ready = !button.disabled;
  /** @type {[number, number][]} */ const points = [];
  let last = 0;
  draw();

  picture.addEventListener("click", (event) => {
    if (!live.told) return;
    const at = live.place(event.clientX, event.clientY);
    if (points.length < 2) last = points.push(at) - 1;
    else {
      const far = points.map(([x, y]) => Math.hypot(x - at[0], y - at[1]));
      last = far[0] < far[1] ? 0 : 1;
      points[last] = at;
    }
    draw();
  });
  for (const one of form.querySelectorAll("[data-nudge]")) {
    one.addEventListener("click", () => {
      const [x, y] = one.dataset.nudge.split(" ").map(Number);
      if (points[last]) points[last] = [points[last][0] + x, points[last][1] + y];
      draw();
    });
  }
  form.addEventListener("submit", () => {
    points.forEach(([x, y], i) => {
      form.elements.namedItem(`x${i + 1}`).value = String(Math.max(0, Math.round(10 * x)));
      form.elements.namedItem(`y${i + 1}`).value = String(Math.max(0, Math.round(10 * y)));
    });
    form.elements.namedItem("distance_nm").value = String(Math.round(1000 * Number(document.getElementById("distance").value)));
  });

  function draw() {
    button.disabled = !ready || points.length < 2;
    nudges.hidden = !points.length;
    const width = live.told?.width ?? 640, height = live.told?.height ?? 480, unit = width / 640;
    drawn.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const lines = [];
    if (points.length === 2) lines.push(line(...points[0], ...points[1], "tapped-way"));
    points.forEach(([x, y], i) => {
      const kind = i === last ? "tapped-last" : "tapped-point";
      lines.push(line(x - 14 * unit, y, x + 14 * unit, y, kind), line(x, y - 14 * unit, x, y + 14 * unit, kind));
    });
    drawn.replaceChildren(...lines);
    if (apart) apart.textContent = points.length === 2 ? `${Math.round(Math.hypot(points[0][0] - points[1][0], points[0][1] - points[1][1]))} px` : "";
  }
}

function line(x1, y1, x2, y2, kind) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [name, value] of Object.entries({ x1, y1, x2, y2, class: kind })) made.setAttribute(name, String(value));
  return made;
}
