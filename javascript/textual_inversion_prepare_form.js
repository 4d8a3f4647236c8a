// Forms drawn from what the server says of each setting: label, help, limits, choices.
"use strict";

(() => {
    let count = 0;

    const words = (field, choice) => field.words[choice];

    class Form {
        // `fields` as GET prepare/form has them; `skip` are names that are asked for elsewhere.
        constructor(fields, skip = []) {
            this.fields = fields.filter((field) => !skip.includes(field.name));
            this.places = {};
            this.readers = {};
            this.node = window.textualInversionPrepare.make("div", {class: "ti-form"});
            const groups = new Map();
            for (const field of this.fields) {
                if (!groups.has(field.group)) groups.set(field.group, []);
                groups.get(field.group).push(field);
            }
            for (const [title, shown] of groups) this.node.append(this.group(title, shown));
        }

        // Fields that are seldom needed are folded away: those of a group, or the whole of it.
        group(title, fields) {
            const {make} = window.textualInversionPrepare;
            const grid = (some) => make("div", {class: "ti-fields"}, ...some.map((field) => this.field(field)));
            const [usual, more] = [fields.filter((field) => !field.advanced), fields.filter((field) => field.advanced)];
            if (!usual.length) return make("details", {class: "ti-section"}, make("summary", {text: title}), grid(more));
            const section = make("section", {class: "ti-section"}, make("h4", {text: title}), grid(usual));
            if (more.length) section.append(make("details", {class: "ti-more"}, make("summary", {text: "More"}), grid(more)));
            return section;
        }

        field(field) {
            const {make} = window.textualInversionPrepare;
            const id = `ti-prepare-${field.name}-${count++}`;
            const control = this.control(field, id);
            const label = field.kind === "yes-no"
                ? make("label", {class: "ti-check", for: id}, control, make("span", {text: field.label}))
                : make(field.kind === "choices" ? "span" : "label", {class: "ti-label", ...(field.kind === "choices" ? {} : {for: id}), text: field.label});
            const parts = field.kind === "yes-no" ? [label] : [label, control];
            const wide = field.kind === "text" && !field.advanced;
            const place = make("div", {class: `ti-field${wide ? " ti-wide" : ""}`, "data-field": field.name}, ...parts, make("p", {class: "ti-help", text: field.help}));
            this.places[field.name] = place;
            return place;
        }

        control(field, id) {
            const {make} = window.textualInversionPrepare;
            if (field.kind === "choice") {
                const select = make("select", {id, class: "ti-input"}, ...field.choices.map((choice) => make("option", {value: choice, text: words(field, choice)})));
                select.value = field.value;
                this.readers[field.name] = () => select.value;
                return select;
            }
            if (field.kind === "choices") {
                const boxes = field.choices.map((choice) => {
                    const box = make("input", {type: "checkbox", value: choice});
                    box.checked = field.value.includes(choice);
                    return box;
                });
                this.readers[field.name] = () => boxes.filter((box) => box.checked).map((box) => box.value);
                return make("div", {class: "ti-choices", role: "group", "aria-label": field.label}, ...boxes.map((box) => make("label", {class: "ti-check"}, box, make("span", {text: words(field, box.value)}))));
            }
            const input = make("input", {id, class: "ti-input", type: {"yes-no": "checkbox", number: "number"}[field.kind] || "text"});
            if (field.kind === "yes-no") {
                input.className = "";
                input.checked = field.value;
                this.readers[field.name] = () => input.checked;
                return input;
            }
            for (const [limit, value] of [["min", field.low], ["max", field.high], ["step", "any"]]) if (field.kind === "number" && value !== null) input.setAttribute(limit, value);
            input.value = field.value;
            this.readers[field.name] = () => (field.kind === "number" ? (input.value === "" ? "" : Number(input.value)) : input.value);
            return input;
        }

        values() { return Object.fromEntries(Object.entries(this.readers).map(([name, read]) => [name, read()])); }

        set(name, value) {
            const input = this.places[name] && this.places[name].querySelector("input, select");
            if (input) input.value = value;
        }

        // A refusal goes below the field that it is about; false where the form has no such field.
        refuse(field, text) {
            this.forgive();
            const place = this.places[field];
            if (!place) return false;
            place.classList.add("ti-bad");
            place.append(window.textualInversionPrepare.make("p", {class: "ti-refused", role: "alert", text}));
            const fold = place.closest("details");
            if (fold) fold.open = true;
            place.scrollIntoView({block: "center", behavior: "smooth"});
            return true;
        }

        forgive() {
            for (const place of Object.values(this.places)) place.classList.remove("ti-bad");
            for (const note of this.node.querySelectorAll(".ti-refused")) note.remove();
        }
    }

    window.textualInversionForm = Form;
})();
