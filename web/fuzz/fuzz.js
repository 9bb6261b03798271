// A campaign's page: live when it is served by `isobar fuzz run --page`, still when it is a file of `isobar fuzz report`.
"use strict";

const colours = ["#0b6bcb", "#b4540a", "#2e7d32", "#7b1fa2", "#c2185b", "#00838f", "#6d4c41", "#455a64", "#9e9d24", "#5e35b1"];
const number = (value) => Number(value).toLocaleString("en");
const charts = {};

function span(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

// Texts come from the target: they are put in as text, never as markup.
function row(cells) {
  const tr = document.createElement("tr");
  for (const cell of cells) {
    const td = document.createElement("td");
    td.textContent = cell.text ?? cell;
    if (cell.kind) td.className = cell.kind;
    tr.append(td);
  }
  return tr;
}

function fill(id, rows, empty) {
  const body = document.getElementById(id);
  body.replaceChildren(...(rows.length ? rows : [row([empty])]));
}

function plot(id, times, lines) {
  const box = document.getElementById(id);
  const width = Math.max(280, box.clientWidth);
  const key = lines.map((line) => line.label).join();
  const data = [times, ...lines.map((line) => line.values)];
  if (charts[id] && charts[id].key === key) {
    charts[id].chart.setSize({ width, height: 240 });
    charts[id].chart.setData(data);
    return;
  }
  box.replaceChildren();
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  const line = getComputedStyle(document.documentElement).getPropertyValue("--line");
  const axis = { stroke: ink, grid: { stroke: line }, ticks: { stroke: line } };
  charts[id] = {
    key,
    chart: new uPlot(
      {
        width,
        height: 240,
        scales: { x: { time: false }, y: { range: (u, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
        axes: [{ ...axis, values: (u, ticks) => ticks.map(span) }, { ...axis, size: 70 }],
        series: [
          { label: "time", value: (u, value) => (value == null ? "–" : span(value)) },
          ...lines.map((each, i) => ({ label: each.label, stroke: colours[i % colours.length], width: 2, value: (u, value, series, at) => (at == null ? "–" : each.say(at)) })),
        ],
      },
      data,
      box,
    ),
  };
}

function show(data) {
  document.title = `isobar fuzz: ${data.target}`;
  document.getElementById("target").textContent = data.target;
  document.getElementById("state").textContent = `${data.live ? "Running" : "Ran"} for ${span(data.seconds)}; last find ${span(data.seconds - data.last_find)} ago`;
  const numbers = [
    ["runs", number(data.runs)],
    ["runs a second", number(Math.round(data.runs_per_second))],
    ["inputs kept", number(data.inputs)],
    ["stable inputs", `${(100 * (1 - data.unstable / Math.max(1, data.inputs))).toFixed(1)} %`],
    ["crashes", number(data.crashes), data.crashes > 0],
    ["hangs", number(data.hangs), data.hangs > 0],
  ];
  document.getElementById("numbers").replaceChildren(
    ...numbers.map(([label, value, alarm]) => {
      const article = document.createElement("article");
      if (alarm) article.className = "alarm";
      const strong = document.createElement("strong"), p = document.createElement("p");
      strong.textContent = value;
      p.textContent = label;
      article.append(strong, p);
      return article;
    }),
  );
  fill(
    "goals",
    data.goals.map((goal) =>
      row([goal.name, goal.keys > 1 ? `${number(goal.reached)} of ${number(goal.keys)}` : "", goal.plane ? "" : number(goal.most), number(goal.finds), `${Math.round(100 * goal.share)} %`,
        goal.last_find > 0 ? `${span(data.seconds - goal.last_find)} ago` : "never"]),
    ),
    "none",
  );
  const times = data.history.map((point) => point.seconds);
  const domains = data.goals.filter((goal) => !goal.plane && goal.reached > 0 && goal.reducer !== "min");
  plot("domains", times, domains.map((goal) => {
    const values = data.history.map((point) => point.most[goal.name] ?? 0);
    const top = Math.max(1, ...values);
    return { label: goal.name, values: values.map((value) => value / top), say: (at) => number(values[at]) };
  }));
  const planes = data.goals.filter((goal) => goal.plane);
  plot("blocks", times, planes.map((goal) => {
    const values = data.history.map((point) => point.reached[goal.name] ?? 0);
    return { label: goal.name, values, say: (at) => number(values[at]) };
  }));
  const inputs = data.history.map((point) => point.inputs);
  plot("inputs", times, [{ label: "inputs", values: inputs, say: (at) => number(inputs[at]) }]);
  document.getElementById("places").replaceChildren(
    ...data.goals.filter((goal) => goal.top.length > 0).flatMap((goal) => {
      const h3 = document.createElement("h3"), table = document.createElement("table"), body = document.createElement("tbody");
      h3.textContent = goal.name;
      body.append(...goal.top.map((top) => row([{ text: top.place || "in all", kind: "place" }, number(top.value)])));
      table.append(body);
      return [h3, table];
    }),
  );
  fill("crashes", data.endings.map((ending) => row([ending.name, number(ending.bytes)])), "nothing so far");
  document.getElementById("triage").textContent = data.endings.length ? `isobar fuzz triage ${data.command} --out ${data.folder}` : "";
}

async function follow() {
  try {
    const answer = await fetch("/data.json", { cache: "no-store" });
    if (answer.ok) show(await answer.json());
  } catch {
    document.getElementById("state").textContent = "The campaign has ended, or its page cannot be reached.";
  }
  setTimeout(follow, 1000);
}

const inside = document.getElementById("data").textContent;
if (inside.startsWith("{")) show(JSON.parse(inside));
else follow();
