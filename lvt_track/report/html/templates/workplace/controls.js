// Mouse, touch, keyboard and the bar of controls.

/** Left sets the crosshair or chooses a lesion, the right button turns the window, shift or the
 * middle one moves the picture, the wheel scrolls; with ctrl it zooms. */
const attachMouse = (place, panel) => {
  const { canvas, visit, view } = panel;
  const { state } = place;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  const pointOf = (event) => view.place(place.viewOf(visit), ...at(event));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey) place.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    else place.scroll(-Math.sign(event.deltaY) * (event.shiftKey ? 5 : 1), visit);
  }, { passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => place.zoom(1.6));
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    place.find(".visits").focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const start = at(event), begun = pointOf(event);
    let last = start, isMoved = false;
    const isPan = event.button === 1 || event.shiftKey, isWindow = event.button === 2;
    const measuring = state.measuring && !isPan && !isWindow;
    if (measuring) state.caliper = { visit: visit.number, ends: [begun, begun] };
    const move = (next) => {
      const [x, y] = at(next);
      isMoved = isMoved || Math.hypot(x - start[0], y - start[1]) > 3;
      if (!isMoved) return;
      if (measuring) {
        state.caliper.ends[1] = pointOf(next);
        place.draw();
      } else if (isWindow) {
        setWindow(place, state.window[0] + (last[1] - y), state.window[1] + (x - last[0]));
      } else if (isPan) {
        const { right, down, sign } = PLANES[state.plane];
        state.pan[right] -= (x - last[0]) * state.mm;
        state.pan[down] -= sign * (y - last[1]) * state.mm;
        place.draw();
      } else {
        place.point(visit, pointOf(next));
      }
      last = [x, y];
    };
    const up = (next) => {
      canvas.removeEventListener("pointermove", move);
      if (measuring) {
        if (!isMoved) state.caliper = null;
        place.redraw();
      } else if (!isMoved && !isPan && !isWindow) {
        const label = visit.labelAt(begun);
        if (label && place.lesionAt.has(`${visit.number}/${label}`)) {
          place.go(place.lesionAt.get(`${visit.number}/${label}`));
        } else {
          place.point(visit, pointOf(next));
        }
      }
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", up, { once: true });
  });
};

const setWindow = (place, level, width) => {
  place.state.window = [Math.round(clamp(level, -150, 300)), Math.round(clamp(width, 20, 510))];
  const [l, w] = place.state.window;
  place.find("[name=level]").value = l;
  place.find("[name=width]").value = w;
  showPictures(l, w);
  place.find(".window-text").textContent = `level ${String(l).replace("-", "−")}, width ${w} HU`;
  place.draw();
};

const KEYS = {
  ArrowUp: (p) => p.scroll(1), ArrowDown: (p) => p.scroll(-1),
  PageUp: (p) => p.scroll(5), PageDown: (p) => p.scroll(-5),
  ArrowRight: (p) => leaf(p, 1), ArrowLeft: (p) => leaf(p, -1),
  "+": (p) => p.zoom(1.25), "=": (p) => p.zoom(1.25), "-": (p) => p.zoom(0.8), 0: (p) => p.fit(),
  a: (p) => setPlane(p, "axial"), c: (p) => setPlane(p, "coronal"), s: (p) => setPlane(p, "sagittal"),
  f: (p) => p.find("[name=warped]").click(), o: (p) => p.find("[name=tumours]").click(),
  v: (p) => p.find("[name=vessels]").click(), l: (p) => p.find("[name=liver]").click(),
  x: (p) => p.find("[name=cross]").click(), m: (p) => p.find("[name=measure]").click(),
  u: (p) => p.review.undo(), n: (p) => leafDoubts(p, 1), p: (p) => leafDoubts(p, -1),
  1: (p) => answerDoubt(p, 0), 2: (p) => answerDoubt(p, 1),
};

/** From tumour to tumour, at the last visit that shows each. */
const leaf = (place, way) => {
  const tracks = place.data.tracks.map((track) => track.number);
  const now = tracks.indexOf(place.state.lesion ? place.state.lesion.track : null);
  goToTrack(place, tracks[(now + way + tracks.length) % tracks.length]);
};

const goToTrack = (place, track, visit) => {
  const lesions = place.data.lesions.filter((lesion) => lesion.track === track);
  const atVisit = lesions.filter((lesion) => lesion.visit === visit);
  const shown = (atVisit.length ? atVisit : lesions).sort((a, b) => b.visit - a.visit || b.volume_ml - a.volume_ml)[0];
  if (shown) place.go(shown);
};

const setPlane = (place, plane) => {
  place.state.plane = plane;
  place.state.pan = place.state.isFitted ? place.toMiddle() : [0, 0, 0];
  for (const button of place.root.querySelectorAll("[data-plane]")) {
    button.setAttribute("aria-pressed", String(button.dataset.plane === plane));
  }
  place.draw();
};

const attachControls = (place) => {
  const { state, find, root } = place;
  for (const button of root.querySelectorAll("[data-plane]")) {
    button.addEventListener("click", () => setPlane(place, button.dataset.plane));
  }
  for (const name of Object.keys(state.shown)) {
    const box = find(`[name=${name}]`);
    box.checked = state.shown[name];
    box.addEventListener("change", () => {
      state.shown[name] = box.checked;
      place.draw();
    });
  }
  find("[name=warped]").addEventListener("click", (event) => {
    state.warped = !state.warped;
    event.currentTarget.setAttribute("aria-pressed", String(state.warped));
    place.draw();
  });
  for (const name of ["level", "width"]) {
    find(`[name=${name}]`).addEventListener("input", () => {
      setWindow(place, Number(find("[name=level]").value), Number(find("[name=width]").value));
    });
  }
  for (const button of root.querySelectorAll("[data-window]")) {
    button.addEventListener("click", () => setWindow(place, ...button.dataset.window.split(" ").map(Number)));
  }
  const clicks = {
    "zoom-in": () => place.zoom(1.25), "zoom-out": () => place.zoom(0.8), fit: () => place.fit(),
    up: () => place.scroll(1), down: () => place.scroll(-1),
  };
  for (const [name, act] of Object.entries(clicks)) find(`[name=${name}]`).addEventListener("click", act);
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    if (event.target.closest("input, select, .space canvas")) return;
    // Elsewhere arrows scroll the page.
    if (!event.target.closest(".visits") && event.key.length > 1) return;
    event.preventDefault();
    KEYS[event.key](place);
  });
  for (const slider of document.querySelectorAll("[data-window-part]")) {
    slider.addEventListener("input", () => {
      const beside = [...slider.closest(".controls").querySelectorAll("[data-window-part]")];
      setWindow(place, ...beside.map((one) => Number(one.value)));
    });
  }
  setWindow(place, ...state.window);
  setPlane(place, state.plane);
};

/** A click on a tumour in any table or picture of the report shows it here. */
const attachReport = (place) => {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-track]");
    if (!link || place.root.contains(link)) return;
    event.preventDefault();
    const date = link.dataset.date;
    goToTrack(place, Number(link.dataset.track), place.data.visits.findIndex((v) => v.date === date));
    place.root.scrollIntoView({ behavior: "auto", block: "start" });
    place.find(".visits").focus({ preventScroll: true });
  });
};
