
// Files: a table of texts is answered row by row, with a download; rows of a series, or one sequence, go into the box

const [file, progress, download, typing] =
  ["file", "progress", "download", "typing"].map((id) => document.getElementById(id));
const PIECE = 256, LONGEST = 20000; // examples of a request; letters of a text that is explained while it is typed

const parseTable = (text) => { // CSV, quoted as RFC 4180 has it, in rows of cells
  const first = text.split(/\r?\n/, 1)[0], counts = [",", ";", "\t"].map((mark) => first.split(mark).length);
  const mark = [",", ";", "\t"][counts.indexOf(Math.max(...counts))], rows = [[]];
  const pattern = new RegExp(`("(?:[^"]|"")*"|[^"${mark}\\r\\n][^${mark}\\r\\n]*|)(${mark}|\\r?\\n|$)`, "y");
  for (let found; pattern.lastIndex < text.length && (found = pattern.exec(text));) {
    rows.at(-1).push(/^"/.test(found[1]) ? found[1].slice(1, -1).replaceAll('""', '"') : found[1]);
    if (found[2] !== mark && pattern.lastIndex < text.length) rows.push([]);
  }
  return rows.filter((row) => row.length > 1 || row[0]);
};
const quote = (cell) => /[",\r\n]/.test(cell = String(cell ?? "")) ? `"${cell.replaceAll('"', '""')}"` : cell;
const toCsv = (rows) => rows.map((row) => row.map(quote).join(",")).join("\n") + "\n";

const ask = async (asking, body) => { // waits and asks again while the server is busy
  for (;;) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(asking, { method: "POST", headers, body: JSON.stringify(body) });
    if (answer.status !== 503) return answer.json();
    await new Promise((done) => setTimeout(done, 1000 * (answer.headers.get("Retry-After") ?? 1)));
  }
};
const flat = (one) => { // an answer as cells
  const found = { prediction: [one.prediction].flat().join("|") };
  for (const [name, each] of Object.entries(one.probabilities ?? {})) found[`probability of ${name}`] = each;
  for (const [name, each] of Object.entries(one))
    if (!["prediction", "probabilities"].includes(name)) found[name] = name === "top" ? JSON.stringify(each) : each;
  return found;
};
const offer = (rows, name) => {
  URL.revokeObjectURL(download.href);
  download.href = URL.createObjectURL(new Blob([toCsv(rows)], { type: "text/csv" }));
  download.download = `${name.replace(/\.\w+$/, "")} predictions.csv`;
  download.textContent = `Download ${rows.length - 1} answers`;
  download.hidden = false;
};
const answerAll = async (head, rows, items, name) => {
  Object.assign(progress, { hidden: false, max: items.length, value: 0 });
  said.textContent = `${name}: ${items.length} examples are asked for.`;
  const answers = [];
  let problem = "";
  while (answers.length < items.length && !problem) {
    const answer = await ask("predict", { [takes]: items.slice(answers.length, answers.length + PIECE) });
    if (answer.error) problem = answer.error;
    else answers.push(...answer.predictions.map(flat));
    progress.value = answers.length;
  }
  progress.hidden = true;
  const names = [...new Set(answers.slice(0, PIECE).flatMap(Object.keys))];
  const lines = answers.map((one, i) => [...rows[i], ...names.map((each) => one[each])]);
  if (lines.length) {
    offer([[...head, ...names], ...lines], name);
    shown.replaceChildren(table(`The first of ${lines.length}`, [...head, ...names], lines.slice(0, 10)
      .map((line) => line.map((cell) => typeof cell === "number" ? show(cell) : String(cell ?? "").slice(0, 80)))));
  }
  said.textContent = problem || `${name}: ${answers.length} examples are answered.`;
};

const readTexts = async (text, name) => {
  if (!/\.(csv|tsv)$/i.test(name)) {
    const lines = text.split(/\r?\n/).filter((line) => line.trim());
    return answerAll(["text"], lines.map((line) => [line]), lines, name);
  }
  const [head, ...rows] = parseTable(text), needed = JSON.parse(form.dataset.columns);
  const lacking = needed.filter((each) => !head.includes(each));
  if (lacking.length) throw Error(`${name}: must have the column ${lacking[0]}; it has ${head.join(", ")}`);
  const sizes = head.map((_, i) => rows.slice(0, 100).reduce((sum, row) => sum + (row[i] ?? "").length, 0));
  const column = needed.length ? head.indexOf(needed[0]) : sizes.indexOf(Math.max(...sizes)); // else the longest
  const items = rows.map((row) => needed.length
    ? Object.fromEntries(needed.map((each) => [each, row[head.indexOf(each)] || (each === needed[0] ? "" : null)]))
    : row[column] ?? "");
  await answerAll(head, rows.map((row) => head.map((_, i) => row[i] ?? "")), items, name);
};
const readSequences = async (text, name) => { // JSON: a list of sequences, or a sequence on each line
  const lines = () => text.split(/\r?\n/).filter((line) => line.trim()).map((line) => JSON.parse(line));
  const items = /^\s*\[\s*\[\s*\[/.test(text) ? JSON.parse(text) : lines();
  await answerAll(["sequence"], items.map((_, i) => [i + 1]), items, name);
};
const readRows = (text) => { // of one series the newest rows, as many as a chart shows and a window needs
  const [head, ...rows] = text.split(/\r?\n/).filter((line) => line.trim()), most = Number(form.dataset.rows);
  asked.value = [head, ...(most ? rows.slice(-Math.max(most, MOST)) : rows)].join("\n");
  form.requestSubmit(form.querySelector("button"));
};
const take = async (given) => {
  shown.replaceChildren();
  download.hidden = raw.hidden = true;
  try {
    const text = (await given.text()).replace(/^\ufeff/, "");
    if (reader === "text") await readTexts(text, given.name);
    else if (/\.jsonl?$/i.test(given.name)) await (reader === "steps" ? readSequences(text, given.name) : readJsonRows(text));
    else if (reader === "rows") readRows(text);
    else {
      asked.value = text.trim();
      form.requestSubmit(form.querySelector("button[value=explain]"));
    }
  } catch (error) {
    said.textContent = error.message;
    progress.hidden = true;
  }
};
const readJsonRows = (text) => {
  const lines = () => text.split(/\r?\n/).filter((line) => line.trim()).map((line) => JSON.parse(line));
  const rows = /^\s*\[/.test(text) ? JSON.parse(text) : lines();
  const head = Object.keys(rows[0]);
  readRows(toCsv([head, ...rows.map((row) => head.map((name) => row[name]))]));
};

file.addEventListener("change", () => file.files.length && take(file.files[0]));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
});

// A text is explained while it is typed, once the typing pauses

let pause;
asked.addEventListener("input", () => {
  clearTimeout(pause);
  if (typing?.checked && asked.value.trim() && asked.value.length <= LONGEST)
    pause = setTimeout(() => form.requestSubmit(form.querySelector("button[value=explain]")), 400);
});

// The other models of this server, if there are any

const root = location.pathname.replace(/models\/[^/]+\/$/, "");
fetch(`${root}models`).then((answer) => answer.json()).then(({ models, default: first }) => {
  if (models.length < 2) return;
  const nav = make("nav", "Models: ", { "aria-label": "Models" });
  for (const { name } of models) {
    const link = make("a", name, { href: `${root}models/${encodeURIComponent(name)}/` });
    if (new URL(link.href).pathname === location.pathname || (root === location.pathname && name === first))
      link.setAttribute("aria-current", "page");
    nav.append(link, " ");
  }
  document.querySelector("main").prepend(nav);
}).catch(() => {}); // without them the page is as it is
