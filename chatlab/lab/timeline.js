// Shows what timeline.py draws, while it is alive. Knows nothing of lines, chunks and faults:
// Python sends a tree of elements for each event, [tag, {attribute: value}, [children]], and the
// row of the table that says the same. Text goes into text nodes and nowhere else: it can never
// become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: element("p", "class name", "its text", {attribute: value}). */
function element(tag, className = "", text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Make an SVG element of a tree from Python. */
function drawn([tag, attributes, children]) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  for (const child of children) made.append(typeof child === "string" ? child : drawn(child));
  return made;
}

function svg(className) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", className);
  return made;
}

/** An id that nothing else in this page has. A counter would not do: each timeline loads this file anew. */
const newId = () => `chatlab-${Math.random().toString(36).slice(2)}`;

const COLUMNS = ["number", "time", "who", "what", "content", "note"];
const HEADS = ["", "time", "who", "what", "bytes", "how"];

const HELP = "↑ ↓ next event · ← → next of the same client · Enter pins · t table";

function render({ model, el }) {
  const prefix = newId();
  const root = element("section", "chatlab-timeline chatlab-live", "", { "data-lm-suppress-shortcuts": "true" });
  const bar = element("div", "tl-bar");
  const range = element("span", "tl-range", "waiting for the notebook", { role: "status" });
  const buttons = {};
  for (const [ask, text] of [["earlier", "◂ Earlier"], ["later", "Later ▸"], ["newest", "Newest"]]) {
    buttons[ask] = element("button", "", text, { type: "button" });
    buttons[ask].disabled = true;
    buttons[ask].onclick = () => model.send({ ask });
  }
  const toggle = element("button", "", "Table (t)", { type: "button", "aria-pressed": "false" });
  bar.append(range, ...Object.values(buttons), toggle);

  const scroll = element("div", "tl-scroll", "", { role: "listbox", tabindex: "0", "aria-multiselectable": "true" });
  const header = svg("tl-header");
  const before = svg("tl-fold");
  const body = svg("tl-body");
  const after = svg("tl-fold");
  const back = document.createElementNS(SVG, "g");
  const glues = document.createElementNS(SVG, "g");
  const events = document.createElementNS(SVG, "g");
  const rings = document.createElementNS(SVG, "g");
  events.setAttribute("class", "events");
  for (const part of [header, before, after, back, glues, rings]) part.setAttribute("aria-hidden", "true");
  body.setAttribute("role", "none"); // a picture's parts are not read out, and a list's options are
  body.append(back, glues, rings, events);
  scroll.append(header, before, body, after);
  const nothing = element("p", "tl-nothing", "Nothing has passed over the wire yet.");
  const table = element("div", "tl-table", "", { role: "region", tabindex: "0" });
  table.hidden = true;
  const legend = svg("tl-legend");
  legend.setAttribute("aria-hidden", "true");
  const detail = element("div", "tl-detail");
  const here = element("div", "tl-here");
  const pins = element("div", "tl-pins");
  detail.append(here, pins);
  root.append(bar, nothing, scroll, table, legend, detail);
  el.append(root);

  const shown = new Map(); // number -> {group, row, connection}, in order of time
  const pinned = new Map(); // number -> row: a pin outlives its event's place in the window
  let active = null;
  let follows = true;

  const idOf = (number) => `${prefix}-${number}`;
  const order = () => [...events.children].map((group) => Number(group.dataset.number));

  // ---- one event -------------------------------------------------------------------------------

  function say(place, row, lead) {
    const [, time, who, what, content, note] = row;
    const line = element("div", "tl-say");
    if (lead) line.append(element("span", "tl-lead", lead));
    line.append(element("span", "tl-when", time), element("strong", "", who), element("span", "", what));
    if (content) line.append(element("code", "", content));
    line.append(element("span", "tl-note", note));
    place.append(line);
    return line;
  }

  function showHere(row) {
    here.replaceChildren();
    if (row) say(here, row, "");
    else here.append(element("div", "tl-help", HELP));
  }

  function showPins() {
    pins.replaceChildren();
    for (const [number, row] of pinned) {
      const line = say(pins, row, "pinned");
      const undo = element("button", "", "Unpin", { type: "button", "aria-label": `Unpin event ${number}` });
      undo.onclick = () => pin(number);
      line.append(undo);
    }
    drawRings();
    for (const [number, { group }] of shown) group.setAttribute("aria-selected", String(pinned.has(number)));
    for (const line of table.querySelectorAll("tr[data-number]")) {
      line.classList.toggle("tl-pinned", pinned.has(Number(line.dataset.number)));
    }
  }

  function pin(number) {
    if (!pinned.delete(number)) {
      const event = shown.get(number);
      if (event) pinned.set(number, event.row);
    }
    showPins();
  }

  function ring(number, className) {
    const event = shown.get(number);
    if (!event) return;
    const box = event.group.getBBox();
    const made = document.createElementNS(SVG, "rect");
    const places = { x: box.x - 3, y: box.y - 3, width: box.width + 6, height: box.height + 6, rx: 4, class: className };
    for (const [name, value] of Object.entries(places)) made.setAttribute(name, value);
    rings.append(made);
  }

  function drawRings() {
    rings.replaceChildren();
    for (const number of pinned.keys()) ring(number, "tl-ring tl-ring-pinned");
    if (active !== null) ring(active, "tl-ring");
  }

  function activate(number) {
    active = number;
    const event = shown.get(number);
    if (!event) return;
    scroll.setAttribute("aria-activedescendant", idOf(number));
    showHere(event.row);
    drawRings();
    keepInSight(event.group);
  }

  function keepInSight(group) {
    const box = group.getBoundingClientRect();
    const frame = scroll.getBoundingClientRect();
    const top = frame.top + header.getBoundingClientRect().height;
    if (box.top < top) scroll.scrollTop -= top - box.top + 20;
    else if (box.bottom > frame.bottom) scroll.scrollTop += box.bottom - frame.bottom + 20;
  }

  function put(number, tree, row, connection) {
    const group = drawn(tree);
    for (const child of [...group.children]) if (child.tagName === "title") child.remove();
    group.id = idOf(number);
    group.dataset.number = number;
    group.setAttribute("role", "option");
    group.setAttribute("aria-label", row.slice(1).filter(Boolean).join(", "));
    group.setAttribute("aria-selected", String(pinned.has(number)));
    // A line of two pixels is hard to hit: this one is wider, and not seen.
    for (const line of group.querySelectorAll(".shaft, .fin, .handshake, .lock, .cut")) {
      const hit = line.cloneNode();
      hit.setAttribute("class", "tl-hit");
      group.prepend(hit);
    }
    group.onmouseenter = () => showHere(row);
    group.onmouseleave = () => showHere(shown.get(active)?.row);
    group.onclick = () => {
      activate(number);
      pin(number);
    };
    const old = shown.get(number);
    if (old) old.group.replaceWith(group);
    else events.insertBefore(group, [...events.children].find((other) => Number(other.dataset.number) > number) ?? null);
    shown.set(number, { group, row, connection });
    if (pinned.has(number)) pinned.set(number, row);
    if (!table.hidden) putRow(number, row);
  }

  function forget(isGone) {
    for (const [number, { group }] of shown) {
      if (!isGone(number)) continue;
      group.remove();
      shown.delete(number);
      table.querySelector(`tr[data-number="${number}"]`)?.remove();
    }
    if (active !== null && !shown.has(active)) {
      active = null;
      scroll.removeAttribute("aria-activedescendant");
      showHere(null);
    }
  }

  // ---- the table of the same events ---------------------------------------------------------------

  function putRow(number, row) {
    const line = element("tr", "", "", { "data-number": String(number) });
    COLUMNS.forEach((name, place) => {
      const cell = element("td", `tl-${name}`);
      cell.append(name === "content" && row[place] ? element("code", "", row[place]) : row[place]);
      line.append(cell);
    });
    line.classList.toggle("tl-pinned", pinned.has(number));
    const lines = table.querySelector("tbody");
    const old = lines.querySelector(`tr[data-number="${number}"]`);
    if (old) old.replaceWith(line);
    else lines.insertBefore(line, [...lines.children].find((other) => Number(other.dataset.number) > number) ?? null);
  }

  function showTable(isWanted) {
    table.hidden = !isWanted;
    scroll.hidden = isWanted;
    legend.style.display = isWanted ? "none" : "";
    toggle.setAttribute("aria-pressed", String(isWanted));
    toggle.textContent = isWanted ? "Diagram (t)" : "Table (t)";
    table.replaceChildren();
    if (isWanted) {
      const sheet = element("table");
      const heads = element("tr");
      for (const head of HEADS) heads.append(element("th", "", head, { scope: "col" }));
      const top = element("thead");
      top.append(heads);
      sheet.append(element("caption", "", scroll.getAttribute("aria-label") ?? ""), top, element("tbody"));
      table.append(sheet);
      for (const number of order()) putRow(number, shown.get(number).row);
      table.scrollTop = follows ? table.scrollHeight : 0;
    }
    (isWanted ? table : scroll).focus();
    drawRings();
  }

  toggle.onclick = () => showTable(table.hidden);

  // ---- keys ---------------------------------------------------------------------------------------

  /** Go to the next event (step 1) or the one before (-1), on the same connection if so asked. */
  function step(by, isSame) {
    const numbers = order();
    const connection = shown.get(active)?.connection;
    let place = active === null ? (by > 0 ? -1 : numbers.length) : numbers.indexOf(active);
    do place += by;
    while (numbers[place] !== undefined && isSame && active !== null && shown.get(numbers[place]).connection !== connection);
    if (numbers[place] !== undefined) activate(numbers[place]);
  }

  const KEYS = {
    ArrowDown: () => step(1, false),
    ArrowUp: () => step(-1, false),
    ArrowRight: () => step(1, true),
    ArrowLeft: () => step(-1, true),
    Home: () => activate(order()[0] ?? null),
    End: () => activate(order().at(-1) ?? null),
    Enter: () => active !== null && pin(active),
    " ": () => active !== null && pin(active),
    Escape: () => {
      pinned.clear();
      showPins();
    },
  };

  function act(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = event.key === "t" ? () => showTable(table.hidden) : event.target === scroll ? KEYS[event.key] : undefined;
    if (!does) return;
    event.preventDefault();
    does();
  }

  // Who scrolls up to read does not want the picture to run away; who comes back to the end does.
  scroll.addEventListener("scroll", () => {
    const isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 24;
    if (follows && !isAtEnd && !isOurScroll) model.send({ ask: "hold" });
    isOurScroll = false;
  });
  let isOurScroll = false;
  function scrollToEnd() {
    if (scroll.hidden) return;
    const target = scroll.scrollHeight - scroll.clientHeight;
    if (Math.abs(scroll.scrollTop - target) < 1) return;
    isOurScroll = true;
    scroll.scrollTop = target;
  }

  // ---- frames from Python ---------------------------------------------------------------------------

  function fill(place, tree, width, height) {
    place.replaceChildren(...(tree ? [drawn(tree)] : []));
    size(place, width, 0, tree ? height : 0);
  }

  function size(place, width, top, height) {
    place.setAttribute("viewBox", `0 ${top} ${width} ${height}`);
    place.setAttribute("width", width);
    place.setAttribute("height", height);
    place.style.display = height ? "" : "none";
  }

  function take(frame) {
    const wasFollowing = follows;
    follows = frame.follows;
    if (frame.anew) forget(() => true);
    else forget((number) => number < frame.first);
    for (const [number, tree, row, connection] of frame.items) put(number, tree, row, connection);
    fill(header, frame.header, frame.width, 58);
    fill(before, frame.before, frame.width, 48);
    fill(after, frame.after, frame.width, 48);
    fill(legend, frame.legend[0], frame.width, frame.legend[1]);
    back.replaceChildren(drawn(frame.back));
    glues.replaceChildren(drawn(frame.glues));
    size(body, frame.width, frame.top, frame.bottom - frame.top);
    scroll.setAttribute("aria-label", frame.summary);
    root.setAttribute("aria-label", frame.summary);
    table.setAttribute("aria-label", "the same events as a table");
    range.textContent = `Shown: ${frame.range}`;
    nothing.hidden = frame.events > 0;
    buttons.earlier.disabled = !frame.before;
    buttons.later.disabled = !frame.after;
    buttons.newest.disabled = follows;
    // A button that can no longer be pressed would leave the keys with nobody.
    if (Object.values(buttons).some((button) => button.disabled && button === document.activeElement)) {
      (table.hidden ? scroll : table).focus();
    }
    showPins();
    if (follows) scrollToEnd();
    else if (frame.anew && wasFollowing === false) scroll.scrollTop = 0;
  }

  function gone() {
    range.textContent = `${range.textContent} (the kernel is gone: this is what was)`;
    for (const button of Object.values(buttons)) button.disabled = true;
  }

  // Notebook 7 listens for its shortcuts before anything in the page: this is earlier still. So the
  // keys come to us alone, and not to the element that they were meant for.
  function onKey(event) {
    if (!root.contains(event.target)) return;
    event.stopImmediatePropagation();
    act(event);
  }

  showHere(null);
  window.addEventListener("keydown", onKey, true);
  model.on("msg:custom", take);
  model.on("comm_live_update", gone);
  model.send({ ask: "hello" });
  return () => {
    window.removeEventListener("keydown", onKey, true);
    model.off("msg:custom", take);
    model.off("comm_live_update", gone);
  };
}

export default { render };
