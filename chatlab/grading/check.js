// Draws the checks of notebook.py. Knows nothing of how anything is judged.
//
// Python sends the whole state, which is small, each time; the page sends {ask: "hello" | "again" |
// "hint"}. Text goes into textContent and nowhere else: a student's output can never become markup.

/** Make an element: element("p", "class name", "its text", {attribute: value}). */
function element(tag, className = "", text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const WORDS = { checking: "checking ...", done: "checked", ended: "ended", broken: "could not be checked" };

function row([number, status, title, points]) {
  const made = element("tr");
  const word = element("td", "chatlab-check-status", "", { "data-status": status });
  word.append(element("span", "chatlab-check-dot", "", { "aria-hidden": "true" }), status);
  made.append(element("td", "", number), word, element("td", "", title));
  made.append(element("td", "chatlab-check-points", status === "passed" ? `${points}` : `0 of ${points}`));
  return made;
}

function head() {
  const made = element("thead");
  const names = element("tr");
  for (const name of ["check", "status", "what is checked", "points"]) {
    names.append(element("th", "", name, { scope: "col" }));
  }
  made.append(names);
  return made;
}

function render({ model, el }) {
  // JupyterLab's shortcuts would take the keys of a focused button: "b" adds a cell, "x" cuts one.
  const panel = element("section", "chatlab-check", "", { "data-lm-suppress-shortcuts": "true" });
  panel.addEventListener("keydown", (event) => event.stopPropagation());
  const title = element("strong", "chatlab-check-title");
  const state = element("span", "chatlab-check-state", "waiting for the notebook", { role: "status" });
  const again = element("button", "", "Check again", { type: "button" });
  const hint = element("button", "", "Next hint", { type: "button" });
  const header = element("div", "chatlab-check-header");
  header.append(title, state, again, hint);
  const body = element("tbody");
  const table = element("table");
  table.append(head(), body);
  const scroll = element("div", "chatlab-check-scroll");
  scroll.append(table);
  const told = element("pre", "chatlab-check-told", "", { tabindex: "0", "aria-live": "polite" });
  panel.append(header, scroll, told);
  el.append(panel);

  function take(message) {
    title.textContent = message.title;
    const words = `${WORDS[message.status]} ${message.status === "ended" ? "" : message.points}`;
    if (state.textContent !== words) state.textContent = words;
    again.disabled = message.status === "checking" || message.status === "ended";
    hint.disabled = !message.hints;
    body.replaceChildren(...message.rows.map(row));
    table.hidden = message.rows.length === 0;
    const lines = message.problem ? [["bad", message.problem]] : message.lines;
    const spans = lines.map(([style, text]) => element("span", style && `chatlab-check-${style}`, `${text}\n`));
    told.replaceChildren(...spans);
    told.hidden = lines.length === 0;
  }
  function gone() {
    again.disabled = hint.disabled = true;
    state.textContent = "the kernel is gone, run the notebook again";
  }
  again.addEventListener("click", () => model.send({ ask: "again" }));
  hint.addEventListener("click", () => model.send({ ask: "hint" }));
  again.disabled = hint.disabled = table.hidden = told.hidden = true;
  model.on("msg:custom", take);
  model.on("comm_live_update", gone);
  model.send({ ask: "hello" });
  return () => {
    model.off("msg:custom", take);
    model.off("comm_live_update", gone);
  };
}

export default { render };
