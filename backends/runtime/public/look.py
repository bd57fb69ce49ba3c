"""How the page looks and what it does: its style and its script, inlined by :mod:`.page`.

The script draws keys (UUIDv7), keeps the curl line in step with the form, and sends requests.
Without it the page is complete but for the trying out.
"""

from __future__ import annotations

__all__ = ["SCRIPT", "STYLE"]

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #ffffff; --ink: #22252b;
  --soft: #646a75; --line: #e3e1da; --accent: #2f5fd0; --accent-soft: #e8eefc; --code: #f4f2ec;
  --good: #1d7a4f; --good-soft: #e2f4ea; --warm: #9a5b00; --warm-soft: #fbefd9;
  --bad: #b3261e; --bad-soft: #fce8e6; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1c1f25; --ink: #e6e7ea;
  --soft: #9aa1ad; --line: #2e333c; --accent: #8fb0ff; --accent-soft: #232e4a; --code: #15181d;
  --good: #6fd3a0; --good-soft: #17352a; --warm: #f0bb66; --warm-soft: #3a2c14;
  --bad: #ff9a90; --bad-soft: #43201d; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
code, pre, textarea, input, .signature, .name { font-family: ui-monospace, SFMono-Regular, Menlo,
  Consolas, "DejaVu Sans Mono", monospace; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
.shell { display: grid; grid-template-columns: 15.5rem minmax(0, 1fr); max-width: 78rem;
  margin: 0 auto; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto;
  padding: 2rem 1rem 2rem 1.5rem; font-size: .9rem; }
nav .brand { font-weight: 650; font-size: 1.1rem; color: var(--ink); display: block; }
nav h2 { font-size: .8rem; letter-spacing: .04em; margin: 1.3rem 0 .2rem; }
nav h2 a { color: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: block; padding: .12rem .5rem; border-radius: .35rem; color: var(--ink);
  overflow: hidden; text-overflow: ellipsis; }
nav li a:hover { background: var(--accent-soft); text-decoration: none; }
main { padding: 2rem 1.5rem 5rem; min-width: 0; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
.lead { color: var(--soft); max-width: 44rem; margin: 0 0 1rem; }
.links { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin-bottom: 1.6rem;
  font-size: .92rem; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
.map { max-width: none; display: block; } .map rect { fill: var(--card); stroke: var(--line); }
.map a:hover rect { stroke: var(--accent); } .map text { fill: var(--ink); font-size: 14px; }
.map .kept { fill: var(--soft); font-size: 11.5px; }
.map .edge { fill: none; stroke: var(--soft); stroke-width: 1.3; opacity: .75; }
.map marker path { fill: var(--soft); }
section > h2 { font-size: 1.35rem; margin: 2.6rem 0 .2rem; }
section > p { color: var(--soft); margin: 0 0 .4rem; max-width: 44rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .7rem;
  padding: 1.1rem 1.25rem; margin: .9rem 0; box-shadow: 0 1px 2px rgb(0 0 0 / .04); }
article header { display: flex; flex-wrap: wrap; gap: .45rem .6rem; align-items: baseline; }
article h3 { font-size: 1rem; margin: 0; font-weight: 500; overflow-wrap: anywhere;
  margin-right: auto; }
.signature b { color: var(--accent); font-weight: 650; }
.badge { font-size: .74rem; font-weight: 600; padding: .12rem .55rem; border-radius: 1rem;
  white-space: nowrap; background: var(--accent-soft); color: var(--accent); }
.badge.reads { background: var(--good-soft); color: var(--good); }
.badge.transaction { background: var(--warm-soft); color: var(--warm); }
.doc { margin: .6rem 0 0; white-space: pre-line; max-width: 46rem; }
.doc code, .lead code, section > p code { font-size: .9em; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .9rem;
  margin: .8rem 0 0; font-size: .88rem; } .facts dt { color: var(--soft); } .facts dd { margin: 0; }
.facts code { background: var(--code); border-radius: .3rem; padding: .05rem .35rem;
  margin: 0 .25rem .2rem 0; display: inline-block; overflow-wrap: anywhere; }
details { margin-top: .9rem; } summary { cursor: pointer; color: var(--accent); font-weight: 550;
  width: max-content; } form { margin-top: .8rem; display: grid; gap: .7rem; }
label { display: grid; gap: .2rem; font-size: .88rem; }
label .type { color: var(--soft); } label .optional { color: var(--soft); font-style: italic; }
input { width: 100%; font-size: .9rem; padding: .45rem .6rem; color: var(--ink);
  background: var(--paper); border: 1px solid var(--line); border-radius: .4rem; }
input:focus-visible, button:focus-visible, a:focus-visible, summary:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 1px; }
.keyline { display: grid; grid-template-columns: 1fr max-content; gap: .5rem; align-items: end; }
button { font: inherit; font-size: .9rem; padding: .42rem .95rem; border-radius: .4rem;
  border: 1px solid var(--line); background: var(--card); color: var(--ink); cursor: pointer; }
button.send { background: var(--accent); border-color: var(--accent); color: var(--paper);
  font-weight: 600; justify-self: start; } button:disabled { opacity: .55; cursor: default; }
.prefer input { width: auto; } .curl { position: relative; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: .45rem; margin: 0;
  padding: .65rem .8rem; overflow-x: auto; font-size: .82rem; line-height: 1.5; }
.curl pre { white-space: pre-wrap; overflow-wrap: anywhere; padding-right: 5rem; }
.curl button { position: absolute; top: .4rem; right: .4rem; font-size: .78rem;
  padding: .15rem .6rem; }
.answer { display: grid; gap: .35rem; } .answer[hidden] { display: none; }
.answer .told { font-size: .88rem; font-weight: 600; }
.answer.good .told { color: var(--good); } .answer.bad .told { color: var(--bad); }
.answer.open .told { color: var(--warm); }
body > main { max-width: 48rem; margin: 0 auto; }
table { border-collapse: collapse; font-size: .92rem; } td, th { text-align: left;
  padding: .35rem 1.2rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
@media (max-width: 52rem) { .shell { display: block; } main { padding: 1.2rem 1rem 4rem; }
  nav { position: static; max-height: none; padding: 1rem 1rem 0; }
  nav h2, nav ul { display: none; } article { padding: .9rem; }
  .keyline { grid-template-columns: 1fr; } .keyline button { justify-self: start; } }
"""

SCRIPT = r"""
"use strict";
function drawKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = Date.now();
  for (let at = 5; at >= 0; at--) { bytes[at] = time % 256; time = Math.floor(time / 256); }
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join("-");
}
function asJson(input) {
  if (input.dataset.as === "text") return JSON.stringify(input.value);
  const text = input.value.trim();
  if (input.dataset.as === "any") {
    try { JSON.parse(text); return text; } catch { return JSON.stringify(input.value); }
  }
  JSON.parse(text);
  return text;
}
function bodyOf(form) {
  const members = [];
  for (const input of form.querySelectorAll("input[data-as]")) {
    input.setCustomValidity("");
    if (input.value === "" && !(input.dataset.required && input.dataset.as === "text")) continue;
    try {
      const value = asJson(input);
      if (input.dataset.many === "names") {
        const inside = value.trim().replace(/^\{/, "").replace(/\}$/, "").trim();
        if (inside) members.push(inside);
      } else members.push(JSON.stringify(input.name) + ": " + value);
    } catch {
      input.setCustomValidity("JSON, please: " + (input.placeholder || "a value"));
      members.push(JSON.stringify(input.name) + ": " + input.value);
    }
  }
  return members.length ? "{" + members.join(", ") + "}" : "";
}
function quoted(text) { return "'" + text.replaceAll("'", "'\\''") + "'"; }
function curlOf(form) {
  const body = bodyOf(form), key = form.elements["Idempotency-Key"].value;
  const lines = ["curl " + location.origin + form.getAttribute("action")];
  lines.push(body ? "--json " + quoted(body) : "-X POST");
  if (key) lines.push("-H " + quoted("Idempotency-Key: " + key));
  const bearer = form.elements["Authorization"];
  if (bearer && bearer.value) lines.push('-H "Authorization: Bearer $TOKEN"');
  const prefer = form.elements["respond-async"];
  if (prefer && prefer.checked) lines.push("-H 'Prefer: respond-async'");
  return lines.join(" \\\n  ");
}
function refresh(form) { form.querySelector(".curl pre").textContent = curlOf(form); }
function pretty(text) {
  // Only white space changes: numbers stay as they came, however long.
  let out = "", depth = 0, first = false;
  const line = () => "\n" + "  ".repeat(depth);
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+/g)) {
    if (token === "}" || token === "]") { depth--; out += (first ? "" : line()) + token; }
    else {
      if (first) out += line();
      out += token === "," ? "," + line() : token === ":" ? ": " : token;
    }
    first = token === "{" || token === "[";
    if (first) depth++;
  }
  return out;
}
function show(form, look, told, text) {
  const answer = form.querySelector(".answer");
  answer.className = "answer " + look;
  answer.hidden = false;
  answer.querySelector(".told").textContent = told;
  answer.querySelector("pre").textContent = text;
}
async function send(form) {
  const body = bodyOf(form), button = form.querySelector(".send");
  if (!form.reportValidity()) return;
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  const key = form.elements["Idempotency-Key"];
  if (key.value) headers["Idempotency-Key"] = key.value;
  const bearer = form.elements["Authorization"];
  if (bearer && bearer.value) headers["Authorization"] = "Bearer " + bearer.value;
  const prefer = form.elements["respond-async"];
  if (prefer && prefer.checked) headers["Prefer"] = "respond-async";
  button.disabled = true;
  const begun = performance.now();
  try {
    let answer = await fetch(form.getAttribute("action"),
      { method: "POST", headers, body: body || undefined });
    while (answer.status === 202) {
      show(form, "open", "202 Accepted: it goes on by itself", pretty(await answer.text()));
      const look = headers["Authorization"] ? { Authorization: headers["Authorization"] } : {};
      answer = await fetch(answer.headers.get("Location") + "?wait=20s", { headers: look });
    }
    const text = await answer.text(), ms = Math.round(performance.now() - begun);
    let outcome = "";
    try { if (!answer.ok) outcome = JSON.parse(text).outcome || ""; } catch { outcome = ""; }
    if (!key.value) { key.value = answer.headers.get("Idempotency-Key") || ""; refresh(form); }
    const look = answer.ok ? "good" : outcome === "indefinite" ? "open" : "bad";
    const told = answer.status + " " + answer.statusText + (outcome ? " · " + outcome : "");
    show(form, look, told + " · " + ms + " ms", pretty(text));
  } catch (error) {
    show(form, "open", "no answer · indefinite: send again, with the same key", String(error));
  }
  button.disabled = false;
}
for (const form of document.querySelectorAll("form")) {
  const key = form.elements["Idempotency-Key"];
  key.value = drawKey();
  refresh(form);
  form.addEventListener("input", () => refresh(form));
  form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
  form.querySelector(".draw").addEventListener("click", () => {
    key.value = drawKey(); refresh(form);
  });
  const copy = form.querySelector(".copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(curlOf(form));
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1200);
  });
}
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target && target.querySelector("details");
  if (target && target.tagName === "ARTICLE" && details) details.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
"""
