"use strict";

// The questions about invented customers: a record with its odds, and the profile of a class.

const KINDS = ["usual", "regularised"];
let customer = 0;

function odds(value) {
  return value >= 99 ? "99 to 1 or more" : `${value < 10 ? value.toFixed(1) : Math.round(value)} to 1`;
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function rate({ value, low, high }) {
  return `${(100 * value).toFixed(0)} % (${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)})`;
}

function showCustomers(answers) {
  if (!answers) return;
  const keys = $("customer-keys");
  const names = answers.records.map((record) => record.name).join();
  if (keys.dataset.names !== names) {
    keys.dataset.names = names;
    customer = 0;
    keys.replaceChildren(...answers.records.map((record, place) => {
      const label = element("label");
      const input = set(document.createElement("input"), { type: "radio", name: "customer", value: place });
      input.checked = place === customer;
      label.append(input, element("span", record.name.replace("Customer ", "")));
      return label;
    }));
  }
  showRecord(answers, answers.records[customer]);
  showProfile(answers.profile);
}

function showRecord(answers, record) {
  const head = element("tr");
  const row = element("tr");
  answers.columns.forEach((name, place) => {
    head.append(set(element("th", name), { scope: "col" }));
    row.append(element("td", record.values[place].toLocaleString("en")));
  });
  head.append(set(element("th", "class"), { scope: "col" }));
  row.append(element("td", record.label));
  const [thead, tbody] = [element("thead"), element("tbody")];
  thead.append(head);
  tbody.append(row);
  $("record").replaceChildren(thead, tbody);
  for (const kind of KINDS) {
    const answer = record.answers[kind];
    const { right, accuracy } = answers.membership[kind];
    const card = $(`answer-${kind}`);
    const true_ = answer.member === record.member ? "Right" : "Wrong";
    card.querySelector(".says").textContent = `“${answer.member ? "Yes" : "No"}, ${odds(answer.odds)}.” ${true_}: ${record.name} was ${record.member ? "" : "not "}in the data.`;
    card.querySelector(".note").textContent = `Of all 200 customers the attacker is right about ${rate(right)}; a coin about 50 %. The forest itself is right about ${rate(accuracy)} of others.`;
  }
  const { usual, regularised } = record.answers;
  const surely = usual.odds >= 3;
  const right = usual.member === record.member;
  $("membership-verdict").dataset.outcome = surely && right ? "through" : "stopped";
  say("membership-sentence", `${first(record, usual)} ${second(record, regularised)}`);
}

function first(record, answer) {
  if (answer.odds < 3) return `From the forest as usual the attacker can hardly tell whether ${record.name} was in the data.`;
  const what = `From the forest as usual the attacker says, at ${odds(answer.odds)}, that ${record.name} was ${answer.member ? "" : "not "}in the data`;
  return answer.member === record.member ? `${what}, and is right.` : `${what}, and is wrong.`;
}

function second(record, answer) {
  if (answer.odds < 3) return `From the regularised one it can hardly tell: ${odds(answer.odds)}.`;
  return `From the regularised one it says ${answer.member ? "yes" : "no"} at ${odds(answer.odds)}, and is ${answer.member === record.member ? "right" : "wrong"}.`;
}

function showProfile(profile) {
  $("profile-verdict").dataset.outcome = ["critical", "high", "moderate"].includes(profile.severity) ? "through" : "open";
  say("profile-sentence", `From the forest’s answers the attacker says of high-risk customers: ${profile.sentence[0].toLowerCase()}${profile.sentence.slice(1)}`);
  $("profile-details").textContent = `${profile.verdict} The audit calls that ${profile.severity}. The data hold ${profile.records} high-risk customers.`;
  $("profile-columns").replaceChildren(...profile.columns.map((column) => {
    const figure = element("figure");
    figure.append(element("figcaption", column.name));
    const svg = add(figure, "svg", { class: "chart", viewBox: "0 0 400 54", role: "img" });
    const marks = ["everybody", "attacker", "real"].map((name) => [name, column[name]]);
    const middle = column.everybody;
    const reach = 1.2 * Math.max(column.unit / 2, ...marks.map(([, value]) => Math.abs(value - middle)));
    const x = (value) => 200 + (180 * (value - middle)) / reach;
    add(svg, "line", { class: "axis", x1: 16, x2: 384, y1: 18, y2: 18 });
    for (const [name, value] of marks) add(svg, "circle", { class: name, cx: x(value), cy: 18, r: name === "everybody" ? 5 : 8 });
    const digits = column.unit >= 5 ? 0 : 1;
    const texts = marks.map(([name, value]) => `${name === "real" ? "in the data" : name} ${value.toFixed(digits)}`);
    add(svg, "text", { x: 200, y: 48, "text-anchor": "middle" }, texts.join(" · "));
    svg.setAttribute("aria-label", `${column.name}: ${texts.join(", ")}`);
    return figure;
  }));
}
