// Shows the progress of a running extract and reloads the page when it ends.

const language = document.documentElement.lang;
const card = document.querySelector("[data-reading]");

function show(extract) {
  if (extract.of === undefined || extract.of === null) return; // a role gets no numbers
  const bar = card.querySelector("progress");
  const text = card.querySelector("[data-text]");
  bar.value = Math.min(100, Math.floor((100 * extract.rows) / Math.max(1, extract.of)));
  text.textContent = text.dataset.text
    .replace("{read}", extract.rows.toLocaleString(language))
    .replace("{of}", extract.of.toLocaleString(language));
}

async function poll() {
  const response = await fetch(card.dataset.status, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(response.statusText);
  const { extracts } = await response.json();
  const running = extracts.find((each) => each.id === card.dataset.reading);
  if (running === undefined || running.waitsToGoOn) {
    location.reload();
    return;
  }
  show(running);
  setTimeout(tryToPoll, 700);
}

function tryToPoll() {
  poll().catch(() => setTimeout(tryToPoll, 5000)); // the gateway may be restarting
}

if (card) setTimeout(tryToPoll, 300);
