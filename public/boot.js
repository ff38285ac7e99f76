// Starts the app: trunk writes the names of its two files into this script's element. Everything that goes wrong before
// the app stands is said here, because nobody else can.
(() => {
  const { js, wasm } = document.currentScript.dataset;
  // The words of the first page are wrong for another one, and somebody who has projects knows them.
  if (location.hash.length > 2) document.documentElement.classList.add("deep");
  try {
    if (localStorage.getItem("seedbed:has-projects")) document.documentElement.classList.add("returning");
  } catch {
    // Storage is refused; then there is nothing to know.
  }

  const ready =
    document.readyState === "loading"
      ? new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }))
      : Promise.resolve();

  const say = (title, text, detail) => {
    const place = document.querySelector("#skeleton .skeleton-state");
    if (!place) return;
    const box = document.createElement("div");
    box.className = "notice failure";
    box.setAttribute("role", "alert");
    const add = (tag, content, parent = box) => {
      const element = document.createElement(tag);
      element.textContent = content;
      parent.append(element);
      return element;
    };
    add("strong", title, add("p", ""));
    add("p", text);
    const reload = add("button", "Reload the page");
    reload.type = "button";
    reload.className = "btn";
    reload.addEventListener("click", () => location.reload());
    if (detail) {
      const more = add("details", "");
      more.className = "more";
      add("summary", "Technical details", more);
      add("pre", String(detail), more).className = "snippet";
    }
    place.replaceWith(box);
  };

  ready.then(() => document.getElementById("crash-reload")?.addEventListener("click", () => location.reload()));

  if (typeof WebAssembly !== "object" || typeof Worker !== "function") {
    ready.then(() => say("This browser can't run Seedbed.", "It needs WebAssembly and workers. A current Chrome, Edge, Firefox or Safari has both."));
    return;
  }
  const address = (name) => new URL(name, document.baseURI).href;
  const code = import(address(js));
  Promise.all([code, ready])
    .then(([app]) => app.default({ module_or_path: address(wasm) }))
    .catch((error) =>
      ready.then(() => say("Seedbed could not be loaded.", "Check the connection and reload. Projects on this machine are untouched.", error)),
    );
})();
