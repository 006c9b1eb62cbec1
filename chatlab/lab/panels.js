// Draws the panels of panels.py. Knows nothing of sockets and of the protocol.
// The wire's panel is in wirepanel.js, which is loaded behind this file and uses its parts.
//
// Python sends what is new ({lines, status, ...}); the page sends requests ({ask, id, ...}) and
// each is answered by its id. Text from others goes into textContent and nowhere else: it can
// never become markup.

const PAGE_LIMIT_LINES = 500;
const RECALL_LIMIT_LINES = 50;
const PATIENCE_MS = 1000;

/** Make an element: element("p", "class name", "its text", {attribute: value}). */
function element(tag, className = "", text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** An id that nothing else in this page has. A counter would not do: each panel loads this file anew. */
const newId = () => `chatlab-${Math.random().toString(36).slice(2)}`;

/**
 * Ask Python for something. `answered(taken)` is called when it has done so. A kernel that is busy
 * with a cell answers late, and one that was restarted never: `hint` says so after a second.
 */
function requests(model, hint) {
  const open = new Map();
  let timer = 0;
  function showHint() {
    hint.hidden = open.size === 0;
    hint.textContent = "No answer yet: the notebook is busy with a cell, or was restarted.";
  }
  return {
    ask(what, more = {}, answered = () => {}) {
      const id = newId();
      open.set(id, answered);
      clearTimeout(timer);
      timer = setTimeout(showHint, PATIENCE_MS);
      model.send({ ask: what, id, ...more });
    },
    take(answers) {
      for (const { id, taken } of answers) {
        const answered = open.get(id);
        open.delete(id);
        if (answered) answered(taken);
      }
      if (open.size === 0) {
        clearTimeout(timer);
        hint.hidden = true;
      }
    },
    end() {
      clearTimeout(timer);
    },
  };
}

/**
 * Connect a panel with its Python side: `take` gets each message, `cutOff` is called when the kernel
 * has gone. Return what ends it.
 */
function live(model, python, status, buttons, take, cutOff) {
  function gone() {
    for (const button of buttons) button.disabled = true;
    status.show("closed", ": the kernel is gone, run the notebook again");
    cutOff();
  }
  for (const button of buttons) button.disabled = true;
  status.show("waiting", " for the notebook");
  model.on("msg:custom", take);
  model.on("comm_live_update", gone);
  python.ask("hello");
  return () => {
    model.off("msg:custom", take);
    model.off("comm_live_update", gone);
    python.end();
    cutOff();
  };
}

/** A dot and a word beside it; the detail (a countdown) is not read aloud at each change. */
function statusLine() {
  const line = element("div", "chatlab-status");
  const word = element("span", "chatlab-word", "", { role: "status" });
  const detail = element("span", "chatlab-detail");
  line.append(element("span", "chatlab-dot", "", { "aria-hidden": "true" }), word, detail);
  return {
    line,
    show(status, text = "") {
      line.dataset.status = status;
      if (word.textContent !== status) word.textContent = status;
      detail.textContent = text;
    },
  };
}

/** A panel's frame. Its keys are its own: JupyterLab's "b" would add a cell, and "x" would cut one. */
function frame(el, className) {
  const panel = element("section", `chatlab-panel ${className}`, "", { "data-lm-suppress-shortcuts": "true" });
  panel.addEventListener("keydown", (event) => event.stopPropagation());
  el.classList.add("chatlab-view");
  el.append(panel);
  return panel;
}

// ---- a chat panel --------------------------------------------------------------------------

function chatPanel(model, el) {
  const panel = frame(el, "chatlab-chat");
  const name = element("strong", "chatlab-name");
  const connect = element("button", "", "Connect", { type: "button" });
  const close = element("button", "", "Close", { type: "button" });
  const header = element("div", "chatlab-header");
  header.append(name, connect, close);
  const status = statusLine();
  const log = element("div", "chatlab-log", "", { role: "log", "aria-live": "polite", tabindex: "0" });
  const input = element("input", "", "", { id: newId(), type: "text", autocomplete: "off", spellcheck: "false" });
  const label = element("label", "", "", { for: input.id });
  const entry = element("div", "chatlab-entry");
  entry.append(label, input);
  const hint = element("div", "chatlab-hint", "", { role: "status" });
  hint.hidden = true;
  panel.append(header, status.line, log, entry, hint);

  const python = requests(model, hint);
  connect.onclick = () => python.ask("connect");
  close.onclick = () => python.ask("close");
  sayOnEnter(input, python);

  let isAsked = false; // for a password
  const hideSecrets = () => {
    const isSecret = isAsked || /^\s*\/(register|password)\s/i.test(input.value);
    input.type = isSecret ? "password" : "text";
  };
  input.oninput = hideSecrets;

  let next = 0; // the number of the first line that is not here yet
  let countdown = 0;
  const keepEnd = followEnd(log);

  function addLines(first, lines) {
    for (const [kind, mark, text] of lines.slice(Math.max(0, next - first))) {
      const line = element("div", `chatlab-line chatlab-line-${kind}`);
      line.append(element("span", "chatlab-mark", mark), element("bdi", "", text));
      log.append(line);
    }
    next = Math.max(next, first + lines.length);
    while (log.childElementCount > PAGE_LIMIT_LINES) log.firstChild.remove();
    keepEnd.now();
  }

  function showStatus({ status: word, detail, retry, waiting }) {
    clearInterval(countdown);
    const lines = waiting ? `, ${waiting} ${waiting === 1 ? "line waits" : "lines wait"}` : "";
    if (!retry) {
      status.show(word, detail + lines);
      return;
    }
    const at = performance.now() + 1000 * retry.seconds;
    const show = () => {
      const seconds = Math.max(0, (at - performance.now()) / 1000).toFixed(1);
      status.show(word, ` in ${seconds} s (attempt ${retry.attempt})${lines}`);
    };
    show();
    countdown = setInterval(show, 100);
  }

  function showName(text) {
    name.textContent = text;
    label.textContent = `${text} says`;
    panel.setAttribute("aria-label", `${text}'s chat`);
    log.setAttribute("aria-label", `what ${text} reads`);
  }

  function take(message) {
    showName(message.name);
    const isOver = message.status === "closed" || message.status === "refused";
    connect.disabled = !isOver;
    close.disabled = isOver;
    showStatus(message);
    addLines(message.first, message.lines);
    python.take(message.answers);
    isAsked = message.asked;
    hideSecrets();
  }

  showName(model.get("name"));
  const end = live(model, python, status, [connect, close], take, () => clearInterval(countdown));
  return () => {
    end();
    keepEnd.end();
  };
}

/** Keep the last line of a log in sight, unless somebody has scrolled up to read. */
function followEnd(log) {
  let isAtEnd = true;
  const now = () => {
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  };
  log.onscroll = () => {
    isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  };
  const sizes = new ResizeObserver(now); // a log that was hidden could not be scrolled
  sizes.observe(log);
  return { now, end: () => sizes.disconnect() };
}

/** Enter says the line; it leaves the input when Python has taken it. Up and Down recall earlier lines, but no passwords. */
function sayOnEnter(input, python) {
  const said = [];
  let recalled = 0;
  input.onkeydown = (event) => {
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      recalled = Math.min(said.length, Math.max(0, recalled + (event.key === "ArrowUp" ? -1 : 1)));
      input.value = said[recalled] ?? "";
      event.preventDefault();
    }
    // isComposing: this Enter ends a word of Japanese or Chinese, and not the line.
    if (event.key !== "Enter" || event.isComposing || input.readOnly) return;
    const text = input.value;
    if (!text.trim()) return;
    const isSecret = input.type === "password";
    input.readOnly = true;
    python.ask("say", { text }, (taken) => {
      input.readOnly = false;
      if (!taken) return;
      input.value = "";
      if (said.at(-1) !== text && !isSecret) said.push(text);
      if (said.length > RECALL_LIMIT_LINES) said.shift();
      recalled = said.length;
    });
  };
}

