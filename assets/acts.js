/* What a hand asks for in the administration: forms and row controls, each asked once, confirmed
   where it cannot be undone, and answered beside the control that asked. */
(function () {
  "use strict";
  window.dash_clientside = window.dash_clientside || {};
  var cip = (window.dash_clientside.cip = window.dash_clientside.cip || {});
  var PATIENCE = 20000; // milliseconds until an answer is given up
  var NOT_DONE = "Nothing was changed. What you typed stays: try again when it answers.";
  var UNCERTAIN = "No answer came, so it is not certain that this was done. Look again before you repeat it.";
  var waiting = {}; // area → what was asked, until its answer comes

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function busy(area, on) {
    document.querySelectorAll('[data-area="' + area + '"]').forEach(function (element) {
      if (on) element.setAttribute("aria-busy", "true");
      else element.removeAttribute("aria-busy");
    });
  }
  function settle(area) {
    var asked = waiting[area];
    if (!asked) return undefined;
    window.clearTimeout(asked.timer);
    delete waiting[area];
    busy(area, false);
    return asked;
  }
  /* asked: { action, target, values, form, control } */
  function post(area, asked) {
    if (waiting[area]) return false;
    asked.nonce = Date.now() + Math.random();
    asked.timer = window.setTimeout(function () { refused(area, { status: 0, message: "" }); }, PATIENCE);
    waiting[area] = asked;
    busy(area, true);
    window.dash_clientside.set_props(area + "-act", {
      data: { action: asked.action, target: asked.target || "", values: asked.values || {}, nonce: asked.nonce }
    });
    return true;
  }

  /* --- refusals --- */
  function errorLine(form, field) {
    return form.querySelector('[data-error-for="' + CSS.escape(field) + '"]') || form.querySelector('[data-error-for=""]');
  }
  function clear(form) {
    form.querySelectorAll("[data-error-for]").forEach(function (line) { line.textContent = ""; });
    form.querySelectorAll("[aria-invalid]").forEach(function (input) { input.removeAttribute("aria-invalid"); });
  }
  function blame(form, refusal) {
    var line = errorLine(form, refusal.field);
    line.textContent = refusal.message;
    var name = line.dataset.errorFor;
    var input = name && form.querySelector('[name="' + CSS.escape(name) + '"], [name^="' + CSS.escape(name) + '."]');
    if (!input) return;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
  function restore(control) {
    if (control && control.dataset.was !== undefined) control.value = control.dataset.was;
  }
  function refused(area, refusal) {
    var asked = settle(area);
    if (!asked) return false;
    restore(asked.control);
    if (refusal.status === 404 || refusal.status === 409) {
      window.dash_clientside.set_props(area + "-opened", { data: Date.now() });
    }
    if (refusal.status < 400) {
      window.cipRefusal({ status: 503, message: refusal.status === 204 ? NOT_DONE : UNCERTAIN });
      return true;
    }
    // What concerns an input stands beside it; everything else is a notice.
    if (!asked.form || [404, 409, 413, 422].indexOf(refusal.status) < 0) return false;
    blame(asked.form, refusal);
    return true;
  }
  document.addEventListener("cip:refused", function (event) {
    var answers = /^(.+)-answer\.data$/.exec(event.detail.output);
    // A button whose answer is a file or a verdict.
    if (event.detail.status === 204 && /-(download\.data|verified\.children)$/.test(event.detail.output)) {
      window.cipRefusal({ status: 503, message: "Try again when it answers." });
    }
    if (answers && refused(answers[1], event.detail)) event.preventDefault();
  });

  /* --- answers --- */
  function undoOf(area, undo) {
    return undo && {
      label: "Undo",
      run: function () { post(area, { action: undo.action, target: undo.target, values: undo.values }); }
    };
  }
  function copy(text, button) {
    var said = button.querySelector("span");
    function done() {
      said.textContent = "Copied";
      window.setTimeout(function () { said.textContent = "Copy"; }, 3000);
    }
    // Without the clipboard (plain HTTP) the text is marked, for Ctrl and C.
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, mark);
    else mark();
    function mark() { button.previousElementSibling.select(); }
  }
  function showSecret(area, secret) {
    var box = document.getElementById(area + "-secret");
    // What is shown once stays until the next one takes its place.
    if (!box || !secret) return;
    box.replaceChildren();
    var text = (secret.path ? location.origin + secret.path : "") + secret.value;
    var input = make("input", "input mono");
    input.readOnly = true;
    input.value = text;
    input.setAttribute("aria-label", secret.title);
    input.addEventListener("focus", function () { input.select(); });
    var button = make("button", "button");
    button.type = "button";
    button.append(make("i", "bi bi-copy"), make("span", "", "Copy"));
    button.addEventListener("click", function () { copy(text, button); });
    var line = make("div", "copy-line");
    line.append(input, button);
    box.append(make("b", "", secret.title), line, make("p", "", secret.note));
    box.scrollIntoView({ block: "nearest" });
    button.focus();
  }
  cip.answered = function (answer, area) {
    if (!answer) return window.dash_clientside.no_update;
    var name = area.replace(/-secret$/, "");
    var asked = settle(name) || {};
    if (asked.form) {
      clear(asked.form);
      if (answer.reset) emptied(asked.form);
    }
    if (answer.text) {
      window.cipNotice({ key: "done " + name, kind: "good", title: answer.text, text: answer.more, act: undoOf(name, answer.undo) });
    }
    showSecret(name, answer.secret);
    return answer.nonce;
  };

  /* --- forms --- */
  function setValue(input, value) {
    var kind = input instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement;
    if (input.value === value) return;
    // As typing does, so that the component that owns the field knows.
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(input, value);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function emptied(form) {
    form.querySelectorAll("[name]").forEach(function (input) {
      if (input.type === "checkbox") { if (input.checked) input.click(); }
      else setValue(input, input.options ? input.options[0].value : "");
    });
  }
  function valuesOf(form) {
    var values = {};
    form.querySelectorAll("[name]").forEach(function (input) {
      var list = input.name.split(".");
      if (input.type !== "checkbox") values[input.name] = input.value.trim();
      else {
        values[list[0]] = values[list[0]] || [];
        if (input.checked) values[list[0]].push(list[1]);
      }
    });
    return values;
  }
  /* data: { values: { name: text }, lists: { name: [text] } }. The same again leaves alone what
     somebody is typing. */
  cip.fill_form = function (data, id) {
    var form = document.getElementById(id);
    var told = JSON.stringify(data);
    if (!form || !data || form.cipTold === told) return window.dash_clientside.no_update;
    form.cipTold = told;
    Object.keys(data.lists || {}).forEach(function (name) {
      var list = document.getElementById(id + "-" + name + "-list");
      if (list) list.replaceChildren.apply(list, data.lists[name].map(function (text) {
        var option = make("option");
        option.value = text;
        return option;
      }));
    });
    Object.keys(data.values).forEach(function (name) {
      var input = form.querySelector('[name="' + CSS.escape(name) + '"]');
      if (input) setValue(input, data.values[name]);
    });
    return Date.now();
  };
  /* A field's help belongs to it; its component takes no such attribute. */
  document.addEventListener("focusin", function (event) {
    var input = event.target;
    if (!input.name || !input.closest("form[data-does]") || !document.getElementById(input.id + "-help")) return;
    input.setAttribute("aria-describedby", input.id + "-help");
  });
  document.addEventListener("submit", function (event) {
    var form = event.target.closest("form[data-does]");
    if (!form) return;
    event.preventDefault();
    clear(form);
    post(form.dataset.area, { action: form.dataset.does, values: valuesOf(form), form: form });
  });

  /* --- rows --- */
  function areaOf(element) { return element.closest("[data-area]").dataset.area; }
  document.addEventListener("change", function (event) {
    var select = event.target;
    if (!select.cipAct) return;
    var values = {};
    values[select.cipAct.name] = select.value;
    var asked = { action: select.cipAct.action, target: select.cipAct.target, values: values, control: select };
    if (!post(areaOf(select), asked)) restore(select);
  });
  document.addEventListener("click", function (event) {
    var button = event.target.closest('[data-action="act"]');
    if (!button || !button.cipAct) return;
    var act = button.cipAct, area = areaOf(button);
    var back = button.closest("details.pop");
    function go(typed) {
      var values = Object.assign({}, act.values, typed === undefined ? {} : { confirm: typed });
      post(area, { action: act.action, target: act.target, values: values });
    }
    if (act.confirm) ask(act.confirm, go, back ? back.querySelector("summary") : button);
    else go();
  });

  /* --- what cannot be undone is asked for once more --- */
  function ask(question, go, back) {
    var dialog = make("dialog", "ask");
    var form = make("form");
    form.method = "dialog";
    var title = make("h2", "", question.title);
    title.id = "ask-title";
    dialog.setAttribute("aria-labelledby", "ask-title");
    form.append(title, make("p", "", question.text));
    var yes = make("button", "button primary" + (question.danger === false ? "" : " danger"), question.yes);
    yes.value = "yes";
    var typed = question.type ? typing(form, question.type, yes) : null;
    var no = make("button", "button", "Cancel");
    no.value = "no";
    no.formNoValidate = true;
    if (!typed) no.autofocus = true;
    var line = make("div", "ask-acts");
    line.append(no, yes);
    form.append(line);
    dialog.append(form);
    document.body.append(dialog);
    dialog.addEventListener("close", function () {
      dialog.remove();
      if (back && back.isConnected) back.focus();
      if (dialog.returnValue === "yes") go(typed ? typed.value : undefined);
    });
    dialog.showModal();
  }
  function typing(form, wanted, yes) {
    var label = make("label", "field", "Type " + wanted + " to confirm");
    var input = make("input", "input");
    input.autocomplete = "off";
    input.autofocus = true;
    label.append(input);
    form.append(label);
    yes.disabled = true;
    input.addEventListener("input", function () { yes.disabled = input.value !== wanted; });
    return input;
  }
})();
