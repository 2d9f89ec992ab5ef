// The page works without this. With it, stars count at once, and the place where you were is kept.
"use strict";
let latest = 0;

async function show(address, focus, keep) {
  const mine = ++latest;
  let answer;
  try {
    answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.status);
  } catch {
    location.assign(address);
    return;
  }
  const text = await answer.text();
  if (mine !== latest) return; // somebody was quicker with the next star
  const page = new DOMParser().parseFromString(text, "text/html");
  document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
  document.title = page.title;
  if (!keep) history.pushState(null, "", address);
  const first = document.querySelector("#recommended .title");
  document.getElementById("said").textContent =
    document.getElementById("summary").textContent + (first ? " First: " + first.textContent : "");
  const again = focus && (document.getElementById(focus) || document.getElementById(focus.replace(/^(hit|fit)/, "pick")));
  if (again) again.focus({ preventScroll: true });
}

function address(form, button) {
  return "./?" + new URLSearchParams(new FormData(form, button));
}

document.addEventListener("change", (event) => {
  if (event.target.type === "radio") {
    const focus = event.target.value === "0" ? "q" : event.target.id;
    show(address(event.target.form), focus);
  }
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  show(address(event.target), document.activeElement && document.activeElement.id);
});
addEventListener("popstate", () => show(location.href, null, true));
