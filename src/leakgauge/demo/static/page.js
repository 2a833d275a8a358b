"use strict";

// The page mirrors the server's state: every message holds all of it, so a reload loses nothing.

const $ = (id) => document.getElementById(id);
const png = (encoded) => `data:image/png;base64,${encoded}`;
const percent = (value) => `${(100 * value).toFixed(1)} %`;
const SIDES = ["baseline", "defended"];

let state = null;
let wish = null; // what the user asked for while the server was busy with something else

// ------------------------------------------------------------------ asking

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) return;
  const { error } = await answer.json();
  $("notice").textContent = `${error.message} ${error.hint}`;
}

function wanted() {
  const digit = document.querySelector("input[name=digit]:checked");
  const output = $("output").value;
  return { digit: digit ? Number(digit.value) : state.digit, output: output ? [output] : [] };
}

function fulfil() {
  if (!wish || !state || state.busy || !state.models) return;
  const asked = wish;
  wish = null;
  ask("/attack", asked);
}

$("digits").addEventListener("change", () => { wish = wanted(); showChoices(); fulfil(); });
$("output").addEventListener("change", () => { wish = wanted(); showCosts(); fulfil(); });
$("defences").addEventListener("change", showCosts);
$("digits").addEventListener("submit", (event) => event.preventDefault());
$("outputs").addEventListener("submit", (event) => event.preventDefault());
$("training").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("/train", { defences: $("defences").value.split(" ") });
});
$("cancel").addEventListener("click", () => ask("/cancel", {}));

// ------------------------------------------------------------------ showing

function showCosts() {
  for (const name of ["defences", "output"]) {
    $(`${name}-cost`).textContent = $(name).selectedOptions[0].dataset.cost;
  }
}

function showChoices() {
  const digit = wish ? wish.digit : state.digit;
  const output = wish ? wish.output : state.output;
  document.querySelector(`input[name=digit][value="${digit}"]`).checked = true;
  $("output").value = output[0] || "";
  showImage("original", state.originals[digit], `A sample of the digit ${digit} from the training data`);
  showCosts();
}

function showImage(id, encoded, description) {
  const image = $(id).querySelector("img");
  image.hidden = !encoded;
  if (!encoded) return;
  if (image.getAttribute("src") !== png(encoded)) image.src = png(encoded);
  image.alt = description;
}

function showSide(side) {
  const panel = $(side);
  const live = state.live && state.live[side];
  const found = state.result && state.result[side].worst;
  const about = panel.querySelector(".about");
  const similarity = panel.querySelector(".similarity");
  similarity.hidden = !found;
  if (side === "baseline") about.textContent = "trained as usual";
  else about.textContent = defence();
  if (found) {
    showImage(side, found.image, `The digit ${state.result.digit} as reconstructed from the ${side} model`);
    meter(panel, found);
  } else if (live) {
    showImage(side, live.image, `A reconstruction of the digit ${state.digit} under way`);
  } else {
    showImage(side, null, "");
  }
  panel.classList.toggle("under-way", Boolean(live && !found));
}

function defence() {
  const trained = state.models ? state.models.defences.map((row) => row.title) : [];
  const output = state.output.length ? [$("output").selectedOptions[0].textContent] : [];
  return [...trained, ...output].join(" · ").toLowerCase();
}

function meter(panel, found) {
  const place = (value) => 200 * Math.min(Math.max(value, 0), 1);
  const { value, low, high } = found.similarity;
  const svg = panel.querySelector(".meter");
  set(svg.querySelector(".reach"), { x: place(low), width: Math.max(place(high) - place(low), 1) });
  set(svg.querySelector(".guess"), { x1: place(found.chance), x2: place(found.chance) });
  set(svg.querySelector(".point"), { cx: Math.min(Math.max(place(value), 6), 194) });
  const interval = `${Math.max(low, -1).toFixed(2)} to ${Math.min(high, 1).toFixed(2)}`;
  svg.setAttribute("aria-label", `Similarity ${value.toFixed(2)}, interval ${interval}; a guess reaches ${found.chance.toFixed(2)}`);
  const tell = (name, text) => { panel.querySelector(`.${name}`).textContent = text; };
  tell("figure", `similarity ${value.toFixed(2)} (${interval})`);
  tell("chance", `a guess ${found.chance.toFixed(2)}`);
  tell("asked", `${found.queries.toLocaleString("en")} queries`);
}

