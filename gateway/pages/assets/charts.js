// Draws the tables of the dashboard. All numbers come from the page; this script makes no requests.

const { Chart } = window;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const words = (element) => element.textContent.trim();
const longest = innerWidth < 600 ? 14 : 26;
const shortened = (text) => (text.length > longest ? `${text.slice(0, longest - 1)}\u2026` : text);

function read(table) {
  const heads = [...table.tHead.rows[0].cells].slice(1);
  const rows = [...table.tBodies[0].rows];
  if ("newestFirst" in table.dataset) rows.reverse(); // time runs to the right
  return {
    labels: rows.map((row) => words(row.cells[0])),
    tones: rows.map((row) => `--series-${row.cells[0].dataset.colour}`),
    series: heads.map((head, index) => ({
      label: words(head),
      tone: `--series-${head.dataset.colour}`,
      data: rows.map((row) => {
        const { value } = row.cells[index + 1].dataset;
        return value === "" ? null : Number(value);
      }),
    })),
  };
}

function datasets(numbers, kind) {
  const single = numbers.series.length === 1;
  return numbers.series.map((each) => ({
    label: each.label,
    data: each.data,
    backgroundColor: single && kind === "bars" ? numbers.tones.map(tone) : tone(each.tone),
    borderColor: tone("--surface"),
    borderWidth: single ? 0 : 1,
    borderRadius: single ? 4 : 0,
    borderSkipped: "start",
    maxBarThickness: 36,
  }));
}

function options(numbers, kind) {
  const flat = kind === "bars" || kind === "stacked";
  const stacked = kind.startsWith("stacked");
  const quiet = { color: tone("--muted"), font: { family: tone("--text"), size: 12 } };
  const values = {
    stacked,
    beginAtZero: true,
    grid: { color: tone("--line") },
    border: { display: false },
    ticks: { ...quiet, maxTicksLimit: 6, precision: 0 },
  };
  const names = {
    stacked,
    grid: { display: false },
    border: { color: tone("--line") },
    ticks: { ...quiet, maxRotation: 0, callback: (index) => shortened(numbers.labels[index]) },
  };
  return {
    indexAxis: flat ? "y" : "x",
    animation: still ? false : { duration: 300 },
    maintainAspectRatio: false,
    locale: document.documentElement.lang,
    scales: flat ? { x: values, y: names } : { x: names, y: values },
    interaction: { mode: "index", axis: flat ? "y" : "x", intersect: false },
    plugins: {
      legend: {
        display: numbers.series.length > 1,
        align: "start",
        labels: { ...quiet, boxWidth: 12, boxHeight: 12, useBorderRadius: true, borderRadius: 3 },
      },
      tooltip: {
        backgroundColor: tone("--ink"),
        titleColor: tone("--surface"),
        bodyColor: tone("--surface"),
        padding: 10,
        cornerRadius: 8,
      },
    },
  };
}

function height(numbers, kind) {
  if (kind === "bars") return 40 * numbers.labels.length + 40;
  return kind === "stacked" ? 34 * numbers.labels.length + 80 : 260;
}

function draw(section) {
  const table = section.querySelector("table[data-kind]");
  if (table === null) return null;
  const { kind } = table.dataset;
  const numbers = read(table);
  const frame = section.querySelector(".canvas");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words(section.querySelector("h2")));
  frame.append(canvas);
  frame.hidden = false;
  frame.style.height = `${height(numbers, kind)}px`;
  section.querySelector("details").open = false;
  const chart = new Chart(canvas, {
    type: "bar",
    data: { labels: numbers.labels, datasets: datasets(numbers, kind) },
    options: options(numbers, kind),
  });
  return () => {
    chart.data.datasets = datasets(numbers, kind);
    chart.options = options(numbers, kind);
    chart.update("none");
  };
}

const redraws = [...document.querySelectorAll(".chart")].map(draw).filter(Boolean);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach((redraw) => redraw()));
