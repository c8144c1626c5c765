// The count screen and the one before it: picture, counts, messages, keys.
import { LiveView } from "./live.js";
import { Messages } from "./messages.js";
import { Sound } from "./sound.js";
import { send } from "./page.js";

const NEW_REGION_MS = 2500, LONG_PRESS_MS = 700, SPOKEN_AT = [10, 50, 90, 100];
const picture = /** @type {HTMLElement} */ (document.querySelector("[data-live]"));
const counts = document.querySelector("[data-counts]");
const live = new LiveView(picture);
const messages = new Messages(/** @type {HTMLElement} */ (picture.querySelector(".message")), /** @type {HTMLElement} */ (document.querySelector(".messages")));
const sound = new Sound();
let phase = "", session = null, last = null, region = null, verdict = "";

// --- the store's numbers and the run's state
/** @type {EventSource | null} */
let source = null;

function listen() {
  if (source) return;
  source = new EventSource("/events");
  source.addEventListener("counts", (event) => replaceCounts(event.data));
  source.addEventListener("numbers", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("state", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => messages.cause("shut", source?.readyState !== EventSource.OPEN));
}

function hush() {
  source?.close();
  source = null;
}

// A hidden page asks for nothing, unless it is to be heard.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && !sound.on) return hush();
  listen();
  if (!document.hidden) stayAwake();
});

/** @param {string} html a piece that our own server has made and escaped */
function replaceCounts(html) {
  if (!counts) return;
  const before = countsByLabel(), open = Array.from(counts.querySelectorAll("details[open]"), (one) => one.dataset.label);
  counts.innerHTML = html;
  for (const key of counts.querySelectorAll(".key")) {
    if (open.includes(key.dataset.label)) key.setAttribute("open", "");
    if (Number(key.dataset.count) > (before.get(key.dataset.label) ?? Infinity)) {
      key.classList.add("flash");
      setTimeout(() => key.classList.remove("flash"), 500);
    }
  }
}

function countsByLabel() {
  return new Map(Array.from(counts?.querySelectorAll(".key") ?? [], (key) => [key.dataset.label, Number(key.dataset.count)]));
}

function tell(numbers) {
  renewNewest(numbers);
  const doubtful = document.querySelector("[data-doubtful]");
  if (doubtful && numbers) doubtful.textContent = String(numbers.doubtful);
  document.body.classList.toggle("reached", Boolean(numbers?.target) && numbers.classified >= numbers.target);
  const goal = document.querySelector("[data-goal]");
  if (goal && numbers) goal.textContent = numbers.target ? `${numbers.classified} / ${numbers.target}` : String(numbers.classified);
  if (last && numbers && last.session === numbers.session) {
    if (numbers.doubtful > last.doubtful) sound.doubt();
    else if (numbers.classified > last.classified) sound.tick();
    const target = numbers.target;
    if (target) {
      const passed = SPOKEN_AT.filter((share) => last.classified < (target * share) / 100 && numbers.classified >= (target * share) / 100);
      if (passed.length) speak(`${numbers.classified} / ${target}`);
      if (passed.includes(100)) sound.target(String(target));
    }
  }
  last = numbers;
}

function speak(words) {
  const spoken = document.querySelector("[data-spoken]");
  if (spoken) spoken.textContent = words;
}

function take(state) {
  if (phase && (state.phase !== phase || state.session !== session)) {
    if (state.phase !== "shut" && phase !== "shut") return location.reload();
    if (state.phase !== "shut") return location.reload();
  }
  [phase, session] = [state.phase, state.session];
  const words = document.querySelector("[data-state]");
  if (words) {
    const known = Array.from(words.querySelectorAll("[data-camera]"), (one) => one.dataset.camera);
    const now = known.includes(state.camera?.state) ? state.camera.state : "away";
    for (const one of words.querySelectorAll("[data-camera]")) one.hidden = one.dataset.camera !== now;
    words.title = state.camera?.words ?? "";
    words.toggleAttribute("data-bad", now !== "live");
  }
  messages.cause("shut", state.phase === "shut");
  messages.cause("camera", Boolean(state.camera) && state.camera.state !== "live");
  messages.cause("scale_contradicts_profile", state.warnings.includes("scale_contradicts_profile"));
  messages.cause("clock_set", state.warnings.includes("clock_set"));
  messages.cause("disk", Boolean(state.disk_low));
  messages.cause("board", Boolean(state.board_doubt));
}

// --- the newest cells, where there is room for them
const newest = /** @type {HTMLElement | null} */ (document.querySelector("[data-newest]"));
const NEWEST_MS = 1000;
let newestOf = "", newestAt = 0;

