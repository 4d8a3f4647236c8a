// The runs that wait for their turn, and those that were queued before a restart.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    ti.Queue = class extends ti.Panel {
        // place: where to draw; changed(): something else is to be shown now; choose(run): show one.
        constructor(place, root, {changed, choose}) {
            super(root);
            Object.assign(this, {place, changed, choose, goOn: null, key: ""});
        }

        // runs: all of them; chosen: the id of the one that is shown.
        async show(runs, chosen) {
            const line = runs.filter((run) => run.place).sort((a, b) => a.place - b.place);
            const others = runs.filter((run) => run.state === "held");
            const waiting = [...line, ...others];
            const works = runs.find((run) => isWorking(run) && !waiting.includes(run));
            const other = works && works.id !== chosen ? works : null;
            if (waiting.length && this.goOn === null) await this.askGoOn();
            const shown = waiting.map(({id, name, place, note, total_steps: total, step}) => [
                id,
                name,
                place,
                note,
                total,
                step,
            ]);
            const key = JSON.stringify([Boolean(works), other && [other.id, other.name], this.goOn, shown]);
            if (key === this.key) return;
            this.key = key;
            this.place.hidden = !waiting.length && !other;
            if (!waiting.length) {
                this.tell("");
                this.goOn = null;
            }
            const rows = waiting.map((run) => this.row(run, {busy: Boolean(works), last: line.length}));
            const title = ti.make("b", {text: waiting.length === 1 ? "One run waits" : `${waiting.length} runs wait`});
            const all = waiting.length ? [title, ...rows, this.option()] : [];
            this.place.replaceChildren(...(other ? [this.now(other)] : []), ...all, this.note);
        }

        async askGoOn() {
            const {go_on_after_restart: wanted} = await this.ask("queue").catch(() => ({}));
            this.goOn = wanted;
            this.words = (await ti.forms(this.root)).queue[0];
        }

        now(run) {
            return ti.make("div", {class: "ti-queued"}, this.link(`Training now: ${run.name}`, run.id));
        }

        link(text, run) {
            return ti.make("button", {type: "button", class: "ti-link", text, onclick: () => this.choose(run)});
        }

        row(run, {busy, last}) {
            const steps = run.step ? `from step ${run.step} to ${run.total_steps}` : `${run.total_steps} steps`;
            const act = (text, path, body, label) =>
                ti.button(text, () => this.act(`runs/${run.id}/${path}`, body), {"aria-label": label});
            const can = [];
            if (run.place || run.state === "held") can.push(act(busy ? "Start next" : "Start", "start", {}));
            if (run.place > 1) can.push(act("↑", "move", {place: run.place - 1}, `Move ${run.name} up`));
            if (run.place && run.place < last)
                can.push(act("↓", "move", {place: run.place + 1}, `Move ${run.name} down`));
            can.push(act("Remove", "interrupt", {}, `Remove ${run.name} from the queue`));
            const name = this.link(run.place ? `${run.place}. ${run.name}` : run.name, run.id);
            const about = ti.make("span", {text: [steps, run.note].filter(Boolean).join(" · ")});
            return ti.make("div", {class: "ti-queued", "data-run": run.id}, name, about, ...can);
        }

        option() {
            const {label, help} = this.words;
            const box = ti.make("input", {
                type: "checkbox",
                checked: Boolean(this.goOn),
                onchange: () => {
                    this.goOn = box.checked;
                    this.act("queue", {go_on_after_restart: box.checked});
                },
            });
            return ti.make("label", {class: "ti-check", title: help}, box, ti.make("span", {text: label}));
        }

        async act(path, body) {
            await this.attempt(() => this.ask(path, {body}));
            this.changed();
        }
    };

    const isWorking = (run) => run.state === "running" || run.state === "waiting";
});
