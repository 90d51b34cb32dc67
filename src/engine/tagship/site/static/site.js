"use strict";
// What the pages add where scripts run: theme, filters, copying, the question of a date, charts.
// Every number is in the page without it.
(() => {
  const root = document.documentElement;
  const remembered = {
    get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
    set: (theme) => { try { localStorage.setItem("theme", theme); } catch { /* then for this page */ } },
  };
  const theme = remembered.get();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const isDark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const json = (element) => JSON.parse(element.textContent);

  function switchTheme(redraw) {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    name();
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remembered.set(root.dataset.theme);
      name();
      redraw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { name(); redraw(); });
  }

  function filter(bar) {
    const table = document.getElementById(bar.dataset.filter);
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
    const search = bar.querySelector("input"), count = bar.querySelector("output");
    const columns = [...bar.querySelectorAll("select[data-column]")];
    const kinds = bar.querySelector("select[data-rows]");
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [row, text] of rows) {
        const fits = words.every((word) => text.includes(word)) &&
          columns.every(({ value, dataset }) =>
            !value || row.cells[heads.indexOf(dataset.column)].textContent.trim() === value) &&
          (!kinds || !kinds.value || row.dataset.kinds.split(" ").includes(kinds.value));
        row.hidden = !fits;
        shown += fits;
      }
      count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
    };
    bar.hidden = false;
    bar.addEventListener("input", apply);
    search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { search.value = ""; apply(); }
    });
    apply();
    return search;
  }

  function copying(button) {
    const text = () => button.dataset.copy || document.getElementById(button.dataset.copyFrom).textContent;
    const label = button.firstChild.data;
    button.hidden = false;
    button.addEventListener("click", async () => {
      let done = true;
      try { await navigator.clipboard.writeText(text()); } catch { done = copyBySelection(text()); }
      button.firstChild.data = done ? "Copied" : "Select it";
    });
    button.addEventListener("blur", () => { button.firstChild.data = label; });
  }

  function copyBySelection(text) {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    const focused = document.activeElement;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused.focus();
    return done;
  }

  function answerDates(question) {
    const series = json(document.getElementById("moments"));
    const environments = json(document.getElementById("environments"));
    const day = document.getElementById("date"), clock = document.getElementById("clock");
    const answer = document.getElementById("answer");
    const cell = (kind, ...content) => {
      const made = document.createElement(kind);
      made.append(...content);
      return made;
    };
    const when = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
    const order = (name) => (environments.indexOf(name) + 1) || environments.length + 1;
    const apply = () => {
      const at = Date.parse(`${day.value}T${clock.value || "23:59:59"}Z`) / 1000;
      if (Number.isNaN(at)) { answer.replaceChildren("Choose a date."); return; }
      const rows = [];
      for (const [place, deployments] of Object.entries(series)) {
        const [model, environment] = place.split("/");
        deployments.forEach(([number, version, start, recorded, end], index) => {
          const next = deployments[index + 1];
          const until = end === undefined ? (next ? next[2] : Infinity) : end ?? Infinity;
          if (start <= at && at < until) rows.push([model, environment, version, `${place}/${number}`, start, recorded]);
        });
      }
      rows.sort((a, b) => a[0].localeCompare(b[0]) || order(a[1]) - order(b[1]));
      if (!rows.length) { answer.replaceChildren("Nothing ran then, as far as tags say."); return; }
      const table = document.createElement("table");
      table.id = "ran";
      table.className = "stack";
      const heads = ["Model", "Environment", "Version", "Deployment", "Since", "Rests on"];
      table.createTHead().append(cell("tr", ...heads.map((head) => cell("th", head))));
      const body = table.createTBody();
      for (const [model, environment, version, deployment, start, recorded] of rows) {
        const page = cell("a", model);
        page.href = `models/${model}.html`;
        const values = [page, environment, version, deployment, when(start),
          recorded ? "tag and scheduled record" : "the tag's own date alone"];
        const cells = values.map((value) => cell("td", value));
        cells.forEach((made, index) => { made.dataset.label = heads[index]; });
        cells[0].className = "title";
        body.append(cell("tr", ...cells));
      }
      answer.replaceChildren(table);
    };
    question.hidden = false;
    question.addEventListener("input", apply);
    apply();
  }

  function chart(place) {
    const { label, times, values, limits } = json(place.querySelector("script"));
    const figure = place.querySelector("figure"), drawing = figure.querySelector("svg");
    const box = document.createElement("div");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", drawing.getAttribute("aria-label"));
    drawing.replaceWith(box);
    const draw = () => {
      const probe = document.createElement("i");
      place.append(probe);
      const resolve = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
      const [ink, line, accent, second] = ["--muted", "--line", "--accent", "--second"].map(resolve);
      probe.remove();
      const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui" };
      const long = times[times.length - 1] - times[0] > 172800;
      const days = (chart, splits) => splits.map((seconds) =>
        new Date(seconds * 1000).toISOString().slice(...(long ? [5, 10] : [11, 16])));
      const bounds = limits.map((limit, index) => ({
        label: `bound ${limit}`, stroke: second, width: 1.5, dash: index ? [3, 5] : [8, 4], points: { show: false },
      }));
      box.replaceChildren();
      new uPlot({
        width: figure.clientWidth, height: 230, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
        legend: { live: true }, cursor: { drag: { x: true, y: false } }, axes: [{ ...axis, values: days }, { ...axis, size: 52 }],
        series: [{ label: "Time", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
          { label, stroke: accent, width: 2, points: { size: 6 } }, ...bounds],
      }, [times, values, ...limits.map((limit) => times.map(() => limit))], box);
    };
    draw();
    let width = figure.clientWidth;
    new ResizeObserver(() => {
      if (figure.clientWidth !== width) { width = figure.clientWidth; draw(); }
    }).observe(figure);
    return draw;
  }

  addEventListener("DOMContentLoaded", () => {
    const charts = window.uPlot ? [...document.querySelectorAll(".over-time")].map(chart) : [];
    switchTheme(() => charts.forEach((draw) => draw()));
    const searches = [...document.querySelectorAll("[data-filter]")].map(filter);
    document.querySelectorAll(".copy").forEach(copying);
    const question = document.getElementById("question");
    if (question) answerDates(question);
    addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, select, textarea");
      if (event.key === "/" && searches.length && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        searches[0].focus();
      }
    });
  });
})();
