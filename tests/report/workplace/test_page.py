"""The interactive page in a real browser: what it shows, and what a reader says with it."""

from __future__ import annotations

import csv
import io
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from lvt_track.core.course import Course
from lvt_track.io.images.volumes import read_labels, read_volume
from lvt_track.lesions.corrections.decisions import Decisions, decide
from lvt_track.lesions.corrections.table import parse_corrections
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LATEST_S = 60


@dataclass
class Open:
    """The page of a run, opened from disk."""

    page: Page
    course: Course
    out: Path
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def eval(self, script: str) -> Any:
        return self.page.evaluate(script)

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def go(self, visit: int, label: int) -> None:
        self.eval(f"lvt.go(lvt.lesionAt.get('{visit}/{label}'))")

    def crosses(self) -> list[list[float]]:
        """Where the crosshair is in every visit's own frame."""
        places: list[list[float]] = self.eval("lvt.visits.map((v) => lvt.crossIn(v))")
        return places

    def saved(self) -> str:
        self.page.fill("[name=reader]", 'Dr. "A", Ōe')
        with self.page.expect_download() as download:
            self.page.click("[name=save]")
        return Path(download.value.path()).read_text(encoding="utf-8")

    def decisions(self) -> Decisions:
        """What `lvt report` makes of what was said."""
        rows = parse_corrections(csv.DictReader(io.StringIO(self.saved())))
        visits = self.course.visits
        return decide(rows, [v.lesions for v in visits], [v.visit.date for v in visits])


@pytest.fixture(scope="module")
def finished(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Course]:
    out = tmp_path_factory.mktemp("workplace") / "out"
    settings = TrackSettings(resampled=True)
    assert TrackSettings.from_facts(settings.facts()) == settings
    result = track_patient(tiny_patient, out, settings, Existing.REFUSE, Silent())
    return out, result.course


@pytest.fixture
def opened(chromium: Browser, finished: tuple[Path, Course]) -> Iterator[Open]:
    out, course = finished
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    shown = Open(page, course, out)
    page.on("console", lambda m: shown.complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: shown.complaints.append(str(error)))
    page.on("request", lambda request: shown.requests.append(request.url))
    page.goto((out / "report.html").as_uri())
    _wait(shown, "Boolean(window.lvt && lvt.isReady)")
    yield shown
    page.close()
    assert shown.complaints == []


def _wait(shown: Open, condition: str) -> None:
    """Until it holds; a page of this policy evaluates no text by itself."""
    end = time.monotonic() + LATEST_S
    while not shown.eval(condition):
        assert time.monotonic() < end, f"{condition} does not come"
        time.sleep(0.05)


