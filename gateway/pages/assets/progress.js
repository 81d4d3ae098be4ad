// While an extract runs, shows how far it is; when it is over, shows the page anew.

const card = document.querySelector("[data-reading]");

function show(extract) {
  if (extract.of === undefined || extract.of === null) return; // a role is told no numbers
  const bar = card.querySelector("progress");
  const text = card.querySelector("[data-text]");
  bar.value = Math.min(100, Math.floor((100 * extract.rows) / Math.max(1, extract.of)));
  text.textContent = text.dataset.text
    .replace("{read}", extract.rows.toLocaleString("en"))
    .replace("{of}", extract.of.toLocaleString("en"));
}

async function look() {
  const answer = await fetch(card.dataset.status, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.statusText);
  const { extracts } = await answer.json();
  const running = extracts.find((each) => each.id === card.dataset.reading);
  if (running === undefined || running.waitsToGoOn) {
    location.reload();
    return;
  }
  show(running);
  setTimeout(tryToLook, 700);
}

function tryToLook() {
  look().catch(() => setTimeout(tryToLook, 5000)); // the gateway may be on its way back
}

if (card) setTimeout(tryToLook, 300);
