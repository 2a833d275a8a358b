"use strict";

// The page mirrors the server's state: every message holds all of it, so a reload loses nothing.

const $ = (id) => document.getElementById(id);
const png = (encoded) => `data:image/png;base64,${encoded}`;
const REPLAY_MILLISECONDS = 5000;

let state = null;
let wish = null; // what the user asked for while the server was busy with something else
let sent = null; // what was asked for, until the server says the same
let customersAsked = false; // once, or what fails or is cancelled would begin again and again
let refused = ""; // why the server would not do what was asked for last
let replayed = null; // an attack that is shown again, in the form of the state's live one

// ------------------------------------------------------------------ asking

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) return;
  sent = null;
  const { error } = await answer.json();
  refused = `${error.message} ${error.hint}`;
  show(state);
}

function wanted() {
  const target = document.querySelector("input[name=target]:checked");
  return {
    target: target ? Number(target.value) : state.request.target,
    defence: $("defence").value,
    level: $("level").value,
    similar: $("similar").checked,
  };
}

function want(path, body) {
  refused = "";
  wish = { path, body };
  fulfil();
}

function fulfil() {
  if (!wish || !state || state.busy) return;
  const { path, body } = wish;
  sent = wish;
  wish = null;
  ask(path, body);
}

const TRAIN_FIRST = "This defence works in training: press “Train both models anew”.";

function untrained() {
  const option = $("defence").selectedOptions[0];
  if (!option || !("training" in option.dataset) || !state.models) return false;
  return state.models.defences.map((row) => row.name).sort().join(" ") !== option.value.split(" ").sort().join(" ");
}

function attackWanted() {
  refused = "";
  if (untrained()) wish = null;
  else want("/attack", wanted());
  show(state);
}

$("controls").addEventListener("submit", (event) => event.preventDefault());
$("controls").addEventListener("change", (event) => {
  if (event.target.name === "data") want("/show", { data: event.target.value });
  else attackWanted();
});
$("customers").addEventListener("submit", (event) => event.preventDefault());
$("customers").addEventListener("change", (event) => {
  customer = Number(event.target.value);
  showCustomers(state.customers);
});
$("train").addEventListener("click", () => want("/train", { defence: $("defence").value }));
$("compare").addEventListener("click", () => want("/compare", {}));
$("new-customers").addEventListener("click", () => want("/customers", {}));
$("cancel").addEventListener("click", () => { wish = null; ask("/cancel", {}); });

// ------------------------------------------------------------------ tabs

const TABS = [...document.querySelectorAll("[role=tab]")];

function openTab(tab) {
  for (const one of TABS) {
    const chosen = one === tab;
    set(one, { "aria-selected": chosen, tabindex: chosen ? 0 : -1 });
    $(one.getAttribute("aria-controls")).hidden = !chosen;
  }
  askForCustomers();
}

// in the address, so that a reload opens it again; no element has that name, to which a browser would scroll
const address = (tab) => `#question=${tab.getAttribute("aria-controls")}`;

function choose(tab) {
  history.replaceState(null, "", address(tab));
  customersAsked = false;
  openTab(tab);
}

function askForCustomers() {
  const open = TABS.find((tab) => tab.getAttribute("aria-selected") === "true").getAttribute("aria-controls");
  if (open === "memory" || customersAsked || !state || state.customers || state.busy || wish || sent) return;
  customersAsked = true;
  want("/customers", {});
}

for (const tab of TABS) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length];
    next.focus();
    choose(next);
  });
}
openTab(TABS.find((tab) => address(tab) === location.hash) || TABS[0]);

// ------------------------------------------------------------------ showing

function named(target) {
  return state.data === "faces" ? `the face of person ${target + 1}` : `the ${target}`;
}

function asked() {
  const pending = wish || sent;
  return pending && pending.path === "/attack" ? pending.body : state.request;
}

function showControls(first) {
  const { target, defence, level, similar } = asked();
  const pending = wish || sent;
  const data = pending && pending.path === "/show" ? pending.body.data : state.data;
  const faces = state.data === "faces";
  for (const input of document.querySelectorAll("input[name=data]")) input.checked = input.value === data;
  for (const input of document.querySelectorAll("input[name=target]")) {
    const number = Number(input.value);
    input.checked = number === target;
    const [image, label] = [input.parentElement.querySelector("img"), input.parentElement.querySelector("b")];
    label.textContent = faces ? `Person ${number + 1}` : number;
    label.classList.toggle("unseen", faces);
    image.hidden = !faces || !state.originals[number];
    if (!image.hidden) image.src = png(state.originals[number]);
  }
  if (first || !untrained()) $("defence").value = defence;
  $("level").value = level;
  $("similar").checked = similar;
  const option = $("defence").selectedOptions[0];
  $("level").parentElement.hidden = !("levels" in option.dataset);
  $("cost").textContent = `${option.textContent}: ${option.dataset.cost}`;
  showImage("original", state.originals[target], `Original of ${named(target)}`);
}

