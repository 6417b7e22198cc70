// The page of a study. All text goes through textContent; answers go out one at a time, are kept in
// this browser until the server has stored them, and may arrive twice without harm.
"use strict";

const $ = (id) => document.getElementById(id);
const main = $("main");
let study = null;
let session = null;
let shown = 0; // when the question appeared, milliseconds
let sending = false;

// --- What this browser keeps: the rater's code, and an answer that is not stored yet ---------

const memory = new Map(); // where the browser keeps nothing (private windows of some)
function keep(name, value) {
  const key = `sightsound.${study.study}.${name}`;
  memory.set(key, value);
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch { /* the page works on, until it is closed */ }
}
function kept(name) {
  const key = `sightsound.${study.study}.${name}`;
  if (memory.has(key)) return memory.get(key);
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}
function newCode() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- Talking to the server --------------------------------------------------------------------

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function once(path, body) {
  const headers = {};
  const code = study && kept("code");
  if (code) headers.Authorization = `Bearer ${code}`;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method: body ? "POST" : "GET",
    headers,
    body: body && JSON.stringify(body),
    cache: "no-store",
    signal: AbortSignal.timeout(20000),
  });
  if (response.ok) return response.json();
  if (response.status >= 500) throw new Error(`status ${response.status}`);
  const tree = await response.json().catch(() => ({}));
  throw new Refusal(response.status, tree.error || `status ${response.status}`);
}

// Ask until there is an answer: the server may be away for a while.
async function ask(path, body) {
  for (let tries = 0; ; tries += 1) {
    try {
      const tree = await once(path, body);
      say(null);
      return tree;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      say(body && path === "/api/vote"
        ? "The server does not answer. Your answer is kept here and is sent as soon as it does."
        : "The server does not answer. Trying again …");
      await new Promise((done) => setTimeout(done, Math.min(500 * 2 ** tries, 5000)));
    }
  }
}

function say(text) {
  $("trouble").hidden = text === null;
  $("trouble").textContent = text || "";
}

// --- Small pieces of page ---------------------------------------------------------------------

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}
function show(...children) {
  main.replaceChildren(...children.filter((child) => child !== null));
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
function prose(text) {
  const box = make("div", { className: "prose" });
  for (const part of text.split(/\n\s*\n/)) box.append(make("p", { textContent: part }));
  return box;
}
function button(text, act, properties = {}) {
  const node = make("button", { type: "button", textContent: text, ...properties });
  node.addEventListener("click", act);
  return node;
}
function sound(source, name) {
  const node = make("audio", { src: source, controls: true, preload: "auto" });
  node.setAttribute("aria-label", name);
  node.setAttribute("controlslist", "nodownload noplaybackrate");
  node.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== node) other.pause();
  });
  node.addEventListener("ended", () => {
    node.dataset.heard = "yes";
    node.dispatchEvent(new Event("heard", { bubbles: true }));
  });
  node.addEventListener("error", () => say(`${name} could not be loaded; load the page again.`));
  return node;
}
function exhibit(medium, source, name, className = "") {
  const node = medium === "sound"
    ? sound(source, name)
    : make("img", { src: source, alt: name, draggable: false });
  if (medium !== "sound") {
    node.addEventListener("error", () => say(`${name} could not be loaded; load the page again.`));
  }
  return make("figure", { className }, node, make("figcaption", { textContent: name }));
}

// --- The steps of a study ---------------------------------------------------------------------

async function begin() {
  study = await ask("/api/study");
  document.title = study.title;
  $("title").textContent = study.title;
  if (!kept("code")) return consent();
  try {
    session = await ask("/api/session");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 409) another(); // withdrawn, or never begun
    else say(`${error.message}.`);
    return undefined;
  }
  const waiting = kept("answer"); // the browser was closed before it was stored
  if (waiting && waiting.position === session.done) return act("/api/vote", waiting);
  return step();
}

