// The steps of a run whose vectors were kept: use one as the finished embedding, or continue from it.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    ti.Steps = class {
        // act(path, body): tells the server about the shown run and returns its answer, or undefined where it refused;
        // say(kind, text): tells the person; follow(run): shows another run.
        constructor(place, {act, say, follow}) {
            Object.assign(this, {place, act, say, follow, key: "", run: null});
            this.list = ti.make("select", {
                class: "ti-input ti-steps-list",
                onchange: () => this.pick(Number(this.list.value)),
            });
            this.total = ti.make("input", {type: "number", min: "1", class: "ti-input ti-total"});
            this.upTo = ti.make("label", {class: "ti-label"}, "to step ", this.total);
            this.asked = ti.make("span");
            this.question = ti.make(
                "div",
                {class: "ti-question", hidden: true},
                this.asked,
                this.button("stop-and-use", "Stop the run and use it", () => this.use(true)),
                this.button("keep-training", "Keep training", () => {
                    this.question.hidden = true;
                }),
            );
            this.continue = this.button(
                "continue",
                "Continue from this step",
                () => this.goOn(),
                "Trains on from the copy of this step, as a run of its own.",
            );
            place.append(
                ti.make("label", {class: "ti-label"}, "Kept step ", this.list),
                this.button(
                    "use",
                    "Use this step",
                    () => this.use(false),
                    "Makes the copy of this step the embedding that prompts use; the present one is kept.",
                ),
                this.continue,
                this.upTo,
                this.question,
            );
        }

        button(act, text, does, title) {
            return ti.button(text, does, {"data-act": act, title});
        }

        forget() {
            Object.assign(this, {key: "", chosen: null, picked: null});
            this.total.value = "";
            this.question.hidden = true;
        }

        // kept: the steps, rising.
        show(run, kept, active) {
            Object.assign(this, {run, active});
            this.place.hidden = !run || !kept.length;
            if (this.place.hidden) return;
            const key = JSON.stringify([kept, run.used_step, run.best_step]);
            if (key !== this.key && document.activeElement !== this.list) {
                this.key = key;
                const marks = (step) => [step === run.best_step ? "best" : "", step === run.used_step ? "in use" : ""];
                this.list.replaceChildren(
                    ...kept.map((step) => {
                        const about = marks(step).filter(Boolean).join(", ");
                        return ti.make("option", {value: step, text: about ? `${step} (${about})` : step});
                    }),
                );
                const best = kept.includes(run.best_step) ? run.best_step : kept.at(-1);
                this.choose(kept.includes(this.picked) ? this.picked : best);
            }
            this.continue.hidden = this.upTo.hidden = active;
            if (!active) this.question.hidden = true;
            if (!this.total.value && run.total_steps) this.total.value = run.total_steps;
        }

        // A person's choice stays, whatever comes later.
        pick(step) {
            this.picked = step;
            this.choose(step);
        }

        choose(step) {
            if (![...this.list.options].some((option) => option.value === String(step))) return;
            this.chosen = step;
            this.list.value = String(step);
        }

        async use(stop, step = this.chosen) {
            if (this.active && !stop) {
                const {name} = this.run;
                this.asked.textContent = `${name} is still being trained, and its end would replace step ${step}.`;
                this.question.hidden = false;
                return;
            }
            this.question.hidden = true;
            const answer = await this.act("use", {step, stop});
            if (!answer) return;
            const kept = answer.kept ? ` What it replaced was kept: ${answer.kept}.` : "";
            this.say("done", [`Step ${answer.step} is now ${this.run.name}.${kept}`, ...answer.warnings].join("\n"));
        }

        async goOn() {
            const total = Number(this.total.value);
            const answer = await this.act("resume", {from_step: this.chosen, ...(total > 0 ? {steps: total} : {})});
            if (answer) this.follow(answer.run);
        }
    };
});
