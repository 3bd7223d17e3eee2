// Keeps the changing part of a search's or a trial's page fresh. It polls only while the page is seen and the search
// or trial runs, and swaps only when something changed; open details, focus and scroll stay as they are. What is read
// aloud stands outside of that part and changes only with its words.
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
    var focused = document.activeElement, held = focused && focused !== part && part.contains(focused);
    var again = held && (twin(part, fresh, focused) || document.getElementById("main"));
    part.replaceWith(fresh);
    if (again) again.focus({ preventScroll: true });
    say(document.getElementById("live-status"), fresh.dataset.status);
  }
  // The same thing in the fresh part: by id, by where it leads or by its name, since rows come above it; what has none
  // of these by its place in what has an id. Null where it is gone.
  function twin(part, fresh, node) {
    if (node.id) return fresh.querySelector("#" + CSS.escape(node.id));
    var name = ["href", "aria-label", "aria-labelledby"].find(function (one) { return node.hasAttribute(one); });
    if (name) {
      var alike = node.localName + "[" + name + '="' + CSS.escape(node.getAttribute(name)) + '"]';
      return fresh.querySelectorAll(alike)[Array.prototype.indexOf.call(part.querySelectorAll(alike), node)] || null;
    }
    var root = node.closest("[id]");
    var found = follow(root === part ? fresh : fresh.querySelector("#" + CSS.escape(root.id)), path(root, node));
    return found && found.localName === node.localName ? found : null;
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
    say(note, words);
  }
  function say(note, words) {
    if (note && note.textContent !== words) note.textContent = words;
  }
  var hint = document.getElementById("reload");
  if (hint) hint.remove();
  setTimeout(poll, PERIOD_MS);
})();
