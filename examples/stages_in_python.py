"""The stages of `lvt track`, one by one, on arrays in memory.

Usage: python examples/stages_in_python.py
"""

from lvt_track.lesions.components import find_lesions, lesion_shapes
from lvt_track.lesions.matching.match import match_course
from lvt_track.phantom.course.render import render_visit
from lvt_track.phantom.course.script import draw_course
from lvt_track.register.align import align, choose_reference
from lvt_track.register.frame import CommonFrame
from lvt_track.register.liver_image import liver_image


def main() -> None:
    """Draw two visits, find and measure their lesions, register, match, and print the links."""
    patient = draw_course(seed=3, visits=2)
    visits = [render_visit(patient, k) for k in range(2)]
    dates = [visit.date for visit in patient.visits]

    # Lesions are the 26-connected components of the tumour mask, measured as readers do.
    lesions, shapes, images = [], {}, []
    for k, visit in enumerate(visits):
        labels, found = find_lesions(k, visit.volume, visit.masks)
        lesions.append(found)
        shapes.update(lesion_shapes(labels, found, visit.masks.geometry))
        images.append(liver_image(visit.volume, visit.masks))

    # All visits are brought onto one of them; places go from any visit to any other.
    reference = choose_reference(images)
    alignments = [
        None if k == reference else align(images[reference], image, reference)
        for k, image in enumerate(images)
    ]
    frame = CommonFrame.of(reference, alignments, images[reference].scan)
    for alignment in alignments:
        if alignment is not None:
            print(f"registered: {alignment.quality.method}, {alignment.quality.liver_dice:.3f}")

    matching = match_course(lesions, frame, dates, shapes=shapes)
    for edge in matching.edges:
        before = lesions[edge.earlier[0]][edge.earlier[1] - 1].measurement
        after = lesions[edge.later[0]][edge.later[1] - 1].measurement
        print(
            f"lesion {edge.earlier[1]} -> {edge.later[1]}  {edge.event:<5} "
            f"{before.long_axis.length_mm:5.1f} mm -> {after.long_axis.length_mm:5.1f} mm, "
            f"{before.volume_ml:6.2f} mL -> {after.volume_ml:6.2f} mL"
        )


if __name__ == "__main__":
    main()
