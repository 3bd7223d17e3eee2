// Keeps the estimate beside the form of a new search fresh, and the address as what is written in it.
// Without it a button does the same.
(function () {
  "use strict";
  var PAUSE_MS = 400, WAIT_MS = 2000;
  var form = document.querySelector("form[data-estimate]");
  if (!form) return;
  var timer = 0, newest = 0;
  function state() {
    var given = new URLSearchParams(new FormData(form));
    given.delete("csrfmiddlewaretoken");
    given.delete("key");
    given.delete("own_space"); // too long for an address
    return given.toString();
  }
  function refresh() {
    var turn = ++newest, query = state();
    var own = form.elements["own_space"], asked = { credentials: "same-origin" };
    if (own && own.value.trim()) {
      asked.method = "POST";
      asked.body = new FormData(form);
    }
    fetch(form.dataset.estimate + "?" + query, asked)
      .then(function (answer) {
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        return answer.text();
      })
      .then(function (text) {
        var part = document.getElementById("estimate");
        var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("estimate");
        if (turn !== newest || !part || !fresh) return;
        if (part.innerHTML !== fresh.innerHTML) part.replaceWith(fresh);
        history.replaceState(null, "", "?" + query);
        if ("waiting" in fresh.dataset) later(WAIT_MS);
      })
      .catch(function () { /* the old estimate stays; the button asks again */ });
  }
  function later(pause) {
    clearTimeout(timer);
    timer = setTimeout(refresh, pause);
  }
  var button = form.querySelector("[data-plain]");
  if (button) button.hidden = true;
  form.addEventListener("input", function () { later(PAUSE_MS); });
  var part = document.getElementById("estimate");
  if (part && "waiting" in part.dataset) later(WAIT_MS);
})();
