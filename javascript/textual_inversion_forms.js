// What answers of the forms do to the page: errors beside their field, a started run shown; and the cards of embeddings.
"use strict";

(() => {
    const NOTE = "ti-field-note";

    // An error names the field's id; its text is put below that field as long as the error is shown.
    function showErrors() {
        const wanted = new Map();
        for (const message of document.querySelectorAll(".ti-message[data-field]")) {
            if (message.offsetParent !== null) wanted.set(message.dataset.field, message.textContent);
        }
        for (const note of document.querySelectorAll(`.${NOTE}`)) {
            if (wanted.get(note.dataset.field) === note.textContent) wanted.delete(note.dataset.field);
            else { note.parentNode.classList.remove("ti-bad"); note.remove(); }
        }
        for (const [id, text] of wanted) {
            const field = document.getElementById(id);
            if (!field) continue;
            const note = document.createElement("div");
            note.className = NOTE;
            note.dataset.field = id;
            note.textContent = text;
            field.classList.add("ti-bad");
            field.append(note);
            if (field.offsetParent !== null) field.scrollIntoView({block: "center", behavior: "smooth"});
        }
    }

    const announced = new Set();
    function showRuns() {
        for (const message of document.querySelectorAll(".ti-message[data-run]")) {
            if (announced.has(message.dataset.run)) continue;
            announced.add(message.dataset.run);
            document.dispatchEvent(new CustomEvent("ti-run-started", {detail: message.dataset.run}));
        }
    }

    // Writes as a person would, so that Gradio notices.
    function insert(id, word) {
        const box = document.querySelector(`#${id} textarea, #${id} input`);
        if (!box) return;
        const [before, after] = [box.value.slice(0, box.selectionStart), box.value.slice(box.selectionEnd)];
        const gap = before && !/[\s(\[,]$/.test(before) ? " " : "";
        box.value = before + gap + word + after;
        box.selectionStart = box.selectionEnd = before.length + gap.length + word.length;
        box.dispatchEvent(new Event("input", {bubbles: true}));
        box.focus();
    }

    // Of a pair both halves, each into its box; what is for the negative prompt goes there.
    function use({target, negative}, entry) {
        if (entry.pair === "negative" || entry.negative) return insert(negative, entry.name);
        const box = document.querySelector(`#${negative} textarea, #${negative} input`);
        if (entry.pair === "positive" && box && !box.value.includes(entry.partner)) insert(negative, entry.partner);
        insert(target, entry.name);
    }

    async function fill(place) {
        let found = [];
        try {
            found = (await window.textualInversionAsk(place.dataset.api, "embeddings")).embeddings;
        } catch (error) {
            place.textContent = error.message;
            return;
        }
        const cards = found.map((entry) => {
            const card = document.createElement("button");
            card.type = "button";
            card.className = "ti-card";
            const name = document.createElement("b"), about = document.createElement("span");
            name.textContent = entry.name;
            about.textContent = entry.error ? "cannot be read" : `${entry.vectors} vector${entry.vectors === 1 ? "" : "s"}, ${entry.step === null ? "step unknown" : `step ${entry.step}`}`;
            card.title = entry.error || `Insert ${entry.name}`;
            card.disabled = Boolean(entry.error);
            card.append(name, about);
            card.addEventListener("click", () => use(place.dataset, entry));
            return card;
        });
        const none = document.createElement("span");
        none.textContent = "No embeddings yet: make one in Create.";
        place.replaceChildren(...(cards.length ? cards : [none]));
    }

    const filled = new WeakSet();
    let created = "";
    function fillCards() {
        const places = [...document.querySelectorAll("[data-ti-cards]")];
        const done = [...document.querySelectorAll(".ti-message-done")].map((message) => message.textContent).join("\n");
        for (const place of places) {
            if (filled.has(place) && done === created) continue;
            filled.add(place);
            fill(place);
        }
        created = done;
    }
    document.addEventListener("ti-embeddings-changed", () => document.querySelectorAll("[data-ti-cards]").forEach(fill));

    window.textualInversionWatch = window.textualInversionWatch || [];
    window.textualInversionWatch.push(showErrors, showRuns, fillCards);
})();
