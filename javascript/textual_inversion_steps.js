// The steps of a run whose vectors were kept: use one as the finished embedding, or continue from it.
"use strict";

window.textualInversionSteps = class {
    // act(path, body): tells the server about the shown run and returns its answer, or null where it refused;
    // say(kind, text): tells the person; follow(run): shows another run.
    constructor(place, {act, say, follow}) {
        Object.assign(this, {place, act, say, follow, key: "", run: null});
        const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
        const button = (name, text, does, title = "") => {
            const made = make("button", {type: "button", className: "ti-button", textContent: text, title});
            made.dataset.act = name;
            made.addEventListener("click", does);
            return made;
        };
        this.list = make("select", {className: "ti-steps-list"});
        this.list.addEventListener("change", () => { this.chosen = Number(this.list.value); });
        const label = make("label", {className: "ti-steps-label"});
        label.append("Kept step ", this.list);
        this.total = make("input", {type: "number", min: "1", className: "ti-total"});
        this.upTo = make("label", {className: "ti-up-to"});
        this.upTo.append("to step ", this.total);
        this.question = make("div", {className: "ti-question", hidden: true});
        this.asked = make("span", {});
        this.question.append(
            this.asked,
            button("stop-and-use", "Stop the run and use it", () => this.use(true)),
            button("keep-training", "Keep training", () => { this.question.hidden = true; }));
        this.continue = button("continue", "Continue from this step", () => this.goOn(), "Trains on from the copy of this step, as a run of its own.");
        place.append(
            label,
            button("use", "Use this step", () => this.use(false), "Makes the copy of this step the embedding that prompts use; the present one is kept beside the run."),
            this.continue, this.upTo, this.question);
    }

    forget() {
        Object.assign(this, {key: "", chosen: null});
        this.total.value = "";
        this.question.hidden = true;
    }

    // kept: the steps, rising.
    show(run, kept, active) {
        this.run = run;
        this.active = active;
        this.place.hidden = !run || !kept.length;
        if (this.place.hidden) return;
        const key = kept.join();
        if (key !== this.key && document.activeElement !== this.list) {
            this.key = key;
            this.list.replaceChildren(...kept.map((step) => new Option(step === run.used_step ? `${step} (in use)` : String(step), String(step))));
            if (!kept.includes(this.chosen)) this.chosen = kept.at(-1);
            this.list.value = String(this.chosen);
        }
        this.continue.hidden = this.upTo.hidden = active;
        if (!active) this.question.hidden = true;
        if (!this.total.value && run.total_steps) this.total.value = run.total_steps;
    }

    choose(step) {
        if (![...this.list.options].some((option) => option.value === String(step))) return;
        this.chosen = step;
        this.list.value = String(step);
    }

    async use(stop) {
        const step = this.chosen;
        if (this.active && !stop) {
            this.asked.textContent = `${this.run.name} is still being trained, and its end would replace step ${step}.`;
            this.question.hidden = false;
            return;
        }
        this.question.hidden = true;
        const answer = await this.act("use", {step, stop});
        if (!answer) return;
        this.key = "";
        const kept = answer.kept ? ` What it replaced was kept: ${answer.kept}.` : "";
        this.say("done", [`Step ${answer.step} is now ${this.run.name}.${kept}`, ...answer.warnings].join("\n"));
    }

    async goOn() {
        const total = Number(this.total.value);
        const answer = await this.act("resume", {from_step: this.chosen, ...(total > 0 ? {steps: total} : {})});
        if (answer) this.follow(answer.run);
    }
};
