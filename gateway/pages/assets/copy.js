// Buttons that copy a text to the clipboard. They are hidden until this script runs.

async function put(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea"); // http without TLS has no clipboard
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function offerCopies(part) {
  for (const button of part.querySelectorAll("button[data-copy]")) offer(button);
}

function offer(button) {
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await put(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.done;
    document.getElementById("said").textContent = button.dataset.done;
    setTimeout(() => {
      button.textContent = words;
      document.getElementById("said").textContent = "";
    }, 2000);
  });
}

offerCopies(document);