// ---- the server panel ------------------------------------------------------------------------

function serverPanel(model, el) {
  const panel = frame(el, "chatlab-server");
  panel.setAttribute("aria-label", "the chat server");
  const start = element("button", "", "Start", { type: "button" });
  const stop = element("button", "", "Stop", { type: "button" });
  const status = statusLine();
  const header = element("div", "chatlab-header");
  header.append(element("strong", "chatlab-name", "server"), status.line, start, stop);
  const problem = element("div", "chatlab-problem", "", { role: "alert" });
  const commands = element("div", "chatlab-commands");
  const table = element("table");
  const rows = element("tbody");
  table.append(tableHead(), rows);
  const scroll = element("div", "chatlab-scroll");
  scroll.append(table);
  const hint = element("div", "chatlab-hint", "", { role: "status" });
  hint.hidden = true;
  panel.append(header, problem, commands, scroll, hint);

  const python = requests(model, hint);
  start.onclick = () => python.ask("start");
  stop.onclick = () => python.ask("stop");

  let clients = [];
  let cameAt = performance.now();

  function showSeconds() {
    const since = (performance.now() - cameAt) / 1000;
    rows.querySelectorAll(".chatlab-seconds").forEach((cell, row) => {
      cell.textContent = duration(clients[row].seconds + since);
    });
  }

  function take(message) {
    start.disabled = message.closed || message.running;
    stop.disabled = message.closed || !message.running;
    if (message.closed) status.show("closed", ": run this cell again");
    else status.show(message.running ? "running" : "stopped", ` at ${message.address}`);
    problem.textContent = message.problem;
    const [nc, join] = message.commands;
    commands.replaceChildren(
      element("span", "", "To join, type into a terminal:"),
      element("code", "", nc),
      element("span", "", "or, in the project's directory:"),
      element("code", "", join),
    );
    commands.hidden = !message.running || message.closed;
    clients = message.clients;
    cameAt = performance.now();
    rows.replaceChildren(...(clients.length ? clients.map(clientRow) : [emptyRow(message.running)]));
    showSeconds();
    python.take(message.answers);
  }

  const clock = setInterval(showSeconds, 1000);
  return live(model, python, status, [start, stop], take, () => clearInterval(clock));
}

