// What can be done next: with what a run has made, or with one that was cut off.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const ENDED = new Set(["done", "stopped", "interrupted"]);

    ti.Next = class extends ti.Panel {
        // prompts: the tab, its title and the ids of its boxes; use(step), resume(run): done to runs.
        constructor(root, prompts, {use, resume}) {
            super(root);
            Object.assign(this, {prompts, use, resume, key: ""});
            this.line = ti.make("div", {class: "ti-line"});
            this.node = ti.make("div", {class: "ti-next"}, this.line, this.note);
        }

        // run: the one that is shown, or null; kept: its steps; runs: all of them, newest first.
        show(run, kept, runs) {
            const parts = run ? this.ended(run, kept) : this.unfinished(runs);
            const key = JSON.stringify(parts.map(([, ...told]) => told));
            this.node.hidden = !parts.length;
            if (key === this.key) return;
            this.key = key;
            this.tell("");
            this.line.replaceChildren(...parts.map(([make, ...told]) => make(...told)));
        }

        ended(run, kept) {
            if (!ENDED.has(run.state) || !run.embedding) return [];
            const {best_step: best, used_step: used, name} = run;
            const better = kept.includes(best) && Number.isFinite(used) && used !== best;
            const parts = [];
            if (this.reachable) parts.push([(...told) => this.promptButton(...told), name, this.prompts.title]);
            if (better) parts.push([(step) => this.bestButton(step), best]);
            return parts;
        }

        get reachable() {
            const {tab} = this.prompts;
            return Boolean(document.getElementById(tab) || document.getElementById(`${tab}-button`));
        }

        promptButton(name, title) {
            const pressed = ti.button(`Use in ${title}`, () => this.busy(pressed, () => this.put(name)), {
                class: "ti-primary",
                "data-act": "use-in-prompt",
                title: `Writes ${name} into the prompt`,
            });
            return pressed;
        }

        bestButton(step) {
            const title = "The step with the lowest loss on the fixed batch becomes the embedding that prompts use.";
            return ti.button(`Use the best step, ${step}`, () => this.use(step), {"data-act": "use-best", title});
        }

        async put(name) {
            const found = await this.attempt(() => this.ask("embeddings"));
            if (!found) return;
            const entry = found.embeddings.find((each) => each.name === name && !each.error);
            if (entry) await ti.useInPrompt(this.prompts, entry);
            else this.tell(`${name} is not in the embeddings folder any more.`, "error");
        }

        // The newest run that ended before its last step, with the program or the machine perhaps.
        unfinished(runs) {
            const run = runs.find((each) => each.state === "resumable" && each.step < each.total_steps);
            if (!run) return [];
            const words = `${run.name} stopped at step ${run.step} of ${run.total_steps}. It can go on exactly there.`;
            return [
                [(text) => ti.make("span", {text}), words],
                [
                    (id) => ti.button("Resume", () => this.resume(id), {class: "ti-primary", "data-act": "offer"}),
                    run.id,
                ],
            ];
        }
    };
});
