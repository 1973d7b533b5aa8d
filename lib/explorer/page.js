"use strict";
(() => {
const D = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const n = D.x.length;
const SHEET = 24, GAP = 0.1, ALIKE = 8;
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const lut = { dark: bytes(D.palettes.dark), light: bytes(D.palettes.light), ramp: bytes(D.palettes.ramp) };
const state = {
  current: 0, selection: [], colour: "", only: null, hover: -1, lasso: false, path: null,
  zoom: 1, centre: [0.5, 0.5], names: new Array(n).fill(""), history: [], trail: [], shown: SHEET,
  way: Object.keys(D.alike)[0], speed: D.slow,
};
window.explorer = { data: D, state };

// ---- colours -------------------------------------------------------------------------------
const theme = () => document.documentElement.dataset.theme;
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (table, k) => `rgb(${table[3 * k]},${table[3 * k + 1]},${table[3 * k + 2]})`;
const NAMED = ["#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"];

function column() { return D.columns.find(c => c.name === state.colour); }
function paint() {
  // One colour for each point, and what the legend shows.
  if (state.colour === "your names") {
    const seen = [...new Set(state.names)].filter(Boolean).sort();
    const of = Object.fromEntries(seen.map((name, k) => [name, NAMED[k % NAMED.length]]));
    return { colours: state.names.map(name => of[name] || "#8a949c"), entries: seen.map(s => [s, of[s]]).concat([["(no name)", "#8a949c"]]), values: state.names.map(s => s || "(no name)") };
  }
  const c = column();
  if (c.kind === "category")
    return { colours: c.values.map(v => c.colours[v]), entries: Object.entries(c.colours), values: c.values };
  const [low, high] = c.range, span = high - low || 1;
  const colours = c.values.map(v => v === null ? "#8a949c" : rgb(lut.ramp, Math.round(255 * Math.min(1, Math.max(0, (v - low) / span)))));
  return { colours, range: c.range, values: null };
}
let painted;
function legend() {
  painted = paint();
  const box = $("legend"); box.textContent = "";
  if (painted.range) {
    const ramp = document.createElement("div"); ramp.className = "ramp";
    ramp.style.background = `linear-gradient(90deg, ${[0, 64, 128, 192, 255].map(k => rgb(lut.ramp, k)).join(",")})`;
    const ends = document.createElement("div"); ends.className = "ends";
    for (const v of painted.range) { const s = document.createElement("span"); s.textContent = number(v); ends.append(s); }
    const title = document.createElement("div"); title.textContent = state.colour; title.style.padding = "0 .4rem";
    box.append(title, ramp, ends); return;
  }
  for (const [name, colour] of painted.entries) {
    const b = document.createElement("button"), dot = document.createElement("i");
    b.type = "button"; dot.style.background = colour; b.append(dot, name);
    b.setAttribute("aria-pressed", state.only === name);
    b.onclick = () => { state.only = state.only === name ? null : name; legend(); draw(); };
    box.append(b);
  }
}

// ---- pictures ------------------------------------------------------------------------------
const greys = new Map();
function grey(key, text) {
  // The grey levels of a picture, decoded once.
  if (!greys.has(key)) greys.set(key, (async () => {
    if (!text) return null;
    const image = new Image(); image.src = "data:image/webp;base64," + text; await image.decode();
    const c = document.createElement("canvas"); c.width = image.width; c.height = image.height;
    const g = c.getContext("2d", { willReadFrequently: true }); g.drawImage(image, 0, 0);
    const rgba = g.getImageData(0, 0, c.width, c.height).data, out = new Uint8Array(c.width * c.height);
    for (let k = 0; k < out.length; k++) out[k] = rgba[4 * k];
    return { width: c.width, height: c.height, levels: out };
  })());
  return greys.get(key);
}
async function picture(canvas, key, text) {
  canvas.dataset.wanted = key;
  const found = await grey(key, text);
  if (canvas.dataset.wanted !== String(key)) return;
  const table = lut[theme()], g = canvas.getContext("2d");
  if (!found) { canvas.width = 160; canvas.height = 80; g.fillStyle = css("--soft"); g.font = "13px sans-serif"; g.fillText("no sound here", 38, 44); return; }
  canvas.width = found.width; canvas.height = found.height;
  const image = g.createImageData(found.width, found.height);
  for (let k = 0; k < found.levels.length; k++) {
    const v = 3 * found.levels[k];
    image.data.set([table[v], table[v + 1], table[v + 2], 255], 4 * k);
  }
  g.putImageData(image, 0, 0);
  canvas.dataset.drawn = key;
}
const thumb = (canvas, i) => picture(canvas, i, D.pictures[i]);

// ---- words ---------------------------------------------------------------------------------
const number = v => v === null ? "–" : Math.abs(v) >= 1000 || v === Math.round(v) ? String(Math.round(v * 100) / 100) : v.toPrecision(3);
const where = i => `${D.items[D.item[i]]}, ${D.start[i].toFixed(2)} s`;
function gist(i) {
  const c = D.columns.find(c => c.name === state.colour) || D.columns[0];
  const v = state.colour === "your names" ? state.names[i] || "(no name)" : c.values[i];
  return typeof v === "number" ? `${c.name} ${number(v)}` : String(v ?? "–");
}
const say = text => { $("say").textContent = text; };

// ---- the map -------------------------------------------------------------------------------
const plane = $("plane"), pen = plane.getContext("2d");
const size = () => [plane.clientWidth, plane.clientHeight];
// The foot of the map is left to its buttons.
const FOOT = 46;
const reach = () => { const [w, h] = size(); return Math.min(h - FOOT, w / D.stretch) * 0.9 * state.zoom; };
function place(i) {
  // Position on the screen; the map keeps its shape whatever that of the screen.
  const [w, h] = size(), side = reach();
  return [w / 2 + (D.x[i] - state.centre[0]) * side * D.stretch, (h - FOOT) / 2 - (D.y[i] - state.centre[1]) * side];
}
function draw() {
  const [w, h] = size(), ratio = window.devicePixelRatio || 1;
  if (!w || !h) return;
  if (plane.width !== Math.round(w * ratio) || plane.height !== Math.round(h * ratio)) { plane.width = Math.round(w * ratio); plane.height = Math.round(h * ratio); }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0); pen.clearRect(0, 0, w, h);
  const chosen = new Set(state.selection), near = D.alike[state.way][state.current].slice(0, ALIKE);
  const radius = Math.max(2.2, Math.min(6, 90 / Math.sqrt(n))) * Math.min(2, Math.sqrt(state.zoom));
  const dimmed = i => (chosen.size && !chosen.has(i)) || (state.only !== null && painted.values && painted.values[i] !== state.only);
  for (const faint of [true, false]) for (let i = 0; i < n; i++) {
    if (dimmed(i) !== faint) continue;
    const [x, y] = place(i);
    if (x < -9 || y < -9 || x > w + 9 || y > h + 9) continue;
    pen.globalAlpha = faint ? 0.22 : 0.92; pen.fillStyle = painted.colours[i];
    pen.beginPath(); pen.arc(x, y, radius, 0, 7); pen.fill();
    if (!faint) { pen.globalAlpha = 0.55; pen.lineWidth = 0.8; pen.strokeStyle = css("--card"); pen.stroke(); }
  }
  pen.globalAlpha = 1;
  const [cx, cy] = place(state.current);
  pen.strokeStyle = css("--mark"); pen.lineWidth = 1.3;
  for (const j of near) {
    const [x, y] = place(j);
    pen.globalAlpha = 0.5; pen.beginPath(); pen.moveTo(cx, cy); pen.lineTo(x, y); pen.stroke();
    pen.globalAlpha = 1; pen.beginPath(); pen.arc(x, y, radius + 3, 0, 7); pen.stroke();
  }
  pen.lineWidth = 3; pen.beginPath(); pen.arc(cx, cy, radius + 5, 0, 7); pen.stroke();
  if (state.path && state.path.length > 1) {
    pen.fillStyle = css("--shade"); pen.strokeStyle = css("--accent"); pen.lineWidth = 2; pen.beginPath();
    state.path.forEach(([x, y], k) => k ? pen.lineTo(x, y) : pen.moveTo(x, y)); pen.closePath(); pen.fill(); pen.stroke();
  }
}
function at(x, y) {
  let best = -1, least = 14 * 14;
  for (let i = 0; i < n; i++) {
    const [px, py] = place(i), d = (px - x) ** 2 + (py - y) ** 2;
    if (d < least) { least = d; best = i; }
  }
  return best;
}
function inside([x, y], path) {
  let odd = false;
  for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
    const [ax, ay] = path[a], [bx, by] = path[b];
    if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
function zoom(factor, x, y) {
  const [w, h] = size(); x ??= w / 2; y ??= (h - FOOT) / 2;
  const px = (x - w / 2) / reach() / D.stretch, py = ((h - FOOT) / 2 - y) / reach();
  const next = Math.min(60, Math.max(0.7, state.zoom * factor)), f = next / state.zoom;
  state.centre = [state.centre[0] + px * (1 - 1 / f), state.centre[1] + py * (1 - 1 / f)];
  state.zoom = next; draw();
}
function whole() { state.zoom = 1; state.centre = [0.5, 0.5]; draw(); }

let pressed = null;
plane.addEventListener("pointerdown", e => {
  plane.setPointerCapture(e.pointerId); plane.focus({ preventScroll: true }); e.preventDefault();
  const p = [e.offsetX, e.offsetY];
  pressed = { p, last: p, moved: false, lasso: state.lasso || e.shiftKey };
  if (pressed.lasso) state.path = [p];
});
plane.addEventListener("pointermove", e => {
  const p = [e.offsetX, e.offsetY];
  if (!pressed) { hover(at(...p), p); return; }
  if (Math.hypot(p[0] - pressed.p[0], p[1] - pressed.p[1]) > 4) pressed.moved = true;
  if (pressed.lasso) { state.path.push(p); draw(); }
  else if (pressed.moved) {
    const side = reach();
    state.centre[0] -= (p[0] - pressed.last[0]) / side / D.stretch; state.centre[1] += (p[1] - pressed.last[1]) / side;
    pressed.last = p; hover(-1); draw();
  }
});
plane.addEventListener("pointerup", e => {
  if (!pressed) return;
  const { moved, lasso, p } = pressed, path = state.path; pressed = null; state.path = null;
  if (lasso && moved) {
    const found = []; for (let i = 0; i < n; i++) if (inside(place(i), path)) found.push(i);
    select(found); say(`${found.length} windows selected`);
  } else if (!moved) { const i = at(...p); if (i >= 0) { show(i); play([i]); } }
  draw();
});
plane.addEventListener("pointerleave", () => hover(-1));
plane.addEventListener("wheel", e => { e.preventDefault(); zoom(Math.exp(-e.deltaY / 400), e.offsetX, e.offsetY); }, { passive: false });
plane.addEventListener("dblclick", whole);

function hover(i, p) {
  const tip = $("tip"); state.hover = i;
  if (i < 0) { tip.hidden = true; return; }
  tip.hidden = false; tip.dataset.row = i;
  thumb(tip.firstElementChild, i);
  tip.lastElementChild.textContent = `${gist(i)} · ${where(i)}`;
  const [w, h] = size();
  tip.style.left = `${p[0] + 18 + tip.offsetWidth > w ? Math.max(0, p[0] - tip.offsetWidth - 18) : p[0] + 18}px`;
  tip.style.top = `${Math.max(4, Math.min(p[1] + 14, h - tip.offsetHeight - 4))}px`;
}

// ---- one window ----------------------------------------------------------------------------
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted, ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * ten).find(s => s >= raw);
  const out = []; for (let t = Math.ceil(low / step) * step; t <= high + 1e-9; t += step) out.push(Number(t.toPrecision(10)));
  return out;
}
function show(i, remember = true) {
  if (remember && i !== state.current) state.trail.push(state.current);
  state.current = i; document.body.dataset.current = i;
  const left = D.left[i], right = D.right[i], top = D.nyquist[i];
  $("name").textContent = `${gist(i)} · ${where(i)}`;
  const canvas = $("bigcanvas"); thumb(canvas, i);
  canvas.setAttribute("aria-label", `Spectrogram, 0 to ${top} kilohertz, ${left.toFixed(2)} to ${right.toFixed(2)} s of ${D.items[D.item[i]]}`);
  $("khz").textContent = ""; $("seconds").textContent = "";
  for (const t of ticks(0, top, 5)) { const s = document.createElement("span"); s.textContent = t; s.style.top = `${Math.min(97, Math.max(4, 100 - 100 * t / top))}%`; $("khz").append(s); }
  for (const t of ticks(left, right, 4)) {
    const at = 100 * (t - left) / (right - left); if (at > 94 || at < 4) continue;
    const s = document.createElement("span"); s.textContent = `${t} s`; s.style.left = `${at}%`; $("seconds").append(s);
  }
  const share = t => 100 * (t - left) / (right - left);
  $("before").style.cssText = `left:0;width:${share(D.start[i])}%;border-right-width:2px`;
  $("after").style.cssText = `left:${share(D.stop[i])}%;right:0;border-left-width:2px`;
  $("facts").textContent = "";
  for (const c of D.columns) {
    const box = document.createElement("div"), dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = c.name; dd.textContent = typeof c.values[i] === "number" ? number(c.values[i]) : c.values[i] ?? "–"; box.append(dt, dd); $("facts").append(box);
  }
  if (state.names[i]) { const box = document.createElement("div"); box.textContent = `named ${state.names[i]}`; $("facts").append(box); }
  alike(); strip(); draw();
  say(`Window ${i + 1} of ${n}: ${gist(i)}, ${where(i)}`);
}
function card(i) {
  const b = document.createElement("button"), c = document.createElement("canvas");
  b.type = "button"; b.dataset.row = i; b.append(c, state.names[i] || gist(i));
  b.title = where(i); b.setAttribute("aria-label", `Play ${gist(i)}, ${where(i)}`);
  b.onclick = () => { show(i); play([i]); };
  thumb(c, i); return b;
}
function alike() {
  const box = $("alike"); box.textContent = "";
  for (const j of D.alike[state.way][state.current].slice(0, ALIKE)) box.append(card(j));
}