function showImage(id, encoded, description) {
  const image = $(id).querySelector("img");
  image.hidden = !encoded;
  if (!encoded) return;
  if (image.getAttribute("src") !== png(encoded)) image.src = png(encoded);
  image.alt = description;
}

function showSide(side, live) {
  const panel = $(side);
  const found = !live && state.result ? state.result[side] : null;
  const about = panel.querySelector(".about");
  panel.classList.toggle("under-way", Boolean(live));
  if (found && found.shown) {
    showImage(side, found.shown.image, `What the attacker got of ${named(state.request.target)} from the ${side === "baseline" ? "open" : "defended"} model`);
    about.textContent = found.read ? `An independent model reads ${named(state.request.target)} in it.` : `No model reads ${named(state.request.target)} in it.`;
  } else {
    showImage(side, live ? live.image : null, `A reconstruction of ${named(state.request.target)} under way`);
    about.textContent = live && live.attack ? `${live.queries.toLocaleString("en")} queries` : side === "baseline" ? "no defence" : defended();
  }
}

function defended() {
  const option = [...$("defence").options].find((one) => one.value === state.request.defence);
  return option ? option.textContent : "";
}

const CAVEATS = {
  hidden: "The guard hides what the model knows, and removes nothing. Switch on “Attacker has similar images” to see how it is got past.",
  missed: "How much a guard hides is a matter of luck, too: its random answers happen to lead here. Train anew, or choose a stronger one.",
  broken: "The model still knows it all: whoever has similar images, or the model’s file, can get past a guard.",
};

function showVerdict() {
  const { result, busy, request } = state;
  const waiting = { training: "The models are being trained from scratch.", attacking: `The attacker asks both models, to find ${named(request.target)}.` };
  say("sentence", result && !wish ? result.sentence : waiting[busy] || (busy ? "At work." : "Choose what to attack."));
  const through = result && result.defended.read;
  $("verdict").dataset.outcome = !result ? "none" : through ? "through" : result.baseline.read ? "stopped" : "open";
  const guard = request.defence === "guard";
  say("caveat", !result ? "" : guard ? (request.similar ? CAVEATS.broken : through ? CAVEATS.missed : CAVEATS.hidden) : "This holds for the attacks that were tried, and for no others.");
  $("replay").hidden = $("details").hidden = !result;
  if (result) showDetails(result);
  showComparison();
}

const ATTACKERS = { asks: "An attacker that only asks", similar_images: "An attacker that has similar images" };
const EFFECTS = {
  reduces: "the defence reduces the leak",
  "only hides": "the defence only hides the leak",
  "only hides the slope": "the defence only hides the way, and the leak is still found",
  "no effect found": "the defence has no effect",
  increases: "the defence increases the leak",
  inconclusive: "this does not tell",
};

function showComparison() {
  const { comparison, result, request } = state;
  const holds = comparison && comparison.request.defence === request.defence && comparison.request.level === request.level;
  $("downloads").hidden = $("overall").hidden = !holds;
  $("compare").hidden = holds || !result;
  if (!holds) return;
  const shown = (estimate) => (estimate ? `${(100 * estimate.value).toFixed(0)} %` : "none");
  $("attackers").replaceChildren(...comparison.attackers.map(({ attacker, effect, before, after, chance }) => {
    const row = element("li");
    const told = `Of real images ${shown(before)} are told apart by what it gets from the open model, ${shown(after)} by what it gets from the defended one; by guessing ${(100 * chance).toFixed(0)} %.`;
    row.append(element("strong", `${ATTACKERS[attacker]}: ${EFFECTS[effect]}.`), ` ${told}`);
    row.dataset.attacker = attacker;
    row.dataset.effect = effect;
    return row;
  }));
  $("audit").textContent = `The audit says in its own words: ${comparison.sentence}`;
}

function interval(estimate, factor = 1, unit = "") {
  if (!estimate) return "none";
  const digits = factor === 1 ? 2 : 1;
  const shown = (value) => (factor * value).toFixed(digits);
  return `${shown(estimate.value)}${unit} (${shown(estimate.low)} to ${shown(estimate.high)})`;
}

