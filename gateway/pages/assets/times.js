// Instants in the reader's time zone; the text in UTC moves to the title. Without this script all
// texts stay in UTC and say so.

const form = new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
  dateStyle: "medium",
  timeStyle: "short",
});
const { timeZone } = form.resolvedOptions();

function localize(part) {
  if (timeZone === "UTC") return;
  for (const time of part.querySelectorAll("time[datetime]")) {
    const text = time.textContent.trim();
    const moment = new Date(time.dateTime);
    if (!text.endsWith("UTC") || Number.isNaN(moment.getTime())) continue;
    time.title = text;
    time.textContent = form.format(moment);
  }
}

localize(document);
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) if (node.querySelectorAll) localize(node.parentNode ?? node);
  }
}).observe(document.body, { childList: true, subtree: true });
