// Keeps the changing part of a search page fresh. It polls only while the page is seen and the search runs,
// and swaps only when something changed; open details, focus and scroll stay as they are.
(function () {
  "use strict";
  var PERIOD_MS = 3000;
  function poll() {
    var part = document.getElementById("live");
    var address = part && part.dataset.live;
    if (!address) return;
    if (document.hidden) { setTimeout(poll, PERIOD_MS); return; }
    fetch(address + "?version=" + encodeURIComponent(part.dataset.version), { credentials: "same-origin" })
      .then(function (answer) {
        if (answer.status === 204) return null;
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        return answer.text();
      })
      .then(function (text) { if (text !== null) swap(part, text); mark(""); })
      .catch(function () { mark("The hub does not answer; trying again."); })
      .then(function () { setTimeout(poll, PERIOD_MS); });
  }
  function swap(part, text) {
    var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!fresh) return;
    part.querySelectorAll("details[open]").forEach(function (open) {
      var twin = open.id && fresh.querySelector("#" + CSS.escape(open.id));
      if (twin) twin.open = true;
    });
    var focused = document.activeElement && part.contains(document.activeElement) ? path(part, document.activeElement) : null;
    part.replaceWith(fresh);
    var again = focused && follow(fresh, focused);
    if (again && again.focus) again.focus({ preventScroll: true });
  }
  function path(root, node) {
    var steps = [];
    for (; node !== root; node = node.parentElement) steps.unshift(Array.prototype.indexOf.call(node.parentElement.children, node));
    return steps;
  }
  function follow(node, steps) {
    return steps.reduce(function (at, step) { return at && at.children[step]; }, node);
  }
  function mark(words) {
    var note = document.getElementById("stale");
    if (!note && !words) return;
    if (!note) {
      note = document.createElement("p");
      note.id = "stale"; note.className = "note stale busy"; note.setAttribute("role", "status");
      document.getElementById("live").before(note);
    }
    note.textContent = words;
  }
  var hint = document.getElementById("reload");
  if (hint) hint.remove();
  setTimeout(poll, PERIOD_MS);
})();
