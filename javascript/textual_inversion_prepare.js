// The Prepare tab: draws its panels into every [data-ti-prepare] of the page once that is seen.
// Whatever comes from the server (names, captions, reasons) is set as text, never as HTML.
"use strict";

(() => {
    function make(tag, {text, ...attributes} = {}, ...children) {
        const node = document.createElement(tag);
        for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
        if (text !== undefined) node.textContent = text;
        node.append(...children);
        return node;
    }

    function button(text, act, attributes = {}) {
        const node = make("button", {type: "button", class: "ti-button", text, ...attributes});
        node.addEventListener("click", act);
        return node;
    }

    // Relative to the page: right behind --subpath and behind a proxy too.
    function address(root, path, query = {}) {
        const url = new URL(root + path, location.origin + location.pathname.replace(/[^/]*$/, ""));
        for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
        return url.href;
    }

    const fieldOf = (id) => document.querySelector(`#${id} textarea, #${id} input`);
    const holds = (id, text) => fieldOf(id) !== null && fieldOf(id).value === text;

    // Writes into one of Gradio's fields as a person would, so that it notices.
    function fill(id, text) {
        const field = fieldOf(id);
        if (!field) return;
        field.value = text;
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

    const PANELS = [["pictures", "Preprocess images"], ["captions", "Edit captions"], ["masks", "Masks"], ["check", "Check"]];

    class Prepare {
        constructor(place) {
            this.place = place;
            this.root = place.dataset.api;
            this.listeners = [];
            this.folder = "";
            this.bar = make("div", {class: "ti-tabs", role: "tablist"});
            this.room = make("div", {class: "ti-room"});
            place.replaceChildren(this.bar, this.room);
            this.begin();
        }

        async begin() {
            try {
                this.forms = await this.ask("prepare/form");
            } catch (error) {
                this.room.replaceChildren(make("p", {class: "ti-refusal", text: error.message}), button("Try again", () => this.begin()));
                return;
            }
            this.panels = {};
            this.tabs = {};
            const classes = window.textualInversionPreparePanels;
            for (const [name, title] of PANELS) {
                const panel = new classes[name](this);
                panel.node.setAttribute("role", "tabpanel");
                this.panels[name] = panel;
                this.tabs[name] = button(title, () => this.open(name), {class: "ti-tab", role: "tab", "data-panel": name});
            }
            this.bar.replaceChildren(...Object.values(this.tabs));
            this.room.replaceChildren(...Object.values(this.panels).map((panel) => panel.node));
            this.open("pictures");
        }

        ask(path, body) { return window.textualInversionAsk(this.root, path, body); }
        address(path, query) { return address(this.root, path, query); }

        open(name) {
            for (const [key, panel] of Object.entries(this.panels)) {
                panel.node.hidden = key !== name;
                this.tabs[key].setAttribute("aria-selected", String(key === name));
            }
            if (this.panels[name].opened) this.panels[name].opened();
        }

        // The folder that is edited, masked and checked is one; whoever chooses another tells the rest.
        choose(folder) {
            if (folder === this.folder) return;
            this.folder = folder;
            for (const listener of this.listeners) listener(folder);
        }

        // A line in which the training folder is named; `act` is called with it.
        folderLine(act, text) {
            const input = make("input", {type: "text", class: "ti-input", "aria-label": "Training folder", placeholder: "Training folder"});
            const go = () => { this.choose(input.value.trim()); act(); };
            input.addEventListener("keydown", (event) => { if (event.key === "Enter") go(); });
            this.listeners.push((folder) => { input.value = folder; });
            return make("div", {class: "ti-line"}, input, button(text, go, {class: "ti-button ti-primary"}));
        }

        // Newer Gradio draws a tab's fields when it is opened, and what is written too early into one is lost.
        async train(folder) {
            const page = this.place.closest(".ti-page") || document;
            const tab = [...page.querySelectorAll("button[role=tab], .tab-nav button")].find((each) => each.textContent.trim() === "Train" && !each.classList.contains("ti-tab"));
            if (tab) tab.click();
            for (let [tries, kept] = [0, 0]; tries < 100 && kept < 3; tries++) {
                kept = holds("ti-train-data", folder) ? kept + 1 : 0;
                if (!kept) fill("ti-train-data", folder);
                await new Promise((done) => { setTimeout(done, 200); });
            }
        }
    }

    // Problems of the server beside what was asked.
    async function attempt(note, work) {
        note.textContent = "";
        note.className = "ti-note";
        try {
            return await work();
        } catch (error) {
            note.textContent = error.message;
            note.className = "ti-refusal";
            return undefined;
        }
    }

    const drawn = new WeakSet();
    function look() {
        for (const place of document.querySelectorAll("[data-ti-prepare]")) {
            if (drawn.has(place) || place.offsetParent === null) continue;
            drawn.add(place);
            new Prepare(place);
        }
    }

    window.textualInversionPrepare = {make, button, attempt};
    window.textualInversionPreparePanels = window.textualInversionPreparePanels || {};
    window.textualInversionWatch = window.textualInversionWatch || [];
    window.textualInversionWatch.push(look);
})();
