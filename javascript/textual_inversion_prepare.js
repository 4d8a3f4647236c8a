// The Prepare tab: draws its panels into every [data-ti-prepare] of the page once that is seen.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const PANELS = [
        ["pictures", "Preprocess images"],
        ["captions", "Edit captions"],
        ["masks", "Masks"],
        ["check", "Check"],
    ];

    ti.preparePanels = ti.preparePanels || {};

    class Prepare extends ti.Panel {
        constructor(place) {
            super(place.dataset.api);
            Object.assign(this, {place, listeners: [], folder: "", panels: {}, tabs: {}});
            this.bar = ti.make("div", {class: "ti-tabs", role: "tablist", "aria-label": "Prepare"});
            this.room = ti.make("div", {class: "ti-room"});
            place.replaceChildren(this.bar, this.room);
            this.begin();
        }

        async begin() {
            this.forms = await this.load(() => ti.forms(this.root, "prepare"));
            if (!this.forms) {
                this.room.replaceChildren(
                    this.note,
                    ti.button("Try again", () => this.begin()),
                );
                return;
            }
            for (const [name, title] of PANELS) {
                this.panels[name] = new ti.preparePanels[name](this);
                this.tabs[name] = ti.make("button", {
                    type: "button",
                    class: "ti-tab",
                    role: "tab",
                    "data-panel": name,
                    text: title,
                    onclick: () => this.open(name),
                });
            }
            this.bar.replaceChildren(...Object.values(this.tabs));
            this.room.replaceChildren(...Object.values(this.panels).map((panel) => panel.node));
            this.open("pictures");
        }

        open(name) {
            for (const [key, panel] of Object.entries(this.panels)) {
                panel.node.hidden = key !== name;
                panel.node.setAttribute("role", "tabpanel");
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
            const {label} = this.forms.check.find((field) => field.name === "folder");
            const input = ti.make("input", {type: "text", class: "ti-input", "aria-label": label, placeholder: label});
            const go = () => {
                this.choose(input.value.trim());
                act();
            };
            input.addEventListener("keydown", (event) => {
                if (event.key === "Enter") go();
            });
            this.listeners.push((folder) => {
                input.value = folder;
            });
            return ti.make("div", {class: "ti-line"}, input, ti.button(text, go, {class: "ti-primary"}));
        }

        // The pictures of the training folder for a panel; undefined where that was refused, or another was asked for
        // meanwhile.
        async readFolder(panel) {
            const {folder} = this;
            panel.tell("");
            const found = await panel.load(() => this.ask("prepare/folder", {query: {folder}}));
            return found && {...found, asked: folder};
        }

        // The folder goes along to Train.
        train(folder) {
            ti.openTab("ti-tab-train");
            return ti.writeSafely("ti-train-data", folder);
        }
    }

    ti.onPlaces("[data-ti-prepare]", (place) => new Prepare(place));
});