function tableHead() {
  const row = element("tr");
  for (const title of ["client", "its address", "its thread in the server", "connected for", "bytes waiting for it"]) {
    row.append(element("th", "", title, { scope: "col" }));
  }
  const head = element("thead");
  head.append(row);
  return head;
}

function clientRow({ name, address, thread, waiting }) {
  const row = element("tr");
  row.append(
    element("td", "", name || "(no name yet)"),
    element("td", "chatlab-code", address),
    element("td", "chatlab-code", thread),
    element("td", "chatlab-seconds"),
    element("td", "", waiting.toLocaleString("en")),
  );
  return row;
}

function emptyRow(isRunning) {
  const row = element("tr");
  const words = isRunning ? "Nobody is connected." : "The server is stopped.";
  row.append(element("td", "chatlab-empty", words, { colspan: "5" }));
  return row;
}

function duration(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export default {
  render({ model, el }) {
    const draw = { chat: chatPanel, server: serverPanel, wire: wirePanel }[model.get("kind")];
    const end = draw(model, el);
    // Notebook 7 acts on keys before the frame's own mark counts. They are caught one step earlier; only
    // those of what one types into are let through, which no shortcut touches. (A slider is none of that.)
    const keep = (event) => {
      if (el.contains(event.target) && !event.target.matches(":read-write")) event.stopImmediatePropagation();
    };
    window.addEventListener("keydown", keep, true);
    return () => {
      window.removeEventListener("keydown", keep, true);
      end();
    };
  },
};
