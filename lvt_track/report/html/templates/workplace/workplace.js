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
      shift: this.visits.map(() => [0, 0, 0]), own: this.visits.map(() => [0, 0, 0]),
      window: data.window.slice(), measuring: false, caliper: null,
      shown: { liver: true, vessels: false, cysts: true, tumours: true, calipers: true, cross: true },
    };
    this.review = new Review(data, () => this.redraw());
  }

  async start() {
    await Promise.all(this.visits.map((visit) => visit.load()));
    attachControls(this);
    attachBench(this);
    this.panels = this.visits.map((visit) => this.panel(visit));
    for (const visit of this.visits) {
      const { origin, spacing, shape } = visit.grid;
      this.state.own[visit.number] = [0, 1, 2].map((k) => origin[k] + (spacing[k] * (shape[k] - 1)) / 2);
    }
    this.state.cross = this.state.own[this.data.reference].slice();
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
  ownCross(visit) {
    const { state } = this;
    if (!visit.linked) return state.own[visit.number].slice();
    return plus(visit.toOwn(state.cross), state.shift[visit.number]);
  }

  viewOf(visit) {
    const { state } = this;
    const warped = state.warped && visit.linked;
    const cross = warped ? state.cross.slice() : this.ownCross(visit);
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
      state.shift[visit.number] = place ? minus(place, visit.toOwn(state.cross)) : [0, 0, 0];
      if (place) state.own[visit.number] = place;
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
    const here = () => (state.warped && visit.linked ? state.cross : this.ownCross(visit));
    const before = here();
    if (!visit.linked) {
      state.own[visit.number] = place;
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
    if (visit && !visit.linked) state.own[visit.number][through] += step;
    else {
      state.cross[through] += step;
      for (const one of this.visits) if (!one.linked && !visit) state.own[one.number][through] += step;
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
      this.overlay(panel, view);
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

  /** Calipers, names, crosshair, the reader's own line. */
  overlay({ visit, view: slice, canvas }, view) {
    const { state } = this;
    const c = slice.context;
    const { through, marks } = PLANES[view.plane];
    const at = (q) => slice.pixel(view, view.warped ? visit.toCommon(q) : q);
    const thick = Math.max(visit.grid.spacing[through], 1);
    const line = (ends, color, width) => {
      const [[x1, y1], [x2, y2]] = ends.map(at);
      c.strokeStyle = color;
      c.lineWidth = width;
      c.beginPath();
      c.moveTo(x1, y1);
      c.lineTo(x2, y2);
      c.stroke();
    };
    const write = (text, x, y, color) => {
      c.lineWidth = 3;
      c.strokeStyle = "rgb(0 0 0 / 75%)";
      c.strokeText(text, x, y);
      c.fillStyle = color;
      c.fillText(text, x, y);
    };
    c.font = "600 12px system-ui, sans-serif";
    const names = [];
    for (const lesion of this.data.lesions) {
      if (lesion.visit !== visit.number || !state.shown.tumours) continue;
      if (!this.isOnSlice(visit, lesion, view)) continue;
      const color = `rgb(${this.colorOf(lesion).join(" ")})`;
      const isMeasured = Math.abs(lesion.long[0][through] - view.cross[through]) <= thick / 2;
      if (state.shown.calipers && view.plane === "axial" && !view.warped && isMeasured) {
        line(lesion.long, "#ff5f3d", 1.2);
        line(lesion.short, "#7bd88f", 1.2);
      }
      const [x, y] = at(lesion.place);
      if (x < 0 || y < 0 || x > canvas.width || y > canvas.height) continue;
      const isChosen = lesion === state.lesion || (state.lesion && lesion.track !== null && lesion.track === state.lesion.track);
      const text = this.nameOf(lesion) + (isChosen ? ` ${lesion.long_mm.toFixed(1)} mm` : "");
      const reach = lesion.long_mm / 2 / view.mm + 4;
      const { width } = c.measureText(text);
      // To the right of the tumour, or to its left where there is no room.
      const beside = x + reach + width < canvas.width - 4 ? x + reach : Math.max(x - reach - width, 4);
      const name = { x: beside, y: y - 2, width };
      // A name that would lie on another one goes below it.
      const isOn = (other) => Math.abs(other.y - name.y) < 12
        && name.x < other.x + other.width + 3 && other.x < name.x + width + 3;
      for (let other = names.find(isOn); other; other = names.find(isOn)) name.y = other.y + 13;
      names.push(name);
      write(text, name.x, name.y, color);
    }
    if (state.shown.cross) {
      const [x, y] = slice.pixel(view, view.cross);
      c.strokeStyle = "rgb(255 255 255 / 55%)";
      c.lineWidth = 1;
      c.beginPath();
      for (const [a, b] of [[-1e4, -9], [9, 1e4]]) {
        c.moveTo(x + a, y); c.lineTo(x + b, y);
        c.moveTo(x, y + a); c.lineTo(x, y + b);
      }
      c.stroke();
    }
    if (state.caliper && state.caliper.visit === visit.number) {
      line(state.caliper.ends, "#ffe14d", 2);
      const [x, y] = at(state.caliper.ends[1]);
      write(`${length(minus(...state.caliper.ends)).toFixed(1)} mm`, x + 6, y, "#ffe14d");
    }
    const bar = [100, 50, 20, 10, 5].find((mm) => mm / view.mm < canvas.width / 4) || 5;
    c.fillStyle = "#fff";
    c.fillRect(canvas.width - 8 - bar / view.mm, canvas.height - 8, bar / view.mm, 2);
    write(`${bar} mm`, canvas.width - 8 - bar / view.mm, canvas.height - 12, "#fff");
    write(marks[0], 4, canvas.height / 2 + 4, "#fff");
    write(marks[2], canvas.width / 2 - 4, 14, "#fff");
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
    showBench(this);
    if (this.space) this.space.label();
  }
}
