// Draws the bars from the table beside them: one source of figures, so chart and table cannot disagree.

const RESIZE_PAUSE_MS = 120;
const state = { echarts: null, chart: null, failed: false };

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function colours() {
  return {
    accent: token("--accent"), ink: token("--ink"), ink2: token("--ink-2"), hair: token("--hair"),
    sheet: token("--sheet"), line: token("--line"), sans: token("--sans"),
  };
}

function money(fen) {
  return (fen / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function whole(yuan) {
  return yuan.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

// The table's rows as series: [{name, store, fens, before}], and its hours.
function read(table) {
  const heads = [...table.querySelectorAll("thead th[data-hour]")];
  const fens = (row) => [...row.querySelectorAll("td[data-fen]")].map((cell) => Number(cell.dataset.fen));
  const before = new Map([...table.querySelectorAll("tr[data-series=before]")].map((row) => [row.dataset.store ?? "", row]));
  return {
    hours: heads.map((head) => head.dataset.hour),
    running: heads.findIndex((head) => "running" in head.dataset),
    series: [...table.querySelectorAll("tr[data-series=this]")].map((row) => {
      const twin = before.get(row.dataset.store ?? "");
      return { name: row.dataset.name, fens: fens(row), before: twin ? fens(twin) : [], beforeName: twin ? twin.dataset.name : "" };
    }),
  };
}

// Figures stand only on peaks and on the running hour.
function labelled(fens, running) {
  const peaks = fens.map((fen, at) => [fen, at]).filter(([fen]) => fen > 0).sort((a, b) => b[0] - a[0]).slice(0, 2).map(([, at]) => at);
  return new Set(running >= 0 && fens[running] > 0 ? [...peaks, running] : peaks);
}

// A figure stands above its bar, and above the tick too where the tick would strike it through.
function lift(fen, before, perFen) {
  const gap = ((before ?? 0) - fen) * perFen;
  return gap >= 0 && gap < 26 ? gap + 6 : 5;
}

function bars(one, at, figures, ink, perFen) {
  const shown = labelled(one.fens, figures.running);
  return {
    type: "bar", name: one.name, xAxisIndex: at, yAxisIndex: at, barWidth: "63%", animation: false, color: ink.accent, labelLayout: { hideOverlap: true },
    data: one.fens.map((fen, hour) => ({
      value: fen / 100,
      label: { show: shown.has(hour), position: "top", distance: lift(fen, one.before[hour], perFen), formatter: () => whole(fen / 100), color: ink.ink, fontWeight: 700, fontSize: 14, fontFamily: ink.sans },
      itemStyle: hour === figures.running
        ? { color: ink.sheet, borderColor: ink.accent, borderWidth: 1, decal: { symbol: "rect", symbolSize: 1, color: ink.accent, dashArrayX: [1, 0], dashArrayY: [4, 3], rotation: -Math.PI / 4 } }
        : { color: ink.accent },
    })),
  };
}

function ticks(one, at, ink) {
  return {
    type: "scatter", name: one.beforeName, xAxisIndex: at, yAxisIndex: at, animation: false, symbol: "rect", symbolSize: [46, 3], z: 3, color: ink.ink,
    itemStyle: { color: ink.ink, opacity: 1 },
    data: one.before.map((fen) => (fen > 0 ? fen / 100 : null)),
  };
}

// The top of the axis and its step, in round numbers that three or four lines part evenly.
function scale(most, lines) {
  const rough = most / lines;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((part) => part * power).find((part) => part >= rough);
  return { step, top: step * Math.ceil(most / step) };
}

function option(figures, kind, width, ink) {
  const many = kind === "stores";
  const rows = figures.series.length;
  const each = many ? 156 : 220;
  const top = (at) => at * each + (many ? 40 : 26);
  const most = Math.max(1, ...figures.series.flatMap((one) => [...one.fens, ...one.before])) / 100;
  const axis = scale(most * 1.06, many ? 2 : 3);
  const perFen = (many ? 82 : 170) / (axis.top * 100);
  const slot = (width - 70) / Math.max(1, figures.hours.length);
  const made = {
    animation: false,
    textStyle: { fontFamily: ink.sans, color: ink.ink2 },
    tooltip: {
      trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow", shadowStyle: { color: ink.hair, opacity: 0.35 } },
      backgroundColor: ink.sheet, borderColor: ink.line, borderWidth: 1, textStyle: { color: ink.ink, fontFamily: ink.sans, fontSize: 14 },
      formatter: (points) => [`${points[0].axisValue}:00`, ...points.filter((point) => point.value != null).map((point) => `${point.seriesName}  ${money(Math.round((point.value.value ?? point.value) * 100))}`)].join("\n"),
    },
    title: many ? figures.series.map((one, at) => ({ text: one.name, left: 0, top: at * each + 4, textStyle: { fontSize: 15, fontWeight: 700, color: ink.ink, fontFamily: ink.sans } })) : [],
    grid: figures.series.map((_, at) => ({ left: 62, right: 8, top: top(at), height: many ? 82 : 170 })),
    xAxis: figures.series.map((_, at) => ({
      type: "category", gridIndex: at, data: figures.hours, axisTick: { show: false }, axisLine: { lineStyle: { color: ink.line } },
      axisLabel: { color: ink.ink2, fontSize: 14, margin: 8, interval: 0, hideOverlap: true, fontFamily: ink.sans },
    })),
    yAxis: figures.series.map((_, at) => ({
      type: "value", gridIndex: at, min: 0, max: axis.top, interval: axis.step,
      axisLabel: { color: ink.ink2, fontSize: 14, formatter: whole, fontFamily: ink.sans }, splitLine: { lineStyle: { color: ink.hair } },
    })),
    series: figures.series.flatMap((one, at) => {
      const mark = ticks(one, at, ink);
      mark.symbolSize = [Math.max(8, Math.min(60, slot * 0.86)), 3];
      return one.before.some((fen) => fen > 0) ? [bars(one, at, figures, ink, perFen), mark] : [bars(one, at, figures, ink, perFen)];
    }),
  };
  return { made, height: many ? rows * each + 8 : 226 };
}

function wanted() {
  return new URLSearchParams(location.search).get("view") === "table" ? "table" : "chart";
}

async function engine() {
  if (!state.echarts && !state.failed) {
    try {
      state.echarts = (await import("/static/vendor/echarts/index.js")).echarts;
    } catch {
      state.failed = true;
    }
  }
  return state.echarts;
}

async function draw() {
  const twin = document.getElementById("twin");
  const table = document.getElementById("hours");
  const box = document.getElementById("chart");
  if (!twin || !table || !box || twin.dataset.twin !== "chart") return;
  const echarts = await engine();
  if (!echarts) {
    // The figures are all in the table; the sentence says why there are no bars.
    twin.dataset.twin = "table";
    if (!document.getElementById("no-chart")) {
      const told = document.createElement("p");
      told.id = "no-chart";
      told.className = "empty";
      told.textContent = box.dataset.noChart;
      twin.append(told);
    }
    return;
  }
  if (twin.dataset.twin !== "chart" || !box.isConnected) return;
  const { made, height } = option(read(table), twin.dataset.kind, box.clientWidth, colours());
  // The engine writes styles on its element. That one must have no id: a refresh copies the attributes of elements
  // that keep their id, and the policy stops a copied style attribute.
  let ground = box.firstElementChild;
  if (!ground) {
    ground = document.createElement("div");
    box.append(ground);
  }
  ground.style.height = `${height}px`;
  if (state.chart && state.chart.getDom() !== ground) {
    state.chart.dispose();
    state.chart = null;
  }
  state.chart ??= echarts.init(ground, null, { renderer: "canvas" });
  state.chart.resize();
  state.chart.setOption(made, true);
}

function show(view) {
  const twin = document.getElementById("twin");
  if (!twin) return;
  twin.dataset.twin = view;
  for (const link of document.querySelectorAll("[data-twin-to]")) {
    if (link.dataset.twinTo === view) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  draw();
}

// The choice lives in the address: a reload, a saved link and the next refresh show the same.
function choose(view) {
  const address = new URL(location.href);
  address.searchParams.set("view", view);
  history.replaceState(null, "", address);
  const live = document.getElementById("live");
  if (live) live.setAttribute("hx-get", address.pathname + address.search);
  for (const field of document.querySelectorAll('input[name="view"]')) field.value = view;
  show(view);
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("[data-twin-to]") : null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(link.dataset.twinTo);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.key.toLowerCase() !== "t") return;
  if (event.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  choose(wanted() === "chart" ? "table" : "chart");
});

document.addEventListener("htmx:afterSwap", () => show(wanted()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
let pending = 0;
addEventListener("resize", () => {
  clearTimeout(pending);
  pending = setTimeout(draw, RESIZE_PAUSE_MS);
});
show(wanted());