function consent() {
  session = null;
  frame();
  const agree = make("input", { type: "checkbox", id: "agree" });
  const start = button("Begin", join, { disabled: true, id: "begin" });
  agree.addEventListener("change", () => { start.disabled = !agree.checked; });
  show(
    make("h1", { textContent: "Before you begin" }),
    prose(study.consent),
    make("label", { className: "option" }, agree,
      make("span", { textContent: "I have read this and agree to take part." })),
    make("div", { className: "row" }, start),
  );
  async function join() {
    start.disabled = true;
    if (!kept("code")) keep("code", newCode());
    await act("/api/join", { consent_sha256: study.consent_sha256 });
  }
}

// Send something, then show what comes next.
async function act(path, body) {
  if (sending) return;
  sending = true;
  try {
    session = await ask(path, body);
    keep("answer", null);
    step();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    keep("answer", null);
    say(`${error.message}.`);
  } finally {
    sending = false;
  }
}

function step() {
  frame();
  if (session.stage === "sound_check") soundCheck();
  else if (session.stage === "trial") question();
  else if (session.stage === "finished") finished();
  else closed();
}

function frame() {
  const runs = session !== null && (session.stage === "trial" || session.stage === "sound_check");
  $("way").hidden = !(session && session.stage === "trial");
  $("footer").hidden = session === null;
  $("keys").parentElement.hidden = !runs;
  if (session === null) return;
  $("bar").max = session.total;
  $("bar").value = session.done;
  $("count").textContent = `${Math.min(session.done + 1, session.total)} of ${session.total}`;
  $("who").textContent = `You are ${session.rater}`;
}

function soundCheck() {
  const input = make("input", {
    type: "number", id: "beeps", min: 0, max: 9, inputMode: "numeric", required: true,
  });
  const next = button("Next", send);
  const again = session.check.number > 0
    ? make("p", { textContent: "That was not the number of beeps. Here are others." })
    : null;
  show(
    make("h1", { textContent: "Can you hear?" }),
    make("p", { textContent: "Turn the sound on, better with headphones. Play this and count " +
      "the beeps. Set the loudness so that they are easy to hear, and leave it like that." }),
    again,
    make("div", { className: "exhibits" }, exhibit("sound", session.check.media, "Beeps")),
    make("label", {}, "How many beeps? ", input),
    make("div", { className: "row" }, next,
      make("span", { className: "hint" }, make("kbd", { textContent: "Space" }), " plays, ",
        make("kbd", { textContent: "Enter" }), " sends")),
  );
  function send() {
    if (!input.reportValidity()) return;
    act("/api/sound-check", { number: session.check.number, beeps: input.valueAsNumber });
  }
}

function question() {
  const trial = session.trial;
  const please = trial.please !== null;
  const choice = study.task === "choice";
  const names = choice ? ["First", "Second"] : [study.medium === "image" ? "Image" : "Sound"];
  const things = trial.media.map((source, at) =>
    exhibit(study.medium, source, choice ? `${names[at]} ${study.medium}` : names[at]));
  const prompt = trial.prompt && exhibit(trial.prompt.medium, trial.prompt.media,
    "It was made of this", "prompt");
  const options = study.options.map((text, value) => {
    const radio = make("input", { type: "radio", name: "answer", value: String(value) });
    radio.addEventListener("change", chosen);
    return make("label", { className: "option" }, radio,
      make("kbd", { textContent: choice ? value + 1 : value }),
      make("span", { textContent: text }));
  });
  const asked = please
    ? `This is a check that questions are read. Please answer “${study.options[trial.please]}”.`
    : study.question;
  const fields = make("fieldset", { className: choice ? "two" : "", id: "answers" },
    make("legend", { textContent: asked }), ...options);
  const next = button("Next", send, { id: "next", disabled: true });
  const hint = make("span", { className: "hint", id: "hint" });
  show(
    make("h1", { textContent: please ? "A check" : title(trial, choice) }),
    trial.label === null ? null : make("p", { className: "about" }, "Instrument: ",
      make("strong", { textContent: trial.label })),
    please ? null : make("div", { className: "exhibits" }, prompt, ...things),
    fields,
    make("div", { className: "row" }, next, hint),
  );
  for (const node of main.querySelectorAll("audio")) node.addEventListener("heard", ready);
  ready();
  shown = performance.now();

  function unheard() {
    return [...main.querySelectorAll("audio")].filter((node) => !node.dataset.heard).length;
  }
  function ready() {
    const silent = unheard();
    for (const radio of fields.querySelectorAll("input")) radio.disabled = silent > 0;
    hint.replaceChildren(...(silent > 0
      ? [make("kbd", { textContent: "Space" }), " plays; listen to the end first"]
      : [make("kbd", { textContent: choice ? "1" : "0" }), choice ? " or " : " to ",
        make("kbd", { textContent: choice ? "2" : String(study.options.length - 1) }),
        " choose, ", make("kbd", { textContent: "Enter" }), " goes on"]));
  }
  function chosen() {
    next.disabled = false;
    if (!choice) return;
    things.forEach((figure, at) => figure.classList.toggle("picked", at === answer()));
  }
  function answer() {
    const radio = fields.querySelector("input:checked");
    return radio === null ? null : Number(radio.value);
  }
  function send() {
    if (answer() === null || sending) return;
    next.disabled = true;
    const body = {
      position: trial.position,
      answer: answer(),
      milliseconds: Math.round(performance.now() - shown),
    };
    keep("answer", body);
    act("/api/vote", body);
  }
}