def test_it_opens_from_disk_without_any_request(opened: Open) -> None:
    assert [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert opened.page.locator("#workplace canvas").count() == 4
    assert opened.eval("lvt.panels.every((p) => p.view.codes.some((c) => c > 7))")


def test_the_script_is_allowed_by_its_digest_alone(opened: Open) -> None:
    policy = opened.page.locator("meta[http-equiv]").get_attribute("content") or ""
    assert "script-src 'sha256-" in policy and "unsafe-eval" not in policy
    assert "default-src 'none'" in policy and "script-src 'unsafe-inline'" not in policy


def test_scrolling_moves_all_visits(opened: Open) -> None:
    opened.go(0, 1)
    before = opened.crosses()
    opened.page.locator(".visits").focus()
    opened.page.keyboard.press("ArrowUp")
    for old, new in zip(before, opened.crosses(), strict=True):
        assert new[2] - old[2] == pytest.approx(4.0, abs=1.0)
    opened.page.mouse.move(*_middle(opened, 2))
    opened.page.mouse.wheel(0, 100)
    _wait(opened, f"Math.abs(lvt.crossIn(lvt.visits[0])[2] - {before[0][2]}) < 0.01")


def _middle(opened: Open, visit: int) -> tuple[float, float]:
    opened.page.locator("#workplace").scroll_into_view_if_needed()
    opened.eval("document.querySelector('.visits').scrollIntoView()")
    box = opened.page.locator("figure.visit canvas").nth(visit).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_crosshair_lies_where_the_registration_says(opened: Open) -> None:
    reference = opened.eval("lvt.data.reference")
    dates = [found.visit.name for found in opened.course.visits]
    rng = np.random.default_rng(5)
    for _ in range(20):
        place = np.array([5.0, 8.0, 130.0]) + rng.uniform(-35, 35, 3)
        opened.eval(f"lvt.point(lvt.visits[{reference}], {place.tolist()})")
        for visit, own in enumerate(opened.crosses()):
            if visit == reference:
                np.testing.assert_allclose(own, place)
                continue
            path = opened.out / "transforms" / f"{dates[reference]}_to_{dates[visit]}.h5"
            truth = sitk.ReadTransform(str(path)).TransformPoint(place.tolist())
            assert np.linalg.norm(np.array(own) - truth) < 1.0
            back = opened.eval(f"lvt.visits[{visit}].toCommon({own})")
            np.testing.assert_allclose(back, place, atol=0.1)


def test_a_click_on_a_tumour_in_a_table_goes_there_at_every_visit(opened: Open) -> None:
    track = max(opened.course.tracks, key=lambda track: len(track.lesions))
    opened.page.locator(f"#tumours a[data-track='{track.number}']").click()
    for visit, label in track.lesions:
        axis = opened.course.lesion((visit, label)).measurement.long_axis
        middle = (np.array(axis.start_mm) + axis.end_mm) / 2
        np.testing.assert_allclose(opened.crosses()[visit], middle, atol=0.01)
        assert opened.eval(f"lvt.visits[{visit}].labelAt({opened.crosses()[visit]})") == label


@pytest.mark.parametrize("section", ["curves", "presence", "map"])
def test_a_click_on_a_chart_goes_to_its_tumour(opened: Open, section: str) -> None:
    """By the name and the keyboard, by a curve and by a dot with the mouse."""
    track = min(opened.course.tracks, key=lambda track: track.number)
    dates = [visit.visit.name for visit in opened.course.visits]
    last = max(visit for visit, _ in track.lesions)
    shown = "lvt.state.lesion && [lvt.state.lesion.track, lvt.state.lesion.visit]"
    # All that a map shows is of one visit, and there a name lies on its tumour.
    curve, dot = "a:not(.name):not([data-date])", "a[data-date]"
    for part in ("a.name", "a.name[data-date]") if section == "map" else ("a.name", curve, dot):
        opened.eval("lvt.state.lesion = null; document.activeElement.blur()")
        link = opened.page.locator(f"#{section} {part}[data-track='{track.number}']").first
        link.evaluate("(one) => one.scrollIntoView({ block: 'center' })")
        date = link.get_attribute("data-date")
        if part == "a.name":
            link.focus()
            opened.page.keyboard.press("Enter")
        elif date:
            link.click()
        else:
            box = link.evaluate("""(one) => {
              const { x, y, width, height } = one.getBoundingClientRect();
              return [x + width / 4, y + height / 4, x + width / 4, y + (3 * height) / 4];
            }""")
            # A curve falls or rises.
            opened.page.mouse.click(*box[:2])
            if not opened.eval("Boolean(lvt.state.lesion)"):
                opened.page.mouse.click(*box[2:])
        assert opened.eval(shown) == [track.number, dates.index(date) if date else last]


def test_a_click_on_a_slice_chooses_the_tumour_under_it(opened: Open) -> None:
    opened.go(0, 1)
    opened.click("fit")
    opened.go(2, 1)
    opened.eval("lvt.state.pan = [0, 0, 0]; lvt.drawNow(); lvt.state.lesion = null")
    opened.page.mouse.click(*_middle(opened, 2))
    assert opened.eval("[lvt.state.lesion.visit, lvt.state.lesion.label]") == [2, 1]


def test_the_common_frame_and_other_planes_show_something(opened: Open) -> None:
    for key in ("c", "s", "a"):
        opened.page.locator(".visits").focus()
        opened.page.keyboard.press(key)
        opened.eval("lvt.drawNow()")
        assert opened.eval("lvt.panels.every((p) => new Set(p.view.pixels).size > 20)")
    opened.page.keyboard.press("f")
    assert opened.eval("lvt.state.warped")
    opened.eval("lvt.drawNow()")
    assert "common frame" in opened.page.locator(".visit-foot").nth(1).inner_text()


def test_surfaces_are_as_large_as_their_masks(opened: Open) -> None:
    """The volume inside each surface, by the divergence theorem, is that of its lesion."""
    volumes = opened.eval("""lvt.space.surfaces(lvt.visits[0])
      .filter((one) => one.kind === "tumour").map(({ surface: { vertices: v, triangles: t } }) => {
        let sum = 0;
        for (let i = 0; i < t.length; i += 3) {
          const [a, b, c] = [t[i], t[i + 1], t[i + 2]].map((k) => v.slice(3 * k, 3 * k + 3));
          sum += a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
            + a[2] * (b[0] * c[1] - b[1] * c[0]);
        }
        return Math.abs(sum) / 6000;
      })""")
    truth = [lesion.measurement.volume_ml for lesion in opened.course.visits[0].lesions]
    np.testing.assert_allclose(sorted(volumes), sorted(truth), rtol=0.15)


def test_surfaces_of_fewer_triangles_have_no_holes(opened: Open) -> None:
    """Every edge lies between as many triangles on its one side as on its other."""
    assert opened.eval("""lvt.space.surfaces(lvt.visits[0]).every(({ surface }) => {
      const sides = new Map(), t = surface.triangles;
      for (let i = 0; i < t.length; i++) {
        const a = t[i], b = t[i % 3 === 2 ? i - 2 : i + 1];
        const key = `${Math.min(a, b)}/${Math.max(a, b)}`;
        sides.set(key, (sides.get(key) || 0) + (a < b ? 1 : -1));
      }
      return t.length > 0 && [...sides.values()].every((sum) => sum === 0);
    })""")


def test_what_a_plan_adds_is_not_outlined_as_a_lesion(opened: Open) -> None:
    """Portal and hepatic veins share a byte with liver and vessels, below the lesion's label."""
    labels = opened.eval("""(() => {
      const panel = lvt.panels[0], { parts } = panel.visit, before = parts.slice();
      for (let i = 0; i < parts.length; i++) parts[i] |= 8;
      lvt.drawNow();
      const labels = [...new Set(panel.view.codes)].map((code) => code >> 3);
      parts.set(before);
      return labels;
    })()""")
    known = {0, *(lesion.label for lesion in opened.course.visits[0].lesions)}
    assert 0 in labels and set(labels) <= known


def test_no_tumour_target_new_and_split(opened: Open) -> None:
    opened.go(0, 1)
    opened.click("Target")
    opened.go(0, 2)
    opened.click("Non-target")
    opened.go(1, 2)
    opened.click("Is none here only")
    opened.go(2, 1)
    opened.page.get_by_label("Split into …").select_option("3")
    opened.go(2, 2)
    opened.click("Is new")
    said = opened.decisions()
    assert said.roles == {(0, 1): "target", (0, 2): "non-target"}
    assert said.rejected == {(1, 2)} and said.new == {(2, 2)} and said.parts == {(2, 1): 3}


def test_a_tumour_that_is_none_is_none_at_every_visit(opened: Open) -> None:
    track = opened.course.track_of((0, 2))
    opened.go(0, 2)
    opened.click(f"Is no tumour ({len(track.lesions)} visits)")
    assert opened.decisions().rejected == set(track.lesions)
    opened.click("Undo")
    assert opened.eval("lvt.review.rows.length") == 0


def test_what_is_new_may_go_on(opened: Open) -> None:
    """A new tumour has no past; the link to what it became stands beside that."""
    opened.go(0, 1)
    opened.click("right")
    opened.eval("lvt.review.say('new', lvt.lesionAt.get('0/1'))")
    assert opened.eval("lvt.review.rows.map((row) => row.action)") == ["add", "new"]


def test_links_are_exchanged_and_the_others_are_right(opened: Open) -> None:
    opened.go(0, 1)
    other = opened.course.track_of((0, 2))
    opened.click(f"exchange with T{other.number}")
    pair = opened.decisions()
    assert len(pair.added) == len(pair.removed) == 2
    opened.page.locator("[name=rest]").click()
    said = opened.decisions()
    links = {(edge.earlier, edge.later) for edge in opened.course.edges}
    assert said.removed == pair.removed and said.added == pair.added | (links - pair.removed)


def test_the_list_is_gone_through_and_answered_by_keys(opened: Open) -> None:
    """Each answer is one step, pressed while it holds, and taken back by a second click."""
    opened.page.locator(".visits").focus()
    opened.page.keyboard.press("n")
    answered = opened.eval("lvt.data.worklist.findIndex((one) => one.answers.length)")
    for _ in range(answered):
        opened.page.keyboard.press("n")
    item = opened.page.locator(".worklist > li.current")
    assert item.count() == 1 and "0 of" in opened.page.locator(".answered").inner_text()
    opened.page.keyboard.press("1")
    rows = opened.eval(f"lvt.data.worklist[{answered}].answers[0].rows.length")
    assert opened.eval("lvt.review.rows.length") == rows
    assert item.locator("button[aria-pressed=true]").count() == 1
    assert "1 of" in opened.page.locator(".answered").inner_text()
    item.locator("button[aria-pressed=true]").click()
    assert opened.eval("lvt.review.rows.length") == 0


def test_same_and_merged(opened: Open) -> None:
    opened.go(2, 2)
    number = opened.course.track_of((0, 2)).number
    opened.page.get_by_label("Same as …").select_option(str(number))
    opened.go(1, 1)
    opened.page.get_by_label("Merge with …").select_option("2")
    assert set(opened.decisions().united) == {((1, 2), (2, 2)), ((1, 1), (1, 2))}


def test_links_that_are_right_and_wrong(opened: Open) -> None:
    opened.go(0, 1)
    opened.click("right")
    opened.go(0, 2)
    opened.click("wrong")
    edges = {opened.course.track_of(e.earlier).number: e for e in reversed(opened.course.edges)}
    first, second = (edges[opened.course.track_of((0, label)).number] for label in (1, 2))
    said = opened.decisions()
    assert said.added == {(first.earlier, first.later)}
    assert said.removed == {(second.earlier, second.later)}


def _drawn_diameter(opened: Open, visit: int) -> float:
    """Draw the diameter of the chosen lesion; its length in mm as it is said."""
    opened.click("Draw a diameter")
    x, y = _middle(opened, visit)
    opened.page.mouse.move(x - 20, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x + 20, y, steps=4)
    opened.page.mouse.up()
    length: float = round(40 * opened.eval("lvt.state.mm"), 1)
    opened.click(f"Diameter is {length} mm")
    return length


def test_a_diameter_is_drawn_on_the_slice(opened: Open) -> None:
    opened.go(1, 1)
    length = _drawn_diameter(opened, 1)
    assert opened.decisions().sizes_mm == {(1, 1): pytest.approx(length)}


def test_a_note_may_say_anything(opened: Open) -> None:
    text = '=HYPERLINK("x"), <script>alert(1)</script>; 肝'
    opened.go(0, 1)
    opened.page.get_by_label("note", exact=True).fill(text)
    opened.page.keyboard.press("Enter")
    said = opened.decisions()
    (row,) = said.corrections
    assert row.note == text and row.reader == 'Dr. "A", Ōe' and row.time.startswith("20")
    assert opened.page.locator("#workplace script").count() == 0


def test_contradictions_give_way_and_undo_brings_them_back(opened: Open) -> None:
    opened.go(0, 1)
    opened.click("Target")
    opened.click("Non-target")
    assert opened.eval("lvt.review.rows.map((row) => row.action)") == ["non-target"]
    opened.click("Is none here only")
    assert opened.eval("lvt.review.rows.map((row) => row.action)") == ["none"]
    opened.click("Undo")
    opened.click("Undo")
    assert opened.eval("lvt.review.rows.map((row) => row.action)") == ["target"]
    opened.page.locator(".rows button").click()
    assert opened.eval("lvt.review.rows.length") == 0


def test_a_tumour_has_one_label_and_one_colour_at_all_visits(
    finished: tuple[Path, Course],
) -> None:
    out, course = finished
    names = [line.split()[:2] for line in (out / "tracks.ctbl").read_text().splitlines()[2:]]
    assert names == [[str(track.number), f"T{track.number}"] for track in course.tracks]
    for track in course.tracks:
        for visit, label in track.lesions:
            folder = out / "visits" / course.visits[visit].visit.name
            tracks, lesions = (
                read_labels(folder / f"{n}.nii.gz")[0] for n in ("tracks", "lesions")
            )
            assert set(tracks[lesions == label]) == {track.number}
            assert (tracks > 0).sum() == (lesions > 0).sum()


def test_a_later_scan_lies_on_the_first_as_the_registration_says(
    finished: tuple[Path, Course],
) -> None:
    out, course = RunFolder(finished[0]), finished[1]
    first, _, last = (findings.visit.name for findings in course.visits)
    assert not out.visit(first).on_baseline.exists()
    path = out.visit(last).on_baseline
    assert path in out.lvt_files()
    (transform,) = out.transforms.glob(f"{first}_to_{last}.h5")
    carry = sitk.ReadTransform(str(transform)).TransformPoint
    drawn = read_volume(path)
    assert drawn.geometry.is_close(course.visits[0].geometry)
    scan = read_volume(course.visits[2].visit.tracked_series.files[0])
    inside = np.argwhere(drawn.hu > -900)
    chosen = inside[np.random.default_rng(3).choice(len(inside), 300, replace=False)]
    places = [carry(place) for place in drawn.geometry.to_world(chosen).tolist()]
    index = scan.geometry.to_index(np.array(places))
    truth = map_coordinates(scan.hu.astype(float), index.T, order=1, mode="nearest")
    gaps = np.abs(truth - drawn.hu[tuple(chosen.T)])
    assert np.percentile(gaps, 95) < 2.0


def test_nothing_is_saved_without_a_name(opened: Open) -> None:
    opened.go(0, 1)
    opened.click("Target")
    opened.page.click("[name=save]")
    assert opened.eval("!lvt.review.isSaved && document.activeElement.name") == "reader"


def test_every_kind_of_action_is_obeyed_as_said_and_remembered(
    opened: Open, tiny_patient: Path, tmp_path: Path, chromium: Browser
) -> None:
    """All of them in two tables, one from the page of the other; nothing else changes."""
    table, out = tmp_path / "corrections.csv", tmp_path / "out"
    shutil.copytree(opened.out, out)
    opened.go(0, 1)
    opened.click("Target")
    opened.go(0, 2)
    opened.click("Non-target")
    opened.click("right")
    opened.go(2, 1)
    links = opened.page.locator(".lesion .links li")
    links.nth(1).get_by_role("button", name="wrong", exact=True).click()
    opened.click("Is new")
    opened.go(2, 2)
    opened.page.get_by_label("Same as …").select_option("2")
    opened.go(1, 2)
    opened.click("Has progressed")
    opened.page.get_by_label("note", exact=True).fill("seen twice")
    opened.page.keyboard.press("Enter")
    length = _drawn_diameter(opened, 1)
    table.write_text(opened.saved(), encoding="utf-8")
    remake_report(out, ReaderTables(corrections=table), None, Silent())
    days = [visit.visit.name for visit in opened.course.visits]
    links_then = {((0, 1), (1, 1), "auto"), ((0, 2), (1, 2), "reader"), ((1, 2), (2, 2), "reader")}
    assert _links(out, days) == links_then
    tracks, lesions = (_table(out, name) for name in ("tracks", "lesions"))
    assert [row["role"] for row in tracks] == ["target", "non-target", ""]
    assert [row["state"] for row in tracks] == ["disappeared", "persistent", "new"]
    response = next(row for row in _table(out, "response") if row["date"] == days[1])
    assert (response["category"], response["non_target"]) == ("PD", "PD")
    assert "unequivocal progression of non-target T2" in response["reason"]
    assert tracks[1]["note"].startswith('seen twice (Dr. "A", Ōe, ')
    before = {(row["date"], row["lesion"]): row for row in _table(opened.out, "lesions")}
    sizes = {key: row["long_axis_mm"] for key, row in before.items()}
    now = {(row["date"], row["lesion"]): row["long_axis_mm"] for row in lesions}
    assert now == sizes | {(days[1], "2"): f"{length:.1f}"}

    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.goto((out / "report.html").as_uri())
    again = Open(page, opened.course, out)
    _wait(again, "Boolean(window.lvt && lvt.isReady)")
    assert page.locator(".rows").inner_text().count("said before") == 9
    assert 'Dr. "A", Ōe' in page.locator("#said").inner_text()
    again.go(1, 1)
    again.click("Is none here only")
    again.go(2, 1)
    page.get_by_label("Split into …").select_option("2")
    again.go(0, 1)
    page.get_by_label("Merge with …").select_option("2")
    table.write_text(again.saved(), encoding="utf-8")
    page.close()
    remake_report(out, ReaderTables(corrections=table), None, Silent())
    at_visits = [[r["lesion"] for r in _table(out, "lesions") if r["date"] == day] for day in days]
    assert at_visits == [["1", "2"], ["2"], ["1", "2", "3"]]
    first = {row["track"] for row in _table(out, "lesions") if row["date"] == days[0]}
    assert len(first) == 1
    assert {link for link in _links(out, days) if link[2] == "reader"} == {
        link for link in links_then if link[2] == "reader"
    }


def _table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _links(out: Path, days: list[str]) -> set[tuple[tuple[int, int], tuple[int, int], str]]:
    """Links with their sources, lesions as (visit, label)."""

    def end(row: dict[str, str], which: str) -> tuple[int, int]:
        return days.index(row[f"date_{which}"]), int(row[f"lesion_{which}"])

    return {(end(row, "a"), end(row, "b"), row["source"]) for row in _table(out, "edges")}


def _actions(opened: Open) -> list[str]:
    actions: list[str] = opened.eval("lvt.review.rows.map((row) => row.action)")
    return actions


def test_an_answer_that_is_taken_back_brings_back_what_gave_way(opened: Open) -> None:
    said = opened.eval("""lvt.data.worklist.flatMap((doubt, k) => doubt.answers.map(
      (one, n) => [k, n, one.rows])).find(([, , rows]) => rows[0].action === "none")""")
    doubt, answer, rows = said
    visit, label = rows[0]["a"]
    opened.go(visit, label)
    opened.click("Non-target")
    opened.page.get_by_label("Split into …").select_option("2")
    before = opened.eval("JSON.stringify(lvt.review.rows)")
    item = opened.page.locator(".worklist > li").nth(doubt).locator(".answers button").nth(answer)
    item.click()
    assert set(_actions(opened)) == {"none"}
    opened.eval("lvt.review.say('note', lvt.lesionAt.get('0/1'), null, { note: 'later' })")
    item.click()
    assert _actions(opened) == ["non-target", "split", "note"]
    opened.page.locator(".rows button").last.click()
    assert opened.eval("JSON.stringify(lvt.review.rows)") == before


def test_undo_goes_back_through_all_that_was_said(opened: Open) -> None:
    """Step by step to the same rows, at last to nothing that is not saved."""
    states = opened.eval("""(() => {
      const { review, data: { lesions } } = lvt, states = [];
      let seed = 7;
      const any = (list) => {
        seed = (seed * 48271) % 2147483647;
        return list[seed % list.length];
      };
      const kinds = ["none", "target", "non-target", "new", "split", "same", "answer", "back"];
      for (let step = 0; step < 60; step++) {
        const before = review.rows;
        const [kind, one, other] = [any(kinds), any(lesions), any(lesions)];
        const isBack = kind === "back" && before.length;
        if (kind === "answer") any(lvt.root.querySelectorAll(".answers button")).click();
        else if (isBack) review.takeBack(any(before));
        else if (kind !== "back" && (kind !== "same" || one !== other)) {
          review.say(kind, one, kind === "same" && other);
        }
        if (review.rows !== before) states.push(JSON.stringify(before));
      }
      return states;
    })()""")
    assert len(states) > 40
    for state in reversed(states):
        opened.page.locator(".visits").focus()
        opened.page.keyboard.press("u")
        assert opened.eval("JSON.stringify(lvt.review.rows)") == state
    assert opened.eval("lvt.review.isSaved")
    assert opened.page.locator("[name=undo]").is_disabled()


def test_the_last_word_on_a_tumour_counts_unless_it_is_called_several(opened: Open) -> None:
    opened.go(0, 1)
    opened.click("Target")
    opened.go(1, 1)
    opened.click("Non-target")
    assert _actions(opened) == ["non-target"]
    opened.click("wrong")
    opened.go(0, 1)
    opened.click("Target")
    assert _actions(opened) == ["non-target", "remove", "target"]


def test_a_role_makes_a_tumour_of_what_was_none_at_all_visits(opened: Open) -> None:
    opened.go(0, 2)
    opened.click("Is no tumour (2 visits)")
    opened.click("Target")
    assert _actions(opened) == ["target"]
    opened.click("Undo")
    opened.click("Undo")
    opened.click("Is none here only")
    opened.go(1, 2)
    opened.click("Target")
    assert _actions(opened) == ["none", "target"]


def test_a_part_that_kept_the_number_of_what_was_split_is_another_lesion(opened: Open) -> None:
    opened.eval("""lvt.review.rows = [{
      action: "split", date_a: lvt.data.visits[2].date, lesion_a: 1, voxels_a: "the whole",
      parts: 2, order: 0, gaveWay: [],
    }]""")
    opened.go(2, 1)
    opened.click("Is none here only")
    assert _actions(opened) == ["split", "none"]
    assert "lesion 1" in opened.page.locator(".rows li").first.inner_text()
    opened.go(0, 1)
    assert opened.page.get_by_role("button", name="Is new", exact=True).count() == 0


def test_without_webgl_the_slices_remain(chromium: Browser, finished: tuple[Path, Course]) -> None:
    out, course = finished
    context = chromium.new_context()
    context.add_init_script(
        "const real = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind === 'webgl2' ? null : real.call(this, kind, ...more); };"
    )
    page = context.new_page()
    page.goto((out / "report.html").as_uri())
    shown = Open(page, course, out)
    _wait(shown, "Boolean(window.lvt && lvt.isReady)")
    assert "No 3D" in page.locator(".space").inner_text()
    assert shown.eval("lvt.panels.every((p) => p.view.codes.some((c) => c > 7))")
    context.close()


def test_a_browser_that_cannot_unpack_keeps_the_pictures(
    chromium: Browser, finished: tuple[Path, Course]
) -> None:
    context = chromium.new_context()
    context.add_init_script("delete window.DecompressionStream;")
    page = context.new_page()
    page.goto((finished[0] / "report.html").as_uri())
    assert "cannot unpack" in page.locator("#workplace .state").inner_text()
    page.locator("#images figure[tabindex]").first.click()
    assert page.locator("dialog[open] svg").count() == 1
    page.locator("dialog [data-window-part='1']").fill("300")
    assert "300 HU" in page.locator("#images .window-now").inner_text()
    assert page.locator("dialog[open]").count() == 1
    page.get_by_role("button", name="next visit ›").click()
    assert finished[1].visits[1].visit.name in page.locator("dialog .caption").inner_text()
    context.close()