// ---- the recording -------------------------------------------------------------------------
async function strip() {
  const r = D.item[state.current], recording = D.recordings[r], canvas = $("stripcanvas");
  $("stripname").textContent = recording.item; $("stripend").textContent = `${number(recording.seconds)} s`;
  canvas.setAttribute("aria-label", `Spectrogram of ${recording.item} with its windows marked`);
  const held = document.createElement("canvas");
  if (recording.picture) await picture(held, `recording ${r}`, recording.picture);
  if (D.item[state.current] !== r) return;
  const w = canvas.clientWidth * 2, h = canvas.clientHeight * 2, g = canvas.getContext("2d");
  canvas.width = w; canvas.height = h;
  const band = h * 0.22;
  g.fillStyle = css("--shade"); g.fillRect(0, 0, w, h);
  if (recording.picture) g.drawImage(held, 0, 0, w, h - band);
  const chosen = new Set(state.selection);
  for (let i = 0; i < n; i++) if (D.item[i] === r) {
    g.globalAlpha = chosen.size && !chosen.has(i) ? 0.3 : 1; g.fillStyle = painted.colours[i];
    g.fillRect(w * D.start[i] / recording.seconds, h - band + 4, Math.max(4, w * (D.stop[i] - D.start[i]) / recording.seconds), band - 4);
  }
  g.globalAlpha = 1; g.strokeStyle = css("--mark"); g.lineWidth = 4;
  const x = w * D.start[state.current] / recording.seconds;
  g.strokeRect(x - 3, 2, Math.max(8, w * (D.stop[state.current] - D.start[state.current]) / recording.seconds + 6), h - 4);
}
$("stripcanvas").addEventListener("click", e => {
  const r = D.item[state.current], time = e.offsetX / e.target.clientWidth * D.recordings[r].seconds;
  let best = -1, least = Infinity;
  for (let i = 0; i < n; i++) if (D.item[i] === r) {
    const d = Math.abs((D.start[i] + D.stop[i]) / 2 - time); if (d < least) { least = d; best = i; }
  }
  if (best >= 0) { show(best); play([best]); }
});

