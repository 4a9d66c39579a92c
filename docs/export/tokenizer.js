// Reads the tokenizer that `seqconv export --onnx` writes next to a model of texts; needs nothing else.
//
//     node tokenizer.js model.tokenizer.json      // checks the reader by the examples in the file
//
// In a page: `new Tokenizer(await (await fetch("model.tokenizer.json")).json()).encode(text)` gives the ids of a text,
// `count(name, text)` its hashed features; numbers of both are BigInt where onnxruntime-web wants int64.

const LOW = (1n << 64n) - 1n;

class Tokenizer {
  constructor(table) {
    if (table.format !== 1) throw new Error("a tokenizer of another format");
    this.table = table;
    this.removed = new RegExp(table.form.removed, "gu");
    this.alone = new RegExp(table.form.alone, "gu");
    this.lineBreak = new RegExp(table.line_break, "gu");
    const escape = (point) => `\\u{${point.toString(16)}}`;
    const ranges = table.separators.map(([first, last]) => `${escape(first)}-${escape(last)}`);
    this.separator = new RegExp(`[${ranges.join("")}]`, "gu");
    const special = Object.keys(table.special).length;
    this.ids = new Map(table.words.map((word, place) => [word, place + special]));
  }

  // NFC, without zero-width marks, and with the usual forms of full-width characters
  compose(text) {
    const { first, usual, count } = this.table.form.wide;
    const narrow = (letter) => {
      const place = letter.codePointAt(0) - first;
      return place >= 0 && place < count ? String.fromCodePoint(usual + place) : letter;
    };
    return Array.from(text.replace(this.removed, ""), narrow).join("").normalize("NFC");
  }

  // the words of a text
  split(text, composed = true) {
    const whole = composed ? this.compose(text).replace(this.alone, " $& ") : text;
    const lowered = whole.toLowerCase().replace(this.lineBreak, " ").replace(/\u2019/gu, "'");
    const words = lowered.split(this.separator).map((piece) => piece.replace(/^'+|'+$/gu, ""));
    return words.filter((word) => word);
  }

  // the ids of a text: the start, then one for each word
  encode(text) {
    const { start, unknown } = this.table.special;
    const words = this.split(text, this.table.composed);
    return [start, ...words.map((word) => this.ids.get(word) ?? unknown)];
  }

  // the bucket of a word or an n-gram of characters
  hash(feature) {
    const { multiplier, bits } = this.table.hashes;
    let found = 0n;
    for (const byte of new TextEncoder().encode(feature)) {
      found = ((found + BigInt(byte) + 1n) * BigInt(multiplier)) & LOW;
    }
    return Number((found ^ (found >> 32n)) & ((1n << BigInt(bits)) - 1n));
  }

  // the distinct buckets of a text, ascending, and how often each occurs
  count(name, text) {
    const counts = new Map();
    for (const feature of name === "words" ? this.split(text) : this.grams(text)) {
      const bucket = this.hash(feature);
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    }
    return [...counts].sort((one, other) => one[0] - other[0]);
  }

  grams(text) {
    const pieces = this.compose(text).toLowerCase().split(/[ \t-\r]+/u).filter((piece) => piece);
    const tidy = Array.from(` ${pieces.join(" ")} `);
    const found = [];
    for (let size = 1; size <= this.table.hashes.longest; size++) {
      for (let at = 0; at + size <= tidy.length; at++) {
        const gram = tidy.slice(at, at + size).join("");
        if (/[^ ]/u.test(gram)) found.push(gram);
      }
    }
    return found;
  }

  // a text with those of other columns in front of it
  join(text, cells) {
    const parts = [...this.table.columns.joined.map((name) => cells[name]), text];
    return parts.filter((part) => part && part.trim()).join("\n");
  }

  // the tokens and the numbers of columns next to a text: of each its cell, a text, a number or null
  readCells(cells) {
    const { slots, missing, farthest } = this.table.columns;
    const tokens = [];
    const numbers = [];
    for (const slot of slots) {
      const given = cells[slot.column] ?? "";
      const tidy = String(given).trim();
      const cell = missing.includes(tidy) ? null : tidy;
      let place = 0;
      if (slot.edges) {
        const number = cell === null ? null : slot.kind === "number" ? readNumber(cell) : readYears(cell);
        const scaled = number === null ? 0 : (number - slot.mean) / slot.std;
        numbers.push(Math.min(Math.max(scaled, -farthest), farthest));
        if (number !== null) place = 2 + slot.edges.filter((edge) => edge <= number).length;
      } else {
        const value = cell === null || slot.kind === "category" ? cell : readPart(cell, slot.kind);
        if (value !== null) place = Math.max(slot.values.indexOf(value) + 2, 1);
      }
      tokens.push(slot.first + place);
    }
    return { tokens, numbers };
  }

  // compares with the examples in the file; gives their number
  check() {
    const same = (one, other, text) => {
      if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error(`differs: ${text}`);
    };
    for (const example of this.table.examples) {
      same(this.split(example.text, this.table.composed), example.split, example.text);
      same(this.encode(example.text), example.ids, example.text);
      for (const name of this.table.hashed) same(this.count(name, example.text), example[name], example.text);
    }
    for (const row of this.table.rows) {
      const { tokens, numbers } = this.readCells(row.cells);
      same(tokens, row.columns, JSON.stringify(row));
      const far = numbers.some((number, place) => Math.abs(number - row.numbers[place]) > 1e-6);
      if (far) throw new Error(`differs: ${JSON.stringify(row)}`);
    }
    return this.table.examples.length + this.table.rows.length;
  }
}

// a number with a decimal point or comma, perhaps with commas between thousands
function readNumber(cell) {
  if (/^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/u.test(cell)) return Number(cell.replaceAll(",", ""));
  return Number(/^[+-]?\d+,\d+$/u.test(cell) ? cell.replace(",", ".") : cell);
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?Z?$/u;

// a time in years of 365 days since 1970
function readYears(cell) {
  const [year, month, day, ...clock] = TIME.exec(cell).slice(1).map((part) => Number(part ?? 0));
  return Date.UTC(year, month - 1, day, ...clock) / 1000 / (365 * 86400);
}

// the month, weekday (1: Monday) or hour of a time; null: it is no time
function readPart(cell, kind) {
  const found = TIME.exec(cell);
  if (found === null) return null;
  const [year, month, day, hour] = found.slice(1, 5).map((part) => Number(part ?? 0));
  const weekday = ((new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7) + 1;
  return String({ month, weekday, hour }[kind]);
}

if (typeof module !== "undefined") {
  module.exports = { Tokenizer };
  if (require.main === module) {
    const table = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf-8"));
    console.log(`${new Tokenizer(table).check()} examples agree`);
  }
}
