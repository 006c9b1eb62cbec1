// ---- the wire panel ---------------------------------------------------------------------------
//
// Loaded behind panels.js, whose parts it uses. The controls are those that Python names in the
// model; what they show is what is in force, except in an input in which somebody has typed.

const DIRECTIONS = [
  ["", "both"],
  ["up", "up, to the server"],
  ["down", "down, to the client"],
];

/** The number of the stop that is nearest to a value. */
function nearestStop(stops, value) {
  let nearest = 0;
  stops.forEach((stop, place) => {
    if (Math.abs(stop - value) < Math.abs(stops[nearest] - value)) nearest = place;
  });
  return nearest;
}

/** A label and what it is for, beside each other. */
function labelled(text, control, unit = "") {
  const label = element("label", "chatlab-labelled");
  label.append(element("span", "", text), control);
  if (unit) label.append(element("span", "chatlab-unit", unit));
  return label;
}

/** An input for a number. It takes any text: what is wrong with it Python says, and it stays. */
function numberInput(value, name) {
  const attributes = { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": name };
  const input = element("input", "chatlab-number", "", attributes);
  input.value = value;
  return input;
}

/** An input for one argument: a text, with a slider before it where there are stops. */
function faultInput({ name: argument, label, unit, start, stops }, title, order) {
  const box = element("div", "chatlab-input");
  if (typeof start === "boolean") {
    const tick = element("input", "", "", { type: "checkbox" });
    box.append(labelled(label, tick));
    return { name: argument, box, value: () => tick.checked, show() {}, taken() {} };
  }
  const name = `${title} ${label}${unit && `, ${unit}`}`;
  const text = numberInput(start, name);
  let slider = null;
  let isTyped = false;
  function moveSlider() {
    const value = Number(text.value.replace(",", "."));
    if (!slider || Number.isNaN(value)) return;
    slider.value = nearestStop(stops, value);
    slider.setAttribute("aria-valuetext", `${text.value} ${unit}`);
  }
  if (stops.length) {
    const attributes = { type: "range", min: 0, max: stops.length - 1, step: 1, "aria-label": name };
    slider = element("input", "chatlab-slider", "", attributes);
    slider.oninput = () => {
      isTyped = true;
      text.value = stops[slider.value];
      slider.setAttribute("aria-valuetext", `${text.value} ${unit}`);
    };
    slider.onchange = () => order(true);
    box.append(slider);
    moveSlider();
  }
  text.oninput = () => {
    isTyped = true;
    moveSlider();
  };
  text.onchange = () => order(false);
  text.onkeydown = (event) => {
    if (event.key === "Enter") order(true);
  };
  box.prepend(labelled(label, text, unit));
  return {
    name: argument,
    box,
    value: () => text.value,
    show(value) {
      if (isTyped || value === undefined) return;
      text.value = value;
      moveSlider();
    },
    taken: () => (isTyped = false),
  };
}

/** One fault: its switch or its button, its inputs, and what is in force of it. */
function faultControl(control, place, send) {
  const { kind, label, what, inputs, lasts } = control;
  const box = element("div", "chatlab-control", "", { role: "group", "aria-label": label, "data-kind": kind });
  const head = element("div", "chatlab-control-head");
  const note = element("span", "chatlab-note");
  const isOn = element("input", "", "", { type: "checkbox", role: "switch" });
  const button = element("button", "", label, { type: "button" });
  const heal = element("button", "", `Heal ${label.toLowerCase()}`, { type: "button" });
  let steps = [];
  let isWaiting = 0;

  function give() {
    const given = made.map((input) => [input, input.value()]);
    isWaiting += 1;
    send("order", { kind, arguments: Object.fromEntries(given.map(([input, value]) => [input.name, value])) }, (taken) => {
      isWaiting -= 1;
      // What was typed meanwhile is for the next order.
      if (taken) for (const [input, value] of given) if (input.value() === value) input.taken();
      show(steps);
    });
  }
  function end() {
    isWaiting += 1;
    send("heal", { kind }, () => {
      isWaiting -= 1;
      show(steps);
    });
  }
  const made = inputs.map((input) => faultInput(input, label, (begins) => lasts && (begins || isOn.checked) && give()));

  function show(all) {
    steps = all;
    const { connection, direction } = place();
    const mine = all.filter(
      (step) =>
        step.kind === kind &&
        step.connection === (control.for_all ? 0 : connection) &&
        (!direction || !step.direction || step.direction === direction),
    );
    const is = mine.length > 0;
    box.classList.toggle("chatlab-on", is);
    if (!isWaiting) isOn.checked = is;
    heal.hidden = !is;
    if (is) for (const input of made) input.show(mine[0].arguments[input.name]);
    const parts = mine.filter((step) => step.direction || step.share < 1 || mine.length > 1);
    note.textContent = parts
      .map(({ direction: way, share }) => [way && `only ${way}`, share < 1 && `for ${+(100 * share).toFixed(1)} %`])
      .map((words) => words.filter(Boolean).join(", "))
      .join("; ");
  }

  if (lasts) {
    const name = element("label", "chatlab-switch");
    name.append(isOn, element("span", "", label));
    head.append(name);
    isOn.onchange = () => (isOn.checked ? give() : end());
  } else {
    head.append(button, heal);
    button.onclick = give;
    heal.onclick = end;
  }
  head.append(note);
  const entries = element("div", "chatlab-inputs");
  entries.append(...made.map((input) => input.box));
  box.append(head, entries, element("div", "chatlab-what", what));
  return { box, show };
}

function choice(options) {
  const select = element("select");
  select.append(...options.map(([value, text]) => element("option", "", text, { value })));
  return select;
}

function wirePanel(model, el) {
  const panel = frame(el, "chatlab-wire");
  panel.setAttribute("aria-label", model.get("name"));
  const status = statusLine();
  const header = element("div", "chatlab-header");
  const healAll = element("button", "", "Heal everything", { type: "button" });
  const save = element("button", "", "Save as a test", { type: "button" });
  header.append(element("strong", "chatlab-name", model.get("name")), status.line, healAll, save);
  const inForce = element("div", "chatlab-in-force");
  const said = element("div", "chatlab-said", "", { role: "status" });
  const problem = element("div", "chatlab-problem", "", { role: "alert" });
  const hint = element("div", "chatlab-hint", "", { role: "status" });
  hint.hidden = true;
  const python = requests(model, hint);

  const connection = choice([["0", "all, and those to come"]]);
  const direction = choice(DIRECTIONS);
  const share = numberInput("100", "Share of the connections, %");
  const where = element("div", "chatlab-where", "", { role: "group", "aria-label": "Where it breaks" });
  where.append(
    labelled("Connections", connection),
    labelled("Direction", direction),
    labelled("Share of the connections", share, "%"),
  );
  const place = () => ({ connection: Number(connection.value), direction: direction.value });
  const send = (ask, more, answered) => python.ask(ask, { ...place(), share: share.value, ...more }, answered);
  const controls = model.get("controls").map((control) => faultControl(control, place, send));
  const board = element("div", "chatlab-controls");
  board.append(...controls.map((control) => control.box));

  const rows = element("tbody");
  const table = element("table");
  table.append(wireTableHead(), rows);
  const scroll = element("div", "chatlab-scroll");
  scroll.append(table);
  panel.append(header, problem, said, hint, inForce, scroll, where, board);

  let steps = [];
  const showControls = () => controls.forEach((control) => control.show(steps));
  connection.onchange = direction.onchange = showControls;
  healAll.onclick = () => python.ask("heal");
  save.onclick = () => python.ask("save");

  function take(message) {
    for (const button of [healAll, save]) button.disabled = message.closed;
    board.inert = where.inert = message.closed;
    const is = message.closed ? "closed" : message.status;
    status.show(is, is === "closed" ? ": run this cell again" : `, listens on ${message.address}, leads to ${message.upstream}`);
    if (message.answers.length) {
      problem.textContent = message.problem;
      said.textContent = message.said;
    }
    showInForce(inForce, message.inForce);
    showChoices(connection, message.connections);
    rows.replaceChildren(...wireRows(message));
    steps = message.steps;
    python.take(message.answers);
    showControls();
  }

  return live(model, python, status, [healAll, save], take, () => {});
}

const SHOWN_FAULTS = 8;

function showInForce(line, words) {
  const shown = words.slice(0, SHOWN_FAULTS).map((fault) => element("code", "", fault));
  if (words.length > SHOWN_FAULTS) shown.push(element("span", "", `and ${words.length - SHOWN_FAULTS} more`));
  const nothing = element("span", "", "nothing: all passes as it comes");
  line.replaceChildren(element("span", "", "In force:"), ...(shown.length ? shown : [nothing]));
}

/** Offer the connections that are there; the one that is chosen stays, also when it is over. */
function showChoices(select, connections) {
  const options = new Map([["0", "all, and those to come"]]);
  for (const { number, name } of connections) options.set(String(number), `#${number} ${name}`.trim());
  if (!options.has(select.value)) options.set(select.value, `#${select.value}, which is over`);
  const chosen = select.value;
  const isAsBefore =
    select.options.length === options.size &&
    [...select.options].every((option) => options.get(option.value) === option.textContent);
  if (isAsBefore) return;
  select.replaceChildren(...[...options].map(([value, text]) => element("option", "", text, { value })));
  select.value = chosen;
}

function wireTableHead() {
  const row = element("tr");
  for (const title of ["connection", "name", "bytes that the wire holds", "its faults"]) {
    row.append(element("th", "", title, { scope: "col" }));
  }
  const head = element("thead");
  head.append(row);
  return head;
}

function wireRows({ connections, more, status }) {
  const rows = connections.map(({ number, name, held, faults }) => {
    const row = element("tr");
    row.append(
      element("td", "", `#${number}`),
      element("td", "", name || "(no name yet)"),
      element("td", "", held.toLocaleString("en")),
      element("td", "chatlab-code", faults.join(", ") || "none"),
    );
    return row;
  });
  const words = status === "stopped" ? "The wire is stopped." : "Nobody is connected through the wire.";
  const note = more ? `and ${more} more` : rows.length ? "" : words;
  if (note) {
    const row = element("tr");
    row.append(element("td", "chatlab-empty", note, { colspan: "4" }));
    rows.push(row);
  }
  return rows;
}