function showVerdict() {
  const { result, models, busy } = state;
  const section = document.querySelector(".verdict");
  const word = result ? result.verdict.effect : busy ? "at work" : "nothing reconstructed yet";
  section.dataset.word = word;
  $("verdict-word").textContent = word[0].toUpperCase() + word.slice(1);
  const waiting = busy === "training" ? "Both models are being trained from scratch." : "Both models are being asked.";
  say("verdict", result ? result.verdict.sentence : busy ? waiting : "Choose a digit to attack it on both models.");
  $("download").hidden = !result;
  $("figures").hidden = !result;
  if (!result) return;
  const [before, after] = SIDES.map((side) => result[side].accuracy);
  $("accuracy-baseline").textContent = spread(before);
  $("accuracy-defended").textContent = spread(after);
  const points = 100 * (before.value - after.value);
  const amount = `${Math.abs(points).toFixed(1)} points of accuracy`;
  $("accuracy-cost").textContent = Math.abs(points) < 0.05 ? "no accuracy" : points < 0 ? `nothing: it gains ${amount}` : amount;
  const privacy = models && models.hardened.privacy;
  $("epsilon-row").hidden = !privacy;
  if (privacy) $("epsilon").textContent = `ε = ${privacy.epsilon.toFixed(1)} at δ = ${privacy.delta.toExponential(0)}`;
}

function spread({ value, low, high }) {
  return `${percent(value)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
}

function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text; // a live region speaks at every write
}

function showWork() {
  const { busy, stage, fraction, training } = state;
  $("work").hidden = !busy;
  $("train").disabled = Boolean(busy);
  if (busy) {
    $("stage").textContent = stage;
    $("bar").value = fraction;
  }
  if (state.notice || busy) say("notice", state.notice);
  $("lesson").hidden = !training;
  if (!training) return;
  const losses = (side) => training[side].map((loss, index) => [index + 1, loss]);
  const curves = [losses("baseline"), losses("hardened")];
  plot($("lesson-chart"), curves, { last: training.epochs || 1, unit: "epochs", least: 0 });
  const told = (points) => (points.length ? points[points.length - 1][1].toFixed(2) : "none yet");
  $("lesson-chart").setAttribute("aria-label",
    `Training loss: baseline ${told(curves[0])}, hardened ${told(curves[1])}, after ${Math.max(...curves.map((c) => c.length))} of ${training.epochs} epochs`);
}

// ------------------------------------------------------------------ charts

const SVG = "http://www.w3.org/2000/svg";

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function add(parent, tag, attributes, text) {
  const element = set(document.createElementNS(SVG, tag), attributes);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function ticks(low, high, most) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => (high - low) / size <= most);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) found.push(value);
  return found;
}

function plot(svg, curves, { last, unit, least }) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const [left, right, top, bottom] = [44, 12, 10, 30];
  const values = curves.flat().map(([, y]) => y);
  const low = Math.min(least ?? Infinity, ...values);
  const high = Math.max(low + 1e-3, ...values);
  const x = (value) => left + ((width - left - right) * value) / last;
  const y = (value) => top + ((height - top - bottom) * (high - value)) / (high - low);
  svg.replaceChildren();
  if (values.length) {
    for (const value of ticks(low, high, height > 200 ? 6 : 4)) {
      add(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) });
      add(svg, "text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(6))));
    }
  }
  add(svg, "line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom });
  ticks(0, last, 5).forEach((value, index, all) => {
    const label = value.toLocaleString("en");
    add(svg, "text", { x: x(value), y: height - 10, "text-anchor": index === 0 ? "start" : "end" },
      index === all.length - 1 ? `${label} ${unit}` : label);
  });
  curves.forEach((points, index) => {
    const corners = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    if (corners.length > 1) add(svg, "polyline", { class: `curve ${SIDES[index]}`, points: corners.join(" ") });
    if (corners.length) {
      const [cx, cy] = corners[corners.length - 1].split(",");
      add(svg, "circle", { class: `end ${SIDES[index]}`, cx, cy, r: 4 });
    }
  });
}

function showChart() {
  const source = state.live || state.result;
  const chart = $("chart");
  const curves = SIDES.map((side) => (source ? source[side].curve : []));
  const last = Math.max(1000, ...curves.flat().map(([queries]) => queries));
  plot(chart, curves, { last, unit: "queries" });
  const end = (points) => (points.length ? points[points.length - 1][1].toFixed(1) : "hidden: this side answers with labels alone");
  chart.setAttribute("aria-label", !source || state.live
    ? "Loss of the attack, as it runs"
    : `Loss at the end of the attack: baseline ${end(curves[0])}, defended ${end(curves[1])}`);
}

// ------------------------------------------------------------------ the state

function show(next) {
  const first = state === null;
  state = next;
  if (first && state.models) {
    const trained = state.models.defences.map((row) => row.name).join(" ");
    if ([...$("defences").options].some((option) => option.value === trained)) $("defences").value = trained;
  }
  $("data").textContent = state.models ? state.models.data : "";
  showChoices();
  SIDES.forEach(showSide);
  showVerdict();
  showWork();
  showChart();
  fulfil();
}

new EventSource("/events").addEventListener("message", (message) => show(JSON.parse(message.data)));