// ---- the selection -------------------------------------------------------------------------
function select(rows) {
  state.selection = rows; state.shown = SHEET; document.body.dataset.selected = rows.length;
  sheet(); strip(); draw();
}
function sheet() {
  const box = $("chosen"); box.textContent = "";
  for (const i of state.selection.slice(0, state.shown)) box.append(card(i));
  $("count").textContent = state.selection.length ? `${state.selection.length} selected` : "Selection";
  $("hint").hidden = state.selection.length > 0;
  $("more").hidden = state.selection.length <= state.shown;
  for (const id of ["playall", "clear"]) $(id).disabled = !state.selection.length;
  $("csv").disabled = !state.selection.length && !state.names.some(Boolean);
}
function name(text) {
  const rows = state.selection.length ? state.selection : [state.current];
  state.history.push(rows.map(i => [i, state.names[i]]));
  for (const i of rows) state.names[i] = text;
  named(); say(`${rows.length} named ${text}`);
}
function named() { $("undo").disabled = !state.history.length; refreshColours(); sheet(); show(state.current, false); }
function csv() {
  const rows = state.selection.length ? state.selection : state.names.map((s, i) => s ? i : -1).filter(i => i >= 0);
  const quote = v => v === null || v === undefined ? "" : /[",\n\r]/.test(v) ? `"${String(v).replaceAll('"', '""')}"` : String(v);
  const heads = ["item", "start", "stop", "name", ...D.columns.map(c => c.name)];
  const lines = rows.map(i => [D.items[D.item[i]], D.start[i], D.stop[i], state.names[i], ...D.columns.map(c => c.values[i])]);
  return [heads, ...lines].map(line => line.map(quote).join(",")).join("\r\n") + "\r\n";
}
function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = "selection.csv"; link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// ---- sound ---------------------------------------------------------------------------------
let context = null, sources = [], run = 0;
const decoded = new Map();
function buffer(i) {
  if (!decoded.has(i)) decoded.set(i, D.sounds[i] ? context.decodeAudioData(bytes(D.sounds[i]).buffer) : Promise.resolve(null));
  return decoded.get(i);
}
function stop() {
  run++; for (const s of sources) { try { s.stop(); } catch { /* has ended */ } }
  sources = []; $("play").textContent = "▶ Play"; $("playall").textContent = "▶ Play all"; delete document.body.dataset.playing;
  document.querySelectorAll(".playing").forEach(b => b.classList.remove("playing"));
}
async function play(rows) {
  stop(); const mine = run;
  context ??= new AudioContext();
  // Not awaited: a browser that holds sound back until a click would hold the page too.
  context.resume();
  const sounds = (await Promise.all(rows.map(async i => [i, await buffer(i)]))).filter(([, b]) => b);
  if (mine !== run || !sounds.length) { if (!sounds.length) say("There is no sound for this window."); return; }
  document.body.dataset.playing = sounds.length; document.body.dataset.heard = sounds.map(([i]) => i).join(" ");
  (rows.length > 1 ? $("playall") : $("play")).textContent = "■ Stop";
  let when = context.currentTime + 0.03;
  for (const [i, sound] of sounds) {
    const source = context.createBufferSource(), rate = D.recorded_slow[i] / state.speed;
    source.buffer = sound; source.playbackRate.value = rate; source.connect(context.destination); source.start(when);
    sources.push(source);
    const cards = () => document.querySelectorAll(`.sheet [data-row="${i}"]`);
    setTimeout(() => { if (mine === run) cards().forEach(b => b.classList.add("playing")); }, 1000 * (when - context.currentTime));
    source.onended = () => { cards().forEach(b => b.classList.remove("playing")); if (mine === run && source === sources.at(-1)) stop(); };
    when += sound.duration / rate + GAP;
  }
}
function slower() {
  const i = state.current, real = D.right[i] - D.left[i];
  $("slower").textContent = state.speed === 1 ? "Played as it was recorded."
    : `Played ${state.speed} times slower: ${(1000 * real).toFixed(0)} ms last ${(real * state.speed).toFixed(1)} s, and 12 kHz sound like ${number(12 / state.speed)} kHz.`;
}

// ---- the keyboard --------------------------------------------------------------------------
function towards(dx, dy) {
  // The nearest window on that side; straight ahead counts more than aside.
  const [x, y] = place(state.current); let best = -1, least = Infinity;
  for (let i = 0; i < n; i++) if (i !== state.current) {
    const [px, py] = place(i), ahead = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    if (ahead > 0.5 && aside <= 1.5 * ahead) { const d = ahead + 1.6 * aside; if (d < least) { least = d; best = i; } }
  }
  if (best < 0) { say("There is nothing on that side."); return; }
  show(best); visible();
}
function visible() {
  const [w, h] = size(), [x, y] = place(state.current);
  if (x < 20 || y < 20 || x > w - 20 || y > h - 20) { state.centre = [D.x[state.current], D.y[state.current]]; draw(); }
}
function toggle(i) { select(state.selection.includes(i) ? state.selection.filter(j => j !== i) : [...state.selection, i]); }
const near = () => D.alike[state.way][state.current].slice(0, ALIKE);
const KEYS = {
  ArrowLeft: () => towards(-1, 0), ArrowRight: () => towards(1, 0), ArrowUp: () => towards(0, -1), ArrowDown: () => towards(0, 1),
  " ": () => sources.length ? stop() : play([state.current]),
  n: () => { const next = near().find(j => !state.trail.includes(j)) ?? near()[0]; if (next !== undefined) { show(next); visible(); } },
  p: () => { if (state.trail.length) { show(state.trail.pop(), false); visible(); } },
  a: () => toggle(state.current), s: () => select([state.current, ...near()]),
  l: () => lasso(!state.lasso), "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: whole,
  Escape: () => { select([]); lasso(false); stop(); }, "?": () => $("keys").showModal(),
};
document.addEventListener("keydown", e => {
  const field = e.target.closest("input, select, textarea, dialog"), button = e.target.closest("button");
  if (field || e.ctrlKey || e.metaKey || e.altKey || (button && [" ", "Enter"].includes(e.key))) return;
  const act = KEYS[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (act) { e.preventDefault(); act(); }
});
function lasso(on) { state.lasso = on; $("lasso").setAttribute("aria-pressed", on); plane.classList.toggle("pan", !on); }

// ---- controls ------------------------------------------------------------------------------
function refreshColours() {
  const box = $("colour"), had = state.colour; box.textContent = "";
  const names = D.columns.map(c => c.name); if (state.names.some(Boolean)) names.push("your names");
  for (const name of names) box.add(new Option(name, name));
  state.colour = names.includes(had) ? had : names[0]; box.value = state.colour; legend();
}
$("colour").onchange = e => { state.colour = e.target.value; state.only = null; legend(); sheet(); show(state.current, false); };
for (const [k, label] of Object.keys(D.alike).entries()) $("way").add(new Option(label, label, k === 0));
$("way").hidden = Object.keys(D.alike).length < 2;
$("way").onchange = e => { state.way = e.target.value; alike(); draw(); };
for (const s of D.speeds) $("speed").add(new Option(s === 1 ? "as recorded" : `${s} × slower`, s, s === D.slow, s === D.slow));
$("speed").onchange = e => { state.speed = Number(e.target.value); slower(); play([state.current]); };
$("play").onclick = () => sources.length ? stop() : play([state.current]);
$("playall").onclick = () => sources.length ? stop() : play(state.selection);
$("takealike").onclick = KEYS.s; $("clear").onclick = () => select([]); $("csv").onclick = save;
$("more").onclick = () => { state.shown += 4 * SHEET; sheet(); };
$("naming").onsubmit = e => { e.preventDefault(); const text = $("label").value.trim(); if (text) name(text); };
$("undo").onclick = () => { for (const [i, old] of state.history.pop()) state.names[i] = old; named(); };
$("lasso").onclick = () => lasso(!state.lasso); $("closer").onclick = () => zoom(1.4); $("farther").onclick = () => zoom(1 / 1.4); $("whole").onclick = whole;
$("help").onclick = () => $("keys").showModal();
function dress(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light"; $("theme").textContent = dark ? "Light" : "Dark";
  sheet(); show(state.current, false);
}
$("theme").onclick = () => dress(theme() !== "dark");
const wish = matchMedia("(prefers-color-scheme: dark)"); wish.addEventListener("change", e => dress(e.matches));
document.documentElement.dataset.theme = wish.matches ? "dark" : "light";
new ResizeObserver(() => { draw(); strip(); }).observe($("map"));
Object.assign(window.explorer, { csv, show, select, play, stop, place, towards });
state.current = D.first; refreshColours(); lasso(false); dress(wish.matches); slower(); select([]);
document.documentElement.dataset.ready = "true";
})();
