from __future__ import annotations

import pytest

from lvt_track.core.series import Phase
from lvt_track.io.phases import phase_of_delay, phase_of_text

NAMES = {
    Phase.NATIVE: [
        "native", "Abdomen nativ 5.0", "Oberbauch ohne KM", "ABD W/O", "Liver without contrast",
        "non-contrast", "NONCON", "unenhanced liver", "abdomen sans injection", "senza mdc",
        "sin contraste", "ABD_NATIV_3mm", "zonder contrast", "uten kontrast", "pre-contrast",
    ],
    Phase.ARTERIAL: [
        "arterial", "Leber arteriell", "art", "ART_1mm", "late arterial", "spätarteriell",
        "temps artériel", "fase arteriosa", "fase arterial", "artär fas", "HAP",
        "Abdomen Art. 1.0 Br36", "frühart. Leber arterielle Phase",
    ],
    Phase.PORTAL: [
        "portal", "portal venous", "portalvenös", "Leber venös 3.0", "PV", "PVP 2.5 mm",
        "portovenös", "Abd portovenous", "temps portal", "fase portale", "fase venosa",
        "portovenøs fase", "temps veineux", "ABD/PEL 70s", "veneuze fase", "Abdomen ven. 5.0",
    ],
    Phase.DELAYED: [
        "delayed", "Delay 5 min", "Spätphase", "late phase", "Abdomen spät", "tardif",
        "fase tardiva", "fase tardía", "equilibrium", "10 min", "late venous", "senfase", "washout",
    ],
    Phase.UNKNOWN: [
        "", "ct", "Abdomen 5.0 B30f", "arterial+portal", "Thorax/Abdomen", "left lateral", "part 2",
        "native and portal", "Body 3.0", "artefact", "event", "sein", "translate", "no name",
        "ABD W/WO", "with and without contrast", "mit und ohne KM", "W/O & W",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("phase", "text"), [(p, t) for p, texts in NAMES.items() for t in texts])
def test_words_of_many_languages(phase: Phase, text: str) -> None:
    assert phase_of_text(text) is phase


@pytest.mark.parametrize(
    ("delay_s", "phase"),
    [
        (-20, Phase.UNKNOWN),
        (0, Phase.UNKNOWN),
        (30, Phase.ARTERIAL),
        (45, Phase.ARTERIAL),
        (70, Phase.PORTAL),
        (96, Phase.PORTAL),
        (240, Phase.DELAYED),
        (40_000, Phase.UNKNOWN),
    ],
)
def test_time_since_injection(delay_s: float, phase: Phase) -> None:
    assert phase_of_delay(delay_s) is phase
