"use strict";

// Charts of SVG, with attributes alone: the page allows no styles of scripts.

const SVG = "http://www.w3.org/2000/svg";
const SIDES = ["baseline", "defended"];

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
    for (const value of ticks(low, high, 4)) {
      add(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) });
      add(svg, "text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(6))));
    }
  }
  add(svg, "line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom });
  ticks(0, last, 4).forEach((value, index, all) => {
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

// One chart an attack: what one attack has lost says nothing about another.
function plotEach(home, sides) {
  const titles = [...new Set(SIDES.flatMap((side) => Object.keys(sides ? sides[side].curves : {})))];
  for (const figure of [...home.children]) if (!titles.includes(figure.dataset.attack)) figure.remove();
  for (const title of titles) {
    let figure = [...home.children].find((one) => one.dataset.attack === title);
    if (!figure) {
      figure = document.createElement("figure");
      figure.dataset.attack = title;
      const caption = document.createElement("figcaption");
      caption.textContent = title;
      figure.append(caption);
      add(figure, "svg", { class: "chart", viewBox: "0 0 400 190", role: "img" });
      home.append(figure);
    }
    const curves = SIDES.map((side) => sides[side].curves[title] || []);
    const last = Math.max(200, ...curves.flat().map(([queries]) => queries));
    const svg = figure.querySelector("svg");
    plot(svg, curves, { last, unit: "queries" });
    const end = (points) => (points.length ? points[points.length - 1][1].toFixed(1) : "none");
    svg.setAttribute("aria-label", `${title}: loss now ${end(curves[0])} for the open model, ${end(curves[1])} for the defended one`);
  }
}
