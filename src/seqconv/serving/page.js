// What is typed, and what a model is called, reaches the page as text alone, never as HTML.
const form = document.querySelector("form"), { takes, reader, target } = form.dataset;
const channels = JSON.parse(form.dataset.channels); // of a sequence
const ids = JSON.parse(form.dataset.ids); // columns that tell series apart: text, whatever they look like
const [asked, said, shown, whole, raw, curl] =
  ["asked", "said", "shown", "whole", "raw", "curl"].map((id) => document.getElementById(id));

// What is typed becomes a request

const cells = (text) => text.split(/\r?\n/).filter((line) => line.trim()).map((line) =>
  line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
const value = (cell) => cell && isFinite(cell) ? Number(cell) : cell || null;
const read = {
  text: (text) => [/^\s*\{/.test(text) ? JSON.parse(text) : text], // an object: with the columns next to it
  steps: (text) => [cells(text).map((step) => step.map(value))],
  rows: (text) => {
    const [names, ...rows] = cells(text);
    return rows.map((row) => Object.fromEntries(row.map((cell, i) =>
      [names[i] ?? `column ${i + 1}`, ids.includes(names[i]) ? cell || null : value(cell)])));
  },
};

// Numbers for people

const show = (number) => number === null ? "no number"
  : Math.abs(number) >= 1000 ? Math.round(number).toLocaleString("en") : number.toPrecision(4);
const percent = (fraction) => fraction === 0 || fraction === 1 ? `${100 * fraction} %`
  : fraction >= 0.9995 ? "> 99.9 %" : fraction < 0.0005 ? "< 0.1 %" : `${(100 * fraction).toFixed(1)} %`;
const signed = (number) => (number < 0 ? "\u2212" : "+")
  + (Math.abs(number) >= 1000 ? show(Math.abs(number)) : Math.abs(number).toPrecision(3));
const midnight = (one) => /[T ]00:00:00(?=$|[+-])/.test(one.time);
const when = (one, all = [one]) => one.time // of midnights alone, the dates
  ? one.time.replace("T", " ").replace(all.every(midnight) ? " 00:00:00" : /:00(?=$|[+-])/, "") : `in ${one.lead}`;
const levels = (one) => Object.keys(one).filter((name) => /^(low|high|q0\.\d+)$/.test(name)); // ascending
const ends = (one) => levels(one).length > 1 ? [levels(one)[0], levels(one).at(-1)] : []; // of an interval or all quantiles
const span = (one) => ends(one).length ? ` (${ends(one).map((end) => show(one[end])).join(" to ")})` : "";

// Pieces of the page

const make = (name, text, attributes = {}, space = "") => {
  const made = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, each] of Object.entries(attributes)) made.setAttribute(key, each);
  if (text) made.textContent = text;
  return made;
};
const bars = (values) => { // name, length 0 to 1, text, sign
  const box = make("div", "", { class: "bars" });
  for (const [name, size, text, less] of values) {
    const bar = make("i", "", less ? { class: "less" } : {});
    bar.style.width = `${100 * size}%`;
    box.append(make("span", name), bar, make("span", text));
  }
  return box;
};
const table = (title, head, rows) => {
  const box = make("div", "", { class: "wide", role: "region", "aria-label": title, tabindex: 0 });
  const made = make("table"), top = made.createTHead().insertRow(), body = made.createTBody();
  made.prepend(make("caption", title));
  head.forEach((name) => top.append(make("th", name, { scope: "col" })));
  for (const [name, ...others] of rows) {
    const row = body.insertRow();
    row.append(make("th", name, { scope: "row" }), ...others.map((each) => make("td", each)));
  }
  box.append(made);
  return box;
};
const colour = (text, words) => {
  const box = make("div", "", { class: "said", dir: "auto" }), letters = Array.from(text); // as Python counts them
  const most = Math.max(...words.map((word) => Math.abs(word.effect)), 0);
  let done = 0;
  for (const { start, end, effect } of words) {
    if (Math.abs(effect) <= 0.1 * most) continue;
    const mark = make("mark", letters.slice(start, end).join(""), { class: effect > 0 ? "raises" : "lowers" });
    mark.style.setProperty("--strength", `${Math.round(55 * Math.abs(effect) / most)}%`);
    mark.title = signed(effect);
    box.append(letters.slice(done, start).join(""), mark);
    done = end;
  }
  box.append(letters.slice(done).join(""));
  return box;
};