function showDetails(result) {
  const sides = SIDES.map((side) => result[side]);
  const rows = [
    ["Accuracy on images never seen", ...sides.map((side) => interval(side.accuracy, 100, " %"))],
    ["Attack that is shown", ...sides.map((side) => (side.shown ? side.shown.attack : "none"))],
    ["Independent model’s confidence", ...sides.map((side) => (side.shown ? `${(100 * side.shown.confidence).toFixed(0)} %` : "none"))],
    ["Similarity of it", ...sides.map((side) => (side.shown ? interval(side.shown.similarity) : "none"))],
    ["Similarity of a guess", ...sides.map((side) => (side.shown ? side.shown.chance.toFixed(2) : "none"))],
  ];
  const one = (attack) => (attack ? attack.reason || `${attack.read ? "read" : "not read"}; leakage ${interval(attack.leakage)}` : "not run");
  const titles = [...new Set(sides.flatMap((side) => side.attacks.map((attack) => attack.title)))];
  for (const title of titles) rows.push([title, ...sides.map((side) => one(side.attacks.find((attack) => attack.title === title)))]);
  $("figures").replaceChildren(...rows.map(([head, ...cells]) => {
    const row = element("tr");
    row.append(set(element("th", head), { scope: "row" }), ...cells.map((cell) => element("td", cell)));
    return row;
  }));
}

function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text; // a live region speaks at every write
}

function showWork() {
  const { busy, stage, fraction, training, models } = state;
  $("status").hidden = !busy;
  $("train").disabled = $("compare").disabled = $("new-customers").disabled = Boolean(busy);
  if (busy) {
    $("stage").textContent = stage;
    $("bar").value = fraction;
  }
  const trainFirst = untrained() && busy !== "training" ? TRAIN_FIRST : "";
  say("notice", [refused || state.notice, trainFirst].filter(Boolean).join(" "));
  const privacy = models && models.hardened && models.hardened.privacy;
  const promise = privacy ? ` DP-SGD promises ε = ${privacy.epsilon.toFixed(1)} at δ = ${privacy.delta.toExponential(0)}.` : "";
  $("data").textContent = models ? `Trained on ${models.trained_on.toLocaleString("en")} ${models.data} pixels.${promise}` : "";
  $("lesson").hidden = !training;
  if (!training) return;
  const curves = ["baseline", "hardened"].map((side) => training[side].map((loss, index) => [index + 1, loss]));
  plot($("lesson-chart"), curves, { last: training.epochs || 1, unit: "epochs", least: 0 });
  const told = (points) => (points.length ? points[points.length - 1][1].toFixed(2) : "none yet");
  $("lesson-chart").setAttribute("aria-label",
    `Loss in training: open model ${told(curves[0])}, hardened ${told(curves[1])}, after ${Math.max(...curves.map((c) => c.length))} of ${training.epochs} epochs`);
}

// ------------------------------------------------------------------ the attack once more

$("replay").addEventListener("click", async () => {
  const answer = await fetch("/replay.json");
  if (!answer.ok || replayed) return;
  const { frames } = await answer.json();
  replayed = Object.fromEntries(SIDES.map((side) => [side, { attack: "", queries: 0, image: null, curves: {} }]));
  for (const frame of frames) {
    if (state.busy) break;
    const side = replayed[frame.side];
    Object.assign(side, frame);
    if (frame.loss !== null) (side.curves[frame.attack] ||= []).push([frame.queries, frame.loss]);
    show(state);
    await new Promise((resolve) => setTimeout(resolve, REPLAY_MILLISECONDS / frames.length));
  }
  replayed = null;
  show(state);
});

// ------------------------------------------------------------------ the state

function arrived({ path, body }, { data, request, busy }) {
  if (path === "/attack") return Object.keys(body).every((name) => request[name] === body[name]);
  return path === "/show" ? data === body.data : Boolean(busy);
}

function show(next) {
  const first = state === null;
  state = next;
  const live = state.live || replayed;
  showControls(first);
  for (const side of SIDES) showSide(side, live && live[side]);
  showVerdict();
  showWork();
  plotEach($("charts"), live || state.result);
  showCustomers(state.customers);
  fulfil();
  askForCustomers();
}

new EventSource("/events").addEventListener("message", (message) => {
  const next = JSON.parse(message.data);
  if (sent && arrived(sent, next)) sent = null;
  show(next);
});
