// The Library: all embeddings with their pictures, searched and sorted; what is done to them is told with a way back.
"use strict";

(() => {
    const SORTS = [["name", "Name"], ["modified", "Newest first"], ["step", "Most steps"], ["vectors", "Most vectors"], ["size", "Largest"]];
    const tools = () => window.textualInversionTools;

    class Library {
        constructor(place) {
            Object.assign(this, {place, root: place.dataset.api, entries: [], formats: [], chosen: null, seen: false, turn: 0});
            this.build();
        }

        build() {
            const {make, button, choices} = tools();
            this.search = make("input", {type: "search", placeholder: "Search names, notes, checkpoints", "aria-label": "Search", oninput: () => this.draw()});
            this.sort = choices(SORTS);
            this.sort.setAttribute("aria-label", "Sort by");
            this.sort.addEventListener("change", () => this.draw());
            this.trashButton = button("Trash", () => this.open("trash"), "trash");
            this.count = make("span", {class: "ti-lib-count"});
            this.message = make("div", {class: "ti-lib-message", role: "status"});
            this.sheet = make("div", {class: "ti-lib-extra"});
            this.grid = make("div", {class: "ti-lib-grid"});
            this.details = new window.textualInversionDetails(this);
            this.place.replaceChildren(
                make("div", {class: "ti-lib-bar"}, this.search, this.sort, button("Refresh", () => this.refresh(), "refresh"), this.count,
                    button("Add from a file or picture", () => this.open("extract"), "extract"),
                    button("Make a new one from others", () => this.open("combine"), "combine"), this.trashButton),
                this.message, this.sheet,
                make("div", {class: "ti-lib-main"}, this.grid, this.details.node));
        }

        // Called whenever the page has changed: read the folder when the tab comes into sight.
        look() {
            const visible = this.place.offsetParent !== null;
            if (visible && !this.seen) this.refresh();
            this.seen = visible;
        }

        async refresh() {
            const turn = ++this.turn;
            try {
                const found = await tools().ask(this.root, "embeddings");
                if (turn !== this.turn) return;
                Object.assign(this, {entries: found.embeddings, formats: found.formats});
                this.trashButton.textContent = found.trash ? `Trash (${found.trash})` : "Trash";
                this.draw();
                this.details.update();
            } catch (error) {
                this.tell(error.message, [], true);
            }
        }

        entry(file) { return this.entries.find((entry) => entry.file === file); }

        shown() {
            const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
            const text = (entry) => [entry.name, entry.file, entry.kind, entry.format, entry.checkpoint_name, entry.checkpoint, entry.description, entry.notes, entry.negative ? "negative" : "", entry.error ? "unreadable" : ""].join(" ").toLowerCase();
            const found = words.length ? this.entries.filter((entry) => words.every((word) => text(entry).includes(word))) : [...this.entries];
            const key = this.sort.value;
            return key === "name" ? found : found.sort((a, b) => (b[key] || 0) - (a[key] || 0));
        }

        draw() {
            const {make} = tools(), shown = this.shown();
            this.count.textContent = shown.length === this.entries.length ? tools().plural(shown.length, "embedding") : `${shown.length} of ${this.entries.length}`;
            const none = this.entries.length ? "Nothing matches the search." : "No embeddings yet: make one in Create, or add one from a file.";
            this.grid.replaceChildren(...(shown.length ? shown.map((entry) => this.card(entry)) : [make("p", {class: "ti-lib-none", text: none})]));
        }

        card(entry) {
            const {make, plural} = tools();
            const about = entry.error ? "cannot be read" : `${entry.kind} · ${plural(entry.vectors, "vector")}`;
            const step = entry.error ? "" : entry.step === null ? "step unknown" : `step ${entry.step}`;
            return make("button", {
                type: "button", class: `ti-lib-card${entry.error ? " ti-lib-unreadable" : ""}`, "data-file": entry.file,
                "aria-pressed": String(entry.file === this.chosen), title: entry.error || entry.file, onclick: () => this.choose(entry.file),
            }, this.thumbnail(entry, 256), make("b", {text: entry.name}), make("span", {text: about}), make("span", {text: step}),
            entry.negative || entry.pair === "negative" ? make("em", {text: "negative"}) : entry.pair ? make("em", {text: "pair"}) : null);
        }

        thumbnail(entry, size) {
            const {make, address} = tools();
            if (!entry.picture) return make("i", {class: "ti-lib-blank", text: (entry.name || "?").slice(0, 1).toUpperCase()});
            const source = address(this.root, "embeddings/picture", {file: entry.file, size, stamp: entry.picture});
            return make("img", {src: source, alt: "", loading: "lazy"});
        }

        choose(file) {
            this.chosen = file;
            for (const card of this.grid.children) card.setAttribute("aria-pressed", String(card.dataset.file === file));
            return this.details.show(file);
        }

        // One form at a time above the list; the same button closes it again.
        open(name, value) {
            const again = this.opened === name && value === undefined;
            this.opened = again ? null : name;
            this.sheet.replaceChildren(...(again ? [] : [window.textualInversionLibraryForms[name](this, value)]));
            if (!again) this.sheet.scrollIntoView({block: "nearest"});
        }

        // Do something to an embedding, tell of it, and show what came of it.
        async act(route, body, {close = true} = {}) {
            const answer = await tools().ask(this.root, `embeddings/${route}`, {body});
            if (close) { this.opened = null; this.sheet.replaceChildren(); }
            if (answer.file !== undefined || route === "delete") this.chosen = answer.file || null;
            await this.refresh();
            if (this.chosen) await this.choose(this.chosen);
            else this.details.hide();
            this.tell(answer.message, answer.undo || []);
            document.dispatchEvent(new CustomEvent("ti-embeddings-changed", {detail: "library"}));
            return answer;
        }

        tell(text, undo, wrong) {
            const {make, button, ask} = tools();
            const back = undo.length ? button("Undo", async () => {
                back.disabled = true;
                try {
                    for (const call of undo.slice(0, -1)) await ask(this.root, call.route, {body: call.body});
                    const last = undo.at(-1);
                    await this.act(last.route.replace("embeddings/", ""), last.body);
                    this.tell("Taken back.", []);
                } catch (error) {
                    this.tell(error.message, [], true);
                }
            }, "undo") : null;
            this.message.className = `ti-lib-message${wrong ? " ti-lib-error" : ""}`;
            this.message.replaceChildren(make("span", {text}), ...(back ? [back] : []));
        }
    }

    const libraries = new Map();
    function look() {
        for (const place of document.querySelectorAll("[data-ti-library]")) {
            if (!libraries.has(place)) libraries.set(place, new Library(place));
        }
        for (const [place, library] of libraries) {
            if (place.isConnected) library.look();
            else libraries.delete(place);
        }
    }
    document.addEventListener("ti-embeddings-changed", (event) => {
        if (event.detail === "library") return;
        for (const library of libraries.values()) { if (library.seen) library.refresh(); }
    });
    window.textualInversionWatch = window.textualInversionWatch || [];
    window.textualInversionWatch.push(look);
})();