// A curve of the rows that were pasted, and the forecasts that follow

const WIDE = 640, HIGH = 220, LEFT = 56, BELOW = 22, MOST = 200;
const instant = (text) => Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text);
const place = (rows, found) => { // where forecasts stand, in rows after the newest
  const name = Object.keys(rows[0] ?? {}).find((each) => Number.isNaN(Number(rows[0][each])));
  const [before, newest] = rows.slice(-2).map((row) => instant(row[name]));
  const places = found.map((one) => (instant(one.time?.slice(0, 19)) - newest) / (newest - before));
  return places.every((each) => each > 0 && each < 1e6) ? places : found.map((_, i) => i + 1);
};
const chart = (rows, found) => {
  const { target } = found[0], ahead = found.filter((one) => one.target === target);
  const past = rows.map((row) => row[target]).filter((each) => typeof each === "number").slice(-MOST);
  const points = [...past.map((each, i) => [i + 1 - past.length, each])];
  const forecasts = place(rows, ahead).map((x, i) => [x, ahead[i].prediction]);
  const band = ends(ahead[0]).map((end) => forecasts.map(([x], i) => [x, ahead[i][end]]));
  const all = [points, forecasts, ...band].flat().filter(([, y]) => typeof y === "number");
  const [left, right] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))];
  const [low, high] = [Math.min(...all.map(([, y]) => y)), Math.max(...all.map(([, y]) => y))];
  const x = (at) => LEFT + (WIDE - LEFT - 8) * (at - left) / (right - left || 1);
  const y = (at) => 8 + (HIGH - BELOW - 16) * (high - at) / (high - low || 1);
  const list = (line) => line.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ");
  const draw = (name, attributes, text) => make(name, text, attributes, "http://www.w3.org/2000/svg");
  const title = `${target}: the newest ${past.length} rows and ${ahead.length === 1 ? "the forecast" : "the forecasts"}`;
  const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, role: "img", class: "chart" });
  svg.append(draw("title", {}, title), draw("desc", {}, "The table that follows has the forecasts."));
  if (band.length) svg.append(draw("polygon", { points: list([...band[0], ...band[1].reverse()]), class: "band" }));
  svg.append(draw("polyline", { points: list(points), class: "past" }));
  svg.append(draw("polyline", { points: list([...points.slice(-1), ...forecasts]), class: "ahead" }));
  if (forecasts.length === 1) svg.append(draw("circle", { cx: x(forecasts[0][0]), cy: y(forecasts[0][1]), r: 4, class: "dot" }));
  if (forecasts.length === 1 && band.length)
    svg.append(draw("polyline", { points: list([band[0][0], band[1][0]]), class: "whisker" }));
  for (const at of [low, high]) svg.append(draw("text", { x: LEFT - 6, y: y(at) + 4, class: "end" }, show(at)));
  svg.append(draw("line", { x1: x(0), x2: x(0), y1: 4, y2: HIGH - BELOW, class: "now" }));
  svg.append(draw("text", { x: Math.min(x(0), WIDE - 120), y: HIGH - 6, class: "end" }, "newest row"));
  svg.append(draw("text", { x: WIDE - 8, y: HIGH - 6, class: "end" }, when(ahead.at(-1), ahead)));
  const box = make("div", "", { class: "wide newest", role: "region", "aria-label": title, tabindex: 0 });
  box.append(svg);
  return box;
};

// The curves of a sequence, one below the other, with colour behind the steps that decided

