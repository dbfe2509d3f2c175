// The 3D view of one visit at a time: surfaces made when first wanted, names as buttons.

// Width and height that a name takes, in pixels of the page.
const TAG = [34, 17];

// How far a surface may leave its fine one: less than a pixel where the liver fills the view.
const SOLID_MM = 0.25, GLASS_MM = 0.6;

const cropOf = (grid, [low, high]) => ({
  origin: grid.origin.map((o, k) => o + low[k] * grid.spacing[k]),
  spacing: grid.spacing,
  shape: [0, 1, 2].map((k) => high[k] - low[k] + 1),
});

class View3D {
  constructor(place) {
    this.place = place;
    this.box = place.find(".space");
    this.canvas = this.box.querySelector("canvas");
    this.renderer = new SurfaceRenderer(this.canvas);
    this.surfacesOf = new Map();
    this.shown = { glass: true, tubes: true, taken: true };
    this.steps = place.visits.map((visit) => button(visit.date, () => this.step(visit.number)));
    place.find(".steps").replaceChildren(...this.steps);
    for (const name of ["glass", "tubes", "taken"]) {
      const check = place.find(`[name=${name}]`);
      check.addEventListener("change", () => {
        this.shown[name] = check.checked;
        this.step(this.visit);
      });
    }
    this.canvas.addEventListener("pointerdown", (event) => this.turn(event));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.renderer.zoom = clamp(this.renderer.zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1), 0.4, 8);
      this.draw();
    }, { passive: false });
    this.canvas.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] };
      if (!turns[event.key]) return;
      event.preventDefault();
      this.renderer.azimuth += turns[event.key][0];
      this.renderer.tilt = clamp(this.renderer.tilt + turns[event.key][1], -1.5, 1.5);
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  turn(event) {
    this.canvas.setPointerCapture(event.pointerId);
    let last = [event.clientX, event.clientY];
    const move = (next) => {
      this.renderer.azimuth += (next.clientX - last[0]) * -0.01;
      this.renderer.tilt = clamp(this.renderer.tilt - (next.clientY - last[1]) * 0.01, -1.5, 1.5);
      last = [next.clientX, next.clientY];
      this.draw();
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", () => this.canvas.removeEventListener("pointermove", move), { once: true });
  }

  /** The surfaces of a visit. */
  surfaces(visit) {
    if (this.surfacesOf.has(visit.number)) return this.surfacesOf.get(visit.number);
    const { grid, parts, labels } = visit;
    const surfaces = [];
    const add = (kind, surface, color) => {
      if (surface) surfaces.push({ kind, surface: decimated(surface, color[3] < 1 ? GLASS_MM : SOLID_MM), color });
    };
    const coarse = grid.shape[0] * grid.shape[1] * grid.shape[2] > 2.5e5 ? 2 : 1;
    add("glass", surfaceOf(grid, (i) => parts[i] & PARTS.liver, coarse), [0.86, 0.62, 0.5, 0.3]);
    // Where a plan has told the trees apart, each has its colour, and grey is what is of neither.
    const trees = PARTS.portal | PARTS.hepatic;
    const isTold = parts.some((bits) => bits & trees);
    const rest = isTold ? [0.6, 0.6, 0.6, 1] : [0.44, 0.43, 0.62, 1];
    add("tubes", surfaceOf(grid, (i) => parts[i] & PARTS.vessels && !(parts[i] & trees), 1), rest);
    add("tubes", isTold && surfaceOf(grid, (i) => parts[i] & PARTS.portal, 1), [0, 0.45, 0.7, 1]);
    add("tubes", isTold && surfaceOf(grid, (i) => parts[i] & PARTS.hepatic, 1), [0.8, 0.47, 0.65, 1]);
    if (parts.some((bits) => bits & PARTS.resection)) {
      add("taken", surfaceOf(grid, (i) => parts[i] & PARTS.resection, coarse), [0.94, 0.89, 0.26, 0.35]);
    }
    const [nx, ny] = grid.shape;
    for (const [label, box] of visit.boxes) {
      const crop = cropOf(grid, box), [[x0, y0, z0]] = box, [cx, cy] = crop.shape;
      const inside = (i) => {
        const x = i % cx, y = Math.floor(i / cx) % cy, z = Math.floor(i / (cx * cy));
        return labels[x0 + x + nx * (y0 + y + ny * (z0 + z))] === label;
      };
      const lesion = this.place.lesionAt.get(`${visit.number}/${label}`);
      const color = this.place.colorOf(lesion).map((v) => v / 255);
      add("tumour", surfaceOf(crop, inside, 1), [...color, 1]);
    }
    this.surfacesOf.set(visit.number, surfaces);
    return surfaces;
  }

  step(number) {
    this.visit = number;
    this.steps.forEach((one, k) => one.setAttribute("aria-pressed", String(k === number)));
    const visit = this.place.visits[number];
    const { origin, spacing, shape } = visit.grid;
    const size = [0, 1, 2].map((k) => spacing[k] * (shape[k] - 1));
    this.renderer.centre = origin.map((o, k) => o + size[k] / 2);
    this.renderer.radius = length(size) / 2;
    const surfaces = this.surfaces(visit);
    this.place.find(".trees").hidden = surfaces.filter((one) => one.kind === "tubes").length < 2;
    this.place.find("[name=taken]").parentElement.hidden = !surfaces.some((one) => one.kind === "taken");
    this.renderer.show(surfaces.filter((one) => this.shown[one.kind] ?? true));
    this.names = this.place.data.lesions.filter((one) => one.visit === number).map((lesion) => {
      const tag = button(this.place.nameOf(lesion), () => this.place.go(lesion));
      tag.className = "tag";
      return { lesion, tag };
    });
    this.box.querySelector(".tags").replaceChildren(...this.names.map(({ tag }) => tag));
    this.draw();
  }

  /** Names at their tumours; those that would lie on a larger one's are left out. */
  placeNames() {
    const scale = this.canvas.clientWidth / this.canvas.width;
    const { lesion: chosen } = this.place.state;
    const isChosen = (lesion) => Boolean(chosen) && chosen.track === lesion.track;
    const names = (this.names || []).slice().sort((a, b) => isChosen(b.lesion) - isChosen(a.lesion)
      || b.lesion.volume_ml - a.lesion.volume_ml);
    const shown = [];
    const project = this.renderer.projection();
    for (const { lesion, tag } of names) {
      const [x, y] = project(lesion.place).map((v) => v * scale);
      tag.hidden = shown.some(([u, v]) => Math.abs(u - x) < TAG[0] && Math.abs(v - y) < TAG[1]);
      if (tag.hidden) continue;
      shown.push([x, y]);
      tag.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(.4rem, -50%)`;
      tag.classList.toggle("chosen", isChosen(lesion));
    }
  }

  draw() {
    if (this.pending || this.visit === undefined) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      const { clientWidth, clientHeight } = this.canvas;
      const [width, height] = [clientWidth, clientHeight].map((n) => Math.round(n * this.renderer.fineness));
      // Setting a size makes the picture's memory anew, also where it is the same.
      if (this.canvas.width !== width) this.canvas.width = width;
      if (this.canvas.height !== height) this.canvas.height = height;
      this.renderer.draw();
      this.placeNames();
    });
  }
}
