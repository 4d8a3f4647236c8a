// Tools of all panels. Whatever comes from the server is set as text, never as HTML.
// Scripts are classic ones that a page loads in an order of its own: each pushes a function, which gets the tools as
// soon as they are there. What parts give each other they put on the tools too, and look up when they need it.
"use strict";

(() => {
    // Relative to the page: right behind --subpath and behind a proxy too.
    function address(root, path, query = {}) {
        const url = new URL(root + path, location.origin + location.pathname.replace(/[^/]*$/, ""));
        for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
        return url.href;
    }

    // Errors carry the server's `status`, and the `field` that a refusal is about.
    async function ask(root, path, {query, body} = {}) {
        const options = {credentials: "same-origin", cache: "no-store"};
        if (body) {
            const headers = {"Content-Type": "application/json"};
            Object.assign(options, {method: "POST", headers, body: JSON.stringify(body)});
        }
        const answer = await fetch(address(root, path, query), options);
        const content = await answer.json().catch(() => ({}));
        if (answer.ok) return content;
        const error = new Error(content.error || `The server answered ${answer.status}.`);
        throw Object.assign(error, {status: answer.status, field: content.field});
    }

    // Attributes by name; on… are listeners, yes and no are properties (checked, hidden, disabled).
    function make(tag, {text, ...attributes} = {}, ...children) {
        const node = document.createElement(tag);
        for (const [key, value] of Object.entries(attributes)) {
            if (typeof value === "function") node.addEventListener(key.slice(2), value);
            else if (typeof value === "boolean") node[key] = value;
            else if (value !== undefined && value !== null) node.setAttribute(key, value);
        }
        if (text !== undefined && text !== null) node.textContent = text;
        node.append(...children.filter((child) => child !== null && child !== undefined));
        return node;
    }

    function button(text, onclick, {class: kind, ...attributes} = {}) {
        const name = kind ? `ti-button ${kind}` : "ti-button";
        return make("button", {type: "button", class: name, text, onclick, ...attributes});
    }

    // A list to choose from: pairs of a value and its words.
    function select(pairs, chosen, attributes = {}) {
        const node = make("select", attributes, ...pairs.map(([value, text]) => make("option", {value, text})));
        if (chosen !== undefined) node.value = chosen;
        return node;
    }

    // --- Gradio's widgets, by the id of their place

    const boxOf = (id) => document.querySelector(`#${id} textarea, #${id} input`);

    // As a person would, so that Gradio notices. False where there is no such box.
    function write(box, text) {
        if (!box) return false;
        box.value = text;
        box.dispatchEvent(new Event("input", {bubbles: true}));
        return true;
    }

    // A box that Gradio draws in a moment; null where it does not.
    async function drawn(id) {
        for (let tries = 0; tries < 100 && !boxOf(id); tries++) await new Promise((done) => setTimeout(done, 100));
        return boxOf(id);
    }

    // Newer Gradio draws a tab's widgets when it is opened, and what is written too early into one is lost.
    async function writeSafely(id, text) {
        for (let [tries, kept] = [0, 0]; tries < 100 && kept < 3; tries++) {
            const box = boxOf(id);
            kept = box && box.value === text ? kept + 1 : 0;
            if (!kept) write(box, text);
            await new Promise((done) => setTimeout(done, 200));
        }
    }

    // Tabs by their element id: their words may be translated. Gradio 3 gives the buttons no ids, only an order.
    function openTab(id) {
        const pressed = document.getElementById(`${id}-button`) || buttonOfTab(document.getElementById(id));
        if (pressed) pressed.click();
        return Boolean(pressed);
    }

    function buttonOfTab(panel) {
        if (!panel) return null;
        const panels = [...panel.parentElement.children].filter((child) => child.classList.contains("tabitem"));
        return panel.parentElement.querySelectorAll(":scope > .tab-nav > button")[panels.indexOf(panel)];
    }

    // --- The page changes whenever Gradio draws

    const watchers = [];
    let due = false;

    function look() {
        due = false;
        for (const watch of watchers) watch();
    }

    function changed() {
        if (due) return;
        due = true;
        setTimeout(look, 100);
    }

    // `watch` is called whenever the page has changed.
    function onChange(watch) {
        watchers.push(watch);
        changed();
    }

    // A panel for each place that `selector` finds, made once it is in sight (`unseen`: as soon as it is there); its
    // `look(inSight)` is called after each change.
    function onPlaces(selector, build, {unseen = false} = {}) {
        const panels = new Map();
        onChange(() => {
            for (const place of document.querySelectorAll(selector)) {
                if (!panels.has(place) && (unseen || inSight(place))) panels.set(place, build(place));
            }
            for (const [place, panel] of panels) {
                if (!place.isConnected) panels.delete(place);
                else if (panel.look) panel.look(inSight(place));
            }
        });
        return panels;
    }

    const inSight = (place) => place.offsetParent !== null;

    function begin() {
        const seen = {childList: true, subtree: true, attributes: true, attributeFilter: ["class", "style", "hidden"]};
        new MutationObserver(changed).observe(document.body, seen);
        changed();
    }

    // --- Words and files

    function bytes(size) {
        if (size < 1024) return `${size} B`;
        return size < 1024 ** 2 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1024 ** 2).toFixed(1)} MB`;
    }

    const when = (seconds) => new Date(seconds * 1000).toLocaleString([], {dateStyle: "medium", timeStyle: "short"});
    const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

    // A chosen file as a data: address, as it is.
    function fileData(file) {
        return new Promise((done, fail) => {
            const reader = new FileReader();
            reader.onload = () => done(reader.result);
            reader.onerror = () => fail(new Error(`${file.name} cannot be read.`));
            reader.readAsDataURL(file);
        });
    }

    // A chosen picture, made smaller where it is much larger than a card.
    async function pictureData(file, most = 1024) {
        const image = await createImageBitmap(file).catch(() => null);
        if (!image || Math.max(image.width, image.height) <= most) return fileData(file);
        const scale = most / Math.max(image.width, image.height);
        const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
        const canvas = make("canvas", {width, height});
        canvas.getContext("2d").drawImage(image, 0, 0, width, height);
        return canvas.toDataURL("image/png");
    }

    // What panels have in common: where they tell something, and what becomes of answers that come late.
    class Panel {
        constructor(root) {
            Object.assign(this, {root, asked: {}});
            this.note = make("p", {class: "ti-note", role: "status"});
        }

        ask(path, options) {
            return ask(this.root, path, options);
        }

        address(path, query) {
            return address(this.root, path, query);
        }

        tell(text, kind = "info") {
            this.note.textContent = text;
            this.note.className = `ti-note ti-note-${kind}`;
        }

        // Beside the field of `form` that it is about, or else in the panel's note.
        refuse(error, form) {
            if (!(form && form.refuse(error))) this.tell(error.message, "error");
        }

        // A button that shows that it was pressed, until `work` is done.
        async busy(pressed, work) {
            pressed.disabled = true;
            pressed.setAttribute("aria-busy", "true");
            try {
                return await work();
            } finally {
                pressed.disabled = false;
                pressed.removeAttribute("aria-busy");
            }
        }

        // What `work` gives; undefined where it was refused, which is told.
        async attempt(work, form) {
            this.tell("");
            if (form) form.forgive();
            try {
                return await work();
            } catch (error) {
                this.refuse(error, form);
                return undefined;
            }
        }

        // The same for something that is shown: undefined, and nothing told, where something newer `about` the same was
        // asked for meanwhile.
        async load(work, about = "content") {
            const turn = this.forget(about);
            try {
                const answer = await work();
                return turn === this.asked[about] ? answer : undefined;
            } catch (error) {
                if (turn === this.asked[about]) this.refuse(error);
                return undefined;
            }
        }

        // Answers `about` something that are still on the way will be dropped.
        forget(about = "content") {
            this.asked[about] = (this.asked[about] || 0) + 1;
            return this.asked[about];
        }
    }

    const elements = {make, button, select, boxOf, drawn, write, writeSafely, openTab};
    const tools = {address, ask, ...elements, onChange, onPlaces, bytes, when, plural, fileData, pictureData, Panel};
    const waiting = window.textualInversion || [];
    tools.push = (part) => part(tools);
    window.textualInversion = tools;
    waiting.forEach(tools.push);
    if (document.body) begin();
    else document.addEventListener("DOMContentLoaded", begin);
})();
