/* The eye in a password field. Works on the pages outside the shell too. */
(function () {
  "use strict";
  if (window.cipReveal) return; // Dash lists every script of this folder once more
  window.cipReveal = true;

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-reveal]");
    if (!button) return;
    var field = document.getElementById(button.dataset.reveal);
    var show = field.type === "password";
    field.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
    button.querySelector(".bi").className = "bi bi-" + (show ? "eye-slash" : "eye");
    field.focus();
  });
  function offer() {
    document.querySelectorAll("[data-reveal][hidden]").forEach(function (button) { button.hidden = false; });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", offer);
  else offer();
})();