async function renewNewest(numbers) {
  const of = numbers ? `${numbers.session}:${numbers.classified}:${numbers.doubtful}` : "";
  if (!newest || !numbers || of === newestOf || performance.now() - newestAt < NEWEST_MS || getComputedStyle(newest).display === "none") return;
  [newestOf, newestAt] = [of, performance.now()];
  const answer = await fetch(`/review/newest?session=${numbers.session}`, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const next = document.createElement("div");
  next.innerHTML = await answer.text(); // rendered and escaped by our own server
  await Promise.allSettled([...next.querySelectorAll("img")].map((picture) => picture.decode())); // else they are blank for a moment
  newest.replaceChildren(...next.childNodes);
}

// --- the picture
live.addEventListener("frame", (event) => {
  const told = /** @type {CustomEvent} */ (event).detail;
  if (told.verdict !== verdict) {
    messages.cause(verdict, false);
    verdict = told.verdict;
  }
  messages.cause(verdict, true);
  if (told.pose) {
    if (region !== null && told.pose[0] > region) {
      messages.cause("new_region", true);
      setTimeout(() => messages.cause("new_region", false), NEW_REGION_MS);
    }
    region = told.pose[0];
  }
  for (const meter of document.querySelectorAll("[data-meter]")) show(meter, told.measures[meter.dataset.meter]);
});
live.addEventListener("old", () => {
  messages.cause(verdict, false);
  const words = picture.querySelector(".still-words"), state = document.querySelector("[data-state] [data-camera]:not([hidden])");
  if (words && state) words.title = state.textContent ?? "";
});

function show(meter, value) {
  if (value === undefined) return;
  const share = Math.min(1, value / Number(meter.dataset.top));
  meter.firstElementChild.style.width = `${100 * share}%`;
  meter.classList.toggle("good", value >= Number(meter.dataset.good));
  meter.setAttribute("aria-valuenow", String(Math.round(100 * share)));
}

const words = /** @type {HTMLElement} */ (picture.querySelector(".cell-words"));
let pressed = 0, fingers = new Map(), apart = 0;
const onTool = (event) => event.target instanceof Element && event.target.closest(".picture-tools") !== null;
picture.addEventListener("pointerdown", (event) => {
  if (onTool(event)) return;
  fingers.set(event.pointerId, event);
  clearTimeout(pressed);
  if (fingers.size === 1 && phase === "counting") pressed = setTimeout(() => missed(event), LONG_PRESS_MS);
});
picture.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (before && Math.hypot(before.clientX - event.clientX, before.clientY - event.clientY) > 8) clearTimeout(pressed);
  if (!before || fingers.size !== 2) return;
  fingers.set(event.pointerId, event);
  const [one, other] = fingers.values();
  const now = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  if (apart) live.scale(now / apart);
  apart = now;
});
for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
  picture.addEventListener(name, (event) => {
    fingers.delete(event.pointerId);
    clearTimeout(pressed);
    apart = 0;
  });
}
picture.addEventListener("click", (event) => {
  if (onTool(event)) return;
  const mark = live.at(event.clientX, event.clientY);
  words.hidden = !mark;
  if (!mark) return;
  const name = document.querySelector(`.key[data-label="${mark[5]}"] .key-name`)?.textContent.trim().replace(/\s+/g, " ");
  words.textContent = `${name ?? mark[5] ?? ""} ${mark[3] === "rbc" ? "RBC" : ""}${mark[3] === "platelet" ? "PLT" : ""} ${mark[6] ? "№ " + mark[6] : ""}`.trim();
});

async function missed(event) {
  const [x, y] = live.place(event.clientX, event.clientY);
  const where = live.told?.pose ? `${live.told.pose[0]}:${live.told.pose[1] + x},${live.told.pose[2] + y}` : `${x},${y}`;
  const answer = await send("/session/note", { text: `missed here ${where}` });
  words.hidden = false;
  words.textContent = answer.ok ? "✓" : answer.told.error;
}

// --- buttons and keys
const marksButton = document.querySelector("[data-marks]");
function toggleMarks() {
  const hidden = live.marks.classList.toggle("hidden");
  marksButton?.setAttribute("aria-pressed", String(!hidden));
}
marksButton?.addEventListener("click", toggleMarks);
document.querySelector("[data-sound]")?.addEventListener("click", (event) => {
  event.currentTarget.setAttribute("aria-pressed", String(sound.toggle()));
});
messages.addEventListener("message", (event) => {
  if (/** @type {CustomEvent} */ (event).detail.grave) sound.alarm();
});

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, dialog, summary, button, a")) return;
  const done = {
    " ": () => (live.held = !live.held),
    s: () => open("stop-dialog"),
    m: () => location.assign("/map"),
    r: () => location.assign("/review"),
    b: toggleMarks,
    h: () => (live.letters = !live.letters),
    f: () => (document.fullscreenElement ? document.exitFullscreen() : picture.requestFullscreen?.()),
    "+": () => live.scale(1.25),
    "-": () => live.scale(0.8),
    "?": () => open("help-dialog"),
  }[event.key];
  if (!done) return;
  event.preventDefault();
  done();
});

function open(id) {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

// --- awake while counting
async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch { /* the device saves power: its own setting stands */ }
}

window.addEventListener("pagehide", hush); // else its two connections stay open in the browser's store of pages
window.addEventListener("pageshow", listen);
stayAwake();
live.start();