function title(trial, choice) {
  if (trial.prompt && trial.prompt.medium === "sound") return "Listen, then compare";
  if (trial.prompt) return "Look, then compare";
  if (study.medium === "image") return choice ? "Compare the two images" : "Look at this image";
  return choice ? "Compare the two sounds" : "Listen to this sound";
}

function finished() {
  show(
    make("h1", { textContent: "Thank you" }),
    make("p", { textContent: "All your answers are stored." }),
    make("p", {}, "If you want to withdraw later, keep this code: ",
      make("code", { id: "code", textContent: kept("code") })),
    make("div", { className: "row" },
      button("Let somebody else begin", another, { className: "quiet", id: "another" })),
  );
}

function closed() {
  show(
    make("h1", { textContent: "It seems that you cannot hear the sounds" }),
    make("p", { textContent: "So the study cannot go on here. Thank you for trying; you may begin " +
      "again with other headphones or on another device." }),
    make("div", { className: "row" }, button("Begin again", another)),
  );
}

function another() {
  keep("code", null);
  keep("answer", null);
  say(null);
  consent();
}

async function withdraw() {
  $("sure").close();
  if (sending) return;
  sending = true;
  try {
    await ask("/api/withdraw", { withdraw: true });
    keep("code", null);
    keep("answer", null);
    session = null;
    frame();
    show(make("h1", { textContent: "Your answers are deleted" }),
      make("p", { textContent: "Thank you for your time." }));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(`${error.message}.`);
  } finally {
    sending = false;
  }
}

// --- Keyboard ---------------------------------------------------------------------------------

// Space plays what was not heard yet, in order; then the first again.
function playNext() {
  const all = [...main.querySelectorAll("audio")];
  const playing = all.find((node) => !node.paused);
  if (playing) return playing.pause();
  const next = all.find((node) => !node.dataset.heard) || all[0];
  if (next) next.play().catch(() => say("The browser refused to play; press play by the mouse."));
  return undefined;
}

document.addEventListener("keydown", (event) => {
  if (!$("keys").checked || session === null || $("sure").open) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const at = event.target;
  if (at.closest("button, audio, dialog, footer")) return;
  if (event.key === " " && main.querySelector("audio") && at.type !== "radio") {
    event.preventDefault();
    playNext();
  } else if (event.key === "Enter") {
    const next = main.querySelector(".row button");
    if (next && !next.disabled && session.stage !== "finished") {
      event.preventDefault();
      next.click();
    }
  } else if (session.stage === "trial" && /^[0-9]$/.test(event.key)) {
    const value = Number(event.key) - (study.task === "choice" ? 1 : 0);
    const radio = main.querySelector(`input[value="${value}"]`);
    if (radio && !radio.disabled) {
      radio.click();
      radio.focus();
    }
  }
});
$("withdraw").addEventListener("click", () => $("sure").showModal());
$("stay").addEventListener("click", () => $("sure").close());
$("leave").addEventListener("click", withdraw);
begin();
