"use strict";
/* The part of a log that is in the page: a few chunks of 200 lines around what is in sight, between
   two spacers. Heights are measured, never computed from a number of lines: lines wrap.

   The position of the scroll bar is left alone wherever possible, so that dragging it and momentum
   go on: what changes above the view is made up for by the height of the spacer above. */
class LogWindow {
  static size = 200;
  /* Chunks that are kept on either side of the view. */
  static near = 2;
  /* Browsers lay out no element that is much higher. */
  static highest = 8e6;

  /* `load(from, to)` resolves to the rows at these positions. */
  constructor(pane, load) {
    Object.assign(this, { pane, load, count: 0, chunks: [], unit: 19, turn: 0 });
    this.isFollowing = false;
    this.top = document.createElement("div");
    this.bottom = document.createElement("div");
    pane.replaceChildren(this.top, this.bottom);
    let isAsked = false;
    pane.addEventListener("scroll", () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => {
        isAsked = false;
        this.settle();
      });
    });
  }
  get rows() {
    return this.chunks.flatMap(chunk => [...chunk.element.children].filter(row => row.line));
  }
  get isAtEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.pane;
    return scrollTop + clientHeight >= scrollHeight - 24;
  }
  /* Who follows has the end in sight, whatever the heights have become. */
  stick() {
    if (this.isFollowing) this.pane.scrollTop = this.pane.scrollHeight;
  }
  clear() {
    this.turn += 1;
    for (const chunk of this.chunks) this.remove(chunk);
    this.chunks = [];
    this.top.style.height = this.bottom.style.height = "0px";
  }
  /* Shows a position: at a third of the pane, or the end at its foot. */
  async open(position, isEnd = false) {
    const turn = ++this.turn;
    for (const chunk of this.chunks) this.remove(chunk);
    this.chunks = [];
    const index = Math.max(0, Math.floor(position / LogWindow.size));
    const chunk = this.add(index, "append");
    await this.fill(chunk);
    if (turn !== this.turn) return null;
    this.top.style.height = `${this.room(index * LogWindow.size)}px`;
    this.rest();
    const row = chunk.element.children[position - index * LogWindow.size];
    if (isEnd) this.pane.scrollTop = this.pane.scrollHeight;
    else if (row) {
      const offset = row.getBoundingClientRect().top - this.pane.getBoundingClientRect().top;
      this.pane.scrollTop += offset - this.pane.clientHeight / 3;
    }
    this.settle();
    if (isEnd) this.pane.scrollTop = this.pane.scrollHeight;
    return row;
  }
  /* There are more positions, or the last one has changed. */
  grow(count) {
    const last = this.chunks.at(-1), end = Math.floor((count - 1) / LogWindow.size);
    const wasLast = last && (last.index + 1) * LogWindow.size >= this.count;
    this.count = count;
    if (this.isFollowing && (!last || end > last.index + LogWindow.near))
      return this.open(count - 1, true);
    if (wasLast) last.isStale = true;
    this.rest();
    this.stick();
    this.settle();
  }
  /* Rough: it only shapes the scroll bar. */
  room(lines) {
    return lines * Math.min(this.unit, LogWindow.highest / Math.max(1, this.count));
  }
  add(index, where) {
    const element = document.createElement("div");
    const chunk = { index, element, rows: 0, abort: new AbortController() };
    const first = index * LogWindow.size + 1;
    const last = Math.min(this.count, first + LogWindow.size - 1);
    element.className = "chunk loading";
    element.style.minHeight = `${(last - first + 1) * this.unit}px`;
    element.textContent = `Loading lines ${first.toLocaleString("en")}–`
      + `${last.toLocaleString("en")} of ${this.count.toLocaleString("en")}.`;
    if (where === "append") {
      this.bottom.before(element);
      this.chunks.push(chunk);
    } else {
      this.top.after(element);
      this.chunks.unshift(chunk);
    }
    return chunk;
  }
  remove(chunk) {
    chunk.abort.abort();
    chunk.element.remove();
  }
  /* Fetches what a chunk lacks. */
  async fill(chunk) {
    if (chunk.isFilling) {
      chunk.isStale = true;
      return chunk.isFilling;
    }
    const first = chunk.index * LogWindow.size;
    const end = Math.min(this.count, first + LogWindow.size);
    /* A line that was not complete is fetched again. */
    const open = [...chunk.element.children].findIndex(row => row.line && row.line.open);
    const from = first + (open < 0 ? chunk.rows : open);
    chunk.isStale = false;
    if (from >= end) return;
    chunk.isFilling = this.load(from, end, chunk.abort.signal).then(rows => {
      const { element } = chunk, before = element.offsetHeight;
      const isAbove = element.offsetTop + before <= this.pane.scrollTop;
      if (!chunk.rows) {
        element.className = "chunk";
        element.style.minHeight = "";
        element.textContent = "";
      }
      while (element.children.length > from - first) element.lastChild.remove();
      element.append(...rows);
      chunk.rows = element.children.length;
      if (element.offsetHeight && chunk.rows) {
        this.unit += (element.offsetHeight / chunk.rows - this.unit) / 4;
      }
      if (isAbove && element.isConnected) this.makeUp(element.offsetHeight - before);
    }).catch(error => {
      if (error.name === "AbortError") return;
      if (!chunk.rows)
        chunk.element.textContent = "These lines could not be fetched. Scroll to try again.";
    }).finally(() => {
      chunk.isFilling = null;
      if (!chunk.element.isConnected) return;
      this.stick();
      /* Many may follow one log: four times a second is live. */
      if (this.isFollowing && chunk.isStale) setTimeout(() => this.settle(), 250);
      this.onFill?.();
    });
    return chunk.isFilling;
  }
  /* Something above the view has become higher. */
  makeUp(height) {
    const room = this.top.offsetHeight - height;
    this.top.style.height = `${Math.max(0, room)}px`;
    if (room < 0) this.pane.scrollTop -= room;
  }
  /* The spacers at both ends of what there is. */
  rest() {
    const [first, last] = [this.chunks[0], this.chunks.at(-1)];
    if (!first) return;
    const height = this.top.offsetHeight;
    if (first.index === 0 && height > 0) {
      const { scrollTop } = this.pane;
      this.top.style.height = "0px";
      this.pane.scrollTop = scrollTop - height;
    } else if (first.index > 0 && height < 200) {
      /* Never without room above what is not the first line. */
      const more = this.room(first.index * LogWindow.size) + 200, { scrollTop } = this.pane;
      this.top.style.height = `${more}px`;
      this.pane.scrollTop = scrollTop + more - height;
    }
    this.bottom.style.height =
      `${this.room(Math.max(0, this.count - (last.index + 1) * LogWindow.size))}px`;
  }
  /* Has the chunks around the view, and no others. */
  settle() {
    if (!this.chunks.length) return;
    const start = this.pane.scrollTop, end = start + this.pane.clientHeight;
    const high = this.top.offsetHeight;
    const content = this.chunks.reduce((sum, chunk) => sum + chunk.element.offsetHeight, 0);
    if (end < high || start > high + content) return this.jump(start, high, content);
    /* What is in sight decides. */
    let at = high;
    const seen = [];
    for (const chunk of this.chunks) {
      const next = at + chunk.element.offsetHeight;
      if (next >= start && at <= end) seen.push(chunk.index);
      at = next;
    }
    if (!seen.length) return;
    const last = Math.floor(Math.max(0, this.count - 1) / LogWindow.size);
    const from = Math.max(0, seen[0] - LogWindow.near);
    const to = Math.min(last, seen.at(-1) + LogWindow.near);
    while (this.chunks[0].index < from) {
      const chunk = this.chunks.shift(), height = chunk.element.offsetHeight;
      this.remove(chunk);
      this.makeUp(-height);
    }
    while (this.chunks.at(-1).index > to) this.remove(this.chunks.pop());
    while (this.chunks[0].index > from) {
      const chunk = this.add(this.chunks[0].index - 1, "prepend");
      this.makeUp(chunk.element.offsetHeight);
    }
    while (this.chunks.at(-1).index < to) this.add(this.chunks.at(-1).index + 1, "append");
    this.rest();
    this.stick();
    for (const chunk of this.chunks) if (!chunk.rows || chunk.isStale) this.fill(chunk);
  }
  /* The view is in a spacer: somebody dragged the scroll bar. */
  async jump(start, high, content) {
    const before = this.chunks[0].index * LogWindow.size;
    const after = (this.chunks.at(-1).index + 1) * LogWindow.size;
    const share = start < high
      ? before * start / high
      : after + (this.count - after) * (start - high - content)
        / Math.max(1, this.bottom.offsetHeight - this.pane.clientHeight);
    const position = Math.max(0, Math.min(this.count - 1, Math.floor(share)));
    const turn = ++this.turn;
    for (const chunk of this.chunks) this.remove(chunk);
    this.chunks = [];
    const index = Math.floor(position / LogWindow.size);
    const chunk = this.add(index, "append");
    /* The line that is meant stays where the view is. */
    const above = (position - index * LogWindow.size) * this.unit;
    this.top.style.height = `${Math.max(0, start - above)}px`;
    this.rest();
    await this.fill(chunk);
    if (turn === this.turn) this.settle();
  }
}
