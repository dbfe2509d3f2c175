// Outlines on and off, the window of all pictures, and one of them large. The page reads without.

const marks = document.getElementById("marks");
const large = document.getElementById("large");
const typed = (number) => String(number).replace("-", "−");

/** The pictures hold HU in the stored window as 0 to 1; another one is a line through that. */
const showPictures = (level, width) => {
  if (!marks) return;
  const [storedLevel, storedWidth] = document.querySelector(".controls").dataset.stored.split(" ").map(Number);
  const low = storedLevel - storedWidth / 2;
  for (const channel of document.querySelectorAll("#window [type=linear]")) {
    channel.setAttribute("slope", storedWidth / width);
    channel.setAttribute("intercept", (low - (level - width / 2)) / width);
  }
  for (const slider of document.querySelectorAll("[data-window-part]")) {
    slider.value = [level, width][slider.dataset.windowPart];
  }
  for (const text of document.querySelectorAll(".window-numbers")) text.textContent = `${typed(level)} / ${width} HU`;
  for (const text of document.querySelectorAll(".window-now")) text.textContent = `Level ${typed(level)} HU, width ${width} HU.`;
};

const startPictures = () => {
  if (!marks) return;
  const showMarks = () => document.body.classList.toggle("bare", !marks.checked);
  marks.addEventListener("change", showMarks);
  for (const slider of document.querySelectorAll("[data-window-part]")) {
    slider.addEventListener("input", () => {
      const beside = [...slider.closest(".controls").querySelectorAll("[data-window-part]")];
      showPictures(...beside.map((one) => Number(one.value)));
    });
  }
  // Browsers keep what a form held before the page was read again.
  const first = document.querySelectorAll(".controls [data-window-part]");
  for (const slider of first) slider.value = slider.defaultValue;
  showMarks();
  showPictures(...[0, 1].map((k) => Number(first[k].defaultValue)));

  let shown = null;
  const enlarge = (figure) => {
    shown = figure;
    large.querySelector(".enlarged").replaceChildren(figure.querySelector("svg").cloneNode(true));
    const caption = figure.querySelector("figcaption").innerText.trim().replace(/\n+/g, " · ");
    large.querySelector(".caption").textContent = `${figure.dataset.name}: ${caption}`;
    for (const one of large.querySelectorAll("[data-step]")) one.disabled = !beside(Number(one.dataset.step));
    if (!large.open) large.showModal();
  };
  const beside = (way) => {
    const row = [...shown.parentElement.querySelectorAll("figure[tabindex]")];
    return row[row.indexOf(shown) + way];
  };
  const step = (way) => {
    const next = beside(way);
    if (next) enlarge(next);
  };
  for (const figure of document.querySelectorAll("figure[tabindex]")) {
    figure.addEventListener("click", () => enlarge(figure));
    figure.addEventListener("keydown", (event) => {
      if (event.key === "Enter") enlarge(figure);
    });
  }
  for (const one of large.querySelectorAll("[data-step]")) {
    one.addEventListener("click", () => step(Number(one.dataset.step)));
  }
  large.addEventListener("click", (event) => {
    if (event.target === large) large.close();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input[type=text], select, textarea, .visits, .space, input[type=range]");
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    if (event.key === "o") {
      marks.checked = !marks.checked;
      showMarks();
    } else if (large.open && event.key === "ArrowRight") {
      step(1);
    } else if (large.open && event.key === "ArrowLeft") {
      step(-1);
    }
  });
};
startPictures();
// The last visit and the change are what is read first: a long table begins at its end.
for (const box of document.querySelectorAll("#tumours .scroll")) box.scrollLeft = box.scrollWidth;
