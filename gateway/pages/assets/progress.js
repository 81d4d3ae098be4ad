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
  const running = (await answer.json()).extracts.filter((each) => !each.waitsToGoOn);
  if (running.length === 0) {
    location.reload();
    return;
  }
  show(running[0]);
  setTimeout(look, 700);
}

if (card) setTimeout(look, 300);
