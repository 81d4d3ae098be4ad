// The live query builder. The server renders the URL, the form and the rows. After each change this
// script requests the page again and replaces the parts that differ.

import { offerCopies } from "./copy.js";

const WAIT = 350; // milliseconds after the last key
const byUrl = document.getElementById("by-url");
const said = document.getElementById("said");
let timer = 0;
let due = null; // the form with a change that is not shown yet
let running = new AbortController();
let changed = null; // the last changed control
let typedIn = null; // the field that made the newest history entry

const ask = () => document.getElementById("ask");

function addressOf(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  for (const [name, value] of [...fields]) if (value === "") fields.delete(name, value);
  return `${form.action}?${fields}`;
}

function soon(form, wait = WAIT, button = null) {
  clearTimeout(timer);
  running.abort();
  due = form;
  timer = setTimeout(() => refresh(form, button), wait);
}

function refresh(form, button) {
  return load(addressOf(form, button), form);
}

// Without a form, the address is one that the browser went back to.
async function load(address, form) {
  const mine = (running = new AbortController());
  const result = document.getElementById("result");
  result.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (mine.signal.aborted) return;
    due = null;
    const isWhole = page.querySelector("#ask[data-shape]") !== null;
    show(page, form, isWhole);
    const found = document.getElementById("result");
    if (form) remember(found.dataset.here);
    said.textContent = found.dataset.said;
  } catch (problem) {
    if (problem.name === "AbortError") return;
    result.removeAttribute("aria-busy");
    said.textContent = result.dataset.failed;
  }
}

// Each step back undoes one change; all typing in one field counts as one change.
function remember(here) {
  const isText = changed?.matches("textarea, input:not([type=checkbox], [type=radio])");
  const control = isText ? changed.id : null;
  const isSame = here === location.pathname + location.search || (control && control === typedIn);
  history[isSame ? "replaceState" : "pushState"](null, "", here);
  typedIn = control;
}

function show(page, form, isWhole) {
  const result = page.getElementById("result");
  if (!result) throw new Error("not a page of the query builder");
  keepOpen(document.getElementById("result"), result);
  replace("result", document.adoptNode(result));
  offerCopies(result);
  const made = page.getElementById("ask");
  const fromUrl = form === byUrl;
  const isRewritten = "rewritten" in result.dataset;
  if (!fromUrl || isRewritten) byUrl.elements.url.value = page.getElementById("url").value;
  document.getElementById("url-old").hidden = page.getElementById("url-old").hidden;
  if (!isWhole) return; // the URL is not valid yet: the old form stays
  const isOther = fromUrl || !form || isRewritten;
  if (isOther || made.dataset.shape !== ask().dataset.shape || differs(made)) put(made, !isOther);
  else ask().elements.last.value = made.elements.last.value;
  for (const note of made.querySelectorAll("[data-note]")) {
    document.getElementById(note.id).hidden = note.hidden;
  }
}

// True if rows were added or removed. Until then, a value that was typed below a list stays in place.
function differs(made) {
  const rows = (form) => [...form.elements].filter((each) => !each.name.endsWith(".value"));
  const names = (form) => rows(form).map((each) => each.id).sort().join();
  return names(made) !== names(ask());
}

// Replaces the form. The focused control moves into the new form, with its cursor, if its content is
// still what the form says.
function put(made, keepsText) {
  const focused = ask().contains(document.activeElement) ? document.activeElement : null;
  keepOpen(ask(), made);
  document.adoptNode(made);
  const twin = focused?.id ? made.querySelector(`#${CSS.escape(focused.id)}`) : null;
  const moves = keepsText && twin?.matches("select, textarea, input:not([type=checkbox], [type=radio])");
  if (moves) twin.replaceWith(focused);
  replace("ask", made);
  if (focused) (moves ? focused : twin || nearest(focused))?.focus();
}

// After a row was removed: the row that took its place.
function nearest(gone) {
  return ask().querySelector(`[id^="${CSS.escape(gone.id.replace(/-.*/, "-"))}"]`);
}

function replace(id, made) {
  document.getElementById(id).replaceWith(made);
}

// Keeps the sections open that the user has opened.
function keepOpen(old, made) {
  const before = old.querySelectorAll("details");
  const after = made.querySelectorAll("details");
  if (before.length === after.length) after.forEach((each, i) => (each.open = before[i].open));
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form !== byUrl && form !== ask()) return;
  changed = event.target;
  soon(form, event.target.matches("[type=checkbox], [type=radio]") ? 0 : WAIT); // users also type in lists
});

// Typing in a list may select the current entry again, which fires no input event.
document.addEventListener("keydown", (event) => {
  if (due && event.key.length === 1 && event.target.matches("select")) soon(due);
});

document.addEventListener("submit", (event) => {
  if (event.target !== byUrl && event.target !== ask()) return;
  event.preventDefault();
  if (event.submitter?.name) changed = event.submitter;
  soon(event.target, 0, event.submitter?.name ? event.submitter : null);
});

addEventListener("popstate", () => {
  if (location.hash) return;
  clearTimeout(timer);
  running.abort();
  typedIn = null;
  load(location.href, null);
});

document.documentElement.classList.add("scripted");
