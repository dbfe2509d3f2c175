// What a reader says of lesions and links, as rows of the table that `lvt report --corrections` reads.

const END = ["date", "lesion", "x_mm", "y_mm", "z_mm", "volume_ml", "voxels"];
const named = (column, end) => {
  const [what, unit] = column.split("_");
  return unit ? `${what}_${end}_${unit}` : `${what}_${end}`;
};
const COLUMNS = [
  "action", ...["a", "b"].flatMap((end) => END.map((column) => named(column, end))),
  "long_axis_mm", "parts", "note", "reader", "time",
];
const WORDS = {
  none: "is no tumour", new: "is new", target: "is a target", "non-target": "is no target",
  progression: "has progressed unequivocally", "no-progression": "grew, no progression",
  same: "is the same as", split: "is several", size: "measures", note: "note",
  add: "link is right", remove: "link is wrong",
};

const ENDS = ["a", "b"];
const rowEnds = (row) => ENDS.filter((end) => row[`date_${end}`]);
const isTie = (row) => ["add", "remove", "same"].includes(row.action);
const isRole = (row) => ["target", "non-target"].includes(row.action);

const isOfGrowth = (row) => ["progression", "no-progression"].includes(row.action);

/** Whether two rows name one lesion: by its voxels, for a part of a split one keeps its number. */
const isSame = (row, end, other, at) => {
  if (row[`date_${end}`] !== other[`date_${at}`]) return false;
  const [here, there] = [row[`voxels_${end}`], other[`voxels_${at}`]];
  if (here && there) return here === there;
  return Number(row[`lesion_${end}`]) === Number(other[`lesion_${at}`]);
};

class Review {
  /** `earlier` are rows that the run remembers; a saved table takes their place, so it holds them.
   * Each row knows its `order`, and the rows that `gaveWay` to it, which come back when it goes. */
  constructor(data, changed) {
    this.data = data;
    this.rows = data.corrections.map((row, order) => ({ ...row, earlier: true, order, gaveWay: [] }));
    this.said = this.rows.length;
    this.undone = [];
    this.saved = this.rows;
    this.changed = changed;
    this.lesions = new Map();
    for (const lesion of data.lesions) {
      const { date } = data.visits[lesion.visit];
      this.lesions.set(`${date} ${lesion.label}`, lesion);
      if (lesion.voxels) this.lesions.set(`${date} ${lesion.voxels}`, lesion);
    }
  }

  get isSaved() {
    return this.rows === this.saved;
  }

  markSaved() {
    this.saved = this.rows;
  }

  /** The columns by which a lesion is known again. */
  lesion(lesion, end) {
    const [x, y, z] = lesion.place;
    const values = [
      this.data.visits[lesion.visit].date, lesion.label, x, y, z, lesion.volume_ml, lesion.voxels,
    ];
    return Object.fromEntries(END.map((column, k) => [named(column, end), values[k] ?? ""]));
  }

  /** The lesion that a row names; undefined where it is gone, as one that was split is. */
  lesionOf(row, end) {
    return this.lesions.get(`${row[`date_${end}`]} ${row[`voxels_${end}`] || row[`lesion_${end}`]}`);
  }

  say(action, first, second, more = {}) {
    this.sayAll([{ action, first, second, more }]);
  }

  /** Say things at once, as one step to undo; what was said of the same before and cannot stand
   * beside it gives way. */
  sayAll(statements) {
    let { rows } = this;
    for (const one of statements) {
      const row = { ...this.row(one), order: this.said };
      this.said += 1;
      row.gaveWay = rows.filter((other) => this.excludes(row, other));
      rows = [...rows.filter((other) => !row.gaveWay.includes(other)), row];
    }
    this.change(rows);
  }

  row({ action, first, second, more = {} }) {
    const [a, b] = second && second.visit < first.visit ? [second, first] : [first, second];
    return {
      action, ...this.lesion(a, "a"), ...(b ? this.lesion(b, "b") : {}), ...more,
      reader: this.reader, time: new Date().toISOString().slice(0, 19),
    };
  }

  /** Whether a row says what a statement says. */
  says(row, statement) {
    const said = this.row(statement);
    return row.action === said.action && Number(row.parts || 0) === Number(said.parts || 0)
      && rowEnds(said).every((end) => isSame(row, end, said, end));
  }

  holds(statements) {
    return statements.every((one) => this.rows.some((row) => this.says(row, one)));
  }

  takeBackAll(statements) {
    this.drop(this.rows.filter((row) => statements.some((one) => this.says(row, one))));
  }

