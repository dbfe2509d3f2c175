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
  same: "is the same as", split: "is several", size: "measures", note: "note",
  add: "link is right", remove: "link is wrong",
};

class Review {
  /** `earlier` are rows that the run remembers; a saved table takes their place, so it holds them. */
  constructor(data, changed) {
    this.data = data;
    this.rows = data.corrections.map((row) => ({ ...row, earlier: true }));
    this.undone = [];
    this.isSaved = true;
    this.changed = changed;
  }

  /** The columns by which a lesion is known again. */
  lesion(lesion, end) {
    const [x, y, z] = lesion.place;
    const values = [
      this.data.visits[lesion.visit].date, lesion.label, x, y, z, lesion.volume_ml, lesion.voxels,
    ];
    return Object.fromEntries(END.map((column, k) => [named(column, end), values[k] ?? ""]));
  }

  /** Say something; what was said of the same before and cannot stand beside it gives way. */
  say(action, first, second, more = {}) {
    const [a, b] = second && second.visit < first.visit ? [second, first] : [first, second];
    const row = {
      action, ...this.lesion(a, "a"), ...(b ? this.lesion(b, "b") : {}), ...more,
      reader: this.reader, time: new Date().toISOString().slice(0, 19),
    };
    const replaced = this.rows.filter((other) => this.excludes(row, other));
    this.rows = [...this.rows.filter((other) => !replaced.includes(other)), row];
    this.undone.push(() => {
      this.rows = [...this.rows.filter((other) => other !== row), ...replaced];
    });
    this.touch();
  }

  takeBack(row) {
    const at = this.rows.indexOf(row);
    this.rows.splice(at, 1);
    this.undone.push(() => this.rows.splice(at, 0, row));
    this.touch();
  }

  undo() {
    const back = this.undone.pop();
    if (back) back();
    this.touch();
  }

  touch() {
    this.isSaved = false;
    this.changed();
  }

  /** Whether two rows contradict each other or say the same: `lvt report` would refuse them. */
  excludes(row, other) {
    const end = (r, e) => (r[`date_${e}`] ? `${r[`date_${e}`]}#${r[`lesion_${e}`]}` : "");
    const lesions = (r) => ["a", "b"].map((e) => end(r, e)).filter(Boolean);
    const is = (...actions) => (r) => actions.includes(r.action);
    const shared = lesions(row).some((one) => lesions(other).includes(one));
    if (!shared || row.action === "note" || other.action === "note") return false;
    if (is("none")(row) || is("none")(other)) return true;
    const ties = is("add", "remove", "same");
    if (ties(row) && ties(other)) return lesions(row).every((one) => lesions(other).includes(one));
    if ([row, other].some(is("new")) && [row, other].some(is("add", "same"))) return true;
    const kind = (r) => (is("target", "non-target")(r) ? "role" : r.action);
    return kind(row) === kind(other) && !ties(row) && end(row, "a") === end(other, "a");
  }

  /** Rows that speak of a lesion. */
  about(lesion) {
    const { date } = this.data.visits[lesion.visit];
    return this.rows.filter((row) => ["a", "b"].some(
      (end) => row[`date_${end}`] === date && Number(row[`lesion_${end}`]) === lesion.label,
    ));
  }

  isNone(lesion) {
    return this.about(lesion).some((row) => row.action === "none");
  }

  words(row, nameOf) {
    const first = nameOf(row.date_a, Number(row.lesion_a));
    const second = row.date_b ? nameOf(row.date_b, Number(row.lesion_b)) : "";
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
