// What is drawn over a slice: calipers, names, crosshair, the reader's own line, a bar of scale.

const LONG = "#ff5f3d", SHORT = "#7bd88f", DRAWN = "#ffe14d";

/** A pen on a canvas: lines and texts that stand out from grey. */
class Pen {
  constructor(context) {
    this.context = context;
    context.font = "600 12px system-ui, sans-serif";
  }

  line([[x1, y1], [x2, y2]], color, width) {
    const { context } = this;
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  }

  write(text, x, y, color) {
    const { context } = this;
    context.lineWidth = 3;
    context.strokeStyle = "rgb(0 0 0 / 75%)";
    context.strokeText(text, x, y);
    context.fillStyle = color;
    context.fillText(text, x, y);
  }

  /** A cross at a pixel, open in the middle. */
  cross([x, y]) {
    const { context } = this;
    context.strokeStyle = "rgb(255 255 255 / 55%)";
    context.lineWidth = 1;
    context.beginPath();
    for (const [from, to] of [[-1e4, -9], [9, 1e4]]) {
      context.moveTo(x + from, y); context.lineTo(x + to, y);
      context.moveTo(x, y + from); context.lineTo(x, y + to);
    }
    context.stroke();
  }
}

/** Draws over the slice of a panel, as `view` shows it. */
const drawOverlay = (place, { visit, view: slice, canvas }, view) => {
  const { state } = place;
  const pen = new Pen(slice.context);
  const pixelOf = (q) => slice.pixel(view, view.warped ? visit.toCommon(q) : q);
  if (state.shown.tumours) drawLesions(place, { visit, pen, pixelOf, canvas }, view);
  if (state.shown.cross) pen.cross(slice.pixel(view, view.cross));
  if (state.caliper && state.caliper.visit === visit.number) {
    const ends = state.caliper.ends.map(pixelOf);
    pen.line(ends, DRAWN, 2);
    const [x, y] = ends[1];
    pen.write(`${length(minus(...state.caliper.ends)).toFixed(1)} mm`, x + 6, y, DRAWN);
  }
  drawScale(pen, canvas, view);
};

/** Calipers on the slice where they were measured, and a name at every tumour of the slice. */
const drawLesions = (place, { visit, pen, pixelOf, canvas }, view) => {
  const { state } = place;
  const { through } = PLANES[view.plane];
  const thick = Math.max(visit.grid.spacing[through], 1);
  const names = [];
  for (const lesion of place.data.lesions) {
    if (lesion.visit !== visit.number || !place.isOnSlice(visit, lesion, view)) continue;
    const isMeasured = Math.abs(lesion.long[0][through] - view.cross[through]) <= thick / 2;
    if (state.shown.calipers && view.plane === "axial" && !view.warped && isMeasured) {
      pen.line(lesion.long.map(pixelOf), LONG, 1.2);
      pen.line(lesion.short.map(pixelOf), SHORT, 1.2);
    }
    const [x, y] = pixelOf(lesion.place);
    if (x < 0 || y < 0 || x > canvas.width || y > canvas.height) continue;
    const isChosen = lesion === state.lesion || (state.lesion && lesion.track !== null && lesion.track === state.lesion.track);
    const text = place.nameOf(lesion) + (isChosen ? ` ${lesion.long_mm.toFixed(1)} mm` : "");
    const reach = lesion.long_mm / 2 / view.mm + 4;
    const { width } = pen.context.measureText(text);
    // To the right of the tumour, or to its left where there is no room.
    const beside = x + reach + width < canvas.width - 4 ? x + reach : Math.max(x - reach - width, 4);
    const name = { x: beside, y: y - 2, width };
    // A name that would lie on another one goes below it.
    const isOn = (other) => Math.abs(other.y - name.y) < 12
      && name.x < other.x + other.width + 3 && other.x < name.x + width + 3;
    for (let other = names.find(isOn); other; other = names.find(isOn)) name.y = other.y + 13;
    names.push(name);
    pen.write(text, name.x, name.y, `rgb(${place.colorOf(lesion).join(" ")})`);
  }
};

/** A bar of scale, and which side of the patient is left and up. */
const drawScale = (pen, canvas, view) => {
  const { marks } = PLANES[view.plane];
  const bar = [100, 50, 20, 10, 5].find((mm) => mm / view.mm < canvas.width / 4) || 5;
  pen.context.fillStyle = "#fff";
  pen.context.fillRect(canvas.width - 8 - bar / view.mm, canvas.height - 8, bar / view.mm, 2);
  pen.write(`${bar} mm`, canvas.width - 8 - bar / view.mm, canvas.height - 12, "#fff");
  pen.write(marks[0], 4, canvas.height / 2 + 4, "#fff");
  pen.write(marks[2], canvas.width / 2 - 4, 14, "#fff");
};
