"use strict";
/* One line of a program's output as a terminal shows it; the same rules as TextKit's TerminalLine. */
const named = ["#888", "#f66", "#6c6", "#db4", "#68f", "#d7d", "#5cc", "#eee"];
const invisible = /[\p{Cf}\u2028\u2029]/u, mark = /[\p{Mn}\p{Me}\u200c\u200d]/u;
const reach = 4096, longest = 4096;
function paletteColour(index) {
  if (index < 16) return named[index % 8];
  if (index > 231) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey},${grey},${grey})`;
  }
  const level = n => n ? 55 + 40 * n : 0, cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))},${level(Math.floor(cube / 6) % 6)},` +
    `${level(cube % 6)})`;
}
/* The style after the codes of one colour sequence. */
function restyle(style, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  style = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i], key = code < 40 || code >= 90 && code < 100 ? "color" : "background";
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.faint = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.struck = true;
    else if (code === 22) style.bold = style.faint = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 29) style.struck = false;
    else if (code === 39 || code === 49) style[key] = "";
    else if (code === 38 || code === 48) {
      if (codes[i + 1] === 5 && codes[i + 2] < 256) style[key] = paletteColour(codes[i + 2]);
      if (codes[i + 1] === 2) {
        /* With colons there may be a colour space before the three. */
        const at = parameters.includes("::") ? i + 3 : i + 2;
        const rgb = codes.slice(at, at + 3).map(n => Math.min(n || 0, 255));
        style[key] = `rgb(${rgb.join(",")})`;
        i = at;
      }
      i += 2;
    } else if (code % 10 < 8 && [3, 4, 9, 10].includes(Math.floor(code / 10))) {
      style[key] = named[code % 10];
    }
  }
  return style;
}
/* The end of the sequence that starts at `at`: {end}, with {final, parameters} if it moves the
   cursor or colours; {} while its end is missing. */
function sequence(chars, at) {
  let kind = chars[at], next = at + 1;
  if (kind === "\x1b") {
    if (next === chars.length) return {};
    kind = chars[next++];
    if (!"[]PX^_".includes(kind)) {
      for (next--; chars[next] >= " " && chars[next] <= "/";) next++;
      if (next === chars.length) return {};
      return { end: chars[next] >= "0" && chars[next] <= "~" ? next + 1 : next };
    }
  }
  if (kind === "[" || kind === "\x9b") {
    let parameters = "";
    for (; next < chars.length; next++) {
      const char = chars[next];
      if (char < " " || char > "~") return { end: next };
      if (char >= "@") return { end: next + 1, final: char, parameters };
      parameters += char;
    }
    return parameters.length < longest ? {} : { end: next };
  }
  for (let count = 0; next < chars.length; next++, count++) {
    if (chars[next] === "\x07" || chars[next] === "\x9c") return { end: next + 1 };
    if (chars[next] === "\x1b") {
      if (next + 1 === chars.length) return {};
      return { end: chars[next + 1] === "\\" ? next + 2 : next };
    }
    if (count === longest) return { end: next };
  }
  return {};
}
class TerminalLine {
  constructor() {
    Object.assign(this, { cells: [], cursor: 0, style: {}, pending: "" });
  }
  write(text) {
    const chars = [...this.pending + text];
    this.pending = "";
    for (let at = 0; at < chars.length;) {
      if (!"\x1b\x90\x98\x9b\x9d\x9e\x9f".includes(chars[at])) {
        this.put(chars[at++]);
        continue;
      }
      const { end, final, parameters } = sequence(chars, at);
      if (end === undefined) {
        this.pending = chars.slice(at).join("");
        return;
      }
      if (final && /^[0-9;:]*$/.test(parameters)) this.apply(final, parameters);
      at = end;
    }
  }
  put(char) {
    if (char === "\r") this.cursor = 0;
    else if (char === "\b") this.cursor = Math.max(0, this.cursor - 1);
    else if (char === "\t") this.cursor = (Math.floor(this.cursor / 8) + 1) * 8;
    else if (mark.test(char) && this.cursor > 0 && this.cursor <= this.cells.length) {
      const cell = this.cells[this.cursor - 1];
      if (cell.text.length < 32) this.cells[this.cursor - 1] = { ...cell, text: cell.text + char };
    } else if (invisible.test(char)) {
      for (const part of `\\u{${char.codePointAt(0).toString(16)}}`) this.set(part);
    } else if (char >= " " && !(char >= "\x7f" && char < "\xa0")) this.set(char);
  }
  set(text) {
    while (this.cells.length < this.cursor) this.cells.push({ text: " ", style: {} });
    this.cells[this.cursor++] = { text, style: this.style };
  }
  apply(final, parameters) {
    const numbers = parameters.split(";").map(n => Math.min(parseInt(n) || 0, reach));
    const distance = Math.max(1, numbers[0]), cells = this.cells;
    if (final === "m") this.style = parameters.length > 48 ? this.style
      : restyle(this.style, parameters);
    else if (final === "C") this.cursor = Math.min(this.cursor + distance,
      Math.max(cells.length, reach));
    else if (final === "D") this.cursor = Math.max(0, this.cursor - distance);
    else if (final === "G" || final === "`") this.cursor = distance - 1;
    else if (final === "H" || final === "f") this.cursor = Math.max(1, numbers[1] || 1) - 1;
    else if (final === "P") cells.splice(this.cursor, distance);
    else if (final === "X") this.blank(this.cursor, this.cursor + distance);
    else if (final === "K" || final === "J" && numbers[0] === 0) {
      /* Who clears the screen means what was on it, not the line of a log. */
      if (numbers[0] === 0) cells.splice(this.cursor);
      else if (numbers[0] === 1) this.blank(0, this.cursor + 1);
      else cells.length = 0;
    }
  }
  blank(from, to) {
    for (let at = from; at < Math.min(to, this.cells.length); at++)
      this.cells[at] = { text: " ", style: {} };
  }
  get text() {
    return this.cells.map(cell => cell.text).join("");
  }
  /* Runs of one style. */
  get runs() {
    const runs = [];
    for (const { text, style } of this.cells) {
      const last = runs[runs.length - 1];
      if (last && last.style === style) last.text += text;
      else runs.push({ text, style });
    }
    return runs;
  }
}
if (typeof module !== "undefined") module.exports = { TerminalLine };
