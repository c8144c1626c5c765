// Where the stage is now: the present field is outlined on the map, which is fetched anew when cells were added.

const SVG_POSE_MS = 500, LEAST_REFRESH_MS = 4000;
const stage = document.querySelector("[data-stage-words]");
const words = /** @type {HTMLElement | null} */ (document.querySelector("[data-words-known]"));
let refreshed = performance.now(), cells = -1, after = 0, here = null;

const source = new EventSource("/events");
source.addEventListener("numbers", (event) => {
  const numbers = JSON.parse(event.data);
  if (!numbers || String(numbers.session) !== document.querySelector("[data-map-session]")?.dataset.mapSession) return;
  const now = numbers.classified + numbers.doubtful;
  if (cells >= 0 && now !== cells && performance.now() - refreshed > LEAST_REFRESH_MS) redraw();
  cells = now;
});
window.addEventListener("pagehide", () => source.close());

async function redraw() {
  refreshed = performance.now();
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("section.region");
  const shown = document.querySelectorAll("section.region");
  if (fresh.length !== shown.length) return location.reload();
  fresh.forEach((one, i) => shown[i].querySelector("svg").replaceWith(one.querySelector("svg")));
  if (here) draw(here);
}

function draw(told) {
  here = told;
  for (const map of document.querySelectorAll(".slide-map")) {
    const now = map.querySelector("[data-now]"), back = map.querySelector("[data-back]"), last = map.querySelector("[data-last]");
    const shown = told.pose !== null && String(told.pose[0]) === map.dataset.region;
    now.setAttribute("width", shown ? told.width : 0);
    now.setAttribute("height", shown ? told.height : 0);
    map.toggleAttribute("data-lost", told.pose === null && map.dataset.region === document.querySelector(".slide-map")?.dataset.region);
    if (shown) {
      now.setAttribute("x", told.pose[1]);
      now.setAttribute("y", told.pose[2]);
      if (last) {
        const middle = (box) => [Number(box.getAttribute("x")) + told.width / 2, Number(box.getAttribute("y")) + told.height / 2];
        const [[x1, y1], [x2, y2]] = [middle(now), middle(last)];
        for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) back.setAttribute(name, String(value));
      }
    }
  }
  if (stage && words) stage.textContent = told.pose ? words.dataset.wordsKnown ?? "" : words.dataset.wordsLost ?? "";
}

async function follow() {
  for (;;) {
    await new Promise((done) => setTimeout(done, SVG_POSE_MS));
    if (document.hidden) continue;
    try {
      const answer = await fetch(`/live/pose?after=${after}`);
      if (answer.status !== 200) continue;
      const told = await answer.json();
      after = told.seq;
      draw(told);
    } catch { /* asked again in a moment */ }
  }
}

follow();
