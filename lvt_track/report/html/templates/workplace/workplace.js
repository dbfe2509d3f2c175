// The visits side by side: one crosshair, one window, one plane for all.

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

class Workplace {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.find = (selector) => root.querySelector(selector);
    this.visits = data.visits.map((facts, k) => new Visit(facts, k, data.offset_step_mm));
    this.colors = new Map(data.tracks.map((track) => [track.number, track.color]));
    this.lesionAt = new Map(data.lesions.map((lesion) => [`${lesion.visit}/${lesion.label}`, lesion]));
    this.state = {
      plane: "axial", warped: false, cross: [0, 0, 0], pan: [0, 0, 0], mm: 1, lesion: null,
      shift: this.visits.map(() => [0, 0, 0]), unlinkedCross: this.visits.map(() => [0, 0, 0]),
      window: data.window.slice(), measuring: false, caliper: null,
      shown: { liver: true, vessels: false, cysts: true, tumours: true, calipers: true, cross: true },
    };
    this.review = new Review(data, () => this.redraw());
  }

  async start() {
    await Promise.all(this.visits.map((visit) => visit.load()));
    attachControls(this);
    attachReviewPanel(this);
    this.panels = this.visits.map((visit) => this.panel(visit));
    for (const visit of this.visits) {
      const { origin, spacing, shape } = visit.grid;
      this.state.unlinkedCross[visit.number] = [0, 1, 2].map((k) => origin[k] + (spacing[k] * (shape[k] - 1)) / 2);
    }
    this.state.cross = this.state.unlinkedCross[this.data.reference].slice();
    new ResizeObserver(() => this.resize()).observe(this.find(".visits"));
    this.resize();
    this.fit();
    const largest = this.data.lesions.filter((one) => one.visit === this.visits.length - 1)
      .sort((a, b) => b.long_mm - a.long_mm)[0] || this.data.lesions[0];
    if (largest) this.go(largest);
    this.redraw();
    // Frames come in the order asked for, so the slices have been drawn after this one.
    await new Promise(requestAnimationFrame);
  }

  panel(visit) {
    const figure = document.createElement("figure");
    figure.className = "visit";
    const title = document.createElement("figcaption");
    title.className = "visit-title";
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `CT of ${visit.date}`);
    const foot = document.createElement("p");
    foot.className = "visit-foot";
    figure.append(title, canvas, foot);
    this.find(".visits").append(figure);
    const view = new SliceView(canvas, visit, (v, label) => this.colorOf(this.lesionAt.get(`${v}/${label}`)));
    const panel = { visit, figure, title, canvas, foot, view };
    attachMouse(this, panel);
    return panel;
  }

  colorOf(lesion) {
    if (!lesion || this.review.isNone(lesion)) return [150, 150, 150];
    return this.colors.get(lesion.track) || [255, 255, 255];
  }

  nameOf(lesion) {
    return lesion.track === null ? `lesion ${lesion.label}` : `T${lesion.track}`;
  }

  /** Where the crosshair is in a visit's own frame. */
  crossIn(visit) {
    const { state } = this;
    if (!visit.linked) return state.unlinkedCross[visit.number].slice();
    return plus(visit.toScan(state.cross), state.shift[visit.number]);
  }

  viewOf(visit) {
    const { state } = this;
    const warped = state.warped && visit.linked;
    const cross = warped ? state.cross.slice() : this.crossIn(visit);
    const { through } = PLANES[state.plane];
    if (!warped) {
      // Slices as they were acquired, not between two of them.
      const { origin, spacing } = visit.grid;
      cross[through] = origin[through] + Math.round((cross[through] - origin[through]) / spacing[through]) * spacing[through];
    }
    return { plane: state.plane, mm: state.mm, warped, cross, centre: plus(cross, state.pan) };
  }

  /** All visits to a lesion: its own place where a visit shows its tumour, else by registration. */
  go(lesion) {
    const { state } = this;
    state.lesion = lesion;
    state.caliper = null;
    state.cross = lesion.common.slice();
    state.pan = state.isFitted ? this.toMiddle() : [0, 0, 0];
    for (const visit of this.visits) {
      const here = lesion.visit === visit.number ? lesion : this.largestOf(lesion.track, visit.number);
      const place = here && this.middle(here);
      state.shift[visit.number] = place ? minus(place, visit.toScan(state.cross)) : [0, 0, 0];
      if (place) state.unlinkedCross[visit.number] = place;
    }
    this.reveal(lesion.visit);
    this.redraw();
  }

  /** Where many visits scroll in their frame, the one of this number into it. */
  reveal(number) {
    const room = this.find(".visits"), { offsetTop, offsetHeight } = this.panels[number].figure;
    const top = offsetTop - room.offsetTop;
    if (top < room.scrollTop) room.scrollTop = top;
    else if (top + offsetHeight > room.scrollTop + room.clientHeight) {
      room.scrollTop = top + offsetHeight - room.clientHeight;
    }
  }

  largestOf(track, visit) {
    if (track === null) return undefined;
    return this.data.lesions.filter((one) => one.visit === visit && one.track === track)
      .sort((a, b) => b.volume_ml - a.volume_ml)[0];
  }

  middle(lesion) {
    return plus(lesion.long[0], lesion.long[1]).map((v) => v / 2);
  }

  /** The crosshair to a place of one visit's own frame, whose picture stays; the others follow by
   * registration. */
  point(visit, place) {
    const { state } = this;
    const here = () => (state.warped && visit.linked ? state.cross : this.crossIn(visit));
    const before = here();
    if (!visit.linked) {
      state.unlinkedCross[visit.number] = place;
    } else {
      state.shift = state.shift.map(() => [0, 0, 0]);
      state.cross = visit.toCommon(place);
    }
    state.pan = plus(state.pan, minus(before, here()));
    state.pan[PLANES[state.plane].through] = 0;
    this.draw();
  }

  scroll(steps, visit) {
    const { state } = this;
    const { through } = PLANES[state.plane];
    const step = this.visits[this.data.reference].grid.spacing[through] * steps;
    if (visit && !visit.linked) state.unlinkedCross[visit.number][through] += step;
    else {
      state.cross[through] += step;
      for (const one of this.visits) if (!one.linked && !visit) state.unlinkedCross[one.number][through] += step;
    }
    this.draw();
  }

  resize() {
    const room = this.find(".visits").clientWidth;
    const columns = clamp(Math.floor(room / 250), 1, this.visits.length);
    const widest = this.visits.length > 1 ? 520 : 720;
    const width = clamp(Math.floor((room - 8 * (columns - 1)) / columns), 160, widest);
    for (const { view, figure } of this.panels) {
      figure.style.width = `${width}px`;
      view.resize(width, Math.round(0.86 * width));
    }
    if (this.state.lesion) this.reveal(this.state.lesion.visit);
    this.draw();
  }

  fit() {
    const { grid: { spacing, shape } } = this.visits[this.data.reference];
    this.state.mm = (1.02 * Math.max(spacing[0] * shape[0], (spacing[1] * shape[1]) / 0.86)) / this.panels[0].canvas.width;
    this.state.isFitted = true;
    this.state.pan = this.toMiddle();
    this.draw();
  }

  /** From the crosshair to the middle of the liver's surroundings, in the plane that is shown. */
  toMiddle() {
    const { origin, spacing, shape } = this.visits[this.data.reference].grid;
    const pan = [0, 1, 2].map((k) => origin[k] + (spacing[k] * (shape[k] - 1)) / 2 - this.state.cross[k]);
    pan[PLANES[this.state.plane].through] = 0;
    return pan;
  }

  zoom(factor) {
    if (this.state.isFitted) this.state.pan = [0, 0, 0];
    this.state.isFitted = false;
    this.state.mm = clamp(this.state.mm / factor, 0.08, 4);
    this.draw();
  }

  draw() {
    if (this.pending || !this.panels) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.drawNow();
    });
  }

  drawNow() {
    const table = windowTable(this.data.hu, this.state.window);
    for (const panel of this.panels) {
      const view = this.viewOf(panel.visit);
      panel.view.draw(view, table, this.state.shown);
      drawOverlay(this, panel, view);
      this.caption(panel, view);
    }
    this.firstMs ??= performance.now();
  }

  caption({ visit, title, foot }, view) {
    const { through } = PLANES[view.plane];
    const axis = ["x", "y", "z"][through];
    title.textContent = `${visit.date}${visit.phase === "unknown" ? "" : `, ${visit.phase}`}`;
    const place = `${axis} ${view.cross[through].toFixed(1).replace("-", "−")} mm`;
    foot.textContent = visit.linked ? `${view.warped ? "in the common frame, " : ""}${place}`
      : `Not linked: ${visit.reason}. Scroll it by itself. ${place}`;
    foot.classList.toggle("alarm", !visit.linked);
  }

  /** Whether a lesion reaches the slice that is shown, by the extent of its voxels. */
  isOnSlice(visit, lesion, view) {
    const box = visit.boxes.get(lesion.label);
    if (!box) return false;
    const { through } = PLANES[view.plane];
    const { spacing, origin } = visit.grid;
    const [low, high] = box.map((at) => origin[through] + at[through] * spacing[through]);
    const moved = view.warped ? lesion.place[through] - lesion.common[through] : 0;
    const at = view.cross[through] + moved;
    return at > low - spacing[through] / 2 && at < high + spacing[through] / 2;
  }

  /** Slices, and what stands beside them. */
  redraw() {
    this.draw();
    showReviewPanel(this);
    if (this.space) this.space.placeNames();
  }
}
