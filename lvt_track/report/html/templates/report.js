// Outlines on and off, the window of all pictures, and one of them large. The page reads without.
"use strict";
(() => {
  const marks = document.getElementById("marks");
  if (!marks) return;
  const level = document.getElementById("level");
  const width = document.getElementById("width");
  const text = document.getElementById("window-text");
  const stored = { level: Number(text.dataset.level), width: Number(text.dataset.width) };
  const channels = document.querySelectorAll("#window [type=linear]");

  const showMarks = () => document.body.classList.toggle("bare", !marks.checked);
  const showWindow = () => {
    // The pictures hold HU in the stored window as 0 to 1; another one is a line through that.
    const slope = stored.width / Number(width.value);
    const low = stored.level - stored.width / 2;
    const intercept = (low - (Number(level.value) - Number(width.value) / 2)) / Number(width.value);
    for (const channel of channels) {
      channel.setAttribute("slope", slope);
      channel.setAttribute("intercept", intercept);
    }
    text.textContent = `${level.value} / ${width.value} HU`;
  };
  marks.addEventListener("change", showMarks);
  level.addEventListener("input", showWindow);
  width.addEventListener("input", showWindow);
  // Browsers keep what a form held before the page was read again.
  showMarks();
  showWindow();

  const large = document.getElementById("large");
  let shown = null;
  const enlarge = (figure) => {
    shown = figure;
    large.querySelector("div").replaceChildren(figure.querySelector("svg").cloneNode(true));
    const caption = figure.querySelector("figcaption").innerText.trim().replace(/\n+/g, " · ");
    large.querySelector("p").textContent = `${figure.dataset.name}: ${caption}`;
    if (!large.open) large.showModal();
  };
  const step = (way) => {
    const row = [...shown.parentElement.querySelectorAll("figure[tabindex]")];
    const next = row[row.indexOf(shown) + way];
    if (next) enlarge(next);
  };
  for (const figure of document.querySelectorAll("figure[tabindex]")) {
    figure.addEventListener("click", () => enlarge(figure));
    figure.addEventListener("keydown", (event) => {
      if (event.key === "Enter") enlarge(figure);
    });
  }
  large.addEventListener("click", (event) => {
    if (event.target === large) large.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "o" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      marks.checked = !marks.checked;
      showMarks();
    } else if (large.open && event.key === "ArrowRight") {
      step(1);
    } else if (large.open && event.key === "ArrowLeft") {
      step(-1);
    }
  });
})();
