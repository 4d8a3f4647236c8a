// What the answers of Gradio's forms do to the page: an error beside its field, a started run in the monitor.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const NOTE = "ti-field-note";

    // An error names the field's id; its text is put below that field as long as the error is shown.
    function showErrors() {
        const wanted = new Map();
        for (const message of document.querySelectorAll(".ti-message[data-field]")) {
            if (message.offsetParent !== null) wanted.set(message.dataset.field, message.textContent);
        }
        for (const note of document.querySelectorAll(`.${NOTE}`)) {
            if (wanted.get(note.dataset.field) === note.textContent) {
                wanted.delete(note.dataset.field);
                continue;
            }
            note.parentNode.classList.remove("ti-bad");
            note.remove();
        }
        for (const [id, text] of wanted) showError(document.getElementById(id), id, text);
    }

    function showError(field, id, text) {
        if (!field) return;
        field.classList.add("ti-bad");
        field.append(ti.make("div", {class: NOTE, "data-field": id, text}));
        if (field.offsetParent !== null) field.scrollIntoView({block: "center", behavior: "smooth"});
    }

    const announced = new Set();

    function showRuns() {
        for (const message of document.querySelectorAll(".ti-message[data-run]")) {
            if (announced.has(message.dataset.run)) continue;
            announced.add(message.dataset.run);
            document.dispatchEvent(new CustomEvent("ti-run-started", {detail: message.dataset.run}));
            if (message.dataset.opens) ti.openTab(message.dataset.opens);
        }
    }

    // Something was made: lists of embeddings are read again.
    let told = "";

    function tellOfNew() {
        const done = [...document.querySelectorAll(".ti-message-done")]
            .map((message) => message.textContent)
            .join("\n");
        if (done && done !== told) document.dispatchEvent(new CustomEvent("ti-embeddings-changed"));
        told = done;
    }

    // A button of a form shows that it was pressed until a message comes that was not there before.
    const PRESSED = "button[id^='ti-'][id$='-go'], button#ti-train-check";
    const LONGEST = 60_000;
    let settle = () => {};

    function press(button) {
        settle();
        const before = new Set(document.querySelectorAll(".ti-message"));
        button.setAttribute("aria-busy", "true");
        const late = setTimeout(() => settle(true), LONGEST);
        settle = (ended = true) => {
            if (!ended && [...document.querySelectorAll(".ti-message")].every((message) => before.has(message))) return;
            clearTimeout(late);
            button.removeAttribute("aria-busy");
            settle = () => {};
        };
    }

    document.addEventListener("click", (event) => {
        const pressed = event.target.closest(`${PRESSED}, [data-ti-open]`);
        if (!pressed) return;
        if (pressed.dataset.tiOpen) ti.openTab(pressed.dataset.tiOpen);
        else press(pressed);
    });

    ti.onChange(() => settle(false));
    ti.onChange(showErrors);
    ti.onChange(showRuns);
    ti.onChange(tellOfNew);
});
