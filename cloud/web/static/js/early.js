// Runs before the first paint: style that needs scripts is switched on only where scripts run.
document.documentElement.classList.add("js");
