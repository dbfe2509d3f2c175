// Starts the workplace.

/** The workplace, where the browser can show it; else the page keeps to its pictures. */
const startWorkplace = async () => {
  const root = document.getElementById("workplace");
  if (!root) return;
  const tell = (text) => { root.querySelector(".state").textContent = text; };
  if (typeof DecompressionStream === "undefined") {
    tell("This browser cannot unpack the scans. The pictures further down show every visit.");
    return;
  }
  const data = JSON.parse(document.getElementById("workplace-data").textContent);
  const place = new Workplace(root, data);
  window.lvt = place;
  root.querySelector(".stage").hidden = false;
  await place.start();
  attachReport(place);
  tell("");
  try {
    place.space = new View3D(place);
  } catch (error) {
    root.querySelector(".space").replaceChildren(element("p", `No 3D: ${error.message}. The slices work without.`));
    place.isReady = true;
    return;
  }
  // Surfaces take a moment: they are made when one looks at them.
  const watch = new IntersectionObserver((seen) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    watch.disconnect();
    setTimeout(() => place.space.step(place.visits.length - 1), 0);
  });
  watch.observe(root.querySelector(".space"));
  place.isReady = true;
};
startWorkplace();