const ROW = 64, MOST_CHANNELS = 8;
const curves = (steps, parts = []) => {
  const names = channels.slice(0, MOST_CHANNELS), count = steps.length, high = ROW * names.length + BELOW;
  const side = Math.min(12 + 7 * Math.max(...names.map((name) => name.length)), 160); // for the names
  const draw = (name, attributes, text) => make(name, text, attributes, "http://www.w3.org/2000/svg");
  const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${high}`, width: WIDE, role: "img", class: "chart" });
  const x = (step) => side + (WIDE - side - 8) * (count > 1 ? (step - 1) / (count - 1) : 0.5);
  const half = (x(2) - x(1)) / 2 || 4, most = Math.max(...parts.map((part) => Math.abs(part.contribution)), 0) || 1;
  svg.append(draw("title", {}, `The ${count} steps of ${names.join(", ")}`),
    draw("desc", {}, "The tables that follow have what the steps add."));
  names.forEach((name, row) => {
    const own = parts.filter((one) => one.input === name && one.from && isFinite(one.from) && isFinite(one.to));
    for (const part of own) {
      const [left, right] = [x(Number(part.from)) - half, x(Number(part.to)) + half];
      const strength = (0.1 + 0.4 * Math.abs(part.contribution) / most).toFixed(2);
      svg.append(draw("rect", { x: left.toFixed(1), y: row * ROW + 2, width: (right - left).toFixed(1), height: ROW - 6,
        class: part.contribution > 0 ? "more" : "less", "fill-opacity": strength }));
    }
    const known = steps.map((step, i) => [i + 1, step[row]]).filter(([, each]) => typeof each === "number");
    const [low, top] = [Math.min(...known.map(([, each]) => each)), Math.max(...known.map(([, each]) => each))];
    const y = (each) => row * ROW + 8 + (ROW - 18) * (top - each) / (top - low || 1);
    const line = known.map(([step, each]) => `${x(step).toFixed(1)},${y(each).toFixed(1)}`).join(" ");
    const label = name.length > 21 ? `${name.slice(0, 20)}\u2026` : name;
    svg.append(draw("polyline", { points: line, class: "past" }),
      draw("text", { x: side - 6, y: row * ROW + ROW / 2, class: "end" }, label));
  });
  svg.append(draw("text", { x: side + 34, y: high - 6, class: "end" }, "step 1"));
  if (count > 1) svg.append(draw("text", { x: WIDE - 8, y: high - 6, class: "end" }, `step ${count}`));
  const box = make("div", "", { class: "wide", role: "region", "aria-label": "The sequence", tabindex: 0 });
  box.append(svg);
  return box;
};

// Answers

const probabilities = (found) => bars(found.sort((one, other) => other[1] - one[1]).slice(0, 8)
  .map(([name, each]) => [name, each ?? 0, percent(each ?? 0)]));

const counted = (found) => found.length > 1
  ? `, and ${found.length - 1} more forecast${found.length > 2 ? "s" : ""} below` : "";
const tabled = (found, body) => { // forecasts of a table of series: ids, times, the forecast and its quantiles
  const [first] = found, names = Object.keys(first), before = names.slice(0, names.indexOf("forecast"));
  const named = names.filter((name) => /^q(\d+|0\.\d+)$/.test(name)), [low, high] = [named[0], named.at(-1)];
  const level = (name) => name.slice(1) * (name.includes(".") ? 100 : 1);
  const times = before.filter((name) => !ids.includes(name)), width = +(level(high) - level(low)).toFixed(6);
  const band = (row) => width ? { low: row[low], high: row[high] } : {};
  const told = found.map((row) => ({ target, prediction: row.forecast, ...band(row),
    time: times.map((name) => row[name]).join(" ") }));
  const alike = (row) => ids.every((id) => String(row[id]) === String(first[id]));
  shown.append(chart(body[takes].filter(alike), told.filter((_, i) => alike(found[i]))));
  const head = [...before, "forecast", ...(width ? [`${width} % interval`] : [])];
  shown.append(table("Forecasts", head, found.map((row, i) =>
    [...before.map((name) => String(row[name])), show(row.forecast), ...(width ? [span(told[i]).slice(2, -1)] : [])])));
  const whose = ids.length ? ` of ${ids.map((id) => first[id]).join(", ")}` : "";
  return `${target}${whose} ${when(told[0], told)}: ${show(first.forecast)}${span(told[0])}${counted(found)}`;
};
const predicted = (found, body) => {
  const [first] = found;
  if ("forecast" in first) return tabled(found, body);
  if (first.target) {
    const all = found.map((one) => [one.target, when(one, found), show(one.prediction), span(one).slice(2, -1)]);
    const head = ["column", "time", "forecast", "interval"], cut = ends(first).length ? 4 : 3;
    const rows = all.map((row) => row.slice(0, cut));
    shown.append(chart(body[takes], found), table("Forecasts", head.slice(0, cut), rows));
    return `${first.target} ${when(first, found)}: ${show(first.prediction)}${span(first)}${counted(found)}`;
  }
  if (reader === "steps") shown.append(curves(body[takes][0]));
  if (typeof first.prediction === "number") return `${target}: ${show(first.prediction)}${span(first)}`;
  shown.append(probabilities(Object.entries(first.probabilities ?? {})));
  const likely = (name) => first.probabilities?.[name] ?? first.probability; // none of these has none
  const named = [first.prediction].flat().map((name) =>
    likely(name) === undefined ? name : `${name} (${percent(likely(name))})`);
  return named.join(", ") || "none of the classes";
};
const effects = (inputs) => {
  const most = Math.max(...inputs.map((one) => Math.abs(one.contribution)), 0) || 1;
  return bars(inputs.slice(0, 12).map((one) =>
    [one.input, Math.abs(one.contribution) / most, signed(one.contribution), one.contribution < 0]));
};
const legend = (one) => one.class === undefined ? "Blue: raises the number; orange: lowers it."
  : `Blue: for ${one.class}; orange: against it.`;
const explained = (answer, body) => {
  const each = answer.labels ?? [answer];
  if (answer.classes !== undefined && answer.text !== undefined)
    shown.append(probabilities(answer.classes.map((name, i) => [name, answer.probability[i]])));
  for (const one of each) {
    if (answer.text === undefined) {
      const sorted = [...one.inputs].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
      const parts = one.parts.slice(0, 12).map((part) => [part.input, part.from, part.to, signed(part.contribution)]);
      if (reader === "steps")
        shown.append(curves(body[takes][0], one.parts), make("p", legend(one), { class: "soft" }));
      shown.append(effects(sorted), table("Strongest spans", ["input", "from", "to", "effect"], parts));
    } else {
      const name = one.class ?? one.output, probability = answer.probability?.[answer.classes.indexOf(name)];
      if (each.length > 1) shown.append(make("h3", `${name} (${percent(probability)})`), make("p", one.because));
      shown.append(colour(answer.text, one.words));
      if (one.columns?.length) shown.append(effects(one.columns.map((each) => ({ ...each, input: each.column }))));
      const [more, less] = one.class === undefined ? ["raises", "lowers it"] : ["for", "against it"];
      shown.append(make("p", `Straight line: ${more} ${name}; wavy line: ${less}.`, { class: "soft" }));
    }
  }
  return answer.labels ? `${answer.verdict}. Each label is explained below.` : `${answer.verdict}. ${answer.because}`;
};

let turn = 0; // an answer that comes after that of a later question is not shown
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const own = ++turn;
  try {
    const asking = event.submitter?.value ?? "predict", body = { [takes]: read[reader](asked.value) };
    const headers = { "Content-Type": "application/json" };
    const answer = await (await fetch(asking, { method: "POST", headers, body: JSON.stringify(body) })).json();
    if (own !== turn) return;
    said.textContent = whole.textContent = "";
    shown.replaceChildren();
    raw.hidden = download.hidden = true;
    if (answer.error) said.textContent = answer.error;
    else {
      whole.textContent = JSON.stringify(answer, null, 1);
      raw.hidden = false;
      said.textContent = answer.predictions ? predicted(answer.predictions, body) : explained(answer, body);
    }
  } catch (error) { said.textContent = String(error); }
});
asked.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(form.querySelector("button"));
});
curl.textContent = curl.textContent.replace("ADDRESS/", location.href);
