"""What was refused at the door and what is stored but not yet understood."""

from cloud.web import frame
from cloud.web.pages.doors import closed_blueprint

pages = closed_blueprint("parked", __name__)


@pages.get("/parked")
def parked() -> str:
    """Show refusals by reason and the newest parked facts."""
    reports = frame.site().hub.reports
    stores = reports.stores()
    return frame.draw_framed(
        "parked.html",
        stores=stores,
        place="parked",
        names={store.id: store.name for store in stores},
        held=reports.quarantine(),
    )
