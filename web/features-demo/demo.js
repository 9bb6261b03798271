"use strict";

const query = (selector) => document.querySelector(selector);
/** What a colour of the style sheet comes to here: a canvas does not know light-dark(). */
function color(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
const number = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const short = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString());

let chart = null;

function drawChart(state) {
  const [regret, turn] = state.policies;
  const hours = regret.mean_error.map((_, i) => state.first + i + 1);
  const data = [hours, regret.mean_error, turn.mean_error];
  if (chart) return chart.setData(data);
  const axis = { stroke: color("--ink"), grid: { stroke: color("--line") }, ticks: { stroke: color("--line") } };
  chart = new uPlot(
    {
      width: Math.min(1040, document.body.clientWidth - 48),
      height: 300,
      scales: { x: { time: false, range: () => [state.first, state.hours] }, y: { range: (_, low, high) => [0, high * 1.1 || 1] } },
      axes: [{ ...axis, label: "hour of the trace" }, { ...axis, label: "mean error" }],
      series: [
        { label: "hour" },
        { label: "by regret", stroke: color("--regret"), width: 2, value: (_, v) => number(v) },
        { label: "in turn", stroke: color("--turn"), width: 2, value: (_, v) => number(v) },
      ],
    },
    data,
    query("#chart"),
  );
}

function showNumbers(state) {
  for (const policy of state.policies) {
    const card = document.getElementById(policy.name);
    card.querySelector(".error").textContent = number(policy.mean_error.at(-1));
    card.querySelector(".refreshes").textContent = policy.refreshes;
    card.querySelector(".waiting").textContent = policy.waiting_hours;
  }
  const [regret, turn] = state.policies.map((policy) => policy.mean_error.at(-1));
  const change = turn ? Math.round(100 * (regret / turn - 1)) : 0;
  query("#difference .error").textContent = regret === undefined ? "–" : `${change > 0 ? "+" : change < 0 ? "−" : ""}${Math.abs(change)} %`;
  query("#budget").textContent = state.budget;
  query("#count").textContent = state.keys.length;
  const done = state.hour >= state.hours;
  query("#progress").textContent = `${state.time} UTC, hour ${state.hour} of ${state.hours}${done ? ": the trace is at its end" : ""}`;
}

function showMachines(state) {
  const rows = state.keys.map((key, i) => {
    const row = document.createElement("tr");
    const cells = [
      [key, ""],
      [short(state.values[i]), ""],
      [short(state.policies[0].forecast[i]), "by-regret"],
      [short(state.policies[1].forecast[i]), "in-turn"],
      [number(state.policies[0].key_error[i], 1), "by-regret"],
      [number(state.policies[1].key_error[i], 1), "in-turn"],
    ];
    for (const [text, kind] of cells) {
      const cell = document.createElement("td");
      cell.textContent = text;
      if (kind) cell.className = kind;
      row.append(cell);
    }
    return row;
  });
  query("#machines").replaceChildren(...rows);
}

function showQuestions(state) {
  const key = state.keys[0];
  const redis = new URLSearchParams(location.search).get("redis") ?? state.redis_port ?? "6567";
  query("#ask").textContent = [
    `curl ${location.origin}/get-online-features -d '{"features":["by_regret:forecast","by_regret:mean"],"entities":{"machine":["${key}"]}}'`,
    `curl '${location.origin}/explain?view=by_regret&key=${encodeURIComponent(key)}'`,
    `redis-cli -p ${redis} HGETALL by_regret:${key}`,
  ].join("\n");
}

async function refresh() {
  try {
    const state = await (await fetch("/demo/state")).json();
    if (state.policies[0].mean_error.length > 0) drawChart(state);
    showNumbers(state);
    showMachines(state);
    showQuestions(state);
  } catch (problem) {
    query("#progress").textContent = `The store does not answer: ${problem.message}`;
  }
  setTimeout(refresh, 500);
}

refresh();
