// The query builder, live. The server makes the URL, the form and the rows; this asks it for the
// page anew after each change, and puts the parts that differ into their places.

import { offerCopies } from "./copy.js";

const WAIT = 350; // milliseconds after the last key
const byUrl = document.getElementById("by-url");
const said = document.getElementById("said");
let timer = 0;
let running = new AbortController();

const ask = () => document.getElementById("ask");

function addressOf(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  for (const [name, value] of [...fields]) if (value === "") fields.delete(name, value);
  return `${form.action}?${fields}`;
}

function soon(form, wait = WAIT, button = null) {
  clearTimeout(timer);
  running.abort();
  timer = setTimeout(() => refresh(form, button), wait);
}

async function refresh(form, button) {
  const mine = (running = new AbortController());
  const result = document.getElementById("result");
  result.setAttribute("aria-busy", "true");
  try {
    const address = addressOf(form, button);
    const answer = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine.signal.aborted) return;
    const isWhole = page.querySelector("#ask[data-shape]") !== null;
    show(page, form, isWhole);
    const found = document.getElementById("result");
    history.replaceState(null, "", isWhole ? found.dataset.here : address);
    said.textContent = found.dataset.said;
  } catch (problem) {
    if (problem.name === "AbortError") return;
    result.removeAttribute("aria-busy");
    said.textContent = result.dataset.failed;
  }
}

function show(page, form, isWhole) {
  const result = page.getElementById("result");
  if (!result) throw new Error("no page of the builder");
  keepOpen(document.getElementById("result"), result);
  replace("result", result);
  offerCopies(result);
  const made = page.getElementById("ask");
  const fromUrl = form === byUrl;
  if (!fromUrl) byUrl.elements.url.value = page.getElementById("url").value;
  if (!isWhole) return; // the URL is not finished: the old form stays
  if (fromUrl || made.dataset.shape !== ask().dataset.shape || differs(made)) put(made);
  else for (const note of made.querySelectorAll("[data-note]")) {
    document.getElementById(note.id).hidden = note.hidden;
  }
}

// Rows that were added or taken away, of totals or of the order. A value that was written below a
// list stays where it is until then.
function differs(made) {
  const rows = (form) => [...form.elements].filter((each) => !each.name.endsWith(".value"));
  const names = (form) => rows(form).map((each) => each.id).sort().join();
  return names(made) !== names(ask());
}

function put(made) {
  const focused = document.activeElement?.id;
  keepOpen(ask(), made);
  replace("ask", made);
  const again = focused && ask().contains(document.getElementById(focused));
  if (again) document.getElementById(focused).focus();
}

function replace(id, made) {
  document.getElementById(id).replaceWith(document.adoptNode(made));
}

// What a person has opened stays open.
function keepOpen(old, made) {
  const before = old.querySelectorAll("details");
  const after = made.querySelectorAll("details");
  if (before.length === after.length) after.forEach((each, i) => (each.open = before[i].open));
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form !== byUrl && form !== ask()) return;
  soon(form, event.target.matches("[type=checkbox], [type=radio]") ? 0 : WAIT); // lists are typed in, too
});

document.addEventListener("submit", (event) => {
  if (event.target !== byUrl && event.target !== ask()) return;
  event.preventDefault();
  soon(event.target, 0, event.submitter?.name ? event.submitter : null);
});

document.documentElement.classList.add("scripted");
