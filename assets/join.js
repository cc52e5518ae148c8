/* An invitation's code stands in the address after the #, which no server sees. Into the form. */
(function () {
  "use strict";
  var field = document.getElementById("join-code");
  if (!field) return; // any other page
  var USERNAME = /^[a-z0-9][a-z0-9._@+-]{0,119}$/;

  function take() {
    var code = location.hash.slice(1);
    if (!code) return;
    try { code = decodeURIComponent(code); } catch (error) { /* as it stands */ }
    // Out of the address bar and the history.
    history.replaceState(null, "", location.pathname);
    field.value = code;
    field.type = "hidden";
    document.getElementById("join-code-entry").hidden = true;
    greet();
    document.getElementById("join-new").focus();
  }
  /* A code ends with the name that it is for: password managers want to know it too. */
  function greet() {
    var name = field.value.slice(field.value.indexOf(".") + 1);
    var known = field.value.indexOf(".") > 0 && USERNAME.test(name);
    document.getElementById("join-who").hidden = !known;
    document.getElementById("join-username").value = known ? name : "";
  }
  window.addEventListener("hashchange", take);
  if (location.hash) take();
  else greet();
})();