  takeBack(row) {
    this.drop([row]);
  }

  /** Without some rows, and with those again that gave way to them and can stand now. */
  drop(rows) {
    const kept = this.rows.filter((row) => !rows.includes(row));
    for (const old of rows.flatMap((row) => row.gaveWay)) {
      const isKnown = rows.includes(old) || kept.includes(old);
      if (!isKnown && !kept.some((row) => this.excludes(row, old))) kept.push(old);
    }
    this.change(kept.sort((one, other) => one.order - other.order));
  }

  /** Links between lesions that are tumours, of which nothing was said. */
  unsaidLinks(lesionAt) {
    return this.data.edges.map(({ a, b }) => ({
      action: "add", first: lesionAt.get(a.join("/")), second: lesionAt.get(b.join("/")),
    })).filter((link) => {
      const row = this.row(link);
      return !this.rows.some((other) => this.excludes(row, other) || this.says(other, link));
    });
  }

  undo() {
    if (!this.undone.length) return;
    this.rows = this.undone.pop();
    this.changed();
  }

  change(rows) {
    this.undone.push(this.rows);
    this.rows = rows;
    this.changed();
  }

  /** Whether two rows contradict each other or say the same: `lvt report` would refuse them, or
   * take the one that came first. */
  excludes(row, other) {
    if (row.action === "note" || other.action === "note") return false;
    const actions = [row.action, other.action];
    const holds = (end) => rowEnds(other).some((at) => isSame(row, end, other, at));
    if (isRole(row) && isRole(other)) return holds("a") || this.isOfOneTumour(row, other);
    // What has a role is a tumour, where it was called none at all its visits.
    if (isRole(row) && other.action === "none" && this.isNoneAtAll(row, other)) return true;
    if (!rowEnds(row).some(holds)) return false;
    if (actions.includes("none")) return true;
    if (isOfGrowth(row) && isOfGrowth(other)) return true;
    if (isTie(row) && isTie(other)) return rowEnds(row).every(holds);
    // What is new has no past; what it became is another matter.
    const begun = [row, other].find((one) => one.action === "new");
    const link = [row, other].find((one) => one.action === "add" || one.action === "same");
    if (begun && link) return isSame(link, "b", begun, "a");
    // A size is of the whole, not of what it falls apart into.
    const isCut = actions.includes("split") && actions.includes("size");
    return isCut || (row.action === other.action && !isTie(row));
  }

  /** Whether two rows are about one tumour, of which nobody says that it is several. */
  isOfOneTumour(row, other) {
    const [one, two] = [row, other].map((each) => this.lesionOf(each, "a"));
    if (!one || !two || one.track === null || one.track !== two.track) return false;
    const parts = ["remove", "split", "new"];
    return !this.rows.some((each) => parts.includes(each.action)
      && rowEnds(each).some((end) => (this.lesionOf(each, end) || {}).track === one.track));
  }

  /** Whether two rows are about one tumour, each of whose lesions is called none. */
  isNoneAtAll(row, other) {
    const [one, two] = [row, other].map((each) => this.lesionOf(each, "a"));
    if (!one || !two || one.track === null || one.track !== two.track) return false;
    return this.data.lesions.every((lesion) => lesion.track !== one.track || this.isNone(lesion));
  }

  isNone(lesion) {
    if (this.nonesOf !== this.rows) {
      const rows = this.rows.filter((row) => row.action === "none");
      this.nones = new Set(rows.map((row) => this.lesionOf(row, "a")));
      this.nonesOf = this.rows;
    }
    return this.nones.has(lesion);
  }

  words(row, nameOf) {
    const [first, second = ""] = rowEnds(row).map((end) => nameOf(row, end));
    const value = row.long_axis_mm ? `${row.long_axis_mm} mm` : row.parts ? `${row.parts} lesions` : "";
    const parts = row.action === "add" || row.action === "remove"
      ? [first, "→", second, WORDS[row.action]] : [first, WORDS[row.action], second, value];
    return [...parts, row.note ? `“${row.note}”` : ""].filter(Boolean).join(" ");
  }

  /** The table; who saves it said what has no name yet. */
  csv() {
    for (const row of this.rows) if (!row.earlier && !row.reader) row.reader = this.reader;
    const quoted = (value) => {
      const text = value === undefined || value === null ? "" : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = [COLUMNS, ...this.rows.map((row) => COLUMNS.map((column) => row[column]))];
    return lines.map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  }
}
