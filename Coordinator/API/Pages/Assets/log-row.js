"use strict";
/* One line of a log as an element. The text is always set as text: it comes from guests. */
const LogRow = (() => {
  /* `--warning-ground` of style.css in the two schemes, on which marked lines stand. What can be
     read there is even plainer on `--ground`. */
  const backs = [[253, 241, 218], [55, 42, 18]];
  const part = value => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ([red, green, blue]) =>
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }
  /* The colour, moved away from the background until it can be read. */
  function legible(color, back) {
    const aim = luminance(back) > 0.5 ? 0 : 255;
    for (let share = 0; share < 1; share += 0.05) {
      const mixed = color.map(value => Math.round(value + (aim - value) * share));
      if (contrast(mixed, back) >= 4.5) return mixed;
    }
    return [aim, aim, aim];
  }
  const known = new Map();
  function inBothSchemes(text) {
    if (!known.has(text)) {
      if (known.size > 500) known.clear();
      const color = [1, 3, 5].map(at => parseInt(text.slice(at, at + 2), 16));
      const [light, dark] = backs.map(back => `rgb(${legible(color, back).join(" ")})`);
      known.set(text, `light-dark(${light}, ${dark})`);
    }
    return known.get(text);
  }
  function styled(text, style) {
    const span = document.createElement("span");
    span.textContent = text;
    for (const name of ["bold", "faint", "italic", "underline", "struck"])
      if (style[name]) span.classList.add(name);
    /* Black is what most logs mean by no background. */
    const isFilled = style.background && !["black", "#000000"].includes(style.background);
    if (isFilled) span.classList.add("filled");
    const name = isFilled ? style.background : style.color;
    if (name && name.startsWith("#"))
      span.style[isFilled ? "backgroundColor" : "color"] = inBothSchemes(name);
    else if (name) span.classList.add((isFilled ? "b-" : "c-") + name);
    return span;
  }
  function content(element, { text, styles, cut }) {
    let at = 0;
    for (const style of styles || []) {
      if (style.from > at) element.append(text.slice(at, style.from));
      element.append(styled(text.slice(style.from, style.to), style));
      at = style.to;
    }
    element.append(text.slice(at) || (at ? "" : " "));
    if (cut) {
      const note = document.createElement("em");
      note.textContent = " … the rest of this line is in the raw log";
      element.append(note);
    }
  }
  function make(line) {
    const row = document.createElement("div"), number = document.createElement("a");
    const time = document.createElement("span"), text = document.createElement("span");
    row.className = `line ${line.stream}${line.kind ? ` kind ${line.kind}` : ""}`;
    row.id = `L${line.number}`;
    number.href = `#L${line.number}`;
    number.className = "n";
    /* A thousand stops of the tab key help nobody: "Go to" does the same. */
    number.tabIndex = -1;
    number.textContent = line.number;
    time.className = "t";
    text.className = "x";
    content(text, line);
    row.append(number, time, text);
    row.line = line;
    return row;
  }
  function setTime(row, mode, startedAt) {
    const time = row.children[1], { line } = row;
    if (mode === "absolute") time.textContent = line.time.slice(11, 23);
    else if (mode === "relative") {
      const passed = Math.max(0, Date.parse(line.time) - Date.parse(startedAt || line.time));
      const seconds = Math.floor(passed / 1000), two = value => String(value).padStart(2, "0");
      time.textContent = `+${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:`
        + `${two(seconds % 60)}.${String(passed % 1000).padStart(3, "0")}`;
    } else time.textContent = "";
    time.title = mode === "off" ? "" : line.time;
  }
  /* Where a text is in a row. */
  function ranges(row, wanted) {
    const text = row.children[2], found = [];
    const whole = text.textContent.toLowerCase();
    for (let at = whole.indexOf(wanted); at >= 0; at = whole.indexOf(wanted, at + wanted.length)) {
      const range = new Range(), end = at + wanted.length;
      const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
      let before = 0, isOpen = false;
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const after = before + node.data.length;
        if (!isOpen && at < after) {
          range.setStart(node, at - before);
          isOpen = true;
        }
        if (isOpen && end <= after) {
          range.setEnd(node, end - before);
          break;
        }
        before = after;
      }
      if (isOpen) found.push(range);
    }
    return found;
  }
  return { make, setTime, ranges, contrast };
})();
