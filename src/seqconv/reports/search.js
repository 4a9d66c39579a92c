// Draws a series that is looked up by its name. The data are in the page; nothing is fetched.
const { horizon, target, series } = JSON.parse(document.getElementById("series").textContent);
const [asked, found, chart] = ["asked", "found", "chart"].map((id) => document.getElementById(id));
const MOST = 12, WIDTH = 720, HEIGHT = 260, LEFT = 64, RIGHT = 12, TOP = 14, BOTTOM = 26;

const make = (name, attributes = {}, text = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
};
const show = (number) => Math.abs(number) >= 1000 ? Math.round(number).toLocaleString("en") : `${+number.toPrecision(4)}`;
const brief = (times) => times.every((each) => /^\d{4}-\d\d-01$/.test(each)) ? times.map((each) => each.slice(0, 7)) : times;
const ticks = (low, high) => { // round numbers, about four
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: 8 }, (_, i) => (Math.ceil(low / step) + i) * step).filter((each) => each <= high);
};

const draw = ([name, history, low, median, high, times]) => {
  const known = [...history, ...low, ...high].filter((each) => each !== null);
  let [bottom, top] = [Math.min(...known), Math.max(...known)];
  if (bottom === top) [bottom, top] = [bottom - 1, top + 1];
  const last = history.length + horizon - 1;
  const x = (place) => (LEFT + place / last * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value) => (TOP + (top - value) / (top - bottom) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const line = (values, first) => { // gaps stay gaps
    let pen = "M";
    return values.map((value, i) => {
      if (value === null) { pen = "M"; return ""; }
      const piece = `${pen}${x(first + i)},${y(value)}`;
      pen = "L";
      return piece;
    }).join("");
  };
  const now = history.length, newest = history[now - 1];
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart" });
  svg.append(make("title", {}, `Forecast of ${name}`), make("desc", {}, `The last of ${horizon} rows: ${show(median[horizon - 1])}, `
    + `80 % between ${show(low[horizon - 1])} and ${show(high[horizon - 1])}.`));
  for (const each of ticks(bottom, top)) {
    svg.append(make("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(each), y2: y(each), class: "grid" }));
    svg.append(make("text", { x: LEFT - 8, y: +y(each) + 4, "text-anchor": "end" }, show(each)));
  }
  const places = [[0, "start"], [now, "middle"], [last, "end"]];
  places.forEach(([place, anchor], i) =>
    svg.append(make("text", { x: x(place), y: HEIGHT - 6, "text-anchor": anchor }, brief(times)[i])));
  const band = [[newest, ...high], [newest, ...low]].map((values) =>
    values.map((value, i) => `${x(now - 1 + i)},${y(value)}`));
  svg.append(make("polygon", { points: [...band[0], ...band[1].reverse()].join(" "), class: "band" }));
  svg.append(make("path", { d: line(history, 0), class: "history" }));
  svg.append(make("path", { d: line([newest, ...median], now - 1), class: "ahead" }));
  const title = document.createElement("h3");
  title.textContent = name;
  const note = document.createElement("p");
  note.className = "soft";
  note.textContent = `${target}: history, forecast (dashed) and the 80 % interval.`;
  chart.replaceChildren(title, svg, note);
};

const search = () => {
  const words = asked.value.trim().toLowerCase();
  const hits = words ? series.filter(([name]) => name.toLowerCase().includes(words)) : [];
  const buttons = hits.slice(0, MOST).map((each) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = each[0];
    button.addEventListener("click", () => draw(each));
    return button;
  });
  const more = hits.length > MOST ? ` and ${(hits.length - MOST).toLocaleString("en")} more` : "";
  found.replaceChildren(...buttons, hits.length ? more : words ? "No series of that name is in this page." : "");
  const exact = hits.find(([name]) => name.toLowerCase() === words) ?? (hits.length === 1 ? hits[0] : null);
  if (exact) draw(exact);
};
asked.addEventListener("input", search);
